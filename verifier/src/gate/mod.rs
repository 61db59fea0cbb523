//! May this call go through? The judgement of a gate, without its memory (`spec/gate.md`).
//!
//! [`Mapping`] says what a call of the target system is as an action; [`judge`] checks call, Passport and action in the
//! order of the page. What is left to the gate is to make sure that it is the first time, and to hand the call on.
//!
//! Absent on purpose: a clock, a disk, a network, a way to ask for less.

mod body;
mod mapping;
#[cfg(test)]
mod tests;

use alloc::{
    format,
    string::{String, ToString},
};

pub use mapping::{MAPPING_BYTES_MAX, Mapping, MappingError, ROUTES_MAX};

use crate::{
    action::Action,
    json::JsonError,
    passport::Claims,
    signed_request::{self, Message, Profile, SignedRequestError},
    time::UnixMillis,
    trust::Trust,
    verify::{Outcome, Question, verify_at_gate},
};

/// The longest body of a call, in bytes.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// A call as received, the body read whole.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Its head; `authority` is a configured name of this gate (RQ-18).
    pub message: Message<'a>,
    /// Its content, at most [`BODY_BYTES_MAX`].
    pub body: &'a [u8],
}

/// A call that may go through, if its Passport was not used before. Comes only from [`judge`].
#[derive(Debug, Clone)]
pub struct Admissible(Claims);

/// Why a call may not go through. Variants in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// No Passport came along.
    #[error(
        "no header `AgentSigna-Passport`: ask the platform for permission, and send the Passport with the call"
    )]
    PassportMissing,
    /// The call is not signed as it must be. GA-6
    #[error(transparent)]
    Call(#[from] SignedRequestError),
    /// The Passport is not VALID here and now. GA-7
    #[error("{what}")]
    Passport {
        /// A code of `spec/verification.md`.
        code: &'static str,
        /// What was found.
        what: String,
    },
    /// No route of the mapping. GA-2
    #[error("`{method} {target}` is no route of this gate: see its mapping")]
    NoRoute {
        /// The method.
        method: String,
        /// The request target.
        target: String,
    },
    /// The body is longer than a gate reads. GA-3
    #[error("content of {found} bytes, expected at most {BODY_BYTES_MAX}")]
    BodySize {
        /// Its bytes.
        found: usize,
    },
    /// A body where the route has none. GA-3
    #[error("content of {found} bytes, expected none: this route names nothing in it")]
    BodyNotEmpty {
        /// Its bytes.
        found: usize,
    },
    /// The body is of another type. GA-3
    #[error("content of the type `{found}`, expected `application/json`")]
    BodyType {
        /// What was said.
        found: String,
    },
    /// The body is no strict JSON object. GA-3
    #[error(transparent)]
    Body(#[from] JsonError),
    /// A source gives no value of its kind.
    #[error("{member}: {expected}")]
    Value {
        /// The member of the action.
        member: String,
        /// What was expected, and where.
        expected: String,
    },
    /// Something in the body that no source names. GA-4
    #[error(
        "`{pointer}` is in the content and not in the mapping: leave it out, or have the keeper of the target name it"
    )]
    Unmapped {
        /// Where it stands.
        pointer: String,
    },
    /// The Passport's action in all but the amount. GA-5
    #[error("the call is for {asked} in minor units; the Passport is for {permitted}")]
    Amount {
        /// The amount of the call.
        asked: u64,
        /// The amount in the Passport.
        permitted: u64,
    },
    /// Another action than the Passport's. GA-5
    #[error("the call is {asked}; the Passport is for {permitted}")]
    Action {
        /// The action that the call is.
        asked: String,
        /// The action in the Passport.
        permitted: String,
    },
}

