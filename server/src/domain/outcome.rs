//! Step six: what became of a permission (`spec/outcome.md`). The target begins and ends, people end and resolve, the
//! clock says what nobody else said.
//!
//! Each is one change: the event and, where it moved a standing, what [`state::apply`] says must be said of it (SD-8).
//! Nothing here judges: whether an event may follow, and what it moves, is the verifier's.
//!
//! [`state::apply`]: agentsigna_verifier::state::apply

use agentsigna_verifier::{
    act::{DisputeResolution, ExecutionStart, OutcomeReport},
    case::CaseState,
    entry::CaseId,
    event::{
        Body, DisputeResolved, ExecutionStarted, OutcomeCounted, OutcomeRecorded, PassportLapsed,
        Speaker, StandingChanged,
    },
    id::Id,
    key::{JwkThumbprint, PublicKey},
    state::{CaseRow, Row, RowName},
    time::UnixMillis,
};
use serde_json::{Map, Value};

use super::{
    Act, Chain, Kind, Refusal, Step,
    answer::Pending,
    directory::Desk,
    row,
    signing::not_allowed,
    view::{durable_case, logged},
};
use crate::ledger::{Change, Preview, Reading, Tenant};

/// A report that the case does not take: perhaps it was made before (AP-16).
pub(super) struct SaidBefore {
    case: CaseId,
    body: Body,
    refusal: Refusal,
}

/// `POST /v1/executions`: the target begins.
pub(super) fn start(mut desk: Desk<'_>) -> Result<Step, Refusal> {
    let act = ExecutionStart::parse(desk.body)?;
    desk.check(&act)?;
    let Speaker::System(system) = desk.by.clone() else {
        return Err(Refusal::not_found());
    };
    let row = named(&mut desk, act.case)?;
    let body = Body::ExecutionStarted(ExecutionStarted {
        signed: desk.signed(),
        system,
        passport: act.passport,
    });
    say(desk, act.case, &row, body)
}

/// `POST /v1/outcomes`: how it ended, as the target or people say.
pub(super) fn record(mut desk: Desk<'_>) -> Result<Step, Refusal> {
    let act = OutcomeReport::parse(desk.body)?;
    desk.check(&act)?;
    let row = named(&mut desk, act.case)?;
    let body = Body::OutcomeRecorded(OutcomeRecorded {
        signed: desk.signed(),
        by: desk.by.clone(),
        outcome: act.outcome,
        fault: act.fault,
        reason: act.reason,
    });
    say(desk, act.case, &row, body)
}

/// `POST /v1/disputes/resolve`: what people found.
pub(super) fn resolve(mut desk: Desk<'_>) -> Result<Step, Refusal> {
    let act = DisputeResolution::parse(desk.body)?;
    desk.check(&act)?;
    let row = named(&mut desk, act.case)?;
    let body = Body::DisputeResolved(DisputeResolved {
        signed: desk.signed(),
        by: desk.by.clone(),
        result: act.result,
        fault: act.fault,
        reason: act.reason,
    });
    say(desk, act.case, &row, body)
}

/// What the clock says of `case`: that its Passport lapsed, or that an outcome counts; `None` if it says nothing yet.
pub(super) fn fall_due(
    reading: &mut Reading,
    case: CaseId,
    now: UnixMillis,
) -> Result<Option<Change>, Refusal> {
    let Some(Row::Case(row)) = row(reading, &RowName::Case(case))? else {
        return Ok(None);
    };
    if row.falls_due_at().is_none_or(|at| now < at) {
        return Ok(None);
    }
    let Some(ending) = &row.ending else {
        return Ok(None);
    };
    let body = match (row.state, ending.said) {
        (CaseState::Issued, _) => Body::PassportLapsed(PassportLapsed {
            expires_at: ending.expires_at,
        }),
        (CaseState::Reported | CaseState::Dismissed, Some(said)) => {
            Body::OutcomeCounted(OutcomeCounted {
                outcome: said.event,
            })
        }
        _ => return Ok(None),
    };
    let mut chain = after(case, &row, now);
    follow(reading, &mut chain, body)?;
    Ok(Some(Change {
        events: chain.events,
        ..Change::default()
    }))
}

/// Who answers for the agent of `case`: nobody says of their own agent what became of it (OC-2).
pub(super) fn sponsor(reading: &mut Reading, case: CaseId) -> Result<Id, Refusal> {
    let Some(Row::Case(found)) = row(reading, &RowName::Case(case))? else {
        return Err(Refusal::not_found());
    };
    match row(reading, &RowName::Agent(found.agent))? {
        Some(Row::Agent(agent)) => Ok(agent.sponsor),
        _ => Err(Refusal::broken(&"a case of an agent that has no row")),
    }
}

/// The lane of the agent of a case: its key of now, which need not be the one that asked (ST-2).
pub(super) fn lane_of(tenant: &Tenant, case: &CaseRow) -> JwkThumbprint {
    match tenant.durable_row(&RowName::Agent(case.agent.clone())) {
        Ok(Some(Row::Agent(agent))) => agent.stage.enrolled_key().map(PublicKey::jwk_thumbprint),
        _ => None,
    }
    .unwrap_or(case.key)
}

