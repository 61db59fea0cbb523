//! What happens to a case: asked, decided, reviewed, expired, permitted.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use ed25519_dalek::{Signer as _, SigningKey};

use super::{Role, Tenant, acts::id};
use crate::{
    action::{Action, ActionType, Currency},
    case::CaseState,
    cbor::Value,
    decision::{Decision, REVIEW_MS, Verdict},
    digest::Digest,
    entry::{CaseId, CasePlace, Event},
    event::{ActionRequested, Body, CaseExpired, DecisionMade},
    id::RequestId,
    passport::{Approvals, Audience, Claims, Path, TYPE},
    signed_request::Profile,
    snapshot::{Agent, Counterparty, Moment, Snapshot, Target, Tenant as Money},
    state::{
        AgentRow, CaseRow, CounterpartyRow, Row, RowName, Rows as _, SystemRow, weighed_agent,
        weighed_counterparty,
    },
};

/// The policy of the tests: payments up to 500.00 are granted, above people are asked.
pub const POLICY: &str = r#"@id("grant.payment") @title("Agents pay known suppliers")
permit(principal, action == Agentsigna::Action::"payment", resource)
when { resource.status == "approved" };

@id("esc.amount") @title("Large payments are read by finance")
@escalate("more than 500.00") @approvers("finance:1") @sla("PT4H")
forbid(principal, action == Agentsigna::Action::"payment", resource)
when { context.amount_minor > 50000 };
"#;

/// The stamp of the engine that the decisions of the tests name.
pub const fn engine() -> &'static str {
    "cedar 4.14.1/lang 4.6/rules 1/stack 64M"
}

/// The bytes of a bundle, put together without the code that reads them.
pub(super) fn bundle(policy: &str) -> Vec<u8> {
    Value::map([
        ("version", Value::Uint(1)),
        ("engine", Value::from(engine())),
        ("catalogue", Value::Uint(1)),
        ("policy", Value::from(policy)),
    ])
    .encode()
}

/// A payment to `acme` in `erp`, in cents.
pub fn payment(amount_minor: u64) -> Action {
    Action::new(
        ActionType::Payment,
        amount_minor,
        Currency::parse("EUR").unwrap(),
        id("acme"),
        id("erp"),
        "INV-7",
        BTreeMap::new(),
    )
    .unwrap()
}

impl Tenant {
    /// A case that ended with a Passport.
    pub fn authorized(&mut self, request_id: &str) -> CaseId {
        let case = self.request(request_id, &payment(12_500));
        self.decide(case, Verdict::Authorized);
        self.issue(case, |_| {});
        case
    }

    /// A case that waits for people.
    pub fn escalated(&mut self, request_id: &str) -> CaseId {
        let case = self.request(request_id, &payment(75_000));
        self.decide(case, Verdict::Escalated);
        self.open_review(case);
        case
    }

    /// A case nobody judged in time.
    pub fn expired(&mut self, request_id: &str) -> CaseId {
        let case = self.escalated(request_id);
        self.wait_ms(REVIEW_MS);
        self.expire(case);
        case
    }

    /// Nobody closed the round in time.
    pub fn expire(&mut self, case: CaseId) {
        let review = self.review(case);
        let expired = CaseExpired {
            round: review.round.get().into(),
            deadline: review.deadline,
        };
        let place = self.place(case);
        self.append(Some(place), Body::CaseExpired(expired));
    }

    /// A case that policy refused: nothing grants a message.
    pub fn rejected(&mut self, request_id: &str) -> CaseId {
        let message = Action::new(
            ActionType::MessageSend,
            0,
            Currency::parse("EUR").unwrap(),
            id("acme"),
            id("erp"),
            "",
            BTreeMap::new(),
        );
        let case = self.request(request_id, &message.unwrap());
        self.decide(case, Verdict::Rejected);
        case
    }

    /// The body of a request.
    pub fn request_body(origin: &str, request_id: &str, action: &Action) -> String {
        format!(
            r#"{{"origin":"{origin}","agent":"ap-bot","request_id":"{request_id}","action":"{}","amount_minor":{},"currency":"EUR","counterparty":"{}","target":"{}","reference":"{}"}}"#,
            action.kind().name(),
            action.amount_minor(),
            action.counterparty(),
            action.target(),
            action.reference()
        )
    }

