//! What people look at of endings: cases that are past their time (OC-8), and what somebody may say of a case. Nothing
//! here changes anything.

use agentsigna_verifier::{
    case::{Step, follow},
    entry::CaseId,
    event::{ActionRequested, Body},
    outcome::{Found, Outcome, Voice},
    signed_request::Signed as SignedMessage,
    state::{CaseRow, Deed, Signer, StateError, may_sign},
    time::UnixMillis,
};
use serde::Serialize;

use super::{
    Caller, Kind, Office, Refusal, Visitor, outcome,
    view::{durable_case, logged},
};
use crate::ledger::{Calendar, Reading, Tenant};

/// Cases in one answer: whoever has more of them first asks about these.
const OVERDUE_MAX: usize = 500;

/// A case past its time.
#[derive(Debug, Clone)]
pub struct Overdue {
    /// Which.
    pub case: CaseId,
    /// From when on it was.
    pub since: UnixMillis,
    /// What was asked for.
    pub asked: ActionRequested,
    /// Where it stands.
    pub row: CaseRow,
}

/// What somebody may say of a case now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sayable {
    /// How it ended.
    pub outcomes: Vec<Outcome>,
    /// What they found in its dispute.
    pub found: Vec<Found>,
}

/// The answer of `GET /v1/open` (`spec/agent-api.md §4`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenAnswer {
    origin: String,
    cases: Vec<OpenCase>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct OpenCase {
    case: String,
    agent: String,
    request_id: String,
    target: String,
    counterparty: String,
    amount_minor: u64,
    state: &'static str,
    since: u64,
}

impl Office {
    /// Cases past their time, for the founder.
    ///
    /// # Errors
    /// [`Refusal`]; `caller-kind` for everybody else.
    pub async fn open_cases(&self, message: SignedMessage) -> Result<OpenAnswer, Refusal> {
        let reader = self.reader(message).await?;
        if reader.caller != Caller::Founder {
            return Err(Refusal::new(
                Kind::Forbidden,
                "caller-kind",
                "only the founder's key reads this",
            ));
        }
        let now = self.inner.ledger.clock().now();
        let cases = overdue(&reader.tenant, now)?.into_iter().map(|one| {
            let action = &one.asked.action;
            OpenCase {
                case: one.case.to_string(),
                agent: one.row.agent.to_string(),
                request_id: one.row.request_id.to_string(),
                target: one.row.target.to_string(),
                counterparty: action.counterparty().to_string(),
                amount_minor: one.row.amount_minor,
                state: one.row.state.as_str(),
                since: one.since.millis(),
            }
        });
        Ok(OpenAnswer {
            origin: reader.tenant.origin().to_owned(),
            cases: cases.collect(),
        })
    }

    /// Cases past their time, the oldest first, and the time at which it was so.
    ///
    /// # Errors
    /// What is our own fault.
    pub fn overdue(&self, visitor: &Visitor) -> Result<(Vec<Overdue>, UnixMillis), Refusal> {
        let now = self.inner.ledger.clock().now();
        Ok((overdue(&visitor.tenant, now)?, now))
    }

    /// What `visitor` may sign of `case`, whose row is `row`: what its table takes of people (CA-1, OC-5), if they are
    /// people of it (OC-2).
    ///
    /// # Errors
    /// What is our own fault.
    pub fn sayable(
        &self,
        visitor: &Visitor,
        case: CaseId,
        row: &CaseRow,
    ) -> Result<Sayable, Refusal> {
        if !visitor.may_sign() || !row.state.has_passport() {
            return Ok(Sayable::default());
        }
        let mut reading = Reading::of(&visitor.tenant);
        let sponsor = outcome::sponsor(&mut reading, case)?;
        let deed = Deed::Outcome { sponsor: &sponsor };
        match may_sign(&mut reading, &deed, Signer::Person(&visitor.user)) {
            Ok(_) => {}
            Err(StateError::Broken { .. }) => return Ok(Sayable::default()),
            Err(StateError::Rows(error)) => return Err(Refusal::broken(&error)),
        }
        let takes = |step| follow(Some(row.state), step).is_ok();
        let disputed = row.ending.as_ref().and_then(|ending| ending.disputed_at);
        let outcomes = Outcome::ALL.iter().copied().filter(|outcome| {
            takes(Step::Ended(*outcome, Voice::People))
                && (*outcome != Outcome::Disputed || disputed.is_none())
        });
        let found = Found::ALL.iter().copied();
        Ok(Sayable {
            outcomes: outcomes.collect(),
            found: found
                .filter(|found| takes(Step::Resolved(*found)))
                .collect(),
        })
    }
}

pub(super) fn overdue(tenant: &Tenant, now: UnixMillis) -> Result<Vec<Overdue>, Refusal> {
    let due = tenant.due(Calendar::Overdue, now.millis(), OVERDUE_MAX);
    let mut found = Vec::new();
    for (_, case) in due.map_err(|error| Refusal::broken(&error))? {
        let row = durable_case(tenant, case)?;
        // It may have been closed since the list was read.
        let Some(since) = row.overdue_from().filter(|since| *since <= now) else {
            continue;
        };
        let first = row.events.first().map(|event| event.index);
        let event = logged(tenant, first.ok_or_else(Refusal::not_found)?)?;
        let Body::ActionRequested(asked) = event.body else {
            return Err(Refusal::broken(&"a case that no request began"));
        };
        found.push(Overdue {
            case,
            since,
            asked,
            row,
        });
    }
    Ok(found)
}
