//! Admission: the one place where changes get their order.
//!
//! Under the tenant's lock: everything the change was made from must still be current, its events must be
//! allowed to follow, and then they have their positions and their rows are what the next reader sees. Decisions
//! of one agent run one after the other in a lane above, so a stale change is rare; it is made again, never patched.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, MutexGuard, PoisonError, atomic::Ordering, mpsc},
};

use agentsigna_verifier::{
    cbor::CborError,
    digest::{Digest, Noun},
    entry::Event,
    event::Body,
    key::JwkThumbprint,
    limits,
    state::{self, Completeness, Row, RowName, Rows, StateError, Subject},
};

use super::{
    Inbox, QUEUE_MAX, Shared, TENANT_QUEUE_MAX, Tenant,
    change::{Admitted, Change, Done, NonceUse, Waiter},
    deadlines::Moved,
    secrets,
};
use crate::store::{Key, ReadError};

/// Events in one change.
pub const CHANGE_EVENTS_MAX: usize = 4096;
/// Bytes of an entry beside origin and event: array and version 2, origin's length 3, index and time 9 each,
/// previous 34, event's length 5.
const ENTRY_OVERHEAD_BYTES: usize = 2 + 3 + 9 + 9 + 34 + 5;
/// Admitted changes after which a case's row leaves memory, so that a reader who is that slow, and no other, is
/// told that rows have changed which may not have.
const KEPT_CHANGES: u64 = 128;

/// What the next reader of a tenant sees: rows changed and not evicted, over the store.
pub(super) struct Admission {
    /// The index of the next entry.
    pub(super) next_index: u64,
    /// Counts admitted changes. Versions of rows are values of this.
    clock: u64,
    rows: HashMap<RowName, Cached>,
    /// Rows that leave the cache, oldest change first.
    leaving: VecDeque<(u64, RowName)>,
    /// No row that left the cache was changed after this.
    evicted_at: u64,
    /// Nonces used and not dead yet: bucket by HMAC name of key and nonce.
    pub(super) nonces: HashMap<Key, ()>,
    /// The nonce buckets before this are forgotten.
    nonce_floor: u64,
}

struct Cached {
    row: Option<Row>,
    changed_at: u64,
    /// Durable once the log has this many entries.
    pending_until: u64,
}

/// Rows of one tenant as one step of work sees them. Remembers what was read, so that nobody has to list it.
pub struct Reading {
    tenant: Tenant,
    seen: BTreeMap<RowName, u64>,
    standing_at: u64,
}

/// A row could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// The store's error.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The bytes on disk are not a row.
    #[error("a row on disk is not what was written: run `agentsigna fsck`")]
    Damaged(#[source] CborError),
}

/// Why a change was not admitted. Nothing happened then. Variants in the order of the checks.
#[derive(Debug, thiserror::Error)]
pub enum AdmitError {
    /// A write failed, or the ledger was closed: only a restart helps.
    #[error("the ledger takes no more changes: start the server again")]
    Stopped,
    /// Too many changes wait, over all tenants or of this one.
    #[error("too many changes wait already: try again in a second")]
    Full,
    /// The disk is nearly full.
    #[error("the disk has reached its reserve: make room; reads go on")]
    NoRoom,
    /// No entry could hold an event, or there are too many of them.
    #[error("{found} {what}, expected at most {max}")]
    TooLarge {
        /// What was counted.
        what: &'static str,
        /// What was found.
        found: usize,
        /// What is allowed.
        max: usize,
    },
    /// Something that was read has changed since: read again, and make the change again.
    #[error("{} has changed since it was read", .0.describe())]
    Stale(RowName),
    /// The nonce was used before.
    #[error("nonce used before: sign again with a new one")]
    Replayed,
    /// A key that somebody else holds, in this tenant or another.
    #[error("key `{0}` is already enrolled: make a new one with `agentsigna-verify keygen`")]
    KeyTaken(String),
    /// The events may not follow what came before.
    #[error("{what}")]
    Broken {
        /// The code of `spec/state.md`.
        code: &'static str,
        /// What was found and expected.
        what: String,
    },
    /// Rows could not be read.
    #[error(transparent)]
    Rows(#[from] RowError),
}

impl Reading {
    /// Starts reading rows of `tenant`.
    #[must_use]
    pub fn of(tenant: &Tenant) -> Self {
        Self {
            standing_at: tenant.admission().next_index,
            tenant: tenant.clone(),
            seen: BTreeMap::new(),
        }
    }