    /// `ap-bot` asks.
    pub fn request(&mut self, request_id: &str, action: &Action) -> CaseId {
        let (place, requested) = self.asked(
            request_id,
            action,
            &self.key(Role::Agent),
            &self.origin.clone(),
        );
        self.append(Some(place), Body::ActionRequested(requested));
        place.case
    }

    /// What `ap-bot` would ask if it signed with `key`, for the log `signed_origin`.
    pub fn asked(
        &mut self,
        request_id: &str,
        action: &Action,
        key: &SigningKey,
        signed_origin: &str,
    ) -> (CasePlace, ActionRequested) {
        let body = Self::request_body(signed_origin, request_id, action);
        let signed = self.sign(Profile::Action, key, "/v1/actions", &body);
        let request_id = RequestId::parse(request_id).unwrap();
        let place = CasePlace {
            case: CaseId::of(self.origin(), &id("ap-bot"), &request_id),
            index: 0,
            previous: Digest::from_bytes([0; 32]),
        };
        let requested = ActionRequested {
            signed,
            agent: id("ap-bot"),
            request_id,
            action: action.clone(),
        };
        (place, requested)
    }

    /// The row of a case.
    pub fn case(&mut self, case: CaseId) -> CaseRow {
        match self.rows.row(&RowName::Case(case)) {
            Ok(Some(Row::Case(row))) => row,
            other => panic!("no case: {other:?}"),
        }
    }

    /// Where the next event of a case stands.
    pub fn place(&mut self, case: CaseId) -> CasePlace {
        let row = self.case(case);
        CasePlace {
            case,
            index: u64::try_from(row.events.len()).unwrap(),
            previous: row.events.last().unwrap().digest,
        }
    }

    /// What policy decides, for the action asked in `case`.
    pub fn decision(&mut self, case: CaseId, verdict: Verdict) -> DecisionMade {
        let action = self.action_of(case);
        let snapshot = self.snapshot(&action);
        let made = match verdict {
            Verdict::Authorized => (["grant.payment"], Vec::new(), None),
            Verdict::Escalated => (
                ["esc.amount"],
                [(id("finance"), self.people_asked)].into(),
                Some(4 * 60 * 60 * 1000),
            ),
            Verdict::Rejected => (["builtin.no-authority"], Vec::new(), None),
        };
        let (rules, demand, review_ms) = made;
        let rules = rules.map(String::from).into();
        let decision =
            Decision::new(verdict, rules, demand, review_ms, engine().to_string()).unwrap();
        DecisionMade { snapshot, decision }
    }

    /// Policy decides.
    pub fn decide(&mut self, case: CaseId, verdict: Verdict) {
        let made = self.decision(case, verdict);
        let place = self.place(case);
        self.append(Some(place), Body::DecisionMade(made));
    }

    /// The claims of a Passport for an authorized case, now.
    pub fn claims(&mut self, case: CaseId) -> Claims {
        let row = self.case(case);
        let mut decisions = row.events.iter().rev();
        let made = decisions.find_map(|event| match self.event_at(event.index).body {
            Body::DecisionMade(made) => Some(made),
            _ => None,
        });
        let made = made.unwrap();
        let path = if row.state == CaseState::Agreed {
            let review = self.review(case);
            Path::Approved(Approvals {
                round: review.round,
                sheet: review.sheet.unwrap(),
                review: review.opened.unwrap().digest,
                people: review
                    .approvals
                    .into_iter()
                    .map(|given| given.person)
                    .collect(),
            })
        } else {
            Path::Authorized
        };
        let issued_s = self.now().seconds();
        Claims {
            issuer: super::PLATFORM.to_string(),
            agent: row.agent.clone(),
            audience: Audience::new(self.origin().to_string(), row.target.clone()),
            expires_s: issued_s + 300,
            not_before_s: issued_s,
            issued_s,
            cti: self.next_bytes()[..16].try_into().unwrap(),
            key: self.public(Role::Agent),
            origin: self.origin().to_string(),
            case,
            action_digest: made.snapshot.action().digest(),
            action: made.snapshot.action().clone(),
            bundle: made.snapshot.bundle().unwrap(),
            rules: made.decision.rules().to_vec(),
            path,
            snapshot: made.snapshot.digest(),
            chain: row.events.iter().map(|event| event.digest).collect(),
            engine: made.decision.engine().to_string(),
        }
    }

