//! The tenant portal: two sites on one listener (`spec/tenant-api.md`).
//!
//! Absent on purpose: a header or a path that names a tenant, CORS, inline scripts, a session on the approval site.

mod body;
mod entrance;
mod guard;
mod judging;
pub mod pages;
mod plain;
mod routes;

use std::sync::Arc;

use agentsigna_verifier::{event::Sites, passkey::context::CredentialUse};
use axum::{
    Extension, Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware,
    response::Response,
    routing::{get, post},
};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

pub use routes::{On, PORTAL_ROUTES, Route, Who};

use super::{
    agent::{answer, json},
    error::Refused,
};
use crate::domain::{Follows, Joined, Office, Prepared, Refusal, Registering, Visitor};

const SIGN_JS: &str = include_str!("../../../static/sign.js");

/// What every route of the portal has at hand.
struct Door {
    office: Office,
    sites: Sites,
}

type Shared = State<Arc<Door>>;
type Outcome = Result<Response, Refused>;
type Signed = Extension<Arc<Visitor>>;

/// The two sites of `sites`, over `office`.
pub fn router(office: Office, sites: Sites) -> Router {
    let door = Arc::new(Door { office, sites });
    // Who may ask is in the table of `routes`, and looked up by the guard: a route that is only here is not there.
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
        .route("/", get(home))
        .route("/me", get(me))
        .route("/proposals", get(proposals))
        .route("/queue.json", get(judging::queue))
        .route("/cases/{case}/review", get(judging::ticket))
        .route("/review", get(judging::page).post(judging::judge))
        .route("/review/sheet", get(judging::sheet))
        .route("/review/challenge", post(judging::word))
        .route("/acts", post(prepare))
        .route("/acts/sign", post(sign))
        .fallback(async || Refused(Refusal::not_found()))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&door),
            guard::guard,
        ))
        .layer(middleware::map_response(guard::locked_down))
        .with_state(door)
}

fn html(text: String) -> Response {
    typed("text/html; charset=utf-8", Body::from(text))
}

fn typed(kind: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
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
    let id = door.office.sign_in(&context, assertion).await?;
    let mut response = json(StatusCode::OK, &json!({ "next": "/" }));
    guard::set_cookie(&mut response, &id);
    Ok(response)
}

async fn sign_out(State(door): Shared, Extension(visitor): Signed) -> Outcome {
    door.office.sign_out(&visitor);
    let mut response = json(StatusCode::OK, &json!({ "next": "/sign-in" }));
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

async fn home(State(door): Shared, Extension(visitor): Signed) -> Outcome {
    let proposals = door.office.proposals(&visitor)?;
    let queue = door.office.queue(&visitor)?;
    Ok(html(plain::home(&visitor, &proposals, &queue)))
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
    let asked = body::act(request).await?;
    let is_form = asked.is_form;
    let prepared = door.office.prepare(visitor, asked.path, asked.body).await;
    let rp_id = door.sites.portal().rp_id();
    match prepared {
        Ok(prepared) if is_form => Ok(html(plain::act(&prepared, rp_id))),
        Ok(prepared) => Ok(json(StatusCode::OK, &shown(&prepared, rp_id))),
        Err(refusal) if is_form => Ok(entrance::problem(refusal)),
        Err(refusal) => Err(refusal.into()),
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
        .map(|(name, value)| json!([name, value]))
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
    let mut members = body::members(request).await?;
    let context = body::bytes_of(&mut members, "context")?;
    let assertion = body::assertion(&mut members)?;
    members.finish().map_err(Refusal::from)?;
    Ok(answer(
        door.office.sign(visitor, &context, assertion).await?,
    ))
}