    /// The size of the tree whose entries are all in what was read, as of the last row read: committed entries
    /// and those on their way. Once the change is admitted, no entry from here up to its own has touched a row
    /// that was read before this was asked.
    #[must_use]
    pub const fn standing_at(&self) -> u64 {
        self.standing_at
    }

    /// The tenant.
    #[must_use]
    pub const fn tenant(&self) -> &Tenant {
        &self.tenant
    }
}

impl Rows for Reading {
    type Error = RowError;

    fn row(&mut self, name: &RowName) -> Result<Option<Row>, RowError> {
        let mut admission = self.tenant.admission();
        // INVARIANT (what is read is listed, LG-4): the version is noted here and nowhere else.
        self.seen.entry(name.clone()).or_insert(admission.clock);
        // Rows read before are as they were, or admission refuses: so this is the standing of all of them.
        self.standing_at = admission.next_index;
        admission.row(&self.tenant, name)
    }

    /// Steps read; only admission sets rows.
    fn set(&mut self, _: RowName, _: Row) {}
}

impl Admission {
    pub(super) fn new(next_index: u64) -> Self {
        Self {
            next_index,
            clock: 0,
            rows: HashMap::new(),
            leaving: VecDeque::new(),
            evicted_at: 0,
            nonces: HashMap::new(),
            nonce_floor: 0,
        }
    }

    fn row(&mut self, tenant: &Tenant, name: &RowName) -> Result<Option<Row>, RowError> {
        if let Some(cached) = self.rows.get(name) {
            return Ok(cached.row.clone());
        }
        let stored = tenant
            .scope()
            .get(tenant.scope().row_key(name.kind(), &name.encode()))?;
        let row = stored
            .map(|bytes| Row::decode(name.kind(), &bytes).map_err(RowError::Damaged))
            .transpose()?;
        if keeps(name) && row.is_some() {
            // As old as anything that was ever evicted: it has not changed since.
            self.rows.insert(
                name.clone(),
                Cached {
                    row: row.clone(),
                    changed_at: self.evicted_at,
                    pending_until: 0,
                },
            );
        }
        Ok(row)
    }

    fn is_current(&self, name: &RowName, seen_at: u64) -> bool {
        let changed_at = self
            .rows
            .get(name)
            .map_or(self.evicted_at, |cached| cached.changed_at);
        changed_at <= seen_at
    }

    /// The rows that a change set.
    fn set(&mut self, set: &BTreeMap<RowName, Row>, index: u64) {
        self.clock = self.clock.saturating_add(1);
        self.next_index = index;
        for (name, row) in set {
            let cached = Cached {
                row: Some(row.clone()),
                changed_at: self.clock,
                pending_until: index,
            };
            self.rows.insert(name.clone(), cached);
            if !keeps(name) {
                self.leaving.push_back((self.clock, name.clone()));
            }
        }
    }

    /// Everything admitted up to `next_index` is durable: rows of cases can be read from the store again. Costs
    /// what the changes cost that were admitted, never what the tenant has.
    pub(super) fn committed(&mut self, next_index: u64) {
        let until = self.clock.saturating_sub(KEPT_CHANGES);
        while let Some((changed_at, name)) = self.leaving.front() {
            let (changed_at, cached) = (*changed_at, self.rows.get(name));
            // INVARIANT (no stale read): a row leaves only once the store has it.
            if changed_at > until || cached.is_some_and(|row| row.pending_until > next_index) {
                break;
            }
            // Changed again since: it leaves with that change.
            if cached.is_some_and(|row| row.changed_at == changed_at) {
                self.rows.remove(name);
                self.evicted_at = self.evicted_at.max(changed_at);
            }
            self.leaving.pop_front();
        }
    }

    /// Whether the nonce is there, with whatever end its signature had: those that live end within 65 s, so in
    /// three minutes at most.
    fn has_seen(&self, nonce: &Key) -> bool {
        let Key::Nonce { bucket, name } = nonce else {
            return false;
        };
        let buckets = bucket.saturating_sub(3)..=bucket.saturating_add(3);
        buckets.into_iter().any(|bucket| {
            let name = *name;
            self.nonces.contains_key(&Key::Nonce { bucket, name })
        })
    }

    #[cfg(test)]
    pub(super) fn keeps_in_memory(&self, name: &RowName) -> bool {
        self.rows.contains_key(name)
    }

