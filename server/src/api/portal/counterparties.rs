//! With whom: counterparties, and the forms of acts on them.

use std::sync::Arc;

use agentsigna_verifier::{
    id::Id,
    state::{CounterpartyRow, Deed},
};
use axum::{
    Extension, Router,
    extract::{Path, State},
    http::Uri,
    response::Response,
    routing::get,
};

use super::{
    Door, Shared, Signed,
    around::{drawn, frame, last_cases},
    notice::done,
    pages::{
        directory::{
            Counterparties, CounterpartyForm, CounterpartyPage, CounterpartyRow as CounterpartyLine,
        },
        frame::{Facts, Problem},
        parts::{Chip, Sentence, Shown, Theirs, When},
    },
    routes::{On, Route, Who, page},
    standings,
};
use crate::domain::{Refusal, Visitor};

/// Counterparties on one page.
const PAGE: usize = 100;

/// Who may ask.
pub(super) const ROUTES: &[Route] = &[
    page(On::Portal, "GET", "/counterparties", Who::Person),
    page(
        On::Portal,
        "GET",
        "/counterparties/{counterparty}",
        Who::Person,
    ),
];

/// The same routes with what answers.
pub(super) fn router() -> Router<Arc<Door>> {
    Router::new()
        .route("/counterparties", get(list_counterparties))
        .route("/counterparties/{counterparty}", get(one_counterparty))
}

async fn list_counterparties(
    State(door): Shared,
    Extension(visitor): Signed,
    uri: Uri,
) -> Response {
    let done = done(&door, &visitor, &uri);
    let pairs = uri.query().unwrap_or_default().split('&');
    let after = pairs
        .filter_map(|pair| Id::parse(pair.strip_prefix("after=")?).ok())
        .next();
    drawn(done.and_then(|done| counterparties(&door, &visitor, done, after.as_ref(), None)))
}

async fn one_counterparty(
    State(door): Shared,
    Extension(visitor): Signed,
    Path(id): Path<String>,
    uri: Uri,
) -> Response {
    let done = done(&door, &visitor, &uri);
    drawn(done.and_then(|done| counterparty(&door, &visitor, done, &id, Vec::new())))
}

/// Counterparties whose ids come after `after`; `typed` is an enrolment that could not be taken.
pub(super) fn counterparties(
    door: &Door,
    visitor: &Visitor,
    done: Option<Sentence>,
    after: Option<&Id>,
    typed: Option<CounterpartyForm>,
) -> Result<Counterparties, Refusal> {
    let mut rows = door.office.counterparties(visitor)?;
    rows.retain(|(id, _)| after.is_none_or(|after| id > after));
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let last = rows.last().filter(|_| more);
    let next = last.map(|(id, _)| format!("/counterparties?after={id}"));
    let enrol = door.office.may(visitor, &Deed::Counterparty)?.then(|| {
        typed.unwrap_or_else(|| CounterpartyForm {
            payments_before: "0".to_owned(),
            ..CounterpartyForm::default()
        })
    });
    Ok(Counterparties {
        frame: frame(door, visitor, done)?,
        counterparties: rows
            .into_iter()
            .map(|(counterparty, row)| CounterpartyLine {
                counterparty,
                name: Theirs::new(row.name),
                status: Chip::named(row.status.name()),
                risk: Chip::named(row.risk.name()),
                payments_before: row.payments_before,
                details_changed_at: row.payment_details_changed_at.map(When),
            })
            .collect(),
        enrol,
        next,
    })
}

/// One counterparty, with what is wrong with a change of it.
pub(super) fn counterparty(
    door: &Door,
    visitor: &Visitor,
    done: Option<Sentence>,
    id: &str,
    problems: Vec<Problem>,
) -> Result<CounterpartyPage, Refusal> {
    let (id, row) = door.office.counterparty(visitor, id)?;
    Ok(CounterpartyPage {
        frame: frame(door, visitor, done)?,
        facts: counterparty_facts(&row),
        standing: standings::counterparty(door, visitor, &id, &row)?,
        status: row.status.name(),
        risk: row.risk.name(),
        name: Theirs::new(row.name),
        may_change: door.office.may(visitor, &Deed::Counterparty)?,
        problems,
        cases: last_cases(door, visitor, |case| {
            *case.asked.action.counterparty() == id
        })?,
        id,
    })
}

fn counterparty_facts(row: &CounterpartyRow) -> Facts {
    let changed = match row.payment_details_changed_at {
        Some(at) => Shown::When(When(at)),
        None => Shown::text("never"),
    };
    vec![
        ("Risk", Shown::Chip(Chip::named(row.risk.name()))),
        ("Payments before", Shown::text(row.payments_before)),
        ("First seen", Shown::When(When(row.first_seen_at))),
        ("Payment details changed", changed),
    ]
}
