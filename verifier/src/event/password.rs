//! `user.password-set`, `user.password-ended`: a way to read without a device (`spec/people.md §3.7`).
//!
//! The event names the secret by its digest alone. What it is of has more random bits than anybody can try, so a log
//! that everybody has gives nobody a password to guess.

use super::Signed;
use crate::{
    cbor::{CborError, Value},
    digest::Digest,
    id::Id,
};

/// The body of `user.password-set`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordSet {
    /// The person's own act.
    pub signed: Signed,
    /// The person.
    pub user: Id,
    /// Digest of the secret record, which only the host has.
    pub secret: Digest,
}

/// The body of `user.password-ended`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordEnded {
    /// The person's own act, or an administrator's.
    pub signed: Signed,
    /// The person.
    pub user: Id,
}

impl PasswordSet {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("signed", self.signed.to_value()),
            ("user", Value::from(self.user.as_str())),
            ("secret", Value::from(self.secret)),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("user.password-set")?;
        let body = Self {
            signed: Signed::by_person_from_value(fields.value("signed")?)?,
            user: fields.id("user")?,
            secret: fields.digest("secret")?,
        };
        fields.finish()?;
        Ok(body)
    }
}

impl PasswordEnded {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("signed", self.signed.to_value()),
            ("user", Value::from(self.user.as_str())),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("user.password-ended")?;
        let body = Self {
            signed: Signed::by_person_from_value(fields.value("signed")?)?,
            user: fields.id("user")?,
        };
        fields.finish()?;
        Ok(body)
    }
}
