//! What goes through the ledger: a change in, a commitment out.

use std::sync::Arc;

use agentsigna_verifier::{
    cbor::Value,
    digest::Digest,
    entry::{Entry, Event},
    key::JwkThumbprint,
    state::{Row, RowName},
};

use super::{Head, Tenant};
use crate::store::Key;

/// Entries to append, all or none, and what goes with them.
#[derive(Debug, Default)]
pub struct Change {
    /// The events, in order.
    pub events: Vec<NewEvent>,
    /// Content-addressed bytes that the events name.
    pub blobs: Vec<Vec<u8>>,
    /// The nonce that the request used up.
    pub nonce: Option<NonceUse>,
    /// Which event to prove, by its place in `events`.
    pub prove: Option<usize>,
}

/// An event with its bytes and their digest, made once.
#[derive(Debug, Clone)]
pub struct NewEvent {
    event: Event,
    bytes: Vec<u8>,
    digest: Digest,
}

/// A nonce, used by a key; it can be forgotten once the signature it came with is dead.
#[derive(Debug, Clone)]
pub struct NonceUse {
    value: Vec<u8>,
    bucket: u64,
}

/// A change that is durable.
#[derive(Debug, Clone)]
pub struct Committed {
    /// The head that covers it.
    pub head: Arc<Head>,
    /// The entries of its events, in order.
    pub entries: Vec<Entry>,
    /// The tlog-proof of the event that was to be proven.
    pub proof: Option<Vec<u8>>,
}

/// A change that was admitted: ordered, applied, positions given.
pub(super) struct Admitted {
    pub(super) tenant: Tenant,
    pub(super) first_index: u64,
    pub(super) change: Change,
    pub(super) rows: Vec<(RowName, Row)>,
    pub(super) nonce: Option<Key>,
    pub(super) done: Done,
}

/// Called once, when the change is durable or never will be.
pub(super) type Done = Box<dyn FnOnce(Option<Committed>) + Send>;

impl NewEvent {
    /// Encodes `event`.
    #[must_use]
    pub fn new(event: Event) -> Self {
        let bytes = event.encode();
        let digest = Event::digest_of(&bytes);
        Self {
            event,
            bytes,
            digest,
        }
    }

    /// The event.
    #[must_use]
    pub const fn event(&self) -> &Event {
        &self.event
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Their digest.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }
}

impl NonceUse {
    /// The nonce `nonce` of `key`, in a signature that dies at `expires_s`.
    #[must_use]
    pub fn new(key: JwkThumbprint, nonce: &str, expires_s: u64) -> Self {
        let value = Value::array([Value::bytes(key.as_bytes()), Value::from(nonce)]).encode();
        // One more minute than needed, so that the bucket is only dropped after every signature in it died.
        let bucket = (expires_s / 60).saturating_add(2);
        Self { value, bucket }
    }

    pub(super) fn value(&self) -> &[u8] {
        &self.value
    }

    pub(super) const fn bucket(&self) -> u64 {
        self.bucket
    }
}

impl Change {
    /// Bytes of entries and blobs: what a batch is measured in.
    pub(super) fn weight(&self) -> usize {
        let events: usize = self.events.iter().map(|event| event.bytes.len()).sum();
        let blobs: usize = self.blobs.iter().map(Vec::len).sum();
        events.saturating_add(blobs)
    }
}