    /// Forgets nonces whose signatures are dead. Returns the first bucket kept, if buckets were dropped.
    pub(super) fn forget_nonces(&mut self, minute: u64) -> Option<u64> {
        if minute <= self.nonce_floor {
            return None;
        }
        self.nonce_floor = minute;
        self.nonces
            .retain(|key, ()| matches!(key, Key::Nonce { bucket, .. } if *bucket >= minute));
        Some(minute)
    }
}

/// Rows that stay in memory: few, and read by every decision. Cases and requests are many and read once.
const fn keeps(name: &RowName) -> bool {
    !matches!(
        name,
        RowName::Case(_) | RowName::Request(..) | RowName::Review(_)
    )
}

/// The rows that the events of one change set, over what is admitted.
struct Applying<'a> {
    tenant: &'a Tenant,
    admission: &'a mut Admission,
    set: BTreeMap<RowName, Row>,
    /// Rows of cases, as they were before the change.
    before: BTreeMap<RowName, Row>,
}

impl Rows for Applying<'_> {
    type Error = RowError;

    fn row(&mut self, name: &RowName) -> Result<Option<Row>, RowError> {
        match self.set.get(name) {
            Some(row) => Ok(Some(row.clone())),
            None => {
                let row = self.admission.row(self.tenant, name)?;
                if let (RowName::Case(_), Some(row)) = (name, &row) {
                    self.before.insert(name.clone(), row.clone());
                }
                Ok(row)
            }
        }
    }

    fn set(&mut self, name: RowName, row: Row) {
        self.set.insert(name, row);
    }
}

pub(super) fn admit(
    shared: &Shared,
    reading: Reading,
    change: Change,
    done: Done,
) -> Result<(), AdmitError> {
    let Reading { tenant, seen, .. } = reading;
    check_capacity(shared, &tenant)?;
    check_size(&tenant, &change)?;
    let mut admission = tenant.admission();
    for (name, seen_at) in seen {
        if !admission.is_current(&name, seen_at) {
            return Err(AdmitError::Stale(name));
        }
    }
    let nonce = change.nonce.as_ref().map(|nonce| tenant.nonce_key(nonce));
    if nonce
        .as_ref()
        .is_some_and(|nonce| admission.has_seen(nonce))
    {
        return Err(AdmitError::Replayed);
    }

    let first_index = admission.next_index;
    let mut applying = Applying {
        tenant: &tenant,
        admission: &mut admission,
        set: BTreeMap::new(),
        before: BTreeMap::new(),
    };
    let mut index = first_index;
    for event in &change.events {
        state::apply(
            &mut applying,
            event.event(),
            event.digest(),
            index,
            Completeness::Whole,
        )
        .map_err(refuse)?;
        check_blob(&tenant, &change, event.event())?;
        index = index.saturating_add(1);
    }
    secrets::check(&mut applying, &change)?;
    let Applying { set, before, .. } = applying;
    let mut deadlines = Moved::default();
    for (name, row) in &set {
        deadlines.note(name, before.get(name), row);
    }
    reserve_keys(shared, &tenant, &change, &set)?;

    // Sent while the tenant's lock is held, so that the sequencer gets changes in the order of their positions.
    let queue = shared.queue();
    let Some(sequencer) = queue.as_ref() else {
        return Err(AdmitError::Stopped);
    };
    // Nothing below can fail: from here on the change happens, or the process stops (INVARIANT no undo, LG-10).
    admission.set(&set, index);
    for name in set.keys() {
        if let RowName::Credential(credential) = name {
            shared.credentials.add(credential.clone(), &tenant);
        }
    }
    if let Some(nonce) = nonce {
        admission.nonces.insert(nonce, ());
    }
    let counts = [Arc::clone(&shared.queued), Arc::clone(tenant.queued())];
    let admitted = Admitted {
        tenant: tenant.clone(),
        first_index,
        change,
        rows: set.into_iter().collect(),
        deadlines,
        nonce,
        waiter: Waiter::new(done, counts),
    };
    if let Err(mpsc::SendError(unsent)) = sequencer.send(Inbox::Change(Box::new(admitted))) {
        // What was just admitted in memory is never written, so nothing may follow it.
        shared.stop("the sequencer takes no more changes");
        if let Inbox::Change(admitted) = unsent {
            admitted.waiter.dismiss();
        }
        return Err(AdmitError::Stopped);
    }
    Ok(())
}

