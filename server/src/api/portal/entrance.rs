//! Pages for people without a session, and what went wrong.

use axum::{
    http::StatusCode,
    response::{IntoResponse as _, Response},
};

use super::{
    Door, html,
    pages::{
        self, Template,
        entrance::{ErrorPage, Found, Join, JoinStep, SignIn},
        frame::Problem,
        parts::Sentence,
    },
    routes::On,
};
use crate::{api::error::Refused, domain::Refusal};

pub(super) fn sign_in() -> Response {
    page(&SignIn {
        log: String::new(),
        user: String::new(),
        problems: Vec::new(),
    })
}

/// The same after a password that was refused: log and person as they were typed, and nothing of what was wrong.
pub(super) fn sign_in_again(log: String, user: String, refusal: Refusal) -> Response {
    let problem = Problem {
        field: "",
        text: Sentence::new(&refusal.detail),
    };
    let mut response = page(&SignIn {
        log,
        user,
        problems: vec![problem],
    });
    *response.status_mut() = Refused(refusal).into_response().status();
    response
}

pub(super) fn join(door: &Door, on: On) -> Response {
    let (portal, approval) = (door.sites.portal().rp_id(), door.sites.approval().rp_id());
    let (step, site, other) = match on {
        On::Approval => (JoinStep::Approval, approval, portal),
        On::Portal | On::Both => (JoinStep::SignIn, portal, approval),
    };
    page(&Join {
        site: site.to_owned(),
        other: other.to_owned(),
        step,
        // The script fills them from the fragment.
        log: String::new(),
        user: String::new(),
        problems: Vec::new(),
    })
}

pub(super) fn found(door: &Door) -> Response {
    page(&Found {
        site: door.sites.portal().rp_id().to_owned(),
        problems: Vec::new(),
    })
}

/// A refusal as a page, with the status that it has as a problem.
pub(super) fn problem(refusal: Refusal) -> Response {
    leading(refusal, ("/".to_owned(), "Begin again".to_owned()))
}

/// An act that was refused: what is at `back` is as before.
pub(super) fn refused(refusal: Refusal, back: String) -> Response {
    leading(refusal, (back, "Back".to_owned()))
}

/// A form that cannot be taken and that nobody filled in: what is at `back` changed meanwhile, or was never so.
pub(super) fn untaken(problems: &[Problem], back: String) -> Response {
    let mut texts = problems.iter().map(|problem| &problem.text);
    let first = texts.next().cloned();
    let detail = first.map(|first| texts.fold(first, Sentence::and));
    shown(
        StatusCode::UNPROCESSABLE_ENTITY,
        detail.unwrap_or_else(|| Sentence::new("the form is empty")),
        (back, "Back".to_owned()),
    )
}

fn leading(refusal: Refusal, next: (String, String)) -> Response {
    let detail = Sentence::new(&refusal.detail);
    let status = Refused(refusal).into_response().status();
    shown(status, detail, next)
}

fn shown(status: StatusCode, detail: Sentence, next: (String, String)) -> Response {
    let mut response = page(&ErrorPage {
        status: status.as_u16(),
        title: "This was not done".to_owned(),
        detail,
        next,
    });
    *response.status_mut() = status;
    response
}

fn page(page: &impl Template) -> Response {
    match pages::html(page) {
        Ok(text) => html(text),
        Err(error) => Refused(Refusal::broken(&error)).into_response(),
    }
}
