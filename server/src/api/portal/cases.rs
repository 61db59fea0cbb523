//! Cases: the list, what a search finds, one case with all its events, its file, and the verifier's report on it.

use std::sync::Arc;

use agentsigna_verifier::review::sheet::Comparison;
use axum::{
    Extension, Router,
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderValue, header},
    response::Response,
    routing::{get, post},
};

use super::{
    Door, Shared, Signed,
    around::{case_row, drawn, frame, money, report},
    entrance, notice, outcomes,
    pages::{
        case::{CasePage, RuleRow},
        parts::{Chip, Late, Left, Plain, Sentence, Shown, Theirs},
        queue::{Cases, Found},
    },
    query::{Query, escaped},
    routes::{On, Route, Who, page},
    told, typed,
};
use crate::domain::{Hit, Refusal, Searched, Visitor};

/// Who may ask.
pub(super) const ROUTES: &[Route] = &[
    page(On::Portal, "GET", "/cases", Who::Person),
    page(On::Portal, "GET", "/cases/{case}", Who::Person),
    page(On::Portal, "GET", "/cases/{case}/file", Who::Person),
    page(On::Portal, "POST", "/cases/{case}/verify", Who::Person),
];

/// The same routes with what answers.
pub(super) fn router() -> Router<Arc<Door>> {
    Router::new()
        .route("/cases", get(list))
        .route("/cases/{case}", get(case))
        .route("/cases/{case}/file", get(file))
        .route("/cases/{case}/verify", post(verify))
}

/// Cases on one page.
const ROWS_MAX: usize = 50;

async fn list(State(door): Shared, Extension(visitor): Signed, request: Request) -> Response {
    let query = match Query::of(&request) {
        Ok(query) => query,
        Err(refusal) => return entrance::problem(refusal),
    };
    // A search reads thousands of entries, and nobody else should wait for that.
    let page = tokio::task::spawn_blocking(move || listed(&door, &visitor, &query)).await;
    drawn(page.unwrap_or_else(|error| Err(Refusal::broken(&error))))
}

fn listed(door: &Door, visitor: &Visitor, query: &Query) -> Result<Cases, Refusal> {
    let before = query.number("before")?;
    let text = query.text("q");
    let row = |seen| case_row(visitor, seen);
    let page = Cases {
        frame: frame(door, visitor, None)?,
        query: Plain::new(text),
        others: Vec::new(),
        cases: Vec::new(),
        looked: None,
        next: None,
    };
    if text.is_empty() {
        let part = door.office.cases(visitor, before, ROWS_MAX, |_| true)?;
        return Ok(Cases {
            cases: part.items.into_iter().map(row).collect(),
            next: part.before.map(|before| format!("/cases?before={before}")),
            ..page
        });
    }
    let Searched {
        cases,
        others,
        looked_at,
        before,
    } = door.office.search(visitor, text, before)?;
    Ok(Cases {
        others: others.into_iter().map(found).collect(),
        cases: cases.into_iter().map(row).collect(),
        looked: looked_at,
        next: before.map(|before| format!("/cases?q={}&before={before}", escaped(text))),
        ..page
    })
}

fn found(hit: Hit) -> Found {
    let link = |place: &str, id: &dyn std::fmt::Display| {
        Shown::Link(format!("/{place}/{id}"), id.to_string())
    };
    match hit {
        Hit::Agent(id) => Found {
            kind: "Agent",
            what: link("agents", &id),
            about: Shown::text("asks for authority"),
        },
        Hit::System(id) => Found {
            kind: "Target system",
            what: link("systems", &id),
            about: Shown::text("takes Passports"),
        },
        Hit::Counterparty(id, name) => Found {
            kind: "Counterparty",
            what: link("counterparties", &id),
            about: Shown::Theirs(Theirs::new(name)),
        },
        Hit::Person(id, name) => Found {
            kind: "Person",
            what: link("people", &id),
            about: Shown::text(name),
        },
        Hit::Bundle(digest, active) => Found {
            kind: "Policy",
            what: link("policies", &digest.to_hex()),
            about: Shown::text(if active {
                "decides now"
            } else {
                "does not decide now"
            }),
        },
        Hit::Entry(index, kind, case, what) => Found {
            kind: "Entry",
            what: match case {
                Some(case) => {
                    Shown::Link(format!("/cases/{case}"), format!("{kind}, entry {index}"))
                }
                None => Shown::Link(
                    format!("/ledger?before={}", index.saturating_add(1)),
                    format!("{kind}, entry {index}"),
                ),
            },
            about: Shown::text(format!("the digest of {what}")),
        },
    }
}

