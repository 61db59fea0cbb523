//! The agent API: `/v1` (`spec/agent-api.md`). Agents, target systems and the founder.

use std::sync::Arc;

use agentsigna_verifier::{limits, signed_request::Profile};
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;

use super::{
    Door, Received,
    error::Refused,
    incoming::{self, Incoming},
};
use crate::domain::{Act, Answer, Kind, Refusal, WAIT_S_MAX};

/// Every route, its method and the profile it asks for (AP-1). A test holds this against the router.
pub const ROUTES: [(&str, &str, Profile); 25] = [
    ("POST", "/v1/actions", Profile::Action),
    ("POST", "/v1/claims", Profile::Enrol),
    ("POST", "/v1/agents", Profile::Founder),
    ("POST", "/v1/agents/{id}/confirm", Profile::Founder),
    ("POST", "/v1/agents/{id}/status", Profile::Founder),
    ("POST", "/v1/systems", Profile::Founder),
    ("POST", "/v1/systems/{id}/confirm", Profile::Founder),
    ("POST", "/v1/systems/{id}/status", Profile::Founder),
    ("POST", "/v1/counterparties", Profile::Founder),
    ("POST", "/v1/counterparties/{id}", Profile::Founder),
    ("POST", "/v1/policies", Profile::Founder),
    ("POST", "/v1/policies/activate", Profile::Founder),
    ("POST", "/v1/users", Profile::Founder),
    ("POST", "/v1/users/{id}/confirm", Profile::Founder),
    ("POST", "/v1/users/{id}/change", Profile::Founder),
    ("POST", "/v1/users/{id}/revoke", Profile::Founder),
    ("POST", "/v1/executions", Profile::Action),
    // Whose outcome it is, the profile says: the target's, or the founder's.
    ("POST", "/v1/outcomes", Profile::Action),
    ("POST", "/v1/outcomes", Profile::Founder),
    ("POST", "/v1/disputes/resolve", Profile::Founder),
    ("GET", "/v1/cases/{case}", Profile::Read),
    ("GET", "/v1/cases/{case}/passport", Profile::Read),
    ("GET", "/v1/cases/{case}/file", Profile::Read),
    ("GET", "/v1/open", Profile::Read),
    ("GET", "/v1/log", Profile::Read),
];

pub(super) const JSON: &str = "application/json";
const POLICY: &str = "text/plain; charset=utf-8";
pub(super) const COSE: &str = "application/cose";
const CASE_FILE: &str = "application/agentsigna-case+cbor";

type Shared = State<Arc<Door>>;
type Outcome = Result<Response, Refused>;

pub(super) fn router(door: Arc<Door>) -> Router {
    let founder =
        |act: Act| post(move |State(door): Shared, request: Received| founder(door, request, act));
    Router::new()
        .route("/v1/actions", post(actions))
        .route("/v1/claims", post(claims))
        .route("/v1/agents", founder(Act::InviteAgent))
        .route("/v1/agents/{id}/confirm", founder(Act::ConfirmAgent))
        .route("/v1/agents/{id}/status", founder(Act::ChangeStatus))
        .route("/v1/systems", founder(Act::InviteSystem))
        .route("/v1/systems/{id}/confirm", founder(Act::ConfirmSystem))
        .route("/v1/systems/{id}/status", founder(Act::ChangeStatus))
        .route("/v1/counterparties", founder(Act::EnrolCounterparty))
        .route("/v1/counterparties/{id}", founder(Act::ChangeCounterparty))
        .route("/v1/policies", founder(Act::PublishPolicy))
        .route("/v1/policies/activate", founder(Act::ActivatePolicy))
        .route("/v1/users", founder(Act::InviteUser))
        .route("/v1/users/{id}/confirm", founder(Act::ConfirmUser))
        .route("/v1/users/{id}/change", founder(Act::ChangeUser))
        .route("/v1/users/{id}/revoke", founder(Act::RevokePasskey))
        .route("/v1/executions", post(executions))
        .route("/v1/outcomes", post(outcomes))
        .route("/v1/disputes/resolve", founder(Act::ResolveDispute))
        .route("/v1/cases/{case}", get(case))
        .route("/v1/cases/{case}/passport", get(passport))
        .route("/v1/cases/{case}/file", get(file))
        .route("/v1/open", get(open))
        .route("/v1/log", get(log))
        .fallback(async || Refused(Refusal::not_found()))
        .method_not_allowed_fallback(async || {
            Refused(Refusal::new(
                Kind::Malformed,
                "method-not-allowed",
                "this path has another method: see `Allow`",
            ))
        })
        .with_state(door)
}

async fn actions(State(door): Shared, request: Received) -> Outcome {
    let profile = Profile::Action;
    let Incoming { signed, body, .. } = incoming::read(
        &door,
        request,
        profile,
        Some(JSON),
        limits::ACTION_BODY_BYTES_MAX,
    )
    .await?;
    Ok(answer(door.office.ask(signed, body).await?))
}

async fn claims(State(door): Shared, request: Received) -> Outcome {
    let Incoming { signed, body, .. } = incoming::read(
        &door,
        request,
        Profile::Enrol,
        Some(JSON),
        limits::BODY_BYTES_MAX,
    )
    .await?;
    Ok(answer(door.office.claim(signed, body).await?))
}

async fn founder(door: Arc<Door>, request: Received, act: Act) -> Outcome {
    let (media_type, bytes_max) = match act {
        Act::PublishPolicy => (POLICY, limits::POLICY_SOURCE_BYTES_MAX),
        _ => (JSON, limits::BODY_BYTES_MAX),
    };
    let Incoming { signed, body, .. } = incoming::read(
        &door,
        request,
        Profile::Founder,
        Some(media_type),
        bytes_max,
    )
    .await?;
    Ok(answer(door.office.act(act, signed, body).await?))
}

