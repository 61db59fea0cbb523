//! The row of a password (`spec/people.md §3.6`).
//!
//! A forger who could write it still has no secret record with that digest: such a row opens nothing.

use crate::{
    cbor::{CborError, Value},
    digest::Digest,
};

/// The password of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordRow {
    /// Digest of the secret record; none once it was ended.
    pub secret: Option<Digest>,
    /// The entry that set or ended it.
    pub index: u64,
}

impl PasswordRow {
    pub(super) fn to_value(&self) -> Value {
        Value::array([Value::or_null(self.secret), Value::Uint(self.index)])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut items = value.into_items("password row")?;
        let row = Self {
            secret: items.digest_or_null("secret")?,
            index: items.uint("index")?,
        };
        items.finish()?;
        Ok(row)
    }
}
