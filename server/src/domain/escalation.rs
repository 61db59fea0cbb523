//! Step three: what policy does not settle waits for people, and ends when nobody agrees in time.

use agentsigna_verifier::{
    decision::Decision,
    entry::CaseId,
    event::{Body, CaseExpired, ReviewOpened},
    state::{CaseRow, Row, RowName},
    time::UnixMillis,
};

use super::{Chain, Refusal, row};
use crate::ledger::{Change, Reading};

/// The deadline of the review that `decision` asks for, made at `at`.
pub(super) fn deadline(decision: &Decision, at: UnixMillis) -> Option<UnixMillis> {
    decision.review_ms().map(|ms| at.plus(ms))
}

/// Opens the first review of the case that `chain` has just decided.
pub(super) fn open(chain: &mut Chain, deadline: UnixMillis) -> Result<(), Refusal> {
    chain.push(Body::ReviewOpened(ReviewOpened {
        round: 1,
        deadline,
        sheet: None,
    }))
}

/// Ends the review of `case` if its deadline has passed; `None` if there is nothing to end.
pub(super) fn expire(
    reading: &mut Reading,
    case: CaseId,
    now: UnixMillis,
) -> Result<Option<Change>, Refusal> {
    let Some(Row::Case(CaseRow {
        state: agentsigna_verifier::case::CaseState::InReview,
        deadline: Some(deadline),
        events,
        ..
    })) = row(reading, &RowName::Case(case))?
    else {
        return Ok(None);
    };
    let (Some(last), true) = (events.last(), now >= deadline) else {
        return Ok(None);
    };
    let Some(Row::Review(review)) = row(reading, &RowName::Review(case))? else {
        return Ok(None);
    };
    let round = review.round.get().into();
    let index = u64::try_from(events.len()).unwrap_or(u64::MAX);
    let mut chain = Chain::after(case, now, index, last.digest);
    chain.push(Body::CaseExpired(CaseExpired { round, deadline }))?;
    Ok(Some(Change {
        events: chain.events,
        ..Change::default()
    }))
}
