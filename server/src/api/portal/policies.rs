//! Policies: what was published, what a draft or a bundle would change, and the way to its signature (RP-9).

use std::sync::Arc;

use agentsigna_verifier::{digest::Digest, id::Id, people::Role, rules::RuleText};
use axum::{
    Extension, Router,
    extract::{Path, Request, State},
    http::Uri,
    response::Response,
    routing::{get, post},
};
use serde_json::json;

use super::{
    Door, Shared, Signed, around, body, entrance, notice,
    pages::{
        frame::{Frame, Problem},
        parts::{Block, Chip, Hash, Plain, Sentence, Tone, When},
        policy::{
            Activate, ActivateStep, BundleRow, Changes, Compared, Draft, MovedCase, Policies,
            PolicyPage, RuleChange,
        },
    },
    routes::{On, Route, Who, page},
};
use crate::domain::{Activation, BundleListed, BundleSeen, Kind, Refusal, Rehearsed, Visitor};

/// Who may ask.
pub(super) const ROUTES: &[Route] = &[
    page(On::Portal, "GET", "/policies", Who::Person),
    page(
        On::Portal,
        "POST",
        "/policies/check",
        Who::Roles(&[Role::Administrator]),
    ),
    page(On::Portal, "GET", "/policies/{bundle}", Who::Person),
];

/// The same routes with what answers.
pub(super) fn router() -> Router<Arc<Door>> {
    Router::new()
        .route("/policies", get(list))
        .route("/policies/check", post(check))
        .route("/policies/{bundle}", get(bundle))
}

async fn list(State(door): Shared, Extension(visitor): Signed, uri: Uri) -> Response {
    around::drawn(listed(&door, visitor, &uri).await)
}

/// The list; with a form for a draft, which begins as the active text, for who may publish.
async fn listed(door: &Door, visitor: Arc<Visitor>, uri: &Uri) -> Result<Policies, Refusal> {
    let frame = around::frame(door, &visitor, notice::done(door, &visitor, uri)?)?;
    let drafts = visitor.may_sign() && visitor.has_one_of(&[Role::Administrator]);
    let (bundles, text) = door.office.bundles(visitor).await?;
    let draft = Draft {
        text: text.unwrap_or_default(),
        problems: Vec::new(),
        checked: None,
    };
    Ok(policies(frame, bundles, drafts.then_some(draft)))
}

fn policies(frame: Frame, bundles: Vec<BundleListed>, draft: Option<Draft>) -> Policies {
    let rows = bundles.into_iter().map(|listed| BundleRow {
        bundle: Hash::of(&listed.bundle),
        address: format!("/policies/{}", listed.bundle),
        published_at: When(listed.published_at),
        published_by: names(&listed.published_by),
        rules: listed.policies,
        status: status(listed.active),
    });
    Policies {
        frame,
        bundles: rows.collect(),
        draft,
    }
}

async fn check(State(door): Shared, Extension(visitor): Signed, request: Request) -> Response {
    let text = match body::policy_text(request).await {
        Ok(text) => text,
        Err(refusal) => return entrance::problem(refusal),
    };
    if !visitor.may_sign() {
        return entrance::problem(Refusal::new(
            Kind::Forbidden,
            "needs-passkey",
            "signed in with a password: sign in with a passkey to draft",
        ));
    }
    around::drawn(checked(&door, visitor, text).await)
}

/// What the compiler says of the draft, at its field; or what it would change, and its publication.
async fn checked(door: &Door, visitor: Arc<Visitor>, text: String) -> Result<Policies, Refusal> {
    let frame = around::frame(door, &visitor, None)?;
    let (bundles, _) = door.office.bundles(Arc::clone(&visitor)).await?;
    let (problems, checked) = match door.office.rehearse(visitor, text.clone()).await {
        Ok(rehearsed) => (Vec::new(), Some(changes(&rehearsed))),
        Err(refusal) if refusal.code == "policy-refused" => {
            let problem = Problem {
                field: "policy",
                text: Sentence::new(&refusal.detail),
            };
            (vec![problem], None)
        }
        Err(refusal) => return Err(refusal),
    };
    let draft = Draft {
        text,
        problems,
        checked,
    };
    Ok(policies(frame, bundles, Some(draft)))
}

