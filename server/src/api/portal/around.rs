//! What stands around the pages of a person who signed in, and what they have in common.

use agentsigna_verifier::{
    action::{Currency, Exponent},
    id::Id,
    verify::Outcome,
};
use axum::response::Response;

use super::{
    Door, entrance, html,
    pages::{
        self, Template,
        case::Report,
        frame::{Frame, Me},
        parts::{Block, Chip, Money, Plain, Sentence, Theirs, When},
        queue::CaseRow,
    },
};
use crate::domain::{CaseSeen, Refusal, Verified, Visitor};

/// Cases at the end of the page of an agent, a target system or a counterparty.
const LAST_CASES: usize = 10;

/// The frame of a page for `visitor`; `done` is what their last act came to.
pub(super) fn frame(
    door: &Door,
    visitor: &Visitor,
    done: Option<Sentence>,
) -> Result<Frame, Refusal> {
    let row = visitor.row();
    Ok(Frame {
        log: visitor.origin().to_owned(),
        me: Me {
            user: visitor.user().to_string(),
            name: Plain::new(row.name.as_str()),
            roles: row.roles.as_slice().to_vec(),
            signs: visitor.may_sign(),
        },
        waiting: door.office.waiting(visitor)?,
        done,
    })
}

/// What the command line prints, without colours (TA-31).
pub(super) fn report(verified: &Verified) -> Report {
    let Verified {
        report,
        question,
        size,
    } = verified;
    let lines = report.words(question, &|_, word| word.to_owned());
    Report {
        verdict: Chip::named(match report.outcome() {
            Outcome::Valid => "valid",
            Outcome::Refused(_) => "refused",
            Outcome::Incomplete(_) => "incomplete",
        }),
        text: Block(lines.join("\n")),
        size: *size,
    }
}

/// A page, or what went wrong as a page.
pub(super) fn drawn<P: Template>(page: Result<P, Refusal>) -> Response {
    let text = page.and_then(|page| pages::html(&page).map_err(|error| Refusal::broken(&error)));
    text.map_or_else(entrance::problem, html)
}

/// An amount of the visitor's log.
pub(super) fn money((currency, exponent): (Currency, Exponent), minor: u64) -> Money {
    Money {
        minor,
        exponent,
        currency,
    }
}

/// The last cases that `wanted` takes.
pub(super) fn last_cases(
    door: &Door,
    visitor: &Visitor,
    wanted: impl Fn(&CaseSeen) -> bool,
) -> Result<Vec<CaseRow>, Refusal> {
    let part = door.office.cases(visitor, None, LAST_CASES, wanted)?;
    Ok(part
        .items
        .into_iter()
        .map(|seen| case_row(visitor, seen))
        .collect())
}

/// One case in a list.
pub(super) fn case_row(visitor: &Visitor, seen: CaseSeen) -> CaseRow {
    let action = &seen.asked.action;
    CaseRow {
        case: seen.case,
        asked_at: When(seen.asked_at),
        reference: Theirs::new(action.reference()),
        kind: action.kind().name(),
        amount: money(visitor.currency(), action.amount_minor()),
        counterparty: action.counterparty().clone(),
        state: Chip::case(seen.row.state),
        agent: seen.asked.agent,
    }
}

/// Ids with commas, as a form has them.
pub(super) fn listed(ids: &[Id]) -> String {
    let ids: Vec<_> = ids.iter().map(Id::as_str).collect();
    ids.join(",")
}
