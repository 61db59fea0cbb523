//! Passwords: a person sets one in three steps, and whoever has one signs in with a plain form.

use std::sync::Arc;

use agentsigna_verifier::digest::Digest;
use axum::{
    Extension, Router,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::json;
use zeroize::Zeroizing;

use super::{
    Door, Outcome, Shared, Signed, acts, around, body, entrance, guard, notice,
    pages::{
        frame::Problem,
        parts::Sentence,
        password::{NewPassword, PasswordCode},
    },
    routes::{On, Route, Who, page},
};
use crate::domain::{self, Kind, Refusal, Typed, Visitor};

/// Who may ask.
pub(super) const ROUTES: &[Route] = &[
    page(On::Portal, "POST", "/sign-in/password", Who::Anybody),
    page(On::Portal, "GET", "/password", Who::Person),
    page(On::Portal, "POST", "/password", Who::Person),
    page(On::Portal, "POST", "/password/code", Who::Person),
];

/// The same routes with what answers.
pub(super) fn router() -> Router<Arc<Door>> {
    Router::new()
        .route("/sign-in/password", post(sign_in))
        .route("/password", get(asked).post(typed))
        .route("/password/code", post(coded))
}

/// TA-9: one answer to whatever is wrong.
async fn sign_in(State(door): Shared, request: Request) -> Outcome {
    let mark = guard::mark(request.headers()).map(str::to_owned);
    let names = ["log", "user", "password", "code"];
    let [log, user, password, code] = body::short_fields(request, names).await?;
    let [log, user, code] = [log, user, code].map(|text| text_of(&text));
    let entered = door.office.sign_in_with_password(Typed {
        log: log.clone(),
        user: user.clone(),
        password: Zeroizing::new(password),
        code,
        mark,
    });
    match entered.await {
        Ok(entered) => {
            let mut response = StatusCode::SEE_OTHER.into_response();
            let to = HeaderValue::from_static("/");
            response.headers_mut().insert(header::LOCATION, to);
            guard::set_cookies(&mut response, &entered);
            Ok(response)
        }
        Err(refusal) if refusal.kind == Kind::Broken => Ok(entrance::problem(refusal)),
        Err(refusal) => Ok(entrance::sign_in_again(log, user, refusal)),
    }
}

/// What is no text is nobody's id and no code.
fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

async fn asked(State(door): Shared, Extension(visitor): Signed, uri: Uri) -> Response {
    if !visitor.may_sign() {
        // TA-23.
        return entrance::problem(domain::needs_passkey());
    }
    let page = notice::done(&door, &visitor, &uri).and_then(|done| {
        let page = form(&door, &visitor, Vec::new())?;
        let frame = around::frame(&door, &visitor, done)?;
        Ok(NewPassword { frame, ..page })
    });
    around::drawn(page)
}

fn form(door: &Door, visitor: &Visitor, problems: Vec<Problem>) -> Result<NewPassword, Refusal> {
    let user = visitor.user();
    let ends = json!({ "origin": visitor.origin(), "user": user.as_str() });
    Ok(NewPassword {
        frame: around::frame(door, visitor, None)?,
        is_set: door.office.has_password(visitor)?,
        end: vec![
            ("path", format!("/v1/users/{user}/password/end")),
            ("body", ends.to_string()),
        ],
        problems,
    })
}

async fn typed(State(door): Shared, Extension(visitor): Signed, request: Request) -> Outcome {
    let [password, again] = body::short_fields(request, ["password", "again"]).await?;
    let (password, again) = (Zeroizing::new(password), Zeroizing::new(again));
    let made = if password == again {
        door.office.new_password(&visitor, password).await
    } else {
        Err(Refusal::invalid(
            "password-rule",
            "/again",
            "the two are not the same: type the new password twice",
        ))
    };
    Ok(match made {
        Ok(new) => around::drawn(code(&door, &visitor, &new, Vec::new())),
        Err(refusal) if refusal.code == "password-rule" => {
            let field = match refusal.pointer.as_deref() {
                Some("/again") => "again",
                _ => "password",
            };
            let problems = problem(field, &refusal);
            taken_back(around::drawn(form(&door, &visitor, problems)))
        }
        Err(refusal) => entrance::problem(refusal),
    })
}

async fn coded(State(door): Shared, Extension(visitor): Signed, request: Request) -> Outcome {
    let [secret, typed] = body::short_fields(request, ["secret", "code"]).await?;
    let secret = Digest::from_hex(&text_of(&secret))
        .ok_or_else(|| Refusal::invalid("form-field", "", "`secret` is not as the page had it"))?;
    match door.office.setting(&visitor, &secret, &text_of(&typed)) {
        // TA-10: the act that every act is, with its bytes.
        Ok(act) => Ok(acts::prepared(&door, visitor, act.path, act.body).await),
        Err(refusal) if refusal.code == "code-wrong" => {
            let new = door.office.shown_again(&visitor, &secret)?;
            let problems = problem("code", &refusal);
            Ok(taken_back(around::drawn(code(
                &door, &visitor, &new, problems,
            ))))
        }
        Err(refusal) => Ok(entrance::problem(refusal)),
    }
}

fn code(
    door: &Door,
    visitor: &Visitor,
    new: &domain::NewPassword,
    problems: Vec<Problem>,
) -> Result<PasswordCode, Refusal> {
    let groups: Vec<String> = new
        .key
        .as_bytes()
        .chunks(4)
        .map(|group| String::from_utf8_lossy(group).into_owned())
        .collect();
    Ok(PasswordCode {
        frame: around::frame(door, visitor, None)?,
        key: groups.join(" "),
        address: new.address.to_string(),
        secret: new.secret.to_hex(),
        problems,
    })
}

fn problem(field: &'static str, refusal: &Refusal) -> Vec<Problem> {
    let text = Sentence::new(&refusal.detail);
    vec![Problem { field, text }]
}

/// A form that is shown again: 422, unless it could not be drawn.
fn taken_back(mut response: Response) -> Response {
    if response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    response
}
