//! Refusals as answers: RFC 9457 problems. The one table from sort to status.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::domain::{Kind, Refusal};

/// RFC 9457 §3, closed: these members and no others (`spec/agent-api.md §6`).
#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: String,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<&'a str>,
}

/// A refusal on its way out.
pub(super) struct Refused(pub(super) Refusal);

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl Refused {
    fn status(&self) -> StatusCode {
        match (self.0.kind, self.0.code) {
            (_, "method-not-allowed") => StatusCode::METHOD_NOT_ALLOWED,
            (_, "media-type") => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            (Kind::Malformed, _) => StatusCode::BAD_REQUEST,
            (Kind::Unauthenticated, _) => StatusCode::UNAUTHORIZED,
            (Kind::Forbidden, _) => StatusCode::FORBIDDEN,
            (Kind::NotFound, _) => StatusCode::NOT_FOUND,
            (Kind::NotAcceptable, _) => StatusCode::NOT_ACCEPTABLE,
            (Kind::Conflict, _) => StatusCode::CONFLICT,
            (Kind::TooLarge, _) => StatusCode::PAYLOAD_TOO_LARGE,
            (Kind::Misdirected, _) => StatusCode::MISDIRECTED_REQUEST,
            (Kind::Invalid, _) => StatusCode::UNPROCESSABLE_ENTITY,
            (Kind::TooMany, _) => StatusCode::TOO_MANY_REQUESTS,
            (Kind::Unavailable, _) => StatusCode::SERVICE_UNAVAILABLE,
            (Kind::Broken, _) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = self.status();
        let problem = Problem {
            r#type: format!("urn:agentsigna:problem:{}", self.0.code),
            title: self.0.code.replace('-', " "),
            status: status.as_u16(),
            detail: &self.0.detail,
            pointer: self.0.pointer.as_deref(),
        };
        // A struct of strings and a number always serializes.
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if matches!(self.0.kind, Kind::Unavailable | Kind::TooMany) {
            // Also for AP-14: a rate is at least 1 a second.
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
