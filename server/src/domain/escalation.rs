//! Step three: what policy does not settle waits for people, and ends when nobody agrees in time.

use agentsigna_verifier::{
    act::ActionRequest,
    case::CaseState,
    entry::CaseId,
    event::{ActionRequested, Body, CaseExpired, DecisionMade, ReviewOpened},
    review::Sheet,
    rules::{self, BigStack, CompiledBundle},
    state::{CaseRow, ReviewRow, Row, RowName, Rows, SheetFacts},
    time::UnixMillis,
};

use super::{Chain, Refusal, row, signing::not_allowed};
use crate::ledger::{Change, Preview, Reading, RowError};

/// What people are asked about: a decision, the time of the request, and what the agent said beside it.
pub(super) struct Asked<'a> {
    pub(super) made: &'a DecisionMade,
    pub(super) at: UnixMillis,
    pub(super) statement: Option<&'a str>,
}

/// A review that the chain has opened.
pub(super) struct Opened {
    pub(super) deadline: UnixMillis,
    /// The bytes of its sheet; none in a log without people.
    pub(super) sheet: Option<Vec<u8>>,
}

/// What the agent said for people, in the body that it signed.
pub(super) fn statement(requested: &ActionRequested) -> Result<Option<String>, Refusal> {
    let body = requested.signed.body().unwrap_or_default();
    Ok(ActionRequest::parse(body)?.statement)
}

/// Opens the review that the last decision of `chain` asks for. `preview` has seen all of the chain.
pub(super) fn open(
    stack: &BigStack,
    compiled: Option<&CompiledBundle>,
    preview: &mut Preview<'_>,
    chain: &mut Chain,
    asked: &Asked<'_>,
) -> Result<Opened, Refusal> {
    let review = review(preview, chain.case)?
        .ok_or_else(|| Refusal::broken(&"an escalation that asks nobody"))?;
    // AV-14: frozen for the round, where there are people.
    let sheet = match compiled {
        Some(compiled) if has_people(preview)? => {
            Some(draw(stack, compiled, preview, chain.case, asked)?)
        }
        _ => None,
    };
    chain.push(Body::ReviewOpened(ReviewOpened {
        round: review.round.get().into(),
        deadline: review.deadline,
        sheet: sheet.as_ref().map(Sheet::digest),
    }))?;
    Ok(Opened {
        deadline: review.deadline,
        sheet: sheet.map(|sheet| sheet.encode()),
    })
}

fn draw(
    stack: &BigStack,
    compiled: &CompiledBundle,
    preview: &mut Preview<'_>,
    case: CaseId,
    asked: &Asked<'_>,
) -> Result<Sheet, Refusal> {
    let facts = SheetFacts::of(preview, case, asked.made).map_err(not_allowed)?;
    let input = facts.input(asked.made, asked.at, asked.statement);
    rules::sheet(stack, compiled, &input).map_err(|error| Refusal::broken(&error))
}

fn has_people(rows: &mut impl Rows<Error = RowError>) -> Result<bool, Refusal> {
    Ok(matches!(
        row(rows, &RowName::Log)?,
        Some(Row::Log(genesis)) if genesis.sites.is_some()
    ))
}

/// The review of a case, open or past.
pub(super) fn review(
    rows: &mut impl Rows<Error = RowError>,
    case: CaseId,
) -> Result<Option<ReviewRow>, Refusal> {
    Ok(match row(rows, &RowName::Review(case))? {
        Some(Row::Review(review)) => Some(review),
        _ => None,
    })
}

/// Ends the review of `case` if its deadline has passed; `None` if there is nothing to end.
pub(super) fn expire(
    reading: &mut Reading,
    case: CaseId,
    now: UnixMillis,
) -> Result<Option<Change>, Refusal> {
    let Some(Row::Case(CaseRow {
        state: CaseState::InReview,
        events,
        ..
    })) = row(reading, &RowName::Case(case))?
    else {
        return Ok(None);
    };
    let Some(review) = review(reading, case)?.filter(|review| now >= review.deadline) else {
        return Ok(None);
    };
    let digests = events.iter().map(|event| event.digest).collect();
    let mut chain = Chain::after(case, now, digests);
    chain.push(Body::CaseExpired(CaseExpired {
        round: review.round.get().into(),
        deadline: review.deadline,
    }))?;
    Ok(Some(Change {
        events: chain.events,
        ..Change::default()
    }))
}
