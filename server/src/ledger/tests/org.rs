//! A tenant that acts: its founder, agents and target systems sign what they do, as in earnest.

use std::{collections::BTreeMap, sync::mpsc};

use agentsigna_verifier::{
    action::{Action, ActionType, Currency, Latitude},
    decision::Verdict,
    digest::{Digest, Noun},
    entry::{CaseId, CasePlace, Event},
    event::{
        ActionRequested, AgentEnrolled, AgentInvited, AuthFailed, Body, CaseExpired, Claimed,
        CounterpartyChanged, CounterpartyEnrolled, DecisionMade, PolicyActivated, PolicyPublished,
        ReviewOpened, Signed, StatusChanged, SystemEnrolled, SystemInvited,
    },
    id::{Id, RequestId},
    key::PublicKey,
    passport::{Grounds, Unsealed},
    rules::{BigStack, Bundle, CompiledBundle, decide, on_big_stack},
    signed_request::{Content, Draft, Profile, Request},
    snapshot::{
        Agent, Approval, Counterparty, Moment, Risk, Snapshot, Status, Target, Tenant as Money,
        Tier,
    },
    state::{AgentRow, CounterpartyRow, Row, RowName, Rows as _, SystemRow},
    time::UnixMillis,
};
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signer as _, SigningKey};

use super::{
    super::*,
    support::{PATIENCE, founding, key, public, send, settle},
};

mod asked;

use asked::weigh;

/// Payments up to 500.00 are granted; above, people of finance are asked.
pub(crate) const POLICY: &str = r#"@id("grant.payment") @title("Agents pay known suppliers")
permit(principal, action == Agentsigna::Action::"payment", resource)
when { resource.status == "approved" };

@id("esc.amount") @title("Large payments are read by finance")
@escalate("more than 500.00") @approvers("finance:1") @sla("PT4H")
forbid(principal, action == Agentsigna::Action::"payment", resource)
when { context.amount_minor > 50000 };
"#;

/// A tenant under test.
pub(crate) struct Org {
    pub(crate) tenant: Tenant,
    pub(crate) founder: SigningKey,
    pub(crate) agent: SigningKey,
    pub(crate) system: SigningKey,
    /// The bundle that was activated last.
    bundle: Option<CompiledBundle>,
    /// Makes salts, nonces and codes.
    drawn: u64,
}

/// A decided request, ready to be admitted.
pub(crate) struct Asked {
    pub(crate) reading: Reading,
    pub(crate) change: Change,
    pub(crate) verdict: Verdict,
    pub(crate) case: CaseId,
}

pub(crate) fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

impl Org {
    /// Founds a tenant; its keys are made from `seed`.
    pub(crate) fn found(ledger: &Ledger, name: &str, seed: u8) -> Self {
        let founder = key(seed);
        let tenant = ledger.found(&founding(name, &founder)).unwrap();
        Self::of(tenant, seed)
    }

    /// The tenant again, after a restart.
    pub(crate) fn of(tenant: Tenant, seed: u8) -> Self {
        Self {
            drawn: u64::from(seed) << 32 | tenant.head().tree().size().entries() << 16,
            tenant,
            founder: key(seed),
            agent: key(seed + 1),
            system: key(seed + 2),
            bundle: None,
        }
    }

    /// A tenant with agent `buyer`, target system `erp`, counterparty `acme` and the policy above.
    pub(crate) fn ready(ledger: &Ledger, name: &str, seed: u8) -> Self {
        let mut org = Self::found(ledger, name, seed);
        let (agent, system) = (org.agent.clone(), org.system.clone());
        org.enrol_agent(ledger, "buyer", &agent);
        org.enrol_system(ledger, "erp", &system);
        let change = org.enrol_counterparty(ledger, "acme");
        settle(ledger, &org.tenant, change);
        org.publish_and_activate(ledger, POLICY);
        org
    }

    pub(crate) fn origin(&self) -> String {
        self.tenant.origin().to_owned()
    }

    fn draw(&mut self) -> [u8; 16] {
        self.drawn += 1;
        let digest = Digest::of(Noun::Code, &self.drawn.to_be_bytes());
        digest.as_bytes()[..16].try_into().unwrap()
    }

