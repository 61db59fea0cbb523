//! Admission: the one place where changes get their order.
//!
//! Under the tenant's lock: everything the change was made from must still be current, its events must be
//! allowed to follow, and then they have their positions and their rows are what the next reader sees. Decisions
//! of one agent run one after the other in a lane above, so a stale change is rare; it is made again, never patched.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{MutexGuard, PoisonError, atomic::Ordering},
};

use agentsigna_verifier::{
    cbor::CborError,
    event::Body,
    state::{self, Completeness, Row, RowName, Rows, StateError, Subject},
};

use super::{
    QUEUE_MAX, Shared, Tenant,
    change::{Admitted, Change, Done},
};
use crate::store::{Key, ReadError};

/// What the next reader of a tenant sees: rows changed and not evicted, over the store.
pub(super) struct Admission {
    /// The index of the next entry.
    pub(super) next_index: u64,
    /// Counts admitted changes. Versions of rows are values of this.
    clock: u64,
    rows: HashMap<RowName, Cached>,
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
    /// The change that wrote it is not durable yet.
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

/// Why a change was not admitted. Nothing happened then.
#[derive(Debug, thiserror::Error)]
pub enum AdmitError {
    /// A write failed: only a restart helps.
    #[error("the ledger has stopped after a failed write: start the server again")]
    Stopped,
    /// Too many changes wait.
    #[error("{QUEUE_MAX} changes wait already: try again in a second")]
    Full,
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

    /// The size of the tree whose entries are all in what is read: committed ones and those on their way.
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
        // INVARIANT (what is read is listed): the version is noted here and nowhere else.
        self.seen.entry(name.clone()).or_insert(admission.clock);
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

    /// Everything admitted up to `next_index` is durable: rows of cases can be read from the store again.
    pub(super) fn committed(&mut self, next_index: u64) {
        let mut evicted_at = self.evicted_at;
        self.rows.retain(|name, cached| {
            let stays = keeps(name) || cached.pending_until > next_index;
            if !stays {
                evicted_at = evicted_at.max(cached.changed_at);
            }
            stays
        });
        self.evicted_at = evicted_at;
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
    !matches!(name, RowName::Case(_) | RowName::Request(..))
}

/// The rows that the events of one change set, over what is admitted.
struct Applying<'a> {
    tenant: &'a Tenant,
    admission: &'a mut Admission,
    set: BTreeMap<RowName, Row>,
}

impl Rows for Applying<'_> {
    type Error = RowError;

    fn row(&mut self, name: &RowName) -> Result<Option<Row>, RowError> {
        match self.set.get(name) {
            Some(row) => Ok(Some(row.clone())),
            None => self.admission.row(self.tenant, name),
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
    if shared.is_stopped() {
        return Err(AdmitError::Stopped);
    }
    if shared.queued.load(Ordering::Relaxed) >= QUEUE_MAX {
        return Err(AdmitError::Full);
    }
    let Reading { tenant, seen, .. } = reading;
    let mut admission = tenant.admission();
    for (name, seen_at) in seen {
        if !admission.is_current(&name, seen_at) {
            return Err(AdmitError::Stale(name));
        }
    }
    let nonce = change
        .nonce
        .as_ref()
        .map(|nonce| tenant.scope().nonce_key(nonce.bucket(), nonce.value()));
    if nonce
        .as_ref()
        .is_some_and(|nonce| admission.nonces.contains_key(nonce))
    {
        return Err(AdmitError::Replayed);
    }

    let first_index = admission.next_index;
    let mut applying = Applying {
        tenant: &tenant,
        admission: &mut admission,
        set: BTreeMap::new(),
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
        index = index.saturating_add(1);
    }
    let set = applying.set;
    reserve_keys(shared, &tenant, &change, &set)?;

    // Nothing below can fail: from here on the change happens, or the process stops (INVARIANT no undo).
    admission.clock = admission.clock.saturating_add(1);
    admission.next_index = index;
    let clock = admission.clock;
    for (name, row) in &set {
        admission.rows.insert(
            name.clone(),
            Cached {
                row: Some(row.clone()),
                changed_at: clock,
                pending_until: index,
            },
        );
    }
    if let Some(nonce) = nonce {
        admission.nonces.insert(nonce, ());
    }
    let admitted = Admitted {
        tenant: tenant.clone(),
        first_index,
        change,
        rows: set.into_iter().collect(),
        nonce,
        done,
    };
    send(shared, admitted)?;
    drop(admission);
    Ok(())
}

/// Sends while the tenant's lock is held, so that the sequencer gets changes in the order of their positions.
fn send(shared: &Shared, admitted: Admitted) -> Result<(), AdmitError> {
    let queue = shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
    let sent = queue.as_ref().is_some_and(|queue| {
        shared.queued.fetch_add(1, Ordering::Relaxed);
        queue.send(admitted).is_ok()
    });
    if sent {
        return Ok(());
    }
    // Closing or broken: what was just admitted in memory is never written, so nothing may follow it.
    shared.stop("the sequencer takes no more changes");
    Err(AdmitError::Stopped)
}

/// A key has one holder over all tenants: the tenant of a request is found through its key alone.
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
    let mut owners = shared.owners.lock().unwrap_or_else(PoisonError::into_inner);
    for (name, row) in set {
        if let (RowName::Key(key), Row::Key(Subject::Agent(_) | Subject::System(_))) = (name, row) {
            if owners.contains_key(key) {
                return Err(AdmitError::KeyTaken(key.to_base64url()));
            }
            owners.insert(*key, tenant.clone());
        }
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
    pub(super) fn admission(&self) -> MutexGuard<'_, Admission> {
        self.inner()
            .admission
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