/// LG-8: a full queue is said at once. One tenant's does not fill that of the others.
fn check_capacity(shared: &Shared, tenant: &Tenant) -> Result<(), AdmitError> {
    if shared.is_stopped() {
        return Err(AdmitError::Stopped);
    }
    if shared.queued.load(Ordering::Relaxed) >= QUEUE_MAX
        || tenant.queued().load(Ordering::Relaxed) >= TENANT_QUEUE_MAX
    {
        return Err(AdmitError::Full);
    }
    // Asked before anything is promised: a batch that the store refuses would stop the ledger.
    if (shared.has_room)() {
        Ok(())
    } else {
        Err(AdmitError::NoRoom)
    }
}

/// LG-12: an entry that nobody could read again would end the log.
fn check_size(tenant: &Tenant, change: &Change) -> Result<(), AdmitError> {
    let found = change.events.len();
    if found > CHANGE_EVENTS_MAX {
        return Err(AdmitError::TooLarge {
            what: "events in one change",
            found,
            max: CHANGE_EVENTS_MAX,
        });
    }
    let beside = tenant.origin().len().saturating_add(ENTRY_OVERHEAD_BYTES);
    for event in &change.events {
        let found = event.bytes().len().saturating_add(beside);
        if found > limits::ENTRY_BYTES_MAX {
            return Err(AdmitError::TooLarge {
                what: "bytes in an entry",
                found,
                max: limits::ENTRY_BYTES_MAX,
            });
        }
        if Event::decode(event.bytes()).as_ref() != Ok(event.event()) {
            return Err(AdmitError::Broken {
                code: "malformed",
                what: format!(
                    "the bytes of `{}` do not read back as what was written",
                    event.event().body.kind()
                ),
            });
        }
    }
    Ok(())
}

/// LG-12: the bytes that a policy's entry names are in the same write, or on disk already.
fn check_blob(tenant: &Tenant, change: &Change, event: &Event) -> Result<(), AdmitError> {
    let Some(digest) = event.body.blob() else {
        return Ok(());
    };
    let brought = change
        .blobs
        .iter()
        .any(|blob| Digest::of(Noun::Blob, blob) == digest);
    if brought || tenant.blob(&digest).map_err(RowError::Read)?.is_some() {
        return Ok(());
    }
    Err(AdmitError::Broken {
        code: "missing-blob",
        what: format!("an event names blob {digest} without its bytes"),
    })
}

/// LG-5: a key has one holder over all tenants: the tenant of a request is found through its key alone.
fn reserve_keys(
    shared: &Shared,
    tenant: &Tenant,
    change: &Change,
    set: &BTreeMap<RowName, Row>,
) -> Result<(), AdmitError> {
    let enrols = |body: &Body| matches!(body, Body::AgentEnrolled(_) | Body::SystemEnrolled(_));
    if !change
        .events
        .iter()
        .any(|event| enrols(&event.event().body))
    {
        return Ok(());
    }
    let keys: Vec<&JwkThumbprint> = set
        .iter()
        .filter_map(|(name, row)| match (name, row) {
            (RowName::Key(key), Row::Key(Subject::Agent(_) | Subject::System(_))) => Some(key),
            _ => None,
        })
        .collect();
    let mut owners = shared.owners();
    // All or none: a change that is refused takes no key.
    for key in &keys {
        if owners.contains_key(*key) || (shared.was_owned)(**key).map_err(RowError::Read)? {
            return Err(AdmitError::KeyTaken(key.to_base64url()));
        }
    }
    for key in keys {
        owners.insert(*key, Some(tenant.clone()));
    }
    Ok(())
}

fn refuse(error: StateError<RowError>) -> AdmitError {
    match error {
        StateError::Rows(error) => AdmitError::Rows(error),
        StateError::Broken { code, what } => AdmitError::Broken { code, what },
    }
}

impl Tenant {
    /// Whether the nonce was used before. Two that ask at once may both hear no: admission decides.
    #[must_use]
    pub fn has_seen(&self, nonce: &NonceUse) -> bool {
        let key = self.nonce_key(nonce);
        self.admission().has_seen(&key)
    }

    fn nonce_key(&self, nonce: &NonceUse) -> Key {
        self.scope().nonce_key(nonce.bucket(), nonce.value())
    }

    pub(super) fn admission(&self) -> MutexGuard<'_, Admission> {
        self.inner()
            .admission
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
