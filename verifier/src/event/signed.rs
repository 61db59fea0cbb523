//! The evidence inside an event: of a signed HTTP request, or of an act that a person signed with a passkey.

use alloc::vec::Vec;

use super::people::assertion;
use crate::{
    cbor::{CborError, Fields, Value},
    passkey::{Assertion, context::ActContext},
};

const WHAT: &str = "signed";

/// What somebody signed, in one of two forms; the kind of the event says which it may have.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "lives in an event, one at a time"
)]
pub enum Signed {
    /// By a founder, agent or target system with an Ed25519 key: a signed HTTP request (RFC 9421).
    Http {
        /// The signature base, byte for byte.
        base: Vec<u8>,
        /// Ed25519 over the base.
        signature: [u8; 64],
        /// The content. `None` where the content is kept as a blob (`policy.published`).
        body: Option<Vec<u8>>,
    },
    /// By a person with a sign-in passkey (`spec/people.md §3.2`).
    Passkey {
        /// Who does what, with which credential: the challenge is its digest.
        context: ActContext,
        /// The device's answer.
        assertion: Assertion,
        /// The content, as in the other form.
        body: Option<Vec<u8>>,
    },
}

impl Signed {
    /// The content, if it is not kept as a blob.
    #[must_use]
    pub fn body(&self) -> Option<&[u8]> {
        match self {
            Self::Http { body, .. } | Self::Passkey { body, .. } => body.as_deref(),
        }
    }

    /// The same evidence, its content kept as a blob.
    #[must_use]
    pub fn without_body(mut self) -> Self {
        match &mut self {
            Self::Http { body, .. } | Self::Passkey { body, .. } => *body = None,
        }
        self
    }

    pub(super) fn to_value(&self) -> Value {
        let body = self.body().map_or(Value::Null, Value::bytes);
        match self {
            Self::Http {
                base, signature, ..
            } => Value::map([
                ("base", Value::bytes(base)),
                ("signature", Value::bytes(signature)),
                ("body", body),
            ]),
            Self::Passkey {
                context, assertion, ..
            } => Value::map([
                ("context", Value::bytes(&context.encode())),
                ("assertion", assertion.to_value()),
                ("body", body),
            ]),
        }
    }

    /// Reads evidence of either form, with its content.
    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        Self::either(value, Content::Here)
    }

    /// Reads evidence of either form whose content is kept as a blob.
    pub(super) fn without_body_from_value(value: Value) -> Result<Self, CborError> {
        Self::either(value, Content::Blob)
    }

    /// Reads a signed HTTP request: agents and claims have no other form.
    pub(super) fn by_key_from_value(value: Value) -> Result<Self, CborError> {
        Self::http(value.into_fields(WHAT)?, Content::Here)
    }

    /// Reads what a person signed: delegations and proposals have no other form.
    pub(super) fn by_person_from_value(value: Value) -> Result<Self, CborError> {
        Self::passkey(value.into_fields(WHAT)?, Content::Here)
    }

    fn either(value: Value, content: Content) -> Result<Self, CborError> {
        let fields = value.into_fields(WHAT)?;
        if fields.has("context") {
            Self::passkey(fields, content)
        } else {
            Self::http(fields, content)
        }
    }

    fn http(mut fields: Fields, content: Content) -> Result<Self, CborError> {
        let signed = Self::Http {
            base: fields.bytes("base")?,
            signature: fields.bytes_exact("signature")?,
            body: content.read(&mut fields)?,
        };
        fields.finish()?;
        Ok(signed)
    }

    fn passkey(mut fields: Fields, content: Content) -> Result<Self, CborError> {
        let signed = Self::Passkey {
            context: ActContext::decode(&fields.bytes("context")?)
                .map_err(|_| fields.unexpected("context", "the context of an act"))?,
            assertion: assertion(fields.value("assertion")?, WHAT)?,
            body: content.read(&mut fields)?,
        };
        fields.finish()?;
        Ok(signed)
    }
}

/// EV-2: the kind of the event alone says whether the content is here or in a blob.
#[derive(Clone, Copy)]
enum Content {
    Here,
    Blob,
}

impl Content {
    fn read(self, fields: &mut Fields) -> Result<Option<Vec<u8>>, CborError> {
        match self {
            Self::Here => fields.bytes("body").map(Some),
            Self::Blob => match fields.value("body")? {
                Value::Null => Ok(None),
                _ => Err(fields.unexpected("body", "null: the blob holds the content")),
            },
        }
    }
}
