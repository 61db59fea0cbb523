//! An entry: the bytes of one leaf, and the event inside it (`spec/entry.md`).
//!
//! ```text
//! entry = [ 1, origin, index, sequenced_at, previous, event: bstr ]
//! event = [ kind, case / null, case_index / null, case_previous / null, decided_at, salt, body ]
//! ```
//!
//! An event does not know its position: steps can chain and seal before the ledger gives out indices. The salt
//! makes every leaf hash hiding, so proofs and hash tiles show nothing of their neighbours.

use alloc::{string::String, vec::Vec};

use crate::{
    cbor::{CborError, Value},
    digest::{Digest, Noun},
    event::Body,
    id::{Id, RequestId},
    limits,
    log::tree::LeafHash,
    time::UnixMillis,
};

/// What an entry's layout is called; the first item of its bytes.
const VERSION: u64 = 1;

/// Names a case: the first 16 bytes of the digest of `cbor [origin, agent, request_id]`. Shown as hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseId([u8; 16]);

/// Where an event stands in its case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CasePlace {
    /// The case.
    pub case: CaseId,
    /// 0 for `action.requested`, then one more each.
    pub index: u64,
    /// The event digest of the case's event before; zeros at index 0.
    pub previous: Digest,
}

/// One thing that happened. Its bytes are its identity: see [`Event::digest_of`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The place in a case, for events that belong to one.
    pub place: Option<CasePlace>,
    /// When the step was taken, by the ledger's clock.
    pub decided_at: UnixMillis,
    /// Random: hides the event behind its hashes.
    pub salt: [u8; 16],
    /// What happened.
    pub body: Body,
}

/// One leaf of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The log: `<host>/t/<16 hex>`.
    pub origin: String,
    /// The position; 0 is the genesis entry.
    pub index: u64,
    /// When the position was given. Never decreases along the log.
    pub sequenced_at: UnixMillis,
    /// The leaf hash of the entry before; zeros at index 0.
    pub previous: LeafHash,
    /// The bytes of the event.
    pub event: Vec<u8>,
}

/// All of an entry but the event's kind and body: with them, the leaf can be built again (decision 9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryHead {
    /// As in [`Entry`].
    pub origin: String,
    /// As in [`Entry`].
    pub index: u64,
    /// As in [`Entry`].
    pub sequenced_at: UnixMillis,
    /// As in [`Entry`].
    pub previous: LeafHash,
    /// As in [`Event`].
    pub place: CasePlace,
    /// As in [`Event`].
    pub decided_at: UnixMillis,
    /// As in [`Event`].
    pub salt: [u8; 16],
}

/// Why bytes are not an entry or event. Variants in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The bytes are not of this layout.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// Of a later version of the format.
    #[error("entry of version {found}, this verifier reads version {VERSION}")]
    Version {
        /// The version found.
        found: u64,
    },
    /// An event kind that this version of the format does not have.
    #[error("event of unknown kind `{0}`: a newer verifier may read it")]
    UnknownKind(String),
    /// A case event without a case, or the reverse.
    #[error("event of kind `{kind}` {fault}")]
    Place {
        /// The kind.
        kind: &'static str,
        /// What is wrong with its place.
        fault: &'static str,
    },
}

impl CaseId {
    /// The case that a request of `agent` under `request_id` opens in the log `origin` (decision 14).
    #[must_use]
    pub fn of(origin: &str, agent: &Id, request_id: &RequestId) -> Self {
        let names = Value::array([
            Value::from(origin),
            Value::from(agent.as_str()),
            Value::from(request_id.as_str()),
        ]);
        let digest = Digest::of(Noun::Case, &names.encode());
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = *digest.as_bytes();
        Self([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p])
    }

