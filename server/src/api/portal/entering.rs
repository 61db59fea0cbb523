//! Coming in: sign-in, joining with a one-time code, founding a log, and what every page loads.

use std::sync::Arc;

use agentsigna_verifier::passkey::context::CredentialUse;
use axum::{
    Extension, Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::Response,
    routing::{get, post},
};
use data_encoding::BASE64URL_NOPAD;
use serde_json::json;

use super::{
    Door, Outcome, Shared, Signed, body, entrance, forms, guard, pages,
    routes::{On, Route, Who, data, page},
    typed,
};
use crate::{
    api::agent::{answer, json},
    domain::{Joined, Refusal, Registering},
};

const SIGN_JS: &str = include_str!("../../../static/sign.js");

/// Who may ask.
pub(super) const ROUTES: &[Route] = &[
    data(On::Both, "GET", "/static/sign.js", Who::Anybody),
    data(On::Both, "GET", "/static/portal.css", Who::Anybody),
    data(On::Both, "GET", "/static/portal.js", Who::Anybody),
    page(On::Portal, "GET", "/sign-in", Who::Anybody),
    data(On::Portal, "POST", "/sign-in/challenge", Who::Anybody),
    data(On::Portal, "POST", "/sign-in", Who::Anybody),
    data(On::Portal, "POST", "/sign-out", Who::Person),
    page(On::Both, "GET", "/join", Who::Anybody),
    data(On::Both, "POST", "/join/challenge", Who::Invited),
    data(On::Both, "POST", "/join", Who::Invited),
    page(On::Portal, "GET", "/found", Who::Anybody),
    data(On::Portal, "POST", "/found/challenge", Who::Invited),
    data(On::Portal, "POST", "/found", Who::Invited),
];

/// The same routes with what answers.
pub(super) fn router() -> Router<Arc<Door>> {
    let mut routes = Router::new();
    for (path, kind, content) in pages::STATIC_FILES {
        routes = routes.route(path, get(async move || typed(kind, Body::from(content))));
    }
    routes
        .route("/static/sign.js", get(script))
        .route("/sign-in", get(async || entrance::sign_in()).post(sign_in))
        .route("/sign-in/challenge", post(sign_in_challenge))
        .route("/sign-out", post(sign_out))
        .route("/join", get(join_page).post(join))
        .route("/join/challenge", post(join_challenge))
        .route("/found", get(found_page).post(found))
        .route("/found/challenge", post(found_challenge))
}

async fn script() -> Response {
    typed("text/javascript; charset=utf-8", Body::from(SIGN_JS))
}

async fn sign_in_challenge(State(door): Shared, request: Request) -> Outcome {
    body::members(request)
        .await?
        .finish()
        .map_err(Refusal::from)?;
    let portal = door.sites.portal();
    let given = door.office.sign_in_challenge(portal)?;
    Ok(json(
        StatusCode::OK,
        &json!({
            "context": BASE64URL_NOPAD.encode(&given.context),
            "challenge": BASE64URL_NOPAD.encode(given.challenge.as_bytes()),
            "rp_id": portal.rp_id(),
        }),
    ))
}

async fn sign_in(State(door): Shared, request: Request) -> Outcome {
    let mut members = body::members(request).await?;
    let context = body::bytes_of(&mut members, "context")?;
    let assertion = body::assertion(&mut members)?;
    members.finish().map_err(Refusal::from)?;
    let entered = door.office.sign_in(&context, assertion).await?;
    let mut response = json(StatusCode::OK, &json!({ "next": "/" }));
    guard::set_cookies(&mut response, &entered);
    Ok(response)
}

async fn sign_out(State(door): Shared, Extension(visitor): Signed, headers: HeaderMap) -> Outcome {
    door.office.sign_out(&visitor);
    let mut response = if body::is_form(&headers) {
        forms::see_other("/sign-in")
    } else {
        json(StatusCode::OK, &json!({ "next": "/sign-in" }))
    };
    guard::forget_cookie(&mut response);
    Ok(response)
}

async fn join_page(State(door): Shared, Extension(on): Extension<On>) -> Response {
    entrance::join(&door, on)
}

async fn found_page(State(door): Shared) -> Response {
    entrance::found(&door)
}

/// What a passkey made on this site is for.
const fn used_on(on: On) -> CredentialUse {
    match on {
        On::Approval => CredentialUse::Approval,
        On::Portal | On::Both => CredentialUse::SignIn,
    }
}

async fn join_challenge(
    State(door): Shared,
    Extension(on): Extension<On>,
    request: Request,
) -> Outcome {
    let mut members = body::members(request).await?;
    let invited = body::invited(&mut members)?;
    members.finish().map_err(Refusal::from)?;
    let made = door.office.join_challenge(used_on(on), &invited)?;
    Ok(registering(&made))
}

fn registering(made: &Registering) -> Response {
    let exclude: Vec<String> = made
        .exclude
        .iter()
        .map(agentsigna_verifier::passkey::CredentialId::to_base64url)
        .collect();
    json(
        StatusCode::OK,
        &json!({
            "context": BASE64URL_NOPAD.encode(&made.context),
            "challenge": BASE64URL_NOPAD.encode(made.challenge.as_bytes()),
            "rp_id": made.rp_id,
            "user": made.user.as_str(),
            "name": made.name,
            "handle": BASE64URL_NOPAD.encode(&made.handle),
            "exclude": exclude,
        }),
    )
}

async fn found_challenge(State(door): Shared, request: Request) -> Outcome {
    let mut members = body::members(request).await?;
    let code = members.text("code").map_err(Refusal::from)?;
    let user = members.id("user").map_err(Refusal::from)?;
    let name = body::person_name(&mut members)?;
    members.finish().map_err(Refusal::from)?;
    let mut made = door.office.found_challenge(&code, user)?;
    name.as_str().clone_into(&mut made.name);
    Ok(registering(&made))
}

async fn found(State(door): Shared, request: Request) -> Outcome {
    let mut members = body::members(request).await?;
    let code = members.text("code").map_err(Refusal::from)?;
    members.id("user").map_err(Refusal::from)?;
    let name = body::person_name(&mut members)?;
    let context = body::bytes_of(&mut members, "context")?;
    let registration = body::registration(&mut members)?;
    members.finish().map_err(Refusal::from)?;
    let founded = door
        .office
        .found(&code, name, &context, registration)
        .await?;
    Ok(json(
        StatusCode::CREATED,
        &json!({
            "origin": founded.origin,
            "genesis_leaf": founded.genesis_leaf,
            "trust": founded.trust,
        }),
    ))
}

async fn join(State(door): Shared, Extension(on): Extension<On>, request: Request) -> Outcome {
    let mut members = body::members(request).await?;
    let invited = body::invited(&mut members)?;
    let context = body::bytes_of(&mut members, "context")?;
    let registration = body::registration(&mut members)?;
    members.finish().map_err(Refusal::from)?;
    let shown = door
        .office
        .join(used_on(on), &invited, &context, registration)
        .await?;
    Ok(match shown {
        Joined::ApprovalNext { site } => {
            json(StatusCode::OK, &json!({ "next": format!("{site}/join") }))
        }
        Joined::Shown(shown) => answer(shown),
    })
}
