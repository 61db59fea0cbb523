//! What callers are told, once it is durable.

use agentsigna_verifier::{
    case::CaseState,
    decision::{Decision, Verdict},
    entry::{CaseId, EntryHead, Event},
    passport::{Delivery, Passport},
    time::UnixMillis,
};
use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Refusal, outcome::SaidBefore, view};
use crate::ledger::{Committed, Tenant};

/// What an act answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// An act of the founder, or a claim.
    Act {
        /// Whether something new is there.
        created: bool,
        /// The members of the answer.
        members: Map<String, Value>,
    },
    /// A case.
    Case(Box<CaseAnswer>),
}

/// A case as its agent sees it (`spec/agent-api.md §3`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseAnswer {
    /// The case id, hex.
    pub case: String,
    /// Who asked; only in reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Under which name; only in reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// `authorized`, `escalated` or `rejected`.
    pub verdict: &'static str,
    /// The rules that made it.
    pub rules: Vec<String>,
    /// Where the case stands.
    pub state: &'static str,
    /// The log.
    pub origin: String,
    /// The position of its last entry.
    pub index: u64,
    /// The delivered Passport, base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passport: Option<String>,
    /// Its end, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    /// The review, while or after there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review: Option<Review>,
}

/// Who is asked, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Review {
    /// Milliseconds since the epoch.
    pub deadline: u64,
    /// How many people of which group.
    pub demand: Vec<Demand>,
}

/// People of one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Demand {
    /// The group.
    pub group: String,
    /// How many of it.
    pub people: u8,
}

/// An answer that waits for its change to be durable.
pub(super) enum Pending {
    /// An act; `origin` and `index` are added.
    Act {
        created: bool,
        members: Map<String, Value>,
    },
    /// A new case.
    New {
        case: CaseId,
        decision: Decision,
        deadline: Option<UnixMillis>,
    },
    /// A case that was there before.
    Again(CaseId),
    /// Something said of a case that does not take it: said before, or refused.
    SaidBefore(Box<SaidBefore>),
}

impl Pending {
    /// An act that answers `members`.
    pub(super) fn act<const N: usize>(created: bool, members: [(&str, Value); N]) -> Self {
        Self::Act {
            created,
            members: members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        }
    }

    /// The answer, now that `committed` is on disk.
    pub(super) fn finish(self, tenant: &Tenant, committed: &Committed) -> Result<Answer, Refusal> {
        match self {
            Self::Act {
                created,
                mut members,
            } => {
                let index = committed.entries.last().map_or(0, |entry| entry.index);
                members.insert("origin".to_owned(), tenant.origin().into());
                members.insert("index".to_owned(), index.into());
                Ok(Answer::Act { created, members })
            }
            Self::SaidBefore(said) => {
                let mut members = said.finish(tenant)?;
                members.insert("origin".to_owned(), tenant.origin().into());
                Ok(Answer::Act {
                    created: false,
                    members,
                })
            }
            Self::Again(case) => {
                let (answer, _) = view::case(tenant, case)?;
                // The same answer as the first time: reads alone name the asker.
                Ok(Answer::Case(Box::new(CaseAnswer {
                    agent: None,
                    request_id: None,
                    ..answer
                })))
            }
            Self::New {
                case,
                decision,
                deadline,
            } => Ok(Answer::Case(Box::new(new_case(
                tenant, case, &decision, deadline, committed,
            )?))),
        }
    }
}

fn new_case(
    tenant: &Tenant,
    case: CaseId,
    decision: &Decision,
    deadline: Option<UnixMillis>,
    committed: &Committed,
) -> Result<CaseAnswer, Refusal> {
    let state = match decision.verdict() {
        Verdict::Authorized => CaseState::Issued,
        Verdict::Escalated => CaseState::InReview,
        Verdict::Rejected => CaseState::Rejected,
    };
    let mut answer = CaseAnswer {
        case: case.to_string(),
        agent: None,
        request_id: None,
        verdict: decision.verdict().name(),
        rules: decision.rules().to_vec(),
        state: state.as_str(),
        origin: tenant.origin().to_owned(),
        index: committed.entries.last().map_or(0, |entry| entry.index),
        passport: None,
        expires_at: None,
        review: review(decision, deadline),
    };
    if let (Some(entry), Some(proof)) = (committed.entries.last(), &committed.proof) {
        let event = Event::decode(&entry.event).map_err(|error| Refusal::broken(&error))?;
        let head = EntryHead::of(entry, &event)
            .ok_or_else(|| Refusal::broken(&"a Passport outside a case"))?;
        let agentsigna_verifier::event::Body::PassportIssued(bytes) = &event.body else {
            return Err(Refusal::broken(&"the proven event is no Passport"));
        };
        deliver(&mut answer, bytes, head, proof.clone())?;
    }
    Ok(answer)
}

/// Adds the Passport whose registered bytes are `registered`.
pub(super) fn deliver(
    answer: &mut CaseAnswer,
    registered: &[u8],
    head: EntryHead,
    proof: Vec<u8>,
) -> Result<Vec<u8>, Refusal> {
    let passport = Passport::parse(registered).map_err(|error| Refusal::broken(&error))?;
    let delivered = passport.delivered(&Delivery { head, proof });
    answer.passport = Some(BASE64URL_NOPAD.encode(&delivered));
    answer.expires_at = Some(passport.claims().expires_s.saturating_mul(1000));
    Ok(delivered)
}

/// The review that a decision asks for.
pub(super) fn review(decision: &Decision, deadline: Option<UnixMillis>) -> Option<Review> {
    Some(Review {
        deadline: deadline?.millis(),
        demand: decision
            .demand()
            .iter()
            .map(|(group, people)| Demand {
                group: group.to_string(),
                people: *people,
            })
            .collect(),
    })
}