async fn case(
    State(door): Shared,
    Extension(visitor): Signed,
    Path(case): Path<String>,
    request: Request,
) -> Response {
    let from = Query::of(&request).and_then(|query| query.number("from"));
    let done = notice::done(&door, &visitor, request.uri());
    drawn(match (from, done) {
        (Ok(from), Ok(done)) => {
            told_of(&door, &visitor, &case, from.unwrap_or_default(), done).await
        }
        (Err(refusal), _) | (_, Err(refusal)) => Err(refusal),
    })
}

/// The page of a case, with its events from number `from` on.
async fn told_of(
    door: &Door,
    visitor: &Visitor,
    case: &str,
    from: u64,
    done: Option<Sentence>,
) -> Result<CasePage, Refusal> {
    let told = door.office.case_told(visitor, case, from).await?;
    let seen = &told.seen;
    let action = &seen.asked.action;
    let of = |minor| money(visitor.currency(), minor);
    let rules = told.rules.into_iter().map(|rule| {
        let title = rule.title.unwrap_or_else(|| {
            "What it says cannot be read here any more: its policy is of another release".to_owned()
        });
        let values = rule.values.iter().map(compared);
        RuleRow {
            values: values.collect(),
            id: rule.id,
            title: Plain(title),
            reason: Plain(rule.reason.unwrap_or_default()),
            held: rule.held,
        }
    });
    Ok(CasePage {
        frame: frame(door, visitor, done)?,
        case: seen.case,
        state: Chip::case(seen.row.state),
        kind: action.kind().name(),
        amount: of(action.amount_minor()),
        facts: told::facts(seen),
        statement: told.statement.map(Theirs::new),
        rules: rules.collect(),
        equal: told.equal,
        left: told.open_until.map(|(at, now)| Left { at, now }),
        may_review: told.asks_me,
        ending: outcomes::ending(seen),
        late: seen
            .row
            .overdue_from()
            .filter(|since| *since <= told.now)
            .map(|since| Late {
                since,
                now: told.now,
            }),
        forms: outcomes::forms(&door.office.sayable(visitor, seen.case, &seen.row)?),
        events: told
            .events
            .into_iter()
            .map(|event| told::event(event, &of))
            .collect(),
        next: told.next.map(|next| format!("/cases/{case}?from={next}")),
        report: None,
    })
}

/// A clause as written, and with what stood there; a value that could not be had is a dash.
fn compared(value: &Comparison) -> (Plain, Plain) {
    let of = |left: &str, right: &str| {
        let shown = |text: &str| {
            if text.is_empty() {
                "–".to_owned()
            } else {
                text.to_owned()
            }
        };
        Plain::new(format!(
            "{} {} {}",
            shown(left),
            value.operator.as_str(),
            shown(right)
        ))
    };
    (
        of(&value.left, &value.right),
        of(&value.left_value, &value.right_value),
    )
}

/// The same verifier that strangers run, on the file that they are given.
async fn verify(
    State(door): Shared,
    Extension(visitor): Signed,
    Path(case): Path<String>,
) -> Response {
    drawn(verified(&door, &visitor, &case).await)
}

async fn verified(door: &Door, visitor: &Visitor, case: &str) -> Result<CasePage, Refusal> {
    let verified = door.office.verified(visitor, case).await?;
    Ok(CasePage {
        report: Some(report(&verified)),
        ..told_of(door, visitor, case, 0, None).await?
    })
}

async fn file(
    State(door): Shared,
    Extension(visitor): Signed,
    Path(case): Path<String>,
) -> Response {
    let (case, bytes) = match door.office.case_file(&visitor, &case) {
        Ok(found) => found,
        Err(refusal) => return entrance::problem(refusal),
    };
    let mut response = typed("application/cbor", Body::from(bytes));
    // The name of a case is hex, which stands in every header.
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{case}.case\"")) {
        response
            .headers_mut()
            .insert(header::CONTENT_DISPOSITION, value);
    }
    response
}
