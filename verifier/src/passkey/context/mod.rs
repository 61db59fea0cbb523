//! Contexts: what a challenge says (`spec/passkeys.md` §3.7). One file for each purpose.
//!
//! Whoever holds the context's bytes can make the challenge again and see what a person signed. The values are
//! checked when they are made, so whatever can be encoded can be read.
//!
//! Times are compared by the caller: the server with its clock, an auditor with the time of the entry.

mod act;
mod approval;
mod registration;
mod sign_in;
#[cfg(test)]
mod tests;

use alloc::string::String;

pub use act::{ACT_CONTEXT_BYTES_MAX, ACT_PATH_BYTES_MAX, ActContext, ActPath};
pub use approval::{
    APPROVAL_CONTEXT_BYTES_MAX, ApprovalContext, Choice, REASON_BYTES_MAX, Reason, RuleIds,
};
pub use registration::{CredentialUse, REGISTRATION_CONTEXT_BYTES_MAX, RegistrationContext};
pub use sign_in::{SIGN_IN_CONTEXT_BYTES_MAX, SignInContext};

use super::CredentialId;
use crate::{
    cbor::{CborError, Fields, Value},
    id::Id,
    log::note::KeyName,
    time::UnixMillis,
};

/// The longest life of a context that says when it was issued, in milliseconds.
pub const LIFE_MS_MAX: u64 = 600_000;

/// 32 random bytes of the server: nobody can know a challenge before it is given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce([u8; 32]);

/// From when and until when a context may be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    issued_at: UnixMillis,
    expires_at: UnixMillis,
}

/// Why two times are no life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("life from `{issued_at}` to `{expires_at}` ms, expected 1 to {LIFE_MS_MAX} ms")]
pub struct BadLife {
    issued_at: UnixMillis,
    expires_at: UnixMillis,
}

impl Nonce {
    /// Takes 32 bytes of a random source.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Life {
    /// From 1 to 600,000 ms. WA-17
    ///
    /// # Errors
    /// [`BadLife`].
    pub fn new(issued_at: UnixMillis, expires_at: UnixMillis) -> Result<Self, BadLife> {
        let life = expires_at.millis().checked_sub(issued_at.millis());
        match life {
            Some(1..=LIFE_MS_MAX) => Ok(Self {
                issued_at,
                expires_at,
            }),
            _ => Err(BadLife {
                issued_at,
                expires_at,
            }),
        }
    }

    /// When the context was made.
    #[must_use]
    pub const fn issued_at(self) -> UnixMillis {
        self.issued_at
    }

    /// From when on an assertion comes too late.
    #[must_use]
    pub const fn expires_at(self) -> UnixMillis {
        self.expires_at
    }

    /// Whether an assertion at this time is in time.
    #[must_use]
    pub fn holds(self, at: UnixMillis) -> bool {
        self.issued_at <= at && at < self.expires_at
    }

    fn read(fields: &mut Fields) -> Result<Self, CborError> {
        let (issued_at, expires_at) = (fields.time("issued_at")?, fields.time("expires_at")?);
        Self::new(issued_at, expires_at)
            .map_err(|_| fields.unexpected("expires_at", "1 to 600000 ms after `issued_at`"))
    }
}

fn nonce(fields: &mut Fields) -> Result<Nonce, CborError> {
    Ok(Nonce(fields.bytes_exact("nonce")?))
}

fn origin(fields: &mut Fields) -> Result<KeyName, CborError> {
    const EXPECTED: &str = "the origin of a log";
    fields.text_as("origin", EXPECTED, |text| KeyName::parse(text).ok())
}

fn id(fields: &mut Fields, field: &'static str) -> Result<Id, CborError> {
    fields.text_as(field, "an id `[a-z0-9][a-z0-9-]{0,62}`", |text| {
        Id::parse(text).ok()
    })
}

fn credential(fields: &mut Fields) -> Result<CredentialId, CborError> {
    let bytes = fields.bytes("credential")?;
    CredentialId::new(bytes)
        .map_err(|_| fields.unexpected("credential", "1 to 255 bytes of a credential id"))
}

fn text(value: &str) -> Value {
    Value::Text(String::from(value))
}
