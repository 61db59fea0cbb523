//! Closed structures (CB-5): take each member once, then nothing may be left.

use alloc::{
    format,
    string::{String, ToString as _},
    vec::{self, Vec},
};

use super::{CborError, Value};
use crate::{digest::Digest, time::UnixMillis};

/// A map being read: each member is taken by its name, and [`Fields::finish`] refuses what is left.
#[derive(Debug)]
pub struct Fields {
    what: &'static str,
    members: Vec<(Value, Value)>,
}

/// An array of fixed layout being read from the front; [`Items::finish`] refuses what is left.
#[derive(Debug)]
pub struct Items {
    what: &'static str,
    items: vec::IntoIter<Value>,
}

impl Value {
    /// This item as a closed map called `what`.
    ///
    /// # Errors
    /// [`CborError::Unexpected`] if it is no map.
    pub fn into_fields(self, what: &'static str) -> Result<Fields, CborError> {
        match self {
            Self::Map(members) => Ok(Fields { what, members }),
            _ => Err(unexpected(what, what, "a map")),
        }
    }

    /// This item as an array of fixed layout called `what`.
    ///
    /// # Errors
    /// [`CborError::Unexpected`] if it is no array.
    pub fn into_items(self, what: &'static str) -> Result<Items, CborError> {
        match self {
            Self::Array(items) => Ok(Items {
                what,
                items: items.into_iter(),
            }),
            _ => Err(unexpected(what, what, "an array")),
        }
    }

    /// This item as a list of any length, each read by `read`.
    ///
    /// # Errors
    /// [`CborError::Unexpected`] if it is no array; what `read` answers.
    pub fn into_list<T>(
        self,
        what: &'static str,
        read: impl FnMut(Self) -> Result<T, CborError>,
    ) -> Result<Vec<T>, CborError> {
        match self {
            Self::Array(items) => items.into_iter().map(read).collect(),
            _ => Err(unexpected(what, what, "an array")),
        }
    }

    /// This item as text; `what` is only for the error.
    ///
    /// # Errors
    /// [`CborError::Unexpected`].
    pub fn into_text(self, what: &'static str) -> Result<String, CborError> {
        match self {
            Self::Text(text) => Ok(text),
            _ => Err(unexpected(what, what, "text")),
        }
    }

    /// This item as 32 bytes; `what` is only for the error.
    ///
    /// # Errors
    /// [`CborError::Unexpected`].
    pub fn into_digest(self, what: &'static str) -> Result<Digest, CborError> {
        match self {
            Self::Bytes(bytes) => bytes.try_into().map(Digest::from_bytes).ok(),
            _ => None,
        }
        .ok_or_else(|| unexpected(what, what, "32 bytes"))
    }
}

