//! What goes through the ledger: a change in, a commitment out.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use agentsigna_verifier::{
    cbor::Value,
    digest::Digest,
    entry::{Entry, Event},
    key::JwkThumbprint,
    state::{Row, RowName},
};

use super::{Head, SecretChange, Tenant, deadlines::Moved};
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
    /// What only the host has of people, and no entry (SO-18).
    pub secrets: Vec<SecretChange>,
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
    pub(super) deadlines: Moved,
    pub(super) nonce: Option<Key>,
    pub(super) waiter: Waiter,
}

/// Called once, when the change is durable or never will be.
pub(super) type Done = Box<dyn FnOnce(Option<Committed>) + Send>;

/// Who waits for an admitted change.
///
/// INVARIANT (answered once, LG-9): whatever happens to the change, its waiter is told exactly once. Dropped on
/// any way but [`Self::give`] (a failed write, a stage that ended or panicked), it says `None`.
pub(super) struct Waiter {
    done: Option<Done>,
    /// Changes that wait: over all tenants, and of this one.
    counts: [Arc<AtomicUsize>; 2],
}

impl Waiter {
    /// Counts one more change until it is answered.
    pub(super) fn new(done: Done, counts: [Arc<AtomicUsize>; 2]) -> Self {
        for count in &counts {
            count.fetch_add(1, Ordering::Relaxed);
        }
        Self {
            done: Some(done),
            counts,
        }
    }

    /// The change is durable.
    pub(super) fn give(mut self, committed: Committed) {
        if let Some(done) = self.leave() {
            done(Some(committed));
        }
    }

    /// The change was not admitted after all: its caller is told so, and nobody else.
    pub(super) fn dismiss(mut self) {
        drop(self.leave());
    }

    fn leave(&mut self) -> Option<Done> {
        let done = self.done.take()?;
        for count in &self.counts {
            count.fetch_sub(1, Ordering::Relaxed);
        }
        Some(done)
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if let Some(done) = self.leave() {
            done(None);
        }
    }
}

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

/// A nonce lies this many minutes beyond the minute its signature dies in, so that its bucket is dropped only
/// after every signature in it died.
const NONCE_KEPT_MIN: u64 = 2;

/// A signature that is good at some time dies at most 65 s later (life 60 s, skew 5 s): in the minute after the
/// next at the latest. So a nonce's bucket is at most this far ahead of the minute it was used in.
const NONCE_AHEAD_MIN: u64 = NONCE_KEPT_MIN + 2;

/// The minute, counted from the epoch, that had surely begun when a nonce of `bucket` was used.
pub(super) const fn minute_of_use(bucket: u64) -> u64 {
    bucket.saturating_sub(NONCE_AHEAD_MIN)
}

impl NonceUse {
    /// The nonce `nonce` of `key`, in a signature that dies at `expires_s`.
    #[must_use]
    pub fn new(key: JwkThumbprint, nonce: &str, expires_s: u64) -> Self {
        let value = Value::array([Value::bytes(key.as_bytes()), Value::from(nonce)]).encode();
        let bucket = (expires_s / 60).saturating_add(NONCE_KEPT_MIN);
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
