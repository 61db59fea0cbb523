//! What became of permissions: cases past their time, and on the page of a case how it ended and what the person who
//! looks may say of it.

use std::sync::Arc;

use agentsigna_verifier::outcome::{DISPUTE_WINDOW_MS, Fault, Found, Outcome};
use axum::{Extension, Router, extract::State, response::Response, routing::get};

use super::{
    Door, Shared, Signed,
    around::{drawn, frame, money},
    pages::{
        case::EndForm,
        frame::Facts,
        open::{OpenPage, OpenRow},
        parts::{Chip, Late, Shown, When},
    },
    routes::{On, Route, Who, page},
};
use crate::domain::{CaseSeen, Refusal, Sayable, Visitor};

/// Who may ask.
pub(super) const ROUTES: &[Route] = &[page(On::Portal, "GET", "/open", Who::Person)];

/// The same routes with what answers.
pub(super) fn router() -> Router<Arc<Door>> {
    Router::new().route("/open", get(open))
}

async fn open(State(door): Shared, Extension(visitor): Signed) -> Response {
    drawn(overdue(&door, &visitor))
}

fn overdue(door: &Door, visitor: &Visitor) -> Result<OpenPage, Refusal> {
    let (cases, now) = door.office.overdue(visitor)?;
    let rows = cases.into_iter().map(|one| {
        let action = &one.asked.action;
        OpenRow {
            case: one.case,
            late: Late {
                since: one.since,
                now,
            },
            since: When(one.since),
            kind: action.kind().name(),
            amount: money(visitor.currency(), action.amount_minor()),
            counterparty: action.counterparty().clone(),
            agent: one.row.agent,
            target: one.row.target,
            state: Chip::case(one.row.state),
        }
    });
    Ok(OpenPage {
        frame: frame(door, visitor, None)?,
        cases: rows.collect(),
        at: When(now),
    })
}

/// What became of the permission of a case; nothing, before there is one.
pub(super) fn ending(seen: &CaseSeen) -> Facts {
    let Some(ending) = &seen.row.ending else {
        return Facts::new();
    };
    let mut facts = vec![
        ("State", Shown::Chip(Chip::case(seen.row.state))),
        ("Passport ends", Shown::When(When(ending.expires_at))),
        (
            "Exposure",
            Shown::text(if ending.settled {
                "settled: it counts no more"
            } else {
                "open: it counts against what the agent may do unattended"
            }),
        ),
    ];
    if let Some(at) = ending.disputed_at {
        facts.push(("Disputed", Shown::When(When(at))));
    }
    if let Some(said) = ending.said {
        let from = said.at.plus(DISPUTE_WINDOW_MS);
        facts.push(("Counts from, undisputed", Shown::When(When(from))));
    }
    if let Some(credit) = ending.credit {
        let stands = if credit.live { "stands" } else { "withdrawn" };
        let credit = format!(
            "{} in band {}, {stands}",
            credit.value,
            ending.band.number()
        );
        facts.push(("Credit", Shown::text(credit)));
    }
    if let Some(since) = seen.row.overdue_from() {
        facts.push(("Past its time from", Shown::When(When(since))));
    }
    facts
}

/// The forms for what may be said: fault is asked for where it is said, and nowhere else (OC-3).
pub(super) fn forms(sayable: &Sayable) -> Vec<EndForm> {
    let plain = |outcome: &&Outcome| outcome.takes(None);
    let (plain, with_fault): (Vec<_>, Vec<_>) = sayable.outcomes.iter().partition(plain);
    let (dismissed, upheld): (Vec<_>, Vec<_>) =
        sayable.found.iter().partition(|found| found.takes(None));
    let outcomes = |title, words: Vec<&Outcome>, faults| {
        let words = words.into_iter().map(|one| (one.as_str(), outcome(*one)));
        form(title, "/v1/outcomes", "outcome", words.collect(), faults)
    };
    let results = |title, words: Vec<&Found>, faults| {
        let words = words.into_iter().map(|one| (one.as_str(), found(*one)));
        let path = "/v1/disputes/resolve";
        form(title, path, "result", words.collect(), faults)
    };
    let whose = [Fault::Agent, Fault::Counterparty];
    let of_all = [Fault::Agent, Fault::Counterparty, Fault::Nobody];
    [
        outcomes("Say what became of it", plain, &[]),
        outcomes("Say that it was undone", with_fault, &of_all),
        results("Dismiss the dispute", dismissed, &[]),
        results("Uphold the dispute", upheld, &whose),
    ]
    .into_iter()
    .filter(|form| !form.words.is_empty())
    .collect()
}

fn form(
    title: &'static str,
    path: &'static str,
    member: &'static str,
    words: Vec<(&'static str, &'static str)>,
    faults: &[Fault],
) -> EndForm {
    EndForm {
        title,
        path,
        member,
        words,
        faults: faults
            .iter()
            .map(|one| (one.as_str(), fault(*one)))
            .collect(),
    }
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => {
            "completed: done as permitted; counts in seven days, if nobody disputes it"
        }
        Outcome::Reversed => "reversed: it was undone",
        Outcome::Rejected => "rejected: the target did not do it",
        Outcome::Disputed => "disputed: it was not done as permitted",
    }
}

const fn found(found: Found) -> &'static str {
    match found {
        Found::Dismissed => "dismissed: there is nothing to it",
        Found::Lost => "lost: the dispute is right",
        Found::Fraud => "fraud, or out of scope",
    }
}

const fn fault(fault: Fault) -> &'static str {
    match fault {
        Fault::Agent => "the agent",
        Fault::Counterparty => "the counterparty",
        Fault::Nobody => "nobody",
    }
}