async fn bundle(
    State(door): Shared,
    Extension(visitor): Signed,
    Path(bundle): Path<String>,
    uri: Uri,
) -> Response {
    around::drawn(shown(&door, visitor, &bundle, &uri).await)
}

async fn shown(
    door: &Door,
    visitor: Arc<Visitor>,
    bundle: &str,
    uri: &Uri,
) -> Result<PolicyPage, Refusal> {
    let digest = Digest::from_hex(bundle).ok_or_else(Refusal::not_found)?;
    let seen = door.office.bundle(Arc::clone(&visitor), digest).await?;
    let activate = match &seen.rehearsed {
        Some(_) => door.office.activation(&visitor, digest)?,
        None => None,
    };
    let frame = around::frame(door, &visitor, notice::done(door, &visitor, uri)?)?;
    let activate = activate.map(|activation| form(visitor.origin(), digest, activation));
    Ok(policy(frame, seen, activate))
}

fn policy(frame: Frame, seen: BundleSeen, activate: Option<Activate>) -> PolicyPage {
    let (published_at, publishers) = seen.published;
    PolicyPage {
        frame,
        bundle: Hash::of(&seen.bundle),
        status: status(seen.activated.is_some()),
        published: (When(published_at), names(&publishers)),
        activated: seen.activated.map(|(at, by)| (When(at), names(&by))),
        source: Block(seen.text),
        changes: seen.rehearsed.map(|rehearsed| changes(&rehearsed)),
        activate,
    }
}

/// Whoever signs second signs the same bytes.
fn form(origin: &str, bundle: Digest, activation: Activation) -> Activate {
    let body = || json!({ "origin": origin, "bundle": bundle.to_hex() }).to_string();
    let (body, step) = match activation {
        Activation::Alone => (body(), ActivateStep::Alone),
        Activation::Proposes => (body(), ActivateStep::Proposes),
        Activation::Waits(until) => (body(), ActivateStep::Waits(When(until))),
        Activation::Seconds(by, until, body) => (
            String::from_utf8_lossy(&body).into_owned(),
            ActivateStep::Seconds(by.to_string(), When(until)),
        ),
    };
    Activate { body, step }
}

fn changes(rehearsed: &Rehearsed) -> Changes {
    let block = |text: Option<&RuleText>| text.map(|text| Block(text.source.clone()));
    let difference = &rehearsed.difference;
    let rules = difference.changes().iter().map(|change| {
        let title = change.after().or(change.before());
        RuleChange {
            id: change.id().to_owned(),
            title: Plain::new(title.map_or("", |text| &text.title)),
            before: block(change.before()),
            after: block(change.after()),
        }
    });
    let compared = rehearsed.since.map(|since| Compared {
        cases: rehearsed.cases,
        since: When(since),
        counts: rehearsed.counts,
        otherwise: rehearsed.otherwise,
        moved: rehearsed
            .moved
            .iter()
            .map(|moved| MovedCase {
                case: moved.case.to_string(),
                before: Chip::named(moved.before.name()),
                after: Chip::named(moved.after.name()),
                rules: moved.rules.clone(),
            })
            .collect(),
    });
    Changes {
        active: rehearsed.active.as_ref().map(Hash::of),
        is_active: rehearsed.active == Some(rehearsed.candidate),
        rules: rules.collect(),
        same: difference.same(),
        warnings: rehearsed.warnings.iter().map(Sentence::new).collect(),
        compared,
    }
}

fn status(active: bool) -> Chip {
    if active {
        Chip::named("active")
    } else {
        Chip::new(Tone::Quiet, "published")
    }
}

fn names(people: &[Id]) -> String {
    if people.is_empty() {
        return "the founder's file key".to_owned();
    }
    let names: Vec<&str> = people.iter().map(Id::as_str).collect();
    names.join(" and ")
}
