//! `policy.published`, `policy.activated`, `auth.failed`.

use alloc::string::String;

use super::Signed;
use crate::{
    cbor::{CborError, Value},
    digest::Digest,
    id::Id,
};

/// The body of `policy.published`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyPublished {
    /// The founder's request. Its content is the policy text, which the bundle holds: `body` is `None`.
    pub signed: Signed,
    /// The blob digest of the bundle.
    pub bundle: Digest,
    /// The length of the bundle, in bytes.
    pub bytes: u64,
}

/// The body of `policy.activated`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyActivated {
    /// The founder's request.
    pub signed: Signed,
    /// The bundle that decides from here on; published before.
    pub bundle: Digest,
}

/// The body of `auth.failed`: requests that named a key of this tenant and were refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthFailed {
    /// Who was named: `agent:<id>`, `system:<id>`, `user:<id>` or `founder`.
    pub subject: String,
    /// The problem code they were refused with.
    pub reason: String,
    /// The minute they came in, counted from the epoch.
    pub minute: u64,
    /// How many, from 1.
    pub count: u64,
}

impl PolicyPublished {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("signed", self.signed.to_value()),
            ("bundle", Value::from(self.bundle)),
            ("bytes", Value::Uint(self.bytes)),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("policy.published")?;
        let body = Self {
            signed: Signed::without_body_from_value(fields.value("signed")?)?,
            bundle: fields.digest("bundle")?,
            bytes: fields.uint("bytes")?,
        };
        fields.finish()?;
        Ok(body)
    }
}

impl PolicyActivated {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("signed", self.signed.to_value()),
            ("bundle", Value::from(self.bundle)),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("policy.activated")?;
        let body = Self {
            signed: Signed::from_value(fields.value("signed")?)?,
            bundle: fields.digest("bundle")?,
        };
        fields.finish()?;
        Ok(body)
    }
}

impl AuthFailed {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("subject", Value::from(self.subject.as_str())),
            ("reason", Value::from(self.reason.as_str())),
            ("minute", Value::Uint(self.minute)),
            ("count", Value::Uint(self.count)),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("auth.failed")?;
        let body = Self {
            subject: fields.text_as(
                "subject",
                "`agent:<id>`, `system:<id>`, `user:<id>` or `founder`",
                subject,
            )?,
            reason: fields.text("reason")?,
            minute: fields.uint("minute")?,
            count: fields.uint("count")?,
        };
        if body.count == 0 {
            return Err(fields.unexpected("count", "1 or more"));
        }
        fields.finish()?;
        Ok(body)
    }
}

fn subject(text: &str) -> Option<String> {
    let named = text
        .strip_prefix("agent:")
        .or_else(|| text.strip_prefix("system:"))
        .or_else(|| text.strip_prefix("user:"));
    let good = text == "founder" || named.is_some_and(|id| Id::parse(id).is_ok());
    good.then(|| String::from(text))
}