    pub(crate) fn event(
        &mut self,
        at: UnixMillis,
        place: Option<CasePlace>,
        body: Body,
    ) -> NewEvent {
        NewEvent::new(Event {
            place,
            decided_at: at,
            salt: self.draw(),
            body,
        })
    }

    /// Signs a request for `target`, at the ledger's time.
    pub(crate) fn sign(
        &mut self,
        at: UnixMillis,
        profile: Profile,
        signer: &SigningKey,
        target: &str,
        body: &str,
    ) -> (Signed, NonceUse) {
        let nonce = BASE64URL_NOPAD.encode(&self.draw());
        let request = Request {
            method: "POST",
            authority: "agents.example",
            target,
            content: Some(Content {
                kind: "application/json",
                body: body.as_bytes(),
            }),
            passport: None,
            created_s: at.seconds(),
            expires_s: at.seconds() + 60,
            nonce: Some(&nonce),
        };
        let draft = Draft::new(profile, &request, public(signer)).unwrap();
        let signature = signer.sign(draft.base()).to_bytes();
        draft.sign(&signature).unwrap();
        let signed = Signed::Http {
            base: draft.base().to_vec(),
            signature,
            body: Some(body.as_bytes().to_vec()),
        };
        let used = NonceUse::new(public(signer).jwk_thumbprint(), &nonce, at.seconds() + 60);
        (signed, used)
    }

    fn one(&mut self, at: UnixMillis, body: Body, nonce: NonceUse) -> Change {
        Change {
            events: vec![self.event(at, None, body)],
            nonce: Some(nonce),
            ..Change::default()
        }
    }

    fn by_founder(&mut self, at: UnixMillis, target: &str, body: &str) -> (Signed, NonceUse) {
        let founder = self.founder.clone();
        self.sign(at, Profile::Founder, &founder, target, body)
    }

    /// Something that changes no row: cheap, and needs no signature.
    pub(crate) fn failures(&mut self, ledger: &Ledger, events: usize) -> Change {
        let at = ledger.clock().now();
        let body = Body::AuthFailed(AuthFailed {
            subject: "founder".to_owned(),
            reason: "signature-wrong".to_owned(),
            minute: at.seconds() / 60,
            count: 1,
        });
        Change {
            events: (0..events)
                .map(|_| self.event(at, None, body.clone()))
                .collect(),
            ..Change::default()
        }
    }

    pub(crate) fn invite_agent(&mut self, ledger: &Ledger, name: &str) -> (Change, String) {
        let (at, origin) = (ledger.clock().now(), self.origin());
        let code = BASE64URL_NOPAD.encode(&self.draw());
        let body = format!(
            r#"{{"origin":"{origin}","agent":"{name}","sponsor":"dora","tier":2,"latitude":5}}"#
        );
        let (signed, nonce) = self.by_founder(at, "/v1/agents", &body);
        let invited = Body::AgentInvited(AgentInvited {
            signed,
            agent: id(name),
            sponsor: id("dora"),
            tier: Tier::new(2).unwrap(),
            latitude: Latitude::new(5).unwrap(),
            code: Digest::of(Noun::Code, code.as_bytes()),
            expires_at: at.plus(600_000),
        });
        (self.one(at, invited, nonce), code)
    }

    fn claim(
        &mut self,
        ledger: &Ledger,
        who: &str,
        name: &str,
        shown: &SigningKey,
        code: &str,
    ) -> (UnixMillis, Claimed, NonceUse) {
        let (at, origin) = (ledger.clock().now(), self.origin());
        let key = public(shown);
        let body = format!(
            r#"{{"origin":"{origin}","{who}":"{name}","code":"{code}","key":"{}"}}"#,
            key.to_base64url()
        );
        let (signed, nonce) = self.sign(at, Profile::Enrol, shown, "/v1/claims", &body);
        let claimed = Claimed {
            signed,
            id: id(name),
            key,
        };
        (at, claimed, nonce)
    }