/// The readers that maps and arrays share: `$take` yields the next item, or says what is missing.
macro_rules! readers {
    ($take:ident, $what:ident) => {
        /// An unsigned integer.
        ///
        /// # Errors
        /// [`CborError::Missing`], [`CborError::Unexpected`].
        pub fn uint(&mut self, field: &'static str) -> Result<u64, CborError> {
            match self.$take(field)? {
                Value::Uint(n) => Ok(n),
                _ => Err(unexpected(self.$what, field, "an unsigned integer")),
            }
        }

        /// A signed integer.
        ///
        /// # Errors
        /// [`CborError::Missing`], [`CborError::Unexpected`].
        pub fn int(&mut self, field: &'static str) -> Result<i64, CborError> {
            match self.$take(field)? {
                Value::Uint(n) => i64::try_from(n).ok(),
                Value::Negative(n) => i64::try_from(n).ok().map(|n| -1 - n),
                _ => None,
            }
            .ok_or_else(|| unexpected(self.$what, field, "an integer of 63 bits"))
        }

        /// A time in milliseconds.
        ///
        /// # Errors
        /// [`CborError::Missing`], [`CborError::Unexpected`].
        pub fn time(&mut self, field: &'static str) -> Result<UnixMillis, CborError> {
            UnixMillis::new(self.uint(field)?)
                .ok_or_else(|| unexpected(self.$what, field, "a time in milliseconds below 2^53"))
        }

        /// A time in milliseconds, or `null`.
        ///
        /// # Errors
        /// [`CborError::Missing`], [`CborError::Unexpected`].
        pub fn time_or_null(
            &mut self,
            field: &'static str,
        ) -> Result<Option<UnixMillis>, CborError> {
            match self.$take(field)? {
                Value::Null => Ok(None),
                Value::Uint(n) if UnixMillis::new(n).is_some() => Ok(UnixMillis::new(n)),
                _ => Err(unexpected(
                    self.$what,
                    field,
                    "a time in milliseconds below 2^53, or null",
                )),
            }
        }

        /// An unsigned integer, or `null`.
        ///
        /// # Errors
        /// [`CborError::Missing`], [`CborError::Unexpected`].
        pub fn uint_or_null(&mut self, field: &'static str) -> Result<Option<u64>, CborError> {
            match self.$take(field)? {
                Value::Null => Ok(None),
                Value::Uint(n) => Ok(Some(n)),
                _ => Err(unexpected(self.$what, field, "an unsigned integer or null")),
            }
        }

        /// A text string.
        ///
        /// # Errors
        /// [`CborError::Missing`], [`CborError::Unexpected`].
        pub fn text(&mut self, field: &'static str) -> Result<String, CborError> {
            match self.$take(field)? {
                Value::Text(text) => Ok(text),
                _ => Err(unexpected(self.$what, field, "text")),
            }
        }

        /// A byte string.
        ///
        /// # Errors
        /// [`CborError::Missing`], [`CborError::Unexpected`].
        pub fn bytes(&mut self, field: &'static str) -> Result<Vec<u8>, CborError> {
            match self.$take(field)? {
                Value::Bytes(bytes) => Ok(bytes),
                _ => Err(unexpected(self.$what, field, "bytes")),
            }
        }

        /// A byte string of `N` bytes.
        ///
        /// # Errors
        /// [`CborError::Missing`], [`CborError::Unexpected`].
        pub fn bytes_exact<const N: usize>(
            &mut self,
            field: &'static str,
        ) -> Result<[u8; N], CborError> {
            let bytes = self.bytes(field)?;
            bytes
                .try_into()
                .map_err(|_| unexpected(self.$what, field, "bytes of the fixed length"))
        }

        /// A byte string of `N` bytes, or `null`.
        ///
        /// # Errors
        /// [`CborError::Missing`], [`CborError::Unexpected`].
        pub fn bytes_exact_or_null<const N: usize>(
            &mut self,
            field: &'static str,
        ) -> Result<Option<[u8; N]>, CborError> {
            match self.$take(field)? {
                Value::Null => Ok(None),
                Value::Bytes(bytes) => bytes.try_into().map(Some).map_err(|_| {
                    unexpected(self.$what, field, "bytes of the fixed length, or null")
                }),
                _ => Err(unexpected(
                    self.$what,
                    field,
                    "bytes of the fixed length, or null",
                )),
            }
        }

        /// 32 bytes of a digest.
        ///
        /// # Errors
        /// [`CborError::Missing`], [`CborError::Unexpected`].
        pub fn digest(&mut self, field: &'static str) -> Result<Digest, CborError> {
            Ok(Digest::from_bytes(self.bytes_exact(field)?))
        }

        /// 32 bytes of a digest, or `null`.
        ///
        /// # Errors
        /// [`CborError::Missing`], [`CborError::Unexpected`].
        pub fn digest_or_null(&mut self, field: &'static str) -> Result<Option<Digest>, CborError> {
            Ok(self.bytes_exact_or_null(field)?.map(Digest::from_bytes))
        }

        /// A member that `parse` must accept; `expected` is for the error.
        ///
        /// # Errors
        /// [`CborError::Missing`], [`CborError::Unexpected`].
        pub fn text_as<T>(
            &mut self,
            field: &'static str,
            expected: &'static str,
            parse: impl FnOnce(&str) -> Option<T>,
        ) -> Result<T, CborError> {
            let text = self.text(field)?;
            parse(&text).ok_or_else(|| unexpected(self.$what, field, expected))
        }

        /// Any item.
        ///
        /// # Errors
        /// [`CborError::Missing`].
        pub fn value(&mut self, field: &'static str) -> Result<Value, CborError> {
            self.$take(field)
        }

        /// The error for a member whose value cannot be.
        #[must_use]
        pub fn unexpected(&self, field: &'static str, expected: &'static str) -> CborError {
            unexpected(self.$what, field, expected)
        }
    };
}

impl Fields {
    readers!(take, what);

    /// The member under an integer key; `field` is only for the error.
    ///
    /// # Errors
    /// [`CborError::Missing`].
    pub fn numbered(&mut self, key: i64, field: &'static str) -> Result<Value, CborError> {
        self.remove(&Value::from(key)).ok_or(CborError::Missing {
            what: self.what,
            field,
        })
    }

    /// Whether there is such a member, not taken yet.
    #[must_use]
    pub fn has(&self, field: &'static str) -> bool {
        let key = Value::from(field);
        self.members.iter().any(|(found, _)| *found == key)
    }

    /// The member, if there is one.
    pub fn optional(&mut self, field: &'static str) -> Option<Value> {
        self.remove(&Value::from(field))
    }

    /// Nothing may be left.
    ///
    /// # Errors
    /// [`CborError::Unknown`] naming the first member left.
    pub fn finish(self) -> Result<(), CborError> {
        match self.members.first() {
            None => Ok(()),
            Some((key, _)) => Err(CborError::Unknown {
                what: self.what,
                field: match key {
                    Value::Text(text) => text.clone(),
                    Value::Uint(n) => n.to_string(),
                    Value::Negative(n) => format!("-{}", n.saturating_add(1)),
                    _ => String::from("(not a name)"),
                },
            }),
        }
    }

    fn take(&mut self, field: &'static str) -> Result<Value, CborError> {
        self.remove(&Value::from(field)).ok_or(CborError::Missing {
            what: self.what,
            field,
        })
    }

    fn remove(&mut self, key: &Value) -> Option<Value> {
        let at = self.members.iter().position(|(found, _)| found == key)?;
        Some(self.members.remove(at).1)
    }
}

impl Items {
    readers!(next, what);

    /// Nothing may be left.
    ///
    /// # Errors
    /// [`CborError::Unknown`] if an item is left.
    pub fn finish(mut self) -> Result<(), CborError> {
        match self.items.next() {
            None => Ok(()),
            Some(_) => Err(CborError::Unknown {
                what: self.what,
                field: String::from("(a further item)"),
            }),
        }
    }

    fn next(&mut self, field: &'static str) -> Result<Value, CborError> {
        self.items.next().ok_or(CborError::Missing {
            what: self.what,
            field,
        })
    }
}

fn unexpected(what: &'static str, field: &'static str, expected: &'static str) -> CborError {
    CborError::Unexpected {
        what,
        field,
        expected,
    }
}
