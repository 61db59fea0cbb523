//! The evidence of a signed HTTP request inside an event.

use alloc::vec::Vec;

use crate::cbor::{CborError, Fields, Value};

/// What a founder, agent or target system signed: the RFC 9421 signature base, the signature over it, and the
/// content whose digest the base names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The signature base, byte for byte.
    pub base: Vec<u8>,
    /// Ed25519 over the base.
    pub signature: [u8; 64],
    /// The content. `None` where the content is kept as a blob (`policy.published`).
    pub body: Option<Vec<u8>>,
}

impl Signed {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("base", Value::bytes(&self.base)),
            ("signature", Value::bytes(&self.signature)),
            (
                "body",
                self.body
                    .as_ref()
                    .map_or(Value::Null, |body| Value::bytes(body)),
            ),
        ])
    }

    /// Reads evidence with its content.
    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        Self::read(value, |fields| fields.bytes("body").map(Some))
    }

    /// Reads evidence whose content is kept as a blob.
    pub(super) fn without_body_from_value(value: Value) -> Result<Self, CborError> {
        Self::read(value, |fields| match fields.value("body")? {
            Value::Null => Ok(None),
            _ => Err(fields.unexpected("body", "null: the blob holds the content")),
        })
    }

    /// EV-2: the kind of the event alone says whether the content is here or in a blob.
    fn read(
        value: Value,
        body: impl FnOnce(&mut Fields) -> Result<Option<Vec<u8>>, CborError>,
    ) -> Result<Self, CborError> {
        let mut fields = value.into_fields("signed")?;
        let signed = Self {
            base: fields.bytes("base")?,
            signature: fields.bytes_exact("signature")?,
            body: body(&mut fields)?,
        };
        fields.finish()?;
        Ok(signed)
    }
}