    /// Seals and registers a Passport whose claims `forge` may change; with a change, the state functions are
    /// not asked. Answers its index.
    pub fn issue(&mut self, case: CaseId, forge: impl FnOnce(&mut Claims)) -> u64 {
        let mut claims = self.claims(case);
        let honest = claims.clone();
        forge(&mut claims);
        let sealed = self.seal(Role::Seal, &claims.to_value());
        let place = self.place(case);
        if claims == honest {
            return self.append(Some(place), Body::PassportIssued(sealed));
        }
        let event = self.event(Some(place), Body::PassportIssued(sealed));
        self.append_anyway(&event.encode())
    }

    /// A COSE_Sign1 over any claims, put together without the code that reads it.
    pub fn seal(&self, role: Role, claims: &Value) -> Vec<u8> {
        let protected = Value::map([
            (1_i64, Value::from(-8_i64)),
            (
                4_i64,
                Value::bytes(self.public(role).cose_thumbprint().as_bytes()),
            ),
            (16_i64, Value::from(TYPE)),
        ]);
        self.seal_with(role, &protected, &claims.encode())
    }

    /// As [`Self::seal`], with any protected header and payload.
    pub fn seal_with(&self, role: Role, protected: &Value, payload: &[u8]) -> Vec<u8> {
        let protected = protected.encode();
        let signed = Value::array([
            Value::from("Signature1"),
            Value::bytes(&protected),
            Value::bytes(&[]),
            Value::bytes(payload),
        ]);
        let signature = self.key(role).sign(&signed.encode()).to_bytes();
        let items = [
            Value::bytes(&protected),
            Value::Map(Vec::new()),
            Value::bytes(payload),
            Value::bytes(&signature),
        ];
        Value::Tag(18, alloc::boxed::Box::new(Value::array(items))).encode()
    }

    /// The event of the entry at `index`.
    pub fn event_at(&self, index: u64) -> Event {
        let bytes = &self.entries[usize::try_from(index).unwrap()];
        let entry = crate::entry::Entry::decode(bytes).unwrap();
        Event::decode(&entry.event).unwrap()
    }

    fn action_of(&mut self, case: CaseId) -> Action {
        let first = self.case(case).events[0].index;
        match self.event_at(first).body {
            Body::ActionRequested(requested) => requested.action,
            other => panic!("a case begins with `{}`", other.kind()),
        }
    }

    /// The inputs of a decision about `action`, as the rows have them now.
    pub fn snapshot(&mut self, action: &Action) -> Snapshot {
        let agent = self.agent_row("ap-bot");
        let Ok(Some(Row::System(SystemRow { status, .. }))) =
            self.rows.row(&RowName::System(action.target().clone()))
        else {
            panic!("no target")
        };
        let name = RowName::Counterparty(action.counterparty().clone());
        let Ok(Some(Row::Counterparty(counterparty))) = self.rows.row(&name) else {
            panic!("no counterparty")
        };
        let CounterpartyRow {
            status: approval,
            payment_details_changed_at,
            ..
        } = counterparty;
        let bundle = match self.rows.row(&RowName::Policy) {
            Ok(Some(Row::Policy(row))) => Some(row.bundle),
            _ => None,
        };
        let genesis = self.genesis();
        let now = self.now();
        let latitude = weighed_agent(&mut self.rows, &id("ap-bot"), now).unwrap();
        let weighed = weighed_counterparty(&mut self.rows, action.counterparty(), now).unwrap();
        let key = agent.stage.enrolled_key().unwrap().jwk_thumbprint();
        Snapshot::new(
            Money {
                origin: genesis.origin,
                currency: genesis.currency,
                exponent: genesis.exponent,
            },
            Agent::new(
                id("ap-bot"),
                agent.sponsor,
                agent.tier,
                agent.status,
                latitude,
                agent.exposure_minor,
                key,
            )
            .unwrap(),
            Target::new(action.target().clone(), status),
            Counterparty::new(
                action.counterparty().clone(),
                approval,
                weighed.risk,
                weighed.payments_before,
                payment_details_changed_at,
            )
            .unwrap(),
            action.clone(),
            Moment {
                bundle,
                decided_at: self.now(),
                standing_at: u64::try_from(self.entries.len()).unwrap(),
            },
        )
        .unwrap()
    }

    fn agent_row(&mut self, name: &str) -> AgentRow {
        match self.rows.row(&RowName::Agent(id(name))) {
            Ok(Some(Row::Agent(row))) => row,
            other => panic!("no agent: {other:?}"),
        }
    }
}
