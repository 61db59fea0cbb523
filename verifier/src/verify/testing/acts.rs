//! What the founder does: enrolments and policies.

use alloc::{format, string::ToString as _};

use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::SigningKey;

use super::{By, Role, Tenant, public_key, steps};
use crate::{
    action::Latitude,
    digest::{Digest, Noun},
    event::{
        AgentEnrolled, AgentInvited, Body, Claimed, CounterpartyChanged, CounterpartyEnrolled,
        PolicyActivated, Signed, StatusChanged, SystemEnrolled, SystemInvited,
    },
    id::Id,
    signed_request::Profile,
    snapshot::{Approval, Risk, Status, Tier},
};

/// An id that is one.
pub(super) fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

impl Tenant {
    /// A log with an agent, a target system, a counterparty and the policy of the tests, ready for requests.
    pub fn ready(seed: u8) -> Self {
        let mut tenant = Self::found(seed);
        tenant.furnish();
        let bundle = tenant.publish(steps::POLICY);
        tenant.activate(bundle);
        tenant
    }

    /// An agent, a target system and a counterparty, by the founder's file key.
    pub(super) fn furnish(&mut self) {
        self.enrol_agent("ap-bot", &self.key(Role::Agent), &self.key(Role::Founder));
        self.enrol_system("erp", &self.key(Role::System));
        self.enrol_counterparty("acme", 3);
    }

    fn by_founder(&mut self, target: &str, body: &str) -> Signed {
        let founder = self.key(Role::Founder);
        self.sign(Profile::Founder, &founder, target, body)
    }

    /// Invites, claims and confirms an agent of tier 2 and latitude 3. `founder` signs: the tenant's own, or a
    /// forger's.
    pub fn enrol_agent(&mut self, name: &str, key: &SigningKey, founder: &SigningKey) {
        let origin = self.origin().to_string();
        let code = self.invite_agent(name, founder);
        self.claim_agent(name, key, &code);
        let thumbprint = public_key(key).jwk_thumbprint().to_base64url();
        let body = format!(
            r#"{{"origin":"{origin}","agent":"{name}","sponsor":"dana","tier":2,"latitude":3,"key":"{thumbprint}"}}"#
        );
        let enrolled = AgentEnrolled {
            signed: self.sign(
                Profile::Founder,
                founder,
                &format!("/v1/agents/{name}/confirm"),
                &body,
            ),
            agent: id(name),
            sponsor: id("dana"),
            tier: Tier::new(2).unwrap(),
            latitude: Latitude::new(3).unwrap(),
            key: public_key(key),
        };
        self.append(None, Body::AgentEnrolled(enrolled));
    }

    /// Invites an agent; answers the one-time code.
    pub fn invite_agent(&mut self, name: &str, founder: &SigningKey) -> alloc::string::String {
        let origin = self.origin().to_string();
        let code = BASE64URL_NOPAD.encode(&self.next_bytes()[..16]);
        let body = format!(
            r#"{{"origin":"{origin}","agent":"{name}","sponsor":"dana","tier":2,"latitude":3}}"#
        );
        let invited = AgentInvited {
            signed: self.sign(Profile::Founder, founder, "/v1/agents", &body),
            agent: id(name),
            sponsor: id("dana"),
            tier: Tier::new(2).unwrap(),
            latitude: Latitude::new(3).unwrap(),
            code: Digest::of(Noun::Code, code.as_bytes()),
            expires_at: self.now().plus(600_000),
        };
        self.append(None, Body::AgentInvited(invited));
        code
    }

    /// Shows an agent's key.
    pub fn claim_agent(&mut self, name: &str, key: &SigningKey, code: &str) {
        let claimed = self.claim("agent", name, key, code);
        self.append(None, Body::AgentClaimed(claimed));
    }

    fn claim(&mut self, who: &str, name: &str, key: &SigningKey, code: &str) -> Claimed {
        let origin = self.origin().to_string();
        let shown = public_key(key);
        let body = format!(
            r#"{{"origin":"{origin}","{who}":"{name}","code":"{code}","key":"{}"}}"#,
            shown.to_base64url()
        );
        Claimed {
            signed: self.sign(Profile::Enrol, key, "/v1/claims", &body),
            id: id(name),
            key: shown,
        }
    }

