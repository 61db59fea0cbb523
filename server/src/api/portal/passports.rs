//! Passports: what they say, who approved, and the bytes that agents get.

use std::sync::Arc;

use agentsigna_verifier::{action::Parameter, entry::CaseId, passport::Path as Way};
use axum::{
    Extension, Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderValue, Uri, header},
    response::Response,
    routing::get,
};

use super::{
    Door, Outcome, Shared, Signed, around,
    pages::{
        frame::Facts,
        ledger::{PassportPage, PassportRow, Passports},
        parts::{Chip, Hash, Money, Plain, Shown, Theirs, When},
    },
    paging,
    routes::{On, Route, Who, data, page},
    typed,
};
use crate::{
    api::agent::COSE,
    domain::{PassportSeen, Refusal, Visitor},
};

/// Passports on one page.
const ROWS_MAX: usize = 50;

/// Who may ask.
pub(super) const ROUTES: &[Route] = &[
    page(On::Portal, "GET", "/passports", Who::Person),
    page(On::Portal, "GET", "/passports/{case}", Who::Person),
    data(On::Portal, "GET", "/passports/{case}/file", Who::Person),
];

/// The same routes with what answers.
pub(super) fn router() -> Router<Arc<Door>> {
    Router::new()
        .route("/passports", get(passports))
        .route("/passports/{case}", get(passport))
        .route("/passports/{case}/file", get(file))
}

async fn passports(State(door): Shared, Extension(visitor): Signed, uri: Uri) -> Response {
    around::drawn(listed(&door, &visitor, &uri))
}

fn listed(door: &Door, visitor: &Visitor, uri: &Uri) -> Result<Passports, Refusal> {
    let before = paging::before(uri)?;
    let part = door.office.passports(visitor, before, ROWS_MAX)?;
    Ok(Passports {
        frame: around::frame(door, visitor, None)?,
        passports: part.items.iter().map(row).collect(),
        next: paging::next("/passports", part.before),
    })
}

fn row(seen: &PassportSeen) -> PassportRow {
    let claims = &seen.claims;
    PassportRow {
        case: claims.case,
        agent: claims.agent.clone(),
        target: claims.audience.system().clone(),
        kind: claims.action.kind().name(),
        amount: amount(seen),
        path: way(seen),
        issued_at: When(seen.issued_at()),
        expires_at: When(seen.expires_at()),
        status: status(seen),
    }
}

async fn passport(
    State(door): Shared,
    Extension(visitor): Signed,
    Path(case): Path<String>,
) -> Response {
    around::drawn(one(&door, &visitor, &case))
}

fn one(door: &Door, visitor: &Visitor, case: &str) -> Result<PassportPage, Refusal> {
    let case = CaseId::from_hex(case).ok_or_else(Refusal::not_found)?;
    let (seen, agreed) = door.office.passport_seen(visitor, case)?;
    let agreed = agreed.into_iter().map(|one| {
        let reason = Plain::new(one.reason);
        (one.person, one.delegator, reason, When(one.at))
    });
    Ok(PassportPage {
        frame: around::frame(door, visitor, None)?,
        case,
        status: status(&seen),
        claims: claims(&seen),
        people: agreed.collect(),
        download: format!("/passports/{case}/file"),
    })
}

/// The claims, in words (`spec/passport.md`).
fn claims(seen: &PassportSeen) -> Facts {
    let claims = &seen.claims;
    let action = &claims.action;
    let link = |place: &str, id: &dyn ToString| {
        let id = id.to_string();
        Shown::Link(format!("/{place}/{id}"), id)
    };
    let mut facts = vec![
        ("Agent", link("agents", &claims.agent)),
        ("Target system", link("systems", claims.audience.system())),
        ("Action", Shown::text(action.kind().name())),
        ("Amount", Shown::Money(amount(seen))),
        (
            "Counterparty",
            link("counterparties", action.counterparty()),
        ),
        ("Reference", Shown::Theirs(Theirs::new(action.reference()))),
    ];
    for (name, value) in action.parameters() {
        let value = match value {
            Parameter::Integer(number) => number.to_string(),
            Parameter::Text(text) => text.clone(),
        };
        let said = format!("{}: {value}", name.as_str());
        facts.push(("Parameter", Shown::Theirs(Theirs::new(said))));
    }
    facts.extend([
        ("How", Shown::text(way(seen))),
        ("Rules", Shown::text(claims.rules.join(", "))),
        ("Issued", Shown::When(When(seen.issued_at()))),
        ("Ends", Shown::When(When(seen.expires_at()))),
        ("Entry", link("ledger", &seen.index)),
        (
            "Action digest",
            Shown::Hash(Hash::of(&claims.action_digest)),
        ),
        ("Bundle", Shown::Hash(Hash::of(&claims.bundle))),
        ("Snapshot", Shown::Hash(Hash::of(&claims.snapshot))),
        (
            "Key of the agent",
            Shown::Hash(Hash::new(claims.key.jwk_thumbprint().to_base64url())),
        ),
        ("Issuer", Shown::text(&claims.issuer)),
        ("Engine", Shown::text(&claims.engine)),
    ]);
    facts
}

async fn file(
    State(door): Shared,
    Extension(visitor): Signed,
    Path(case): Path<String>,
) -> Outcome {
    let case = CaseId::from_hex(&case).ok_or_else(Refusal::not_found)?;
    let mut response = typed(COSE, Body::from(door.office.passport_file(&visitor, case)?));
    let name = format!("attachment; filename=\"{case}.passport\"");
    // Hex digits stand in every header.
    if let Ok(name) = HeaderValue::from_str(&name) {
        response
            .headers_mut()
            .insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

const fn amount(seen: &PassportSeen) -> Money {
    let action = &seen.claims.action;
    Money {
        minor: action.amount_minor(),
        exponent: seen.exponent,
        currency: action.currency(),
    }
}

const fn way(seen: &PassportSeen) -> &'static str {
    match seen.claims.path {
        Way::Authorized => "authorized by policy",
        Way::Approved(_) => "approved by people",
    }
}

fn status(seen: &PassportSeen) -> Chip {
    Chip::named(if seen.is_valid() { "valid" } else { "expired" })
}
