//! Deterministic CBOR: the only encoding our formats accept (RFC 8949 §4.2.1, `spec/cbor.md`).
//!
//! Items: unsigned and negative integers, byte and text strings, arrays, maps, tags, `true`, `false`,
//! `null`. No floats, no other simple values, no indefinite lengths. Reading is lenient in the library below
//! (`cbor4ii`), so strictness is made here: what was read is encoded again and must give the same bytes.

mod diagnostic;
mod fields;

use alloc::{
    boxed::Box,
    string::{String, ToString as _},
    vec::Vec,
};

use cbor4ii::core::{
    dec::{self, Decode as _, Read},
    enc::{self, Encode as _},
    types,
    utils::BufWriter,
};

pub use fields::{Fields, Items};

use crate::limits;

/// One CBOR item. A map keeps its members in the order of their encoded keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `0..=2^64 − 1`.
    Uint(u64),
    /// The integer `−1 − n`.
    Negative(u64),
    /// A byte string.
    Bytes(Vec<u8>),
    /// A text string.
    Text(String),
    /// An array.
    Array(Vec<Value>),
    /// A map; made by [`Value::map`].
    Map(Vec<(Value, Value)>),
    /// A tagged item.
    Tag(u64, Box<Value>),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
}

/// Why bytes are not the deterministic CBOR that was expected. Variants in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// More bytes than the format allows.
    #[error("{found} bytes of CBOR, at most {max} allowed")]
    TooLong {
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// Not CBOR, cut short, nested too deeply, or an item our formats do not use (float, undefined, …).
    #[error("not CBOR as our formats use it, near byte {at}")]
    Malformed {
        /// Bytes read before the fault was met.
        at: usize,
    },
    /// CBOR, but not the one deterministic encoding (or bytes follow the item).
    #[error("not deterministic CBOR (RFC 8949 §4.2.1), or bytes follow the item")]
    NotDeterministic,
    /// A map lacks a member or an array an item.
    #[error("{what} lacks `{field}`")]
    Missing {
        /// The structure read.
        what: &'static str,
        /// The member looked for.
        field: &'static str,
    },
    /// A closed structure has a member it must not have.
    #[error("{what} has an unknown member `{field}`")]
    Unknown {
        /// The structure read.
        what: &'static str,
        /// The member found.
        field: String,
    },
    /// A member has another type, length or range than its format says.
    #[error("`{field}` of {what} is not {expected}")]
    Unexpected {
        /// The structure read.
        what: &'static str,
        /// The member read.
        field: &'static str,
        /// What the format wants there.
        expected: &'static str,
    },
}

impl Value {
    /// A map with its members put in order.
    #[must_use]
    pub fn map<K: Into<Self>>(members: impl IntoIterator<Item = (K, Self)>) -> Self {
        let mut keyed: Vec<(Vec<u8>, Self, Self)> = members
            .into_iter()
            .map(|(key, value)| {
                let key = key.into();
                (key.encode(), key, value)
            })
            .collect();
        keyed.sort_by(|(a, ..), (b, ..)| a.cmp(b));
        Self::Map(
            keyed
                .into_iter()
                .map(|(_, key, value)| (key, value))
                .collect(),
        )
    }

    /// An array.
    #[must_use]
    pub fn array(items: impl IntoIterator<Item = Self>) -> Self {
        Self::Array(items.into_iter().collect())
    }

    /// A byte string.
    #[must_use]
    pub fn bytes(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }

    /// The item, or `null`.
    #[must_use]
    pub fn or_null(item: Option<impl Into<Self>>) -> Self {
        item.map_or(Self::Null, Into::into)
    }

