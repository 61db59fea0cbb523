//! Why something was not done, in words for the caller. `api/error.rs` makes it into an answer.

use std::fmt::Display;

use agentsigna_verifier::{json::JsonError, signed_request::SignedRequestError};

use crate::ledger::AdmitError;

/// What sort of refusal; each sort is one HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The bytes are not what they should be.
    Malformed,
    /// Who asks is not proven.
    Unauthenticated,
    /// Known, and not allowed.
    Forbidden,
    /// Not there, or not for the caller: the same answer for both.
    NotFound,
    /// Contradicts something that was said before.
    Conflict,
    /// Too many bytes.
    TooLarge,
    /// Signed for another server.
    Misdirected,
    /// Well formed, and impossible.
    Invalid,
    /// Too many at once.
    TooMany,
    /// Not in a form that can be given.
    NotAcceptable,
    /// Not now; the caller may try again.
    Unavailable,
    /// Our own fault.
    Broken,
}

/// A refusal with its code (`spec/agent-api.md §6`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The sort.
    pub kind: Kind,
    /// For machines, kebab-case.
    pub code: &'static str,
    /// For people.
    pub detail: String,
    /// RFC 6901 pointer into the body.
    pub pointer: Option<String>,
}

impl Refusal {
    /// A refusal of the sort `kind`.
    pub fn new(kind: Kind, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind,
            code,
            detail: detail.into(),
            pointer: None,
        }
    }

    /// Well formed, and impossible.
    pub fn invalid(code: &'static str, pointer: &str, detail: impl Into<String>) -> Self {
        Self {
            pointer: Some(pointer.to_owned()),
            ..Self::new(Kind::Invalid, code, detail)
        }
    }

    /// Contradicts something said before.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, code, detail)
    }

    /// Not now.
    pub fn unavailable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable, code, detail)
    }

    /// The server ends before this could be done.
    #[must_use]
    pub fn stopping() -> Self {
        Self::unavailable("stopping", "the server is stopping: try again")
    }

    /// The one answer for what is not there and what is not the caller's.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(
            Kind::NotFound,
            "not-found",
            "there is no such thing, or it is not yours",
        )
    }

    /// Our own fault: logged here, once, and not told to strangers.
    pub fn broken(error: &dyn Display) -> Self {
        tracing::error!(%error, "a request could not be answered");
        Self::new(
            Kind::Broken,
            "internal",
            "the server could not answer; its log says why",
        )
    }
}

impl From<JsonError> for Refusal {
    fn from(error: JsonError) -> Self {
        // What is no JSON object of this shape is malformed; a value that cannot be is invalid.
        let kind = match error.code() {
            "json-value" | "json-range" | "json-missing" | "json-type" => Kind::Invalid,
            "json-size" => Kind::TooLarge,
            _ => Kind::Malformed,
        };
        Self {
            kind,
            code: error.code(),
            detail: error.to_string(),
            pointer: Some(error.pointer().to_owned()),
        }
    }
}

impl From<SignedRequestError> for Refusal {
    fn from(error: SignedRequestError) -> Self {
        let kind = match error.code() {
            "digest-mismatch" => Kind::Malformed,
            "authority-mismatch" => Kind::Misdirected,
            _ => Kind::Unauthenticated,
        };
        Self::new(kind, error.code(), error.to_string())
    }
}

impl From<AdmitError> for Refusal {
    fn from(error: AdmitError) -> Self {
        let detail = error.to_string();
        match error {
            AdmitError::Stopped => Self::unavailable("stopping", detail),
            AdmitError::Full => Self::unavailable("queue-full", detail),
            AdmitError::NoRoom => Self::unavailable("disk-reserve", detail),
            AdmitError::TooLarge { .. } => Self::new(Kind::TooLarge, "body-size", detail),
            AdmitError::Stale(_) => Self::unavailable("busy", detail),
            AdmitError::Replayed => Self::conflict("replayed", detail),
            AdmitError::KeyTaken(_) => Self::conflict("key-taken", detail),
            AdmitError::Broken { code, .. } => match code {
                // PE-7: what may be done, by somebody else.
                "not-permitted" => Self::new(Kind::Forbidden, code, detail),
                "unknown-sponsor" => Self::invalid(code, "/sponsor", detail),
                "latitude-granted" => Self::invalid(code, "/latitude", detail),
                _ => Self::conflict(code, detail),
            },
            AdmitError::Rows(error) => Self::broken(&error),
        }
    }
}