    pub(crate) fn claim_agent(
        &mut self,
        ledger: &Ledger,
        name: &str,
        shown: &SigningKey,
        code: &str,
    ) -> Change {
        let (at, claimed, nonce) = self.claim(ledger, "agent", name, shown, code);
        self.one(at, Body::AgentClaimed(claimed), nonce)
    }

    pub(crate) fn confirm_agent(&mut self, ledger: &Ledger, name: &str, key: PublicKey) -> Change {
        let (at, origin) = (ledger.clock().now(), self.origin());
        let body = format!(
            r#"{{"origin":"{origin}","agent":"{name}","sponsor":"dora","tier":2,"latitude":5,"key":"{}"}}"#,
            key.jwk_thumbprint().to_base64url()
        );
        let (signed, nonce) = self.by_founder(at, &format!("/v1/agents/{name}/confirm"), &body);
        let enrolled = Body::AgentEnrolled(AgentEnrolled {
            signed,
            agent: id(name),
            sponsor: id("dora"),
            tier: Tier::new(2).unwrap(),
            latitude: Latitude::new(5).unwrap(),
            key,
        });
        self.one(at, enrolled, nonce)
    }

    /// All of an enrolment but its last step, which is answered.
    pub(crate) fn almost_enrolled(
        &mut self,
        ledger: &Ledger,
        name: &str,
        shown: &SigningKey,
    ) -> Change {
        let (change, code) = self.invite_agent(ledger, name);
        settle(ledger, &self.tenant, change);
        let change = self.claim_agent(ledger, name, shown, &code);
        settle(ledger, &self.tenant, change);
        self.confirm_agent(ledger, name, public(shown))
    }

    pub(crate) fn enrol_agent(&mut self, ledger: &Ledger, name: &str, shown: &SigningKey) {
        let change = self.almost_enrolled(ledger, name, shown);
        settle(ledger, &self.tenant, change);
    }

    pub(crate) fn change_agent(&mut self, ledger: &Ledger, name: &str, status: Status) -> Change {
        let (at, origin) = (ledger.clock().now(), self.origin());
        let body = format!(
            r#"{{"origin":"{origin}","agent":"{name}","status":"{}"}}"#,
            status.name()
        );
        let (signed, nonce) = self.by_founder(at, &format!("/v1/agents/{name}/status"), &body);
        let changed = Body::AgentChanged(StatusChanged {
            signed,
            id: id(name),
            status,
        });
        self.one(at, changed, nonce)
    }