async fn executions(State(door): Shared, request: Received) -> Outcome {
    report(&door, request, Act::StartExecution).await
}

/// AP-17: both callers sign for one path. The profile that a request claims is the one that it is then held to.
async fn outcomes(State(door): Shared, request: Received) -> Outcome {
    let tag = format!("tag=\"{}\"", Profile::Founder.tag());
    let mut inputs = request.headers().get_all("signature-input").iter();
    let claims = |input: &HeaderValue| input.to_str().is_ok_and(|input| input.contains(&tag));
    if inputs.any(claims) {
        founder(door, request, Act::RecordOutcome).await
    } else {
        report(&door, request, Act::RecordOutcome).await
    }
}

/// What a target system says.
async fn report(door: &Door, request: Received, act: Act) -> Outcome {
    let Incoming { signed, body, .. } = incoming::read(
        door,
        request,
        Profile::Action,
        Some(JSON),
        limits::BODY_BYTES_MAX,
    )
    .await?;
    Ok(answer(door.office.report(act, signed, body).await?))
}

async fn case(State(door): Shared, request: Received) -> Outcome {
    let Incoming { signed, parts, .. } = reading(&door, request).await?;
    let case = named_case(&parts);
    let wait_s = wait(parts.uri.query())?;
    Ok(json(
        StatusCode::OK,
        &door.office.case(signed, case, wait_s).await?,
    ))
}

async fn passport(State(door): Shared, request: Received) -> Outcome {
    let Incoming { signed, parts, .. } = reading(&door, request).await?;
    let case = named_case(&parts);
    no_query(parts.uri.query())?;
    let accept = parts
        .headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    let cose = match accept.unwrap_or("*/*") {
        JSON | "*/*" => false,
        COSE => true,
        _ => {
            return Err(Refusal::new(
                Kind::NotAcceptable,
                "not-acceptable",
                format!("a Passport comes as `{JSON}` or `{COSE}`"),
            )
            .into());
        }
    };
    let (answer, delivered) = door.office.passport(signed, case).await?;
    if cose {
        return Ok(bytes(COSE, delivered));
    }
    let body = PassportAnswer {
        case: answer.case,
        passport: BASE64URL_NOPAD.encode(&delivered),
        expires_at: answer.expires_at.unwrap_or_default(),
    };
    Ok(json(StatusCode::OK, &body))
}

async fn file(State(door): Shared, request: Received) -> Outcome {
    let Incoming { signed, parts, .. } = reading(&door, request).await?;
    let case = named_case(&parts);
    no_query(parts.uri.query())?;
    Ok(bytes(CASE_FILE, door.office.file(signed, case).await?))
}

async fn log(State(door): Shared, request: Received) -> Outcome {
    let Incoming { signed, parts, .. } = reading(&door, request).await?;
    no_query(parts.uri.query())?;
    let (origin, head) = door.office.log(signed).await?;
    Ok(json(StatusCode::OK, &LogAnswer { origin, head }))
}

/// Cases past their time (OC-8).
async fn open(State(door): Shared, request: Received) -> Outcome {
    let Incoming { signed, parts, .. } = reading(&door, request).await?;
    no_query(parts.uri.query())?;
    Ok(json(StatusCode::OK, &door.office.open_cases(signed).await?))
}

#[derive(Serialize)]
struct PassportAnswer {
    case: String,
    passport: String,
    expires_at: u64,
}

#[derive(Serialize)]
struct LogAnswer {
    origin: String,
    head: String,
}

async fn reading(door: &Door, request: Received) -> Result<Incoming, Refusal> {
    incoming::read(door, request, Profile::Read, None, 0).await
}

/// The case that the path `/v1/cases/{case}…` names, as it stands on the wire: nothing is decoded, so there is one
/// way to name a case, and no way to name one that is refused before the signature is checked (AP-13).
fn named_case(parts: &Parts) -> &str {
    parts.uri.path().split('/').nth(3).unwrap_or_default()
}

/// `wait=S`, `0..=50`, and nothing else.
fn wait(query: Option<&str>) -> Result<u64, Refusal> {
    let Some(query) = query else { return Ok(0) };
    let fault = || {
        Refusal::new(
            Kind::Malformed,
            "query",
            format!("expected `wait=` and 0 to {WAIT_S_MAX} seconds"),
        )
    };
    let digits = query.strip_prefix("wait=").ok_or_else(fault)?;
    let plain = (1..=2).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let seconds = digits
        .parse()
        .ok()
        .filter(|seconds| plain && *seconds <= WAIT_S_MAX);
    seconds.ok_or_else(fault)
}

fn no_query(query: Option<&str>) -> Result<(), Refusal> {
    match query {
        None => Ok(()),
        Some(_) => Err(Refusal::new(
            Kind::Malformed,
            "query",
            "this path takes no query",
        )),
    }
}

pub(super) fn answer(answer: Answer) -> Response {
    match answer {
        Answer::Case(case) => json(StatusCode::OK, &case),
        Answer::Act { created, members } => json(
            if created {
                StatusCode::CREATED
            } else {
                StatusCode::OK
            },
            &members,
        ),
    }
}

pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => {
            let mut response = bytes(JSON, body);
            *response.status_mut() = status;
            response
        }
        Err(error) => Refused(Refusal::broken(&error)).into_response(),
    }
}

fn bytes(media_type: &'static str, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
