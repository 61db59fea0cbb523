//! A tenant as its people see it: founder, agents, target systems, counterparties, policy.

use std::{fs, path::Path};

use agentsigna_verifier::{signed_request::Profile, trust::Trust};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client},
    keys::Key,
    server::{Founded, Server},
};

/// Purchases from approved suppliers are allowed; above 5,000.00 finance looks; above 50,000.00 never.
pub const POLICY: &str = r#"@id("grant.purchase") @title("Agents buy from approved suppliers")
permit(principal, action == Agentsigna::Action::"purchase", resource)
when { resource.status == "approved" };

@id("esc.amount") @title("Large purchases are read by finance")
@escalate("more than 5,000.00") @approvers("finance:2") @sla("PT4H")
forbid(principal, action == Agentsigna::Action::"purchase", resource)
when { context.amount_minor > 500000 };

@id("stop.amount") @title("No purchase above 50,000.00 by an agent")
forbid(principal, action == Agentsigna::Action::"purchase", resource)
when { context.amount_minor > 5000000 };
"#;

/// The counterparty of [`Tenant::ready`].
pub const SUPPLIER: &str = "acme";
/// The target system of [`Tenant::ready`].
pub const TARGET: &str = "erp";

/// A tenant whose founder key is at hand.
pub struct Tenant {
    /// The host's word for it.
    pub name: String,
    /// Its log, as it was founded.
    pub log: Founded,
    /// The founder, as a caller.
    pub founder: Client,
}

/// An enrolled agent or target system, as a caller.
pub struct Party {
    /// Its id.
    pub id: String,
    /// The log it is enrolled in.
    pub origin: String,
    /// Its key at the server.
    pub client: Client,
}

/// Which of the two is enrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Agent { tier: u64, latitude: Option<u64> },
    System,
}

impl Tenant {
    /// A new tenant with a new founder key: its log has one entry.
    #[must_use]
    pub fn found(server: &Server, name: &str) -> Self {
        Self::found_by(server, name, Key::generate())
    }

    /// A new tenant with the founder key `key`.
    #[must_use]
    pub fn found_by(server: &Server, name: &str, key: Key) -> Self {
        Self {
            name: name.to_owned(),
            log: server.found(name, &key),
            founder: Client::new(server.door(), key),
        }
    }

    /// A new tenant with target system [`TARGET`], counterparty [`SUPPLIER`] and [`POLICY`]; agents come with
    /// [`Self::agent`].
    #[must_use]
    pub fn ready(server: &Server, name: &str) -> Self {
        let tenant = Self::found(server, name);
        let _ = tenant.system(TARGET);
        tenant.counterparty(SUPPLIER);
        let _ = tenant.policy(POLICY);
        tenant
    }

