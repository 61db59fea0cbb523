//! Trust as rows: what decisions weigh of it, and what an outcome does to it (`spec/standing.md §4`).

use alloc::{format, vec::Vec};

use super::{
    CaseRow, Completeness, Due, Ending, Moved, Row, RowName, Rows, StateError,
    apply::{agent, broken, counterparty},
    cases::{CaseStep, case, follow, link},
};
use crate::{
    action::Latitude,
    case::Step,
    event::{StandingChanged, Stated},
    id::Id,
    snapshot::Risk,
    standing::{Dealings, Rated, Standing},
    time::UnixMillis,
};

/// What a decision weighs of a counterparty beside what stands in its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeighedCounterparty {
    /// Set by hand, or earned, whichever is higher.
    pub risk: Risk,
    /// Stated at enrolment, and completed since.
    pub payments_before: u64,
}

/// The two whom a case concerns, and what is between them.
pub(super) struct Between {
    pub(super) agent: Standing,
    pub(super) counterparty: Standing,
    pub(super) dealings: Dealings,
}

/// What evidence says of somebody; nothing, of somebody new.
///
/// # Errors
/// [`StateError::Rows`].
pub fn standing<R: Rows>(rows: &mut R, rated: &Rated) -> Result<Standing, StateError<R::Error>> {
    let name = RowName::Standing(rated.clone());
    Ok(match rows.row(&name).map_err(StateError::Rows)? {
        Some(Row::Standing(row)) => row,
        _ => Standing::default(),
    })
}

/// What two have given each other.
///
/// # Errors
/// [`StateError::Rows`].
pub fn dealings<R: Rows>(
    rows: &mut R,
    agent: &Id,
    counterparty: &Id,
) -> Result<Dealings, StateError<R::Error>> {
    let name = RowName::Dealings(agent.clone(), counterparty.clone());
    Ok(match rows.row(&name).map_err(StateError::Rows)? {
        Some(Row::Dealings(row)) => row,
        _ => Dealings::default(),
    })
}

/// SD-6: the latitude that a decision at `at` weighs of an agent.
///
/// # Errors
/// [`StateError::Rows`]; [`StateError::Broken`] `unknown-agent`.
pub fn weighed_agent<R: Rows>(
    rows: &mut R,
    id: &Id,
    at: UnixMillis,
) -> Result<Latitude, StateError<R::Error>> {
    let row = agent(rows, id)?;
    let standing = standing(rows, &Rated::Agent(id.clone()))?;
    Ok(standing.latitude(row.tier, row.latitude, at))
}

/// SD-7: the risk and the payments that a decision at `at` weighs of a counterparty.
///
/// # Errors
/// [`StateError::Rows`]; [`StateError::Broken`] `unknown-counterparty`.
pub fn weighed_counterparty<R: Rows>(
    rows: &mut R,
    id: &Id,
    at: UnixMillis,
) -> Result<WeighedCounterparty, StateError<R::Error>> {
    let row = counterparty(rows, id)?;
    let standing = standing(rows, &Rated::Counterparty(id.clone()))?;
    Ok(WeighedCounterparty {
        risk: standing.risk(row.risk, at),
        payments_before: standing.payments_before(row.payments_before),
    })
}

/// An event of the case moves standings: sets them, and what is to be said of it. From a part of a log they are not
/// known: there it may be said, whatever it is.
pub(super) fn moves<R: Rows>(
    rows: &mut R,
    row: &CaseRow,
    ending: &mut Ending,
    step: &CaseStep,
    change: impl FnOnce(&mut Ending, &mut Between),
) -> Result<(), StateError<R::Error>> {
    let both = [
        Rated::Agent(row.agent.clone()),
        Rated::Counterparty(ending.counterparty.clone()),
    ];
    let by = step.at.digest;
    if step.completeness == Completeness::Part {
        let due = both.map(|rated| Due { rated, says: None });
        let due = Vec::from(due);
        ending.moved = Some(Moved { by, due });
        return Ok(());
    }
    let [of_agent, of_counterparty] = &both;
    // SD-2: on the day of the event, before it and after it.
    let was = [standing(rows, of_agent)?, standing(rows, of_counterparty)?]
        .map(|standing| standing.on(step.decided_at));
    let [agent, counterparty] = was;
    let mut between = Between {
        agent,
        counterparty,
        dealings: dealings(rows, &row.agent, &ending.counterparty)?,
    };
    change(ending, &mut between);
    let is = [between.agent, between.counterparty];
    let mut due = Vec::new();
    for ((rated, was), is) in both.into_iter().zip(was).zip(is) {
        let says = stated(rows, &rated, &is, step.decided_at)?;
        // SD-8: nobody whom nothing moved.
        if says != stated(rows, &rated, &was, step.decided_at)? {
            let says = Some(says);
            due.push(Due {
                rated: rated.clone(),
                says,
            });
        }
        rows.set(RowName::Standing(rated), Row::Standing(is));
    }
    let name = RowName::Dealings(row.agent.clone(), ending.counterparty.clone());
    rows.set(name, Row::Dealings(between.dealings));
    ending.moved = (!due.is_empty()).then_some(Moved { by, due });
    Ok(())
}

fn stated<R: Rows>(
    rows: &mut R,
    rated: &Rated,
    standing: &Standing,
    at: UnixMillis,
) -> Result<Stated, StateError<R::Error>> {
    let latitude = match rated {
        Rated::Agent(id) => {
            let row = agent(rows, id)?;
            Some(standing.latitude(row.tier, row.latitude, at))
        }
        Rated::Counterparty(_) => None,
    };
    Ok(Stated {
        scores: standing.scores(),
        latitude,
        probation_until: standing.probation_until,
    })
}

/// SD-8: what is said is what the fold gives, of whom it is to be said, next.
pub(super) fn changed<R: Rows>(
    rows: &mut R,
    step: &CaseStep,
    body: &StandingChanged,
) -> Result<(), StateError<R::Error>> {
    let mut row = case(rows, step.place.case)?;
    row.state = follow(Some(row.state), Step::StandingChanged)?;
    link(&mut row, step)?;
    let moved = row.ending.as_mut().and_then(|ending| ending.moved.take());
    let Some(mut moved) = moved.filter(|moved| moved.by == body.moved_by) else {
        return broken(
            "standing-unmoved",
            format!(
                "event {} moved no standing of this case, or all of it is said",
                body.moved_by
            ),
        );
    };
    let at = moved.due.iter().position(|due| due.rated == body.rated);
    let said: Vec<Due> = match at.and_then(|at| at.checked_add(1)) {
        Some(count) => moved.due.drain(..count).collect(),
        None => Vec::new(),
    };
    let Some((due, before)) = said.split_last() else {
        return broken(
            "standing-unmoved",
            format!("the standing of {} did not move, or is said", body.rated),
        );
    };
    if before.iter().any(|due| due.says.is_some()) {
        return broken(
            "standing-due",
            "the agent's standing is said first, then the counterparty's",
        );
    }
    if due.says.is_some_and(|says| says != body.standing) {
        return broken(
            "standing-mismatch",
            format!(
                "the standing of {} is another than the log gives: compute it again",
                body.rated
            ),
        );
    }
    if let Some(ending) = row.ending.as_mut() {
        ending.moved = (!moved.due.is_empty()).then_some(moved);
    }
    rows.set(RowName::Case(step.place.case), Row::Case(row));
    Ok(())
}