/// The key of the agent whose exposure `act` moves: its lane. Nothing, if `body` names no case of `tenant`.
pub(super) fn lane(tenant: &Tenant, act: Act, body: &[u8]) -> Option<JwkThumbprint> {
    let case = match act {
        Act::StartExecution => ExecutionStart::parse(body).ok()?.case,
        Act::RecordOutcome => OutcomeReport::parse(body).ok()?.case,
        Act::ResolveDispute => DisputeResolution::parse(body).ok()?.case,
        _ => return None,
    };
    let row = durable_case(tenant, case).ok()?;
    Some(lane_of(tenant, &row))
}

/// AP-8: the case, if whoever speaks may know of it.
fn named(desk: &mut Desk<'_>, case: CaseId) -> Result<CaseRow, Refusal> {
    match row(&mut desk.reading, &RowName::Case(case))? {
        Some(Row::Case(row)) => match &desk.by {
            Speaker::System(system) if *system != row.target => Err(Refusal::not_found()),
            _ => Ok(row),
        },
        _ => Err(Refusal::not_found()),
    }
}

fn after(case: CaseId, row: &CaseRow, now: UnixMillis) -> Chain {
    let digests = row.events.iter().map(|event| event.digest).collect();
    Chain::after(case, now, digests)
}

/// The event as a change; if the case does not take it, whether it was said before is looked up once all that was
/// admitted before is durable.
fn say(mut desk: Desk<'_>, case: CaseId, row: &CaseRow, body: Body) -> Result<Step, Refusal> {
    let mut chain = after(case, row, desk.now);
    let (change, answer) = match follow(&mut desk.reading, &mut chain, body.clone()) {
        Ok(state) => (
            Change {
                events: chain.events,
                ..Change::default()
            },
            Pending::act(false, told(case, state)),
        ),
        Err(refusal) if refusal.kind == Kind::Conflict => {
            let said = SaidBefore {
                case,
                body,
                refusal,
            };
            (Change::default(), Pending::SaidBefore(Box::new(said)))
        }
        Err(refusal) => return Err(refusal),
    };
    Ok(Step {
        reading: desk.reading,
        change,
        answer,
    })
}

fn told(case: CaseId, state: CaseState) -> [(&'static str, Value); 2] {
    [
        ("case", case.to_string().into()),
        ("state", state.as_str().into()),
    ]
}

/// Adds `body` to the case, and after it what it did to standings: SD-8. Answers the state after it.
fn follow(reading: &mut Reading, chain: &mut Chain, body: Body) -> Result<CaseState, Refusal> {
    let mut preview = Preview::over(reading);
    let event = chain.push(body)?;
    preview.follow(event).map_err(not_allowed)?;
    loop {
        let Some(Row::Case(row)) = row(&mut preview, &RowName::Case(chain.case))? else {
            return Err(Refusal::broken(
                &"a case that was just changed is not there",
            ));
        };
        let moved = row.ending.and_then(|ending| ending.moved);
        let next = moved.and_then(|moved| {
            let by = moved.by;
            let due = moved
                .due
                .into_iter()
                .find_map(|due| Some((due.rated, due.says?)))?;
            Some((by, due))
        });
        let Some((moved_by, (rated, standing))) = next else {
            return Ok(row.state);
        };
        let event = chain.push(Body::StandingChanged(StandingChanged {
            rated,
            moved_by,
            standing,
        }))?;
        preview.follow(event).map_err(not_allowed)?;
    }
}

impl SaidBefore {
    /// AP-16: the members of the answer to the first report, if this one repeats it.
    pub(super) fn finish(self, tenant: &Tenant) -> Result<Map<String, Value>, Refusal> {
        let row = durable_case(tenant, self.case)?;
        let mut said = None;
        for place in &row.events {
            let body = logged(tenant, place.index)?.body;
            match (&body, said) {
                // What it moved belongs to it.
                (Body::StandingChanged(_), Some(before)) if place.index == next(before) => {
                    said = Some(place.index);
                }
                _ if said.is_none() && says_the_same(&body, &self.body) => {
                    said = Some(place.index);
                }
                _ => {}
            }
        }
        let index = said.ok_or(self.refusal)?;
        let mut members: Map<_, _> = told(self.case, row.state)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        members.insert("index".to_owned(), index.into());
        Ok(members)
    }
}

const fn next(index: u64) -> u64 {
    index.saturating_add(1)
}

/// Whether both say the same, by the same: signed anew, but nothing else.
fn says_the_same(a: &Body, b: &Body) -> bool {
    match (a, b) {
        (Body::ExecutionStarted(a), Body::ExecutionStarted(b)) => {
            a.system == b.system && a.passport == b.passport
        }
        (Body::OutcomeRecorded(a), Body::OutcomeRecorded(b)) => {
            a.by == b.by && a.outcome == b.outcome && a.fault == b.fault && a.reason == b.reason
        }
        (Body::DisputeResolved(a), Body::DisputeResolved(b)) => {
            a.by == b.by && a.result == b.result && a.fault == b.fault && a.reason == b.reason
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
