//! The queue, and the approval site: a ticket shows a sheet, an assertion judges it.

use std::sync::Arc;

use agentsigna_verifier::{id::Id, passkey::context::Choice, people::Role};
use axum::{
    Extension, Router,
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::{
    Door, Outcome, Shared, Signed, answer, body, entrance, html,
    pages::{
        self,
        parts::{Left, When},
        review::{Group, Judge, Live, Review, SheetPage},
    },
    routes::{On, Route, Who, data, page},
    typed,
};
use crate::api::agent::json as answer_json;
use crate::domain::{Refusal, Word};

/// Who may ask.
pub(super) const ROUTES: &[Route] = &[
    data(On::Portal, "GET", "/queue.json", Who::Person),
    page(
        On::Portal,
        "GET",
        "/cases/{case}/review",
        Who::Roles(&[Role::Approver]),
    ),
    page(On::Approval, "GET", "/review", Who::Ticket),
    data(On::Approval, "GET", "/review/sheet", Who::Ticket),
    data(On::Approval, "POST", "/review/challenge", Who::Ticket),
    data(On::Approval, "POST", "/review", Who::Ticket),
];

/// The same routes with what answers.
pub(super) fn router() -> Router<Arc<Door>> {
    Router::new()
        .route("/queue.json", get(queue))
        .route("/cases/{case}/review", get(ticket))
        .route("/review", get(shown).post(judge))
        .route("/review/sheet", get(sheet))
        .route("/review/challenge", post(word))
}

/// Cases in review, by deadline.
async fn queue(State(door): Shared, Extension(visitor): Signed) -> Outcome {
    let queue = door.office.queue(&visitor)?;
    let listed: Vec<Value> = queue
        .iter()
        .map(|queued| {
            let demand: Vec<Value> = queued
                .review
                .demand
                .iter()
                .map(|(group, people)| json!([group.as_str(), people]))
                .collect();
            json!({
                "case": queued.case.to_string(),
                "agent": queued.row.agent.as_str(),
                "amount_minor": queued.row.amount_minor,
                "rules": queued.review.rules,
                "round": queued.review.round.get(),
                "deadline": queued.review.deadline.millis(),
                "demand": demand,
                "agreed": queued.review.approvals.len(),
            })
        })
        .collect();
    Ok(answer_json(StatusCode::OK, &json!({ "cases": listed })))
}

/// To the approval site, with a ticket. A link and no form: `form-action` would stop a form that leads elsewhere.
async fn ticket(
    State(door): Shared,
    Extension(visitor): Signed,
    Path(case): Path<String>,
) -> Response {
    let ticket = match door.office.ticket(&visitor, &case) {
        Ok(ticket) => ticket,
        Err(refusal) => return entrance::problem(refusal),
    };
    let mut response = StatusCode::SEE_OTHER.into_response();
    let to = format!("{}/review?ticket={ticket}", door.sites.approval());
    // An origin and base64url stand in every header.
    if let Ok(to) = HeaderValue::from_str(&to) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}

async fn shown(State(door): Shared, request: Request) -> Response {
    let shown = named(&request).and_then(|ticket| review(&door, ticket));
    shown.map_or_else(entrance::problem, html)
}

/// SH-2: the sheet from its bytes and nothing else; beside it what is live; and the two words that may be said.
fn review(door: &Door, ticket: String) -> Result<String, Refusal> {
    let shown = door.office.shown(&ticket)?;
    let live = Live {
        now: When(shown.now),
        left: Left {
            at: shown.deadline,
            now: shown.now,
        },
        groups: shown
            .groups
            .into_iter()
            .map(|slots| Group {
                group: slots.group,
                asked: slots.asked,
                filled: slots.filled,
            })
            .collect(),
        agreed: shown
            .agreed
            .into_iter()
            .map(|(approver, delegator, at)| (approver, delegator, When(at)))
            .collect(),
        changes: shown.changes,
    };
    let page = Review {
        site: door.sites.approval().rp_id().to_owned(),
        portal: door.sites.portal().origin().to_owned(),
        approver: shown.user,
        sheet: SheetPage {
            sheet: &shown.sheet,
        },
        live,
        ticket,
        judge: match shown.closed {
            Some(why) => Judge::Closed(why.to_owned()),
            None => Judge::Open {
                for_self: shown.for_self,
                for_others: shown.for_others,
            },
        },
        problems: Vec::new(),
    };
    pages::html(&page).map_err(|error| Refusal::broken(&error))
}

async fn sheet(State(door): Shared, request: Request) -> Outcome {
    let shown = door.office.shown(&named(&request)?)?;
    Ok(typed("application/cbor", Body::from(shown.bytes)))
}

async fn word(State(door): Shared, request: Request) -> Outcome {
    let (ticket, word) = said(request).await?;
    let judgement = door.office.word(&ticket, word)?;
    Ok(answer_json(
        StatusCode::OK,
        &json!({
            "context": BASE64URL_NOPAD.encode(&judgement.context),
            "challenge": BASE64URL_NOPAD.encode(judgement.challenge.as_bytes()),
            "credential": judgement.credential.to_base64url(),
            "rp_id": rp_id(&door),
        }),
    ))
}

fn rp_id(door: &Arc<Door>) -> &str {
    door.sites.approval().rp_id()
}

async fn judge(State(door): Shared, request: Request) -> Outcome {
    let mut members = body::members(request).await?;
    let context = body::bytes_of(&mut members, "context")?;
    let assertion = body::assertion(&mut members)?;
    members.finish().map_err(Refusal::from)?;
    Ok(answer(door.office.judge(&context, assertion).await?))
}

/// The ticket in the query, which holds nothing else.
fn named(request: &Request) -> Result<String, Refusal> {
    let query = request.uri().query().unwrap_or_default();
    match query.strip_prefix("ticket=") {
        Some(ticket) if !ticket.contains('&') => Ok(ticket.to_owned()),
        _ => Err(Refusal::not_found()),
    }
}

async fn said(request: Request) -> Result<(String, Word), Refusal> {
    let mut members = body::members(request).await?;
    let ticket = members.text("ticket")?;
    let decision = members.text("decision")?;
    let reason = members.text("reason")?;
    let delegator = members.optional("for").map(|value| value.text());
    members.finish()?;
    let invalid = |place: &str, what: &str| Refusal::invalid("json-value", place, what);
    let choice = Choice::parse(&decision, &reason).ok_or_else(|| {
        invalid(
            "/decision",
            "expected `approve`, or `refuse` with a reason; a reason has at most 280 bytes, on one line",
        )
    })?;
    let delegator = match delegator {
        None => None,
        Some(text) => Some(Id::parse(&text?).map_err(|error| invalid("/for", &error.to_string()))?),
    };
    Ok((
        ticket,
        Word {
            choice,
            delegator,
            credential: None,
        },
    ))
}
