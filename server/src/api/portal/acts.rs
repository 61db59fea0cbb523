//! Acts of people: shown in words, signed by a device, and those that wait for a second signature; by forms of the pages
//! ([`forms`]) or by programs.

use std::sync::Arc;

use agentsigna_verifier::people::Role;
use axum::{
    Extension, Router,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::{
    Door, Outcome, Shared, Signed,
    around::drawn,
    body::{self, ActAsked},
    entrance,
    forms::{self, Typed},
    routes::{On, Route, Who, data, page},
};
use crate::{
    api::agent::{answer, json},
    domain::{Follows, Prepared, Visitor},
};

/// Who may ask.
pub(super) const ROUTES: &[Route] = &[
    page(On::Portal, "GET", "/", Who::Person),
    data(On::Portal, "GET", "/me", Who::Person),
    data(
        On::Portal,
        "GET",
        "/proposals",
        Who::Roles(&[Role::Administrator]),
    ),
    page(On::Portal, "POST", "/acts", Who::Person),
    data(On::Portal, "POST", "/acts/sign", Who::Person),
];

/// The same routes with what answers.
pub(super) fn router() -> Router<Arc<Door>> {
    Router::new()
        .route("/", get(home))
        .route("/me", get(me))
        .route("/proposals", get(proposals))
        .route("/acts", post(prepare))
        .route("/acts/sign", post(sign))
}

async fn home() -> Response {
    forms::see_other("/queue")
}

async fn me(Extension(visitor): Signed) -> Response {
    let row = visitor.row();
    let roles: Vec<&str> = row
        .roles
        .as_slice()
        .iter()
        .map(|role| role.name())
        .collect();
    let groups: Vec<&str> = row.groups.as_slice().iter().map(|id| id.as_str()).collect();
    json(
        StatusCode::OK,
        &json!({
            "log": visitor.origin(),
            "user": visitor.user().as_str(),
            "name": row.name.as_str(),
            "roles": roles,
            "groups": groups,
            "signs": visitor.may_sign(),
        }),
    )
}

async fn proposals(State(door): Shared, Extension(visitor): Signed) -> Outcome {
    let proposals = door.office.proposals(&visitor)?;
    let listed: Vec<Value> = proposals
        .iter()
        .map(|proposal| {
            json!({
                "by": proposal.by.as_str(),
                "at": proposal.at.millis(),
                "until": proposal.until.millis(),
                "path": proposal.path,
                "body": BASE64URL_NOPAD.encode(&proposal.body),
            })
        })
        .collect();
    Ok(json(StatusCode::OK, &json!({ "proposals": listed })))
}

async fn prepare(State(door): Shared, Extension(visitor): Signed, request: Request) -> Outcome {
    match body::act(request).await? {
        ActAsked::Program { path, body } => {
            let prepared = door.office.prepare(visitor, path, body).await?;
            let rp_id = door.sites.portal().rp_id();
            Ok(json(StatusCode::OK, &shown(&prepared, rp_id)))
        }
        ActAsked::Form { path, fields } => {
            let typed = Typed::new(path, fields);
            let (path, body) = match typed.body(&visitor) {
                Ok(read) => read,
                Err(problems) => return Ok(typed.again(&door, &visitor, problems)),
            };
            let prepared = door.office.prepare(Arc::clone(&visitor), path, body).await;
            Ok(match prepared {
                Ok(prepared) => drawn(forms::before(&door, &visitor, prepared)),
                Err(refusal) => typed.refused(&door, &visitor, refusal),
            })
        }
    }
}

/// The page of what will be signed: the act of `path` with `body`.
pub(super) async fn prepared(
    door: &Door,
    visitor: Arc<Visitor>,
    path: String,
    body: Vec<u8>,
) -> Response {
    match door.office.prepare(Arc::clone(&visitor), path, body).await {
        Ok(prepared) => drawn(forms::before(door, &visitor, prepared)),
        Err(refusal) => entrance::problem(refusal),
    }
}

/// TA-10, for programs: words and bytes.
fn shown(prepared: &Prepared, rp_id: &str) -> Value {
    let (follows, by) = match &prepared.follows {
        Follows::Done => ("done", None),
        Follows::Second(by) => ("done", Some(by.as_str())),
        Follows::Proposed => ("proposed", None),
    };
    let details: Vec<Value> = prepared
        .words
        .details
        .iter()
        .map(|(name, value)| json!([name, value.to_string()]))
        .collect();
    json!({
        "title": prepared.words.title,
        "details": details,
        "path": prepared.path,
        "body": BASE64URL_NOPAD.encode(&prepared.body),
        "context": BASE64URL_NOPAD.encode(&prepared.context),
        "challenge": BASE64URL_NOPAD.encode(prepared.challenge.as_bytes()),
        "credential": prepared.credential.to_base64url(),
        "rp_id": rp_id,
        "follows": follows,
        "proposed_by": by,
    })
}

async fn sign(State(door): Shared, Extension(visitor): Signed, request: Request) -> Outcome {
    let is_form = body::is_form(request.headers());
    let (context, assertion) = match body::signed(request).await {
        Err(refusal) if is_form => return Ok(entrance::problem(refusal)),
        read => read?,
    };
    let done = door
        .office
        .sign(Arc::clone(&visitor), &context, assertion)
        .await;
    if !is_form {
        return Ok(answer(done?));
    }
    let shown = done.and_then(|done| forms::after(&door, &visitor, &context, done));
    Ok(shown.unwrap_or_else(|refusal| forms::not_done(&context, refusal)))
}