    pub(crate) fn enrol_system(&mut self, ledger: &Ledger, name: &str, shown: &SigningKey) {
        let (at, origin) = (ledger.clock().now(), self.origin());
        let code = BASE64URL_NOPAD.encode(&self.draw());
        let body = format!(r#"{{"origin":"{origin}","system":"{name}"}}"#);
        let (signed, nonce) = self.by_founder(at, "/v1/systems", &body);
        let invited = Body::SystemInvited(SystemInvited {
            signed,
            system: id(name),
            code: Digest::of(Noun::Code, code.as_bytes()),
            expires_at: at.plus(600_000),
        });
        let change = self.one(at, invited, nonce);
        settle(ledger, &self.tenant, change);
        let (at, claimed, nonce) = self.claim(ledger, "system", name, shown, &code);
        let change = self.one(at, Body::SystemClaimed(claimed), nonce);
        settle(ledger, &self.tenant, change);
        let key = public(shown);
        let body = format!(
            r#"{{"origin":"{origin}","system":"{name}","key":"{}"}}"#,
            key.jwk_thumbprint().to_base64url()
        );
        let (signed, nonce) = self.by_founder(at, &format!("/v1/systems/{name}/confirm"), &body);
        let enrolled = Body::SystemEnrolled(SystemEnrolled {
            signed,
            system: id(name),
            key,
        });
        let change = self.one(at, enrolled, nonce);
        settle(ledger, &self.tenant, change);
    }

    pub(crate) fn change_system(&mut self, ledger: &Ledger, name: &str, status: Status) -> Change {
        let (at, origin) = (ledger.clock().now(), self.origin());
        let body = format!(
            r#"{{"origin":"{origin}","system":"{name}","status":"{}"}}"#,
            status.name()
        );
        let (signed, nonce) = self.by_founder(at, &format!("/v1/systems/{name}/status"), &body);
        let changed = Body::SystemChanged(StatusChanged {
            signed,
            id: id(name),
            status,
        });
        self.one(at, changed, nonce)
    }

    pub(crate) fn enrol_counterparty(&mut self, ledger: &Ledger, name: &str) -> Change {
        self.enrol_counterparty_in(ledger, name, "")
    }

    /// The same, with `space` after the content that is signed.
    pub(crate) fn enrol_counterparty_in(
        &mut self,
        ledger: &Ledger,
        name: &str,
        space: &str,
    ) -> Change {
        let (at, origin) = (ledger.clock().now(), self.origin());
        let body = format!(
            r#"{{"origin":"{origin}","counterparty":"{name}","name":"Acme","status":"approved","risk":"low","payments_before":3}}{space}"#
        );
        let (signed, nonce) = self.by_founder(at, "/v1/counterparties", &body);
        let enrolled = Body::CounterpartyEnrolled(CounterpartyEnrolled {
            signed,
            counterparty: id(name),
            name: "Acme".to_owned(),
            status: Approval::Approved,
            risk: Risk::Low,
            payments_before: 3,
        });
        self.one(at, enrolled, nonce)
    }

    pub(crate) fn change_counterparty(
        &mut self,
        ledger: &Ledger,
        name: &str,
        status: Approval,
        details: bool,
    ) -> Change {
        let (at, origin) = (ledger.clock().now(), self.origin());
        let body = format!(
            r#"{{"origin":"{origin}","counterparty":"{name}","status":"{}","risk":"low","payment_details_changed":{details}}}"#,
            status.name()
        );
        let (signed, nonce) = self.by_founder(at, &format!("/v1/counterparties/{name}"), &body);
        let changed = Body::CounterpartyChanged(CounterpartyChanged {
            signed,
            counterparty: id(name),
            status,
            risk: Risk::Low,
            payment_details_changed: details,
        });
        self.one(at, changed, nonce)
    }

    pub(crate) fn publish(&mut self, ledger: &Ledger, policy: &str) -> (Change, Bundle) {
        let at = ledger.clock().now();
        let bundle = Bundle::new(policy).unwrap();
        let bytes = bundle.encode();
        let (signed, nonce) = self.by_founder(at, "/v1/policies", policy);
        let published = Body::PolicyPublished(PolicyPublished {
            signed: signed.without_body(),
            bundle: bundle.digest(),
            bytes: u64::try_from(bytes.len()).unwrap(),
        });
        let mut change = self.one(at, published, nonce);
        change.blobs.push(bytes);
        (change, bundle)
    }

    pub(crate) fn activate(&mut self, ledger: &Ledger, bundle: Digest) -> Change {
        let (at, origin) = (ledger.clock().now(), self.origin());
        let body = format!(r#"{{"origin":"{origin}","bundle":"{bundle}"}}"#);
        let (signed, nonce) = self.by_founder(at, "/v1/policies/activate", &body);
        let activated = Body::PolicyActivated(PolicyActivated { signed, bundle });
        self.one(at, activated, nonce)
    }

    pub(crate) fn publish_and_activate(&mut self, ledger: &Ledger, policy: &str) {
        let (change, bundle) = self.publish(ledger, policy);
        settle(ledger, &self.tenant, change);
        let change = self.activate(ledger, bundle.digest());
        settle(ledger, &self.tenant, change);
        let compiled = on_big_stack(|stack| CompiledBundle::compile(stack, &bundle));
        self.bundle = Some(compiled.unwrap().unwrap());
    }

    /// `buyer` asks to pay `acme` through `erp`: read, decided, and sealed if policy allows it.
    pub(crate) fn ask(&mut self, ledger: &Ledger, request_id: &str, amount_minor: u64) -> Asked {
        let at = ledger.clock().now();
        let action = Action::new(
            ActionType::Payment,
            amount_minor,
            Currency::parse("EUR").unwrap(),
            id("acme"),
            id("erp"),
            "INV-7",
            BTreeMap::new(),
        )
        .unwrap();
        let body = format!(
            r#"{{"origin":"{}","agent":"buyer","request_id":"{request_id}","action":"payment","amount_minor":{amount_minor},"currency":"EUR","counterparty":"acme","target":"erp","reference":"INV-7"}}"#,
            self.origin()
        );
        let signer = self.agent.clone();
        let (signed, nonce) = self.sign(at, Profile::Action, &signer, "/v1/actions", &body);
        let request_id = RequestId::parse(request_id).unwrap();
        let case = CaseId::of(self.tenant.origin(), &id("buyer"), &request_id);

        let mut reading = Reading::of(&self.tenant);
        let request = RowName::Request(id("buyer"), request_id.clone());
        assert_eq!(reading.row(&request).unwrap(), None, "asked before");
        let key = RowName::Key(public(&signer).jwk_thumbprint());
        assert!(reading.row(&key).unwrap().is_some());
        let snapshot = weigh(&mut reading, &action, at);
        let bundle = self.bundle.as_ref();
        let (decision, permit) =
            on_big_stack(|stack: &BigStack| decide(stack, bundle, &snapshot).into_parts()).unwrap();

        let mut events = Vec::new();
        let mut push = |org: &mut Self, body: Body| {
            let place = CasePlace {
                case,
                index: u64::try_from(events.len()).unwrap(),
                previous: events
                    .last()
                    .map_or(Digest::from_bytes([0; 32]), NewEvent::digest),
            };
            events.push(org.event(at, Some(place), body));
            events.iter().map(NewEvent::digest).collect::<Vec<_>>()
        };
        push(
            self,
            Body::ActionRequested(ActionRequested {
                signed,
                agent: id("buyer"),
                request_id,
                action,
            }),
        );
        let verdict = decision.verdict();
        let review_ms = decision.review_ms();
        let chain = push(
            self,
            Body::DecisionMade(DecisionMade {
                snapshot: snapshot.clone(),
                decision,
            }),
        );
        if let Some(permit) = permit {
            let grounds = Grounds {
                issuer: "agents.example".to_owned(),
                issued_s: at.seconds(),
                life_s: 300,
                cti: self.draw(),
                key: public(&signer),
                case,
                chain,
            };
            let seal_key = self.tenant.genesis().seal_key;
            let unsealed = Unsealed::new(permit, &snapshot, grounds, &seal_key).unwrap();
            let passport = self.tenant.seal(unsealed);
            push(self, Body::PassportIssued(passport));
        }
        if let Some(ms) = review_ms {
            let opened = ReviewOpened {
                round: 1,
                deadline: at.plus(ms),
                sheet: None,
            };
            push(self, Body::ReviewOpened(opened));
        }
        let change = Change {
            events,
            nonce: Some(nonce),
            prove: Some(if verdict == Verdict::Authorized { 2 } else { 0 }),
            ..Change::default()
        };
        Asked {
            reading,
            change,
            verdict,
            case,
        }
    }

    /// Nobody judged the case in time.
    pub(crate) fn expire(&mut self, ledger: &Ledger, case: CaseId) -> (Reading, Change) {
        let at = ledger.clock().now();
        let mut reading = Reading::of(&self.tenant);
        let Some(Row::Case(row)) = reading.row(&RowName::Case(case)).unwrap() else {
            panic!("no case {case}");
        };
        let place = CasePlace {
            case,
            index: u64::try_from(row.events.len()).unwrap(),
            previous: row.events.last().unwrap().digest,
        };
        let body = Body::CaseExpired(CaseExpired {
            round: 1,
            deadline: row.deadline.unwrap(),
        });
        let change = Change {
            events: vec![self.event(at, Some(place), body)],
            ..Change::default()
        };
        (reading, change)
    }

    /// Asks and waits until it is durable.
    pub(crate) fn settle_ask(
        &mut self,
        ledger: &Ledger,
        request_id: &str,
        amount: u64,
    ) -> Committed {
        let asked = self.ask(ledger, request_id, amount);
        let answer = asked.send(ledger).unwrap();
        answer.recv_timeout(PATIENCE).unwrap().unwrap()
    }
}