    /// Suspends an agent or sets it active again.
    pub fn change_agent(&mut self, name: &str, status: Status) {
        let body = format!(
            r#"{{"origin":"{}","agent":"{name}","status":"{}"}}"#,
            self.origin(),
            status.name()
        );
        let changed = StatusChanged {
            signed: self.by_founder(&format!("/v1/agents/{name}/status"), &body),
            id: id(name),
            status,
        };
        self.append(None, Body::AgentChanged(changed));
    }

    /// Suspends a target system or sets it active again.
    pub fn change_system(&mut self, name: &str, status: Status) {
        let body = format!(
            r#"{{"origin":"{}","system":"{name}","status":"{}"}}"#,
            self.origin(),
            status.name()
        );
        let changed = StatusChanged {
            signed: self.by_founder(&format!("/v1/systems/{name}/status"), &body),
            id: id(name),
            status,
        };
        self.append(None, Body::SystemChanged(changed));
    }

    /// Invites, claims and confirms a target system.
    pub fn enrol_system(&mut self, name: &str, key: &SigningKey) {
        let origin = self.origin().to_string();
        let code = BASE64URL_NOPAD.encode(&self.next_bytes()[..16]);
        let body = format!(r#"{{"origin":"{origin}","system":"{name}"}}"#);
        let invited = SystemInvited {
            signed: self.by_founder("/v1/systems", &body),
            system: id(name),
            code: Digest::of(Noun::Code, code.as_bytes()),
            expires_at: self.now().plus(600_000),
        };
        self.append(None, Body::SystemInvited(invited));
        let claimed = self.claim("system", name, key, &code);
        self.append(None, Body::SystemClaimed(claimed));
        let thumbprint = public_key(key).jwk_thumbprint().to_base64url();
        let body = format!(r#"{{"origin":"{origin}","system":"{name}","key":"{thumbprint}"}}"#);
        let enrolled = SystemEnrolled {
            signed: self.by_founder(&format!("/v1/systems/{name}/confirm"), &body),
            system: id(name),
            key: public_key(key),
        };
        self.append(None, Body::SystemEnrolled(enrolled));
    }

    /// Enrols an approved counterparty of low risk.
    pub fn enrol_counterparty(&mut self, name: &str, payments_before: u64) {
        let body = format!(
            r#"{{"origin":"{}","counterparty":"{name}","name":"Acme","status":"approved","risk":"low","payments_before":{payments_before}}}"#,
            self.origin()
        );
        let enrolled = CounterpartyEnrolled {
            signed: self.by_founder("/v1/counterparties", &body),
            counterparty: id(name),
            name: "Acme".to_string(),
            status: Approval::Approved,
            risk: Risk::Low,
            payments_before,
        };
        self.append(None, Body::CounterpartyEnrolled(enrolled));
    }

    /// Changes a counterparty.
    pub fn change_counterparty(&mut self, name: &str, status: Approval, details: bool) {
        let body = format!(
            r#"{{"origin":"{}","counterparty":"{name}","status":"{}","risk":"low","payment_details_changed":{details}}}"#,
            self.origin(),
            status.name()
        );
        let changed = CounterpartyChanged {
            signed: self.by_founder(&format!("/v1/counterparties/{name}"), &body),
            counterparty: id(name),
            status,
            risk: Risk::Low,
            payment_details_changed: details,
        };
        self.append(None, Body::CounterpartyChanged(changed));
    }

    /// Publishes a policy; answers the digest of its bundle.
    pub fn publish(&mut self, policy: &str) -> Digest {
        self.publish_by(By::Founder, policy)
    }

    /// Lets a published bundle decide.
    pub fn activate(&mut self, bundle: Digest) {
        let body = format!(r#"{{"origin":"{}","bundle":"{bundle}"}}"#, self.origin());
        let signed = self.by_founder("/v1/policies/activate", &body);
        self.append(
            None,
            Body::PolicyActivated(PolicyActivated { signed, bundle }),
        );
    }
}