    /// The log's permanent name.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.log.origin
    }

    /// One of the founder's acts; `origin` is added to `body`.
    #[must_use]
    pub fn act(&self, path: &str, mut body: Value) -> Answer {
        body["origin"] = self.origin().into();
        self.founder.act(Profile::Founder, path, &body)
    }

    /// Enrols an agent of tier 2 with latitude 7: invited, claimed, confirmed.
    #[must_use]
    pub fn agent(&self, id: &str) -> Party {
        self.agent_with(id, 2, Some(7), Key::generate())
    }

    /// Enrols an agent.
    #[must_use]
    pub fn agent_with(&self, id: &str, tier: u64, latitude: Option<u64>, key: Key) -> Party {
        self.enrol(id, Kind::Agent { tier, latitude }, key)
    }

    /// Enrols a target system: invited, claimed, confirmed.
    #[must_use]
    pub fn system(&self, id: &str) -> Party {
        self.system_with(id, Key::generate())
    }

    /// Enrols a target system whose key is `key`.
    #[must_use]
    pub fn system_with(&self, id: &str, key: Key) -> Party {
        self.enrol(id, Kind::System, key)
    }

    /// Invites an agent of tier 2 with latitude 7; the answer has its `code`.
    #[must_use]
    pub fn invite(&self, id: &str) -> Answer {
        let (tier, latitude) = (2, Some(7));
        self.act("/v1/agents", Kind::Agent { tier, latitude }.body(id))
    }

    /// Claims the place of the agent `id` with `code` for `key`.
    #[must_use]
    pub fn claim(&self, id: &str, code: &str, key: &Key) -> Answer {
        self.claim_as("agent", id, code, key)
    }

    /// Confirms the key that claimed the place of the agent `id`, invited by [`Self::invite`].
    #[must_use]
    pub fn confirm(&self, id: &str, key: &Key) -> Answer {
        let (tier, latitude) = (2, Some(7));
        let mut body = Kind::Agent { tier, latitude }.body(id);
        body["key"] = key.thumbprint().into();
        self.act(&format!("/v1/agents/{id}/confirm"), body)
    }

    fn claim_as(&self, member: &str, id: &str, code: &str, key: &Key) -> Answer {
        let client = Client::new(self.founder.door().clone(), key.clone());
        let body = json!({
            "origin": self.origin(), member: id, "code": code, "key": key.public().to_base64url(),
        });
        client.act(Profile::Enrol, "/v1/claims", &body)
    }

    fn enrol(&self, id: &str, kind: Kind, key: Key) -> Party {
        let (path, member) = match kind {
            Kind::Agent { .. } => ("/v1/agents", "agent"),
            Kind::System => ("/v1/systems", "system"),
        };
        let invited = self.act(path, kind.body(id)).expect(201);
        let code = invited["code"].as_str().expect("a code");
        self.claim_as(member, id, code, &key).expect(200);
        let mut body = kind.body(id);
        body["key"] = key.thumbprint().into();
        self.act(&format!("{path}/{id}/confirm"), body).expect(200);
        self.party(id, key)
    }

    /// Somebody who is enrolled already, with the key at hand.
    #[must_use]
    pub fn party(&self, id: &str, key: Key) -> Party {
        Party {
            id: id.to_owned(),
            origin: self.origin().to_owned(),
            client: Client::new(self.founder.door().clone(), key),
        }
    }

    /// Enrols an approved counterparty of low risk that was paid 12 times before.
    pub fn counterparty(&self, id: &str) {
        self.counterparty_with(id, "approved", "low", 12)
            .expect(201);
    }

    /// Enrols a counterparty.
    #[must_use]
    pub fn counterparty_with(&self, id: &str, status: &str, risk: &str, paid: u64) -> Answer {
        let name = format!("{id} Ltd.");
        self.act(
            "/v1/counterparties",
            json!({
                "counterparty": id, "name": name, "status": status, "risk": risk, "payments_before": paid,
            }),
        )
    }

    /// Publishes and activates `text`; the digest of the bundle.
    #[must_use]
    pub fn policy(&self, text: &str) -> String {
        let bundle = self.publish(text).expect(201)["bundle"]
            .as_str()
            .expect("a digest")
            .to_owned();
        self.act("/v1/policies/activate", json!({ "bundle": bundle }))
            .expect(200);
        bundle
    }

    /// Publishes `text` without activating it.
    #[must_use]
    pub fn publish(&self, text: &str) -> Answer {
        self.founder
            .call(Profile::Founder, "/v1/policies")
            .content("text/plain; charset=utf-8", text)
            .send()
    }

    /// Suspends or reactivates an agent.
    #[must_use]
    pub fn agent_status(&self, id: &str, status: &str) -> Answer {
        self.act(
            &format!("/v1/agents/{id}/status"),
            json!({ "agent": id, "status": status }),
        )
    }

    /// The trust file of this log, for a verifier that is the target systems `targets`.
    ///
    /// # Panics
    /// If the server's is none.
    #[must_use]
    pub fn trust(&self, targets: &[&str]) -> String {
        let names: Vec<String> = targets
            .iter()
            .map(|system| format!("{}#{system}", self.origin()))
            .collect();
        let text = self
            .log
            .trust
            .replace(r#""targets":[]"#, &format!(r#""targets":{}"#, json!(names)));
        Trust::parse(text.as_bytes()).expect("a trust file");
        text
    }

    /// As [`Self::trust`], parsed.
    ///
    /// # Panics
    /// If the server's is none.
    #[must_use]
    pub fn trusted(&self, targets: &[&str]) -> Trust {
        Trust::parse(self.trust(targets).as_bytes()).expect("a trust file")
    }

    /// Writes the trust file to `path`.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write_trust(&self, path: &Path, targets: &[&str]) {
        fs::write(path, self.trust(targets)).expect("a trust file");
    }
}

impl Kind {
    /// The body of the invitation, and the beginning of the confirmation's.
    fn body(self, id: &str) -> Value {
        match self {
            Self::Agent { tier, latitude } => {
                let mut body = json!({ "agent": id, "sponsor": "dana", "tier": tier });
                if let Some(latitude) = latitude {
                    body["latitude"] = latitude.into();
                }
                body
            }
            Self::System => json!({ "system": id }),
        }
    }
}

impl Party {
    /// The body of a purchase from [`SUPPLIER`] in [`TARGET`], in cents.
    #[must_use]
    pub fn purchase(&self, request_id: &str, cents: u64) -> Value {
        json!({
            "origin": self.origin, "agent": self.id, "request_id": request_id, "action": "purchase",
            "amount_minor": cents, "currency": "EUR", "counterparty": SUPPLIER, "target": TARGET,
            "reference": request_id.to_uppercase(),
        })
    }

    /// Asks for authority.
    #[must_use]
    pub fn ask(&self, body: &Value) -> Answer {
        self.client.act(Profile::Action, "/v1/actions", body)
    }

    /// Asks for the purchase of [`Self::purchase`].
    #[must_use]
    pub fn buy(&self, request_id: &str, cents: u64) -> Answer {
        self.ask(&self.purchase(request_id, cents))
    }

    /// The case as it is now.
    #[must_use]
    pub fn case(&self, case: &str) -> Answer {
        self.client.read(&format!("/v1/cases/{case}"))
    }

    /// The bytes of the case file.
    ///
    /// # Panics
    /// If it is refused.
    #[must_use]
    pub fn case_file(&self, case: &str) -> Vec<u8> {
        let answer = self.client.read(&format!("/v1/cases/{case}/file"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.body
    }

    /// The bytes of the Passport, as delivered now.
    ///
    /// # Panics
    /// If it is refused.
    #[must_use]
    pub fn passport(&self, case: &str) -> Vec<u8> {
        let answer = self
            .client
            .call(Profile::Read, &format!("/v1/cases/{case}/passport"))
            .accept("application/cose")
            .send();
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.body
    }
}

/// The Passport in an answer to a request for authority.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn passport_of(answer: &Value) -> Vec<u8> {
    let text = answer["passport"].as_str().expect("a Passport");
    BASE64URL_NOPAD.decode(text.as_bytes()).expect("base64url")
}