    /// The one deterministic encoding. (A `Map` built by hand in another order, or with a key twice, gives
    /// bytes that [`Value::decode`] refuses.)
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = BufWriter::new(Vec::with_capacity(128));
        // A vector refuses bytes only where memory ends, and then the process ends too.
        let _ = self.write(&mut writer);
        writer.into_inner()
    }

    /// Reads exactly one item that fills `bytes`.
    ///
    /// # Errors
    /// [`CborError::TooLong`], [`CborError::Malformed`], [`CborError::NotDeterministic`].
    pub fn decode(bytes: &[u8], bytes_max: usize) -> Result<Self, CborError> {
        // CB-1: the size, before anything is read.
        if bytes.len() > bytes_max {
            return Err(CborError::TooLong {
                found: bytes.len(),
                max: bytes_max,
            });
        }
        let mut reader = Reader {
            rest: bytes,
            depth_left: limits::CBOR_DEPTH_MAX,
        };
        let value = Self::read(&mut reader).map_err(|Malformed| CborError::Malformed {
            at: bytes.len().saturating_sub(reader.rest.len()),
        })?;
        // CB-4: encoding again catches every leniency of the reader at once: long integers, unsorted or repeated
        // keys (sorted here, so repeated ones stand side by side), indefinite lengths, bytes left over.
        if !value.is_ordered() || value.encode() != bytes {
            return Err(CborError::NotDeterministic);
        }
        Ok(value)
    }

    fn write<W: enc::Write>(&self, writer: &mut W) -> Result<(), enc::Error<W::Error>> {
        match self {
            Self::Uint(n) => n.encode(writer),
            Self::Negative(n) => types::Negative(*n).encode(writer),
            Self::Bytes(bytes) => types::Bytes(bytes.as_slice()).encode(writer),
            Self::Text(text) => text.as_str().encode(writer),
            Self::Array(items) => {
                types::Array::bounded(items.len(), writer)?;
                items.iter().try_for_each(|item| item.write(writer))
            }
            Self::Map(members) => {
                types::Map::bounded(members.len(), writer)?;
                members.iter().try_for_each(|(key, value)| {
                    key.write(writer)?;
                    value.write(writer)
                })
            }
            Self::Tag(tag, item) => {
                types::Tag(*tag, types::Nothing).encode(writer)?;
                item.write(writer)
            }
            Self::Bool(value) => value.encode(writer),
            Self::Null => types::Null.encode(writer),
        }
    }

    /// Whether every map in here has its keys in strictly rising order of their encodings.
    fn is_ordered(&self) -> bool {
        match self {
            Self::Array(items) => items.iter().all(Self::is_ordered),
            Self::Map(members) => {
                members
                    .iter()
                    .all(|(key, value)| key.is_ordered() && value.is_ordered())
                    && members
                        .windows(2)
                        .all(|pair| matches!(pair, [(a, _), (b, _)] if a.encode() < b.encode()))
            }
            Self::Tag(_, item) => item.is_ordered(),
            _ => true,
        }
    }

    /// CB-2: the items of `spec/cbor.md §3`, and no other.
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let first = *reader.rest.first().ok_or(Malformed)?;
        match first >> 5 {
            0 => Ok(Self::Uint(u64::decode(reader)?)),
            1 => Ok(Self::Negative(types::Negative::<u64>::decode(reader)?.0)),
            2 => Ok(Self::Bytes(
                types::Bytes::<&[u8]>::decode(reader)?.0.to_vec(),
            )),
            3 => Ok(Self::Text(<&str>::decode(reader)?.to_string())),
            4 => {
                let len = types::Array::len(reader)?.ok_or(Malformed)?;
                reader
                    .nested(|reader| (0..len).map(|_| Self::read(reader)).collect())
                    .map(Self::Array)
            }
            5 => {
                let len = types::Map::len(reader)?.ok_or(Malformed)?;
                reader
                    .nested(|reader| {
                        (0..len)
                            .map(|_| Ok((Self::read(reader)?, Self::read(reader)?)))
                            .collect()
                    })
                    .map(Self::Map)
            }
            6 => {
                let tag = types::Tag::<()>::tag(reader)?;
                let item = reader.nested(Self::read)?;
                Ok(Self::Tag(tag, Box::new(item)))
            }
            _ => match first {
                0xf4 | 0xf5 => Ok(Self::Bool(bool::decode(reader)?)),
                0xf6 => {
                    reader.advance(1);
                    Ok(Self::Null)
                }
                _ => Err(Malformed),
            },
        }
    }
}

struct Malformed;

impl<E> From<dec::Error<E>> for Malformed {
    fn from(_: dec::Error<E>) -> Self {
        Self
    }
}

/// A slice with the depth our formats allow (CB-3).
struct Reader<'a> {
    rest: &'a [u8],
    depth_left: usize,
}

impl Reader<'_> {
    fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        self.depth_left = self.depth_left.checked_sub(1).ok_or(Malformed)?;
        let result = read(self);
        self.depth_left = self.depth_left.saturating_add(1);
        result
    }
}

impl<'de> Read<'de> for Reader<'de> {
    type Error = core::convert::Infallible;

    fn fill<'short>(
        &'short mut self,
        want: usize,
    ) -> Result<dec::Reference<'de, 'short>, Self::Error> {
        let len = want.min(self.rest.len());
        Ok(dec::Reference::Long(
            self.rest.get(..len).unwrap_or_default(),
        ))
    }

    fn advance(&mut self, n: usize) {
        self.rest = self.rest.get(n..).unwrap_or_default();
    }
}

impl From<u64> for Value {
    fn from(n: u64) -> Self {
        Self::Uint(n)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        u64::try_from(n).map_or_else(
            |_| Self::Negative(n.unsigned_abs().saturating_sub(1)),
            Self::Uint,
        )
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_string())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<crate::digest::Digest> for Value {
    fn from(digest: crate::digest::Digest) -> Self {
        Self::bytes(digest.as_bytes())
    }
}

impl From<crate::time::UnixMillis> for Value {
    fn from(time: crate::time::UnixMillis) -> Self {
        Self::Uint(time.millis())
    }
}

#[cfg(test)]
mod tests;