    /// Takes 16 bytes as they are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Reads 32 lower-case hex digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// The 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl core::fmt::Display for CaseId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl Event {
    /// The bytes of the event (`spec/entry.md §3`).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let place = self.place.as_ref();
        Value::array([
            Value::from(self.body.kind()),
            Value::or_null(place.map(|place| Value::bytes(place.case.as_bytes()))),
            Value::or_null(place.map(|place| place.index)),
            Value::or_null(place.map(|place| place.previous)),
            Value::from(self.decided_at),
            Value::bytes(&self.salt),
            self.body.to_value(),
        ])
        .encode()
    }

    /// Reads the bytes of an event: exactly the seven items, of a kind that is known (EN-3).
    ///
    /// # Errors
    /// [`EntryError`], in the order of its variants.
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        let mut items = Value::decode(bytes, limits::ENTRY_BYTES_MAX)?.into_items("event")?;
        let kind = items.text("kind")?;
        let case = items.bytes_exact_or_null("case")?.map(CaseId);
        let index = items.uint_or_null("case_index")?;
        let previous = items.digest_or_null("case_previous")?;
        let decided_at = items.time("decided_at")?;
        let salt = items.bytes_exact("salt")?;
        let body = items.value("body")?;
        // EN-3: a kind of tomorrow has the shape of today.
        items.finish()?;
        let body = Body::from_value(&kind, body)?;
        let place = match (case, index, previous) {
            (None, None, None) => None,
            (Some(case), Some(index), Some(previous)) => Some(CasePlace {
                case,
                index,
                previous,
            }),
            _ => {
                return Err(EntryError::Place {
                    kind: body.kind(),
                    fault: "has only a part of a place in a case",
                });
            }
        };
        // EN-4: the kind alone says whether an event belongs to a case.
        if place.is_some() != body.is_of_a_case() {
            let fault = if place.is_some() {
                "belongs to no case"
            } else {
                "needs a case"
            };
            return Err(EntryError::Place {
                kind: body.kind(),
                fault,
            });
        }
        Ok(Self {
            place,
            decided_at,
            salt,
            body,
        })
    }

    /// `SHA-256("agentsigna/event/v1\n" || event)`: what the next event of the case names as its previous one.
    #[must_use]
    pub fn digest_of(bytes: &[u8]) -> Digest {
        Digest::of(Noun::Event, bytes)
    }
}

impl Entry {
    /// The bytes of the leaf (`spec/entry.md §2`).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Value::array([
            Value::Uint(VERSION),
            Value::from(self.origin.as_str()),
            Value::Uint(self.index),
            Value::from(self.sequenced_at),
            Value::bytes(self.previous.as_bytes()),
            Value::bytes(&self.event),
        ])
        .encode()
    }

    /// Reads the bytes of a leaf: at most 32 KiB, exactly the six items (EN-1). The event inside stays bytes.
    ///
    /// # Errors
    /// [`EntryError`], in the order of its variants.
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        let mut items = Value::decode(bytes, limits::ENTRY_BYTES_MAX)?.into_items("entry")?;
        let version = items.uint("version")?;
        // EN-2: told apart from a fault of the bytes, and refused like one.
        if version != VERSION {
            return Err(EntryError::Version { found: version });
        }
        let entry = Self {
            origin: items.text("origin")?,
            index: items.uint("index")?,
            sequenced_at: items.time("sequenced_at")?,
            previous: LeafHash::from_bytes(items.bytes_exact("previous")?),
            event: items.bytes("event")?,
        };
        items.finish()?;
        Ok(entry)
    }
}

impl EntryHead {
    /// The head of `entry`, which holds `event`; `None` if the event belongs to no case.
    #[must_use]
    pub fn of(entry: &Entry, event: &Event) -> Option<Self> {
        Some(Self {
            origin: entry.origin.clone(),
            index: entry.index,
            sequenced_at: entry.sequenced_at,
            previous: entry.previous,
            place: event.place?,
            decided_at: event.decided_at,
            salt: event.salt,
        })
    }

    /// The whole entry again, given what the head leaves out: the bytes that were logged (EN-5).
    #[must_use]
    pub fn with_body(&self, body: Body) -> Entry {
        let event = Event {
            place: Some(self.place),
            decided_at: self.decided_at,
            salt: self.salt,
            body,
        };
        Entry {
            origin: self.origin.clone(),
            index: self.index,
            sequenced_at: self.sequenced_at,
            previous: self.previous,
            event: event.encode(),
        }
    }

    /// `[1, origin, index, sequenced_at, previous, case, case_index, case_previous, decided_at, salt]`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::array([
            Value::Uint(VERSION),
            Value::from(self.origin.as_str()),
            Value::Uint(self.index),
            Value::from(self.sequenced_at),
            Value::bytes(self.previous.as_bytes()),
            Value::bytes(self.place.case.as_bytes()),
            Value::Uint(self.place.index),
            Value::from(self.place.previous),
            Value::from(self.decided_at),
            Value::bytes(&self.salt),
        ])
    }

    /// Reads what [`Self::to_value`] makes.
    ///
    /// # Errors
    /// [`EntryError`], in the order of its variants.
    pub fn from_value(value: Value) -> Result<Self, EntryError> {
        let mut items = value.into_items("entry head")?;
        let version = items.uint("version")?;
        if version != VERSION {
            return Err(EntryError::Version { found: version });
        }
        let head = Self {
            origin: items.text("origin")?,
            index: items.uint("index")?,
            sequenced_at: items.time("sequenced_at")?,
            previous: LeafHash::from_bytes(items.bytes_exact("previous")?),
            place: CasePlace {
                case: CaseId(items.bytes_exact("case")?),
                index: items.uint("case_index")?,
                previous: items.digest("case_previous")?,
            },
            decided_at: items.time("decided_at")?,
            salt: items.bytes_exact("salt")?,
        };
        items.finish()?;
        Ok(head)
    }
}

#[cfg(test)]
pub(crate) mod tests;