impl GateError {
    /// The code of `spec/gate.md` §6.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::PassportMissing => "passport-missing",
            Self::Call(error) => error.code(),
            Self::Passport { code, .. } => code,
            Self::NoRoute { .. } => "no-route",
            Self::BodySize { .. } => "body-size",
            Self::BodyNotEmpty { .. } => "body-not-empty",
            Self::BodyType { .. } => "body-type",
            Self::Body(error) => error.code(),
            Self::Value { .. } => "mapping-value",
            Self::Unmapped { .. } => "unmapped",
            Self::Amount { .. } => "amount-mismatch",
            Self::Action { .. } => "action-mismatch",
        }
    }

    /// The status of the problem, of `spec/gate.md` §6.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::PassportMissing | Self::Call(_) => 401,
            Self::Passport { .. } | Self::Amount { .. } | Self::Action { .. } => 403,
            Self::NoRoute { .. } => 404,
            Self::BodySize { .. } => 413,
            Self::BodyNotEmpty { .. }
            | Self::BodyType { .. }
            | Self::Body(_)
            | Self::Value { .. }
            | Self::Unmapped { .. } => 422,
        }
    }
}

impl Admissible {
    /// What the Passport says: its `cti` is what must not have been seen.
    #[must_use]
    pub const fn claims(&self) -> &Claims {
        &self.0
    }
}

/// Judges a call at `now`: all of `spec/gate.md` §4 but the seen-set.
///
/// # Errors
/// [`GateError`], in the order of its variants.
pub fn judge(
    call: &Call<'_>,
    trust: &Trust,
    mapping: &Mapping,
    now: UnixMillis,
) -> Result<Admissible, GateError> {
    if call.message.passport.is_none() {
        return Err(GateError::PassportMissing);
    }
    // GA-6: what costs nothing comes first.
    let signed = signed_request::parse(&call.message, Profile::Exec)?;
    signed.check_time(now)?;
    let passport = signed.statement().passport().unwrap_or_default();
    let claims = believed(passport, trust, now)?;
    // GA-6: possession, by the key that the seal vouches for.
    signed.check_signature(&claims.key)?;
    signed.check_body(call.body)?;
    let action = mapping.action(call, claims.audience.system())?;
    // GA-5
    if action.digest() != claims.action_digest {
        return Err(mismatch(&action, &claims.action));
    }
    Ok(Admissible(claims))
}

/// What is different, for whoever called; that something is, the digests have said.
fn mismatch(asked: &Action, permitted: &Action) -> GateError {
    let same = asked.kind() == permitted.kind()
        && asked.currency() == permitted.currency()
        && asked.counterparty() == permitted.counterparty()
        && asked.target() == permitted.target()
        && asked.reference() == permitted.reference()
        && asked.parameters() == permitted.parameters();
    if same {
        return GateError::Amount {
            asked: asked.amount_minor(),
            permitted: permitted.amount_minor(),
        };
    }
    GateError::Action {
        asked: words(asked),
        permitted: words(permitted),
    }
}

/// GA-7: VALID, or nothing.
fn believed(passport: &[u8], trust: &Trust, now: UnixMillis) -> Result<Claims, GateError> {
    let question = Question {
        at: Some(now),
        pinned: true,
        expects_authority: true,
    };
    let report = verify_at_gate(passport, trust, &question);
    match (report.outcome(), report.authority()) {
        (Outcome::Valid, Some(authority)) => Ok(authority.claims().clone()),
        (Outcome::Refused(finding) | Outcome::Incomplete(finding), _) => Err(GateError::Passport {
            code: finding.code,
            what: finding.what.clone(),
        }),
        (Outcome::Valid, None) => Err(GateError::Passport {
            code: "not-authorized",
            what: String::from("the artefact is true and permits nothing"),
        }),
    }
}

/// One line for an action, with the names of its parameters.
fn words(action: &Action) -> String {
    let mut text = action.describe();
    let parameters = action.parameters().keys().map(ToString::to_string);
    let names = parameters.collect::<alloc::vec::Vec<_>>().join(", ");
    if !names.is_empty() {
        text.push_str(&format!(", parameters {names}"));
    }
    text
}
