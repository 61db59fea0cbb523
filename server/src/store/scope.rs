//! The only way to one tenant's data.
//!
//! INVARIANT (one tenant, SO-3): a scope holds one family, one data key and one index key, and no function of the
//! store takes two scopes. A value that got into another family does not open there.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use rocksdb::{DBIteratorWithThreadMode, Direction, IteratorMode, ReadOptions};

use super::{
    database::{Database, DatabaseError, Rocks},
    key::{self, Calendar, FamilyId, Key, Name},
    keyring::{IndexKey, TenantKeys},
    seal::{DoesNotOpen, Sealer},
};

/// One tenant's part of the store. Cheap to clone; only the store makes one.
///
/// ```
/// use agentsigna_server::store::{Batch, Key, ReadError, TenantScope};
///
/// fn next(scope: &TenantScope, batch: &mut Batch) -> Result<(), ReadError> {
///     batch.put(scope, Key::Entry(scope.entry_count()), b"entry");
///     scope.get(Key::Head).map(drop)
/// }
/// ```
///
/// Nobody else can make one:
///
/// ```compile_fail,E0451
/// use agentsigna_server::store::TenantScope;
///
/// fn forged(scope: &TenantScope) -> TenantScope {
///     TenantScope { inner: scope.inner.clone() }
/// }
/// ```
///
/// A row cannot be written without saying whose it is:
///
/// ```compile_fail,E0061
/// use agentsigna_server::store::{Batch, Key};
///
/// let mut batch = Batch::new();
/// batch.put(Key::Head, b"head");
/// ```
///
/// And a name for a row cannot be made up:
///
/// ```compile_fail,E0423
/// use agentsigna_server::store::{Key, Name};
///
/// let key = Key::Row { kind: 1, name: Name([0; 32]) };
/// ```
#[derive(Clone)]
pub struct TenantScope {
    inner: Arc<Inner>,
}

struct Inner {
    database: Arc<Database>,
    family: FamilyId,
    family_name: String,
    sealer: Sealer,
    index_key: IndexKey,
    /// INVARIANT (no gaps): every entry below is on disk, none from here on. Moved by the store alone, after
    /// the write that made it true.
    entry_count: AtomicU64,
}

/// A row could not be read. Never answered in place of "there is no such row".
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// RocksDB's.
    #[error("the database cannot be read")]
    Database(#[from] DatabaseError),
    /// The value was damaged, moved or sealed with another key.
    #[error(
        "a stored {kind} row does not open with its key: the database was damaged or changed, restore a backup"
    )]
    DoesNotOpen {
        /// What the row is.
        kind: &'static str,
    },
    /// A scan met a key that the store never writes.
    #[error("a stored {kind} row has a damaged key: restore a backup")]
    DamagedKey {
        /// What the scan was over.
        kind: &'static str,
    },
    /// An entry that was written is not there.
    #[error("entry {index} is gone from a log of {count}: restore a backup")]
    EntryGone {
        /// The entry.
        index: u64,
        /// The entries the log has.
        count: u64,
    },
}

impl TenantScope {
    pub(super) fn open(
        database: &Arc<Database>,
        family: FamilyId,
        keys: &TenantKeys,
    ) -> Result<Self, DatabaseError> {
        let mut inner = Inner {
            database: Arc::clone(database),
            family,
            family_name: family.to_string(),
            sealer: Sealer::new(keys.data_key(), *family.as_bytes()),
            index_key: IndexKey::new(keys.index_key()),
            entry_count: AtomicU64::new(0),
        };
        inner.entry_count = AtomicU64::new(inner.count_entries()?);
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The random name under which the tenant's data lies.
    #[must_use]
    pub fn family(&self) -> FamilyId {
        self.inner.family
    }

    /// The entries of the log: the index of the next one.
    #[must_use]
    pub fn entry_count(&self) -> u64 {
        self.inner.entry_count.load(Ordering::Acquire)
    }

    /// The key of a state row about `value`.
    #[must_use]
    pub fn row_key(&self, kind: u8, value: &[u8]) -> Key {
        let name = Name::of_row(&self.inner.index_key, kind, value);
        Key::Row { kind, name }
    }

    /// The key of a used nonce. `value` must name the owner too; `bucket` is the minute since the epoch in
    /// which the nonce may be forgotten.
    #[must_use]
    pub fn nonce_key(&self, bucket: u64, value: &[u8]) -> Key {
        let name = Name::of_nonce(&self.inner.index_key, value);
        Key::Nonce { bucket, name }
    }

    /// The key of the secret of `value`, which names a person.
    #[must_use]
    pub fn secret_key(&self, value: &[u8]) -> Key {
        let name = Name::of_secret(&self.inner.index_key, value);
        Key::Secret { name }
    }

    /// A mark on `value` that only this tenant's index key makes. It is no name of a row.
    #[must_use]
    pub fn mark(&self, value: &[u8]) -> [u8; 32] {
        key::mark(&self.inner.index_key, value)
    }

    /// Reads one row; `None` if it was never written or is deleted.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn get(&self, key: Key) -> Result<Option<Vec<u8>>, ReadError> {
        let count = self.entry_count();
        let bytes = key.encode(&self.inner.index_key);
        let family = self.inner.database.family(&self.inner.family_name)?;
        let stored = self
            .inner
            .database
            .rocks
            .get_pinned_cf(&family, &bytes)
            .map_err(DatabaseError::from)?;
        match (stored, key) {
            (Some(stored), _) => self
                .inner
                .sealer
                .open(&bytes, &stored)
                .and_then(|value| without(key.hidden(), value))
                .map(Some)
                .map_err(|DoesNotOpen| ReadError::DoesNotOpen { kind: key.kind() }),
            (None, Key::Entry(index)) if index < count => {
                Err(ReadError::EntryGone { index, count })
            }
            (None, _) => Ok(None),
        }
    }

    /// Reads one complete tile.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn tile(&self, level: u8, index: u64) -> Result<Option<Vec<u8>>, ReadError> {
        self.get(Key::Tile { level, index })
    }

    /// The entries of `range` that exist, in order: index and bytes. An entry missing among them is an error.
    ///
    /// # Errors
    /// [`ReadError`]; so may each item be, and the scan ends with it.
    pub fn entries(&self, range: Range<u64>) -> Result<Entries<'_>, ReadError> {
        let count = self.entry_count();
        let end = range.end.min(count);
        let until = match end {
            u64::MAX => Key::entries_end(),
            end => Key::entries_from(end),
        };
        Ok(Entries {
            scan: self.scan("entry", &Key::entries_from(range.start), until)?,
            next: range.start,
            end,
            count,
        })
    }

    /// All state rows of `kind`, in no order that means anything.
    ///
    /// # Errors
    /// [`ReadError`]; so may each item be, and the scan ends with it.
    pub fn rows(&self, kind: u8) -> Result<Scan<'_>, ReadError> {
        let [from, until] = Key::rows(kind);
        self.scan("state", &from, until)
    }

    /// All deadlines of `calendar` at or before `time_ms`, earliest first.
    ///
    /// # Errors
    /// [`ReadError`]; so may each item be, and the scan ends with it.
    pub fn deadlines(&self, calendar: Calendar, time_ms: u64) -> Result<Scan<'_>, ReadError> {
        let [from, until] = Key::deadlines_until(calendar, time_ms);
        self.scan("deadline", &from, until)
    }

    /// All secrets, in no order that means anything.
    ///
    /// # Errors
    /// [`ReadError`]; so may each item be, and the scan ends with it.
    pub fn secrets(&self) -> Result<Scan<'_>, ReadError> {
        let [from, until] = Key::secrets();
        self.scan("secret", &from, until)
    }

    /// All nonces that were used and not forgotten, by bucket.
    ///
    /// # Errors
    /// [`ReadError`]; so may each item be, and the scan ends with it.
    pub fn nonces(&self) -> Result<Scan<'_>, ReadError> {
        let [from, until] = Key::nonces_before(u64::MAX);
        self.scan("nonce", &from, until)
    }

    pub(super) fn is_of(&self, database: &Arc<Database>) -> bool {
        Arc::ptr_eq(&self.inner.database, database)
    }

    pub(super) fn family_name(&self) -> &str {
        &self.inner.family_name
    }

    pub(super) fn sealer(&self) -> &Sealer {
        &self.inner.sealer
    }

    pub(super) fn key_bytes(&self, key: Key) -> Vec<u8> {
        key.encode(&self.inner.index_key)
    }

    pub(super) fn set_entry_count(&self, count: u64) {
        self.inner.entry_count.store(count, Ordering::Release);
    }

    fn scan(&self, kind: &'static str, from: &[u8], until: Vec<u8>) -> Result<Scan<'_>, ReadError> {
        let family = self.inner.database.family(&self.inner.family_name)?;
        Ok(Scan {
            scope: self,
            kind,
            rows: scan(&self.inner.database.rocks, &family, from, until),
            ended: false,
        })
    }
}

impl Inner {
    fn count_entries(&self) -> Result<u64, DatabaseError> {
        let family = self.database.family(&self.family_name)?;
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(Key::entries_from(0));
        options.set_iterate_upper_bound(Key::entries_end());
        let mut rows = self.database.rocks.raw_iterator_cf_opt(&family, options);
        rows.seek_to_last();
        rows.status()?;
        match rows.key().map(|key| Key::decode(key, &[])) {
            Some(Some(Key::Entry(index))) => Ok(index.saturating_add(1)),
            Some(_) => Err(DatabaseError::damaged_key()),
            None => Ok(0),
        }
    }
}

/// The value without the part that its key hides, which it must start with.
fn without(hidden: &[u8], mut value: Vec<u8>) -> Result<Vec<u8>, DoesNotOpen> {
    if !value.starts_with(hidden) {
        return Err(DoesNotOpen);
    }
    value.drain(..hidden.len());
    Ok(value)
}

/// One family's rows from `from` to before `until`.
pub(super) fn scan<'a>(
    rocks: &'a Rocks,
    family: &impl rocksdb::AsColumnFamilyRef,
    from: &[u8],
    until: Vec<u8>,
) -> DBIteratorWithThreadMode<'a, Rocks> {
    let mut options = ReadOptions::default();
    options.set_iterate_upper_bound(until);
    let mode = IteratorMode::From(from, Direction::Forward);
    rocks.iterator_cf_opt(family, options, mode)
}

/// Rows and their keys, opened one by one. Ends after its first error.
pub struct Scan<'a> {
    scope: &'a TenantScope,
    kind: &'static str,
    rows: DBIteratorWithThreadMode<'a, Rocks>,
    ended: bool,
}

impl Iterator for Scan<'_> {
    type Item = Result<(Key, Vec<u8>), ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.rows.next()?.map_err(DatabaseError::from);
        let opened = item.map_err(ReadError::from).and_then(|(key, stored)| {
            let kind = self.kind;
            let does_not_open = |DoesNotOpen| ReadError::DoesNotOpen { kind };
            let value = self.scope.sealer().open(&key, &stored);
            let value = value.map_err(does_not_open)?;
            let read = Key::decode(&key, &value)
                .filter(|read| *self.scope.key_bytes(*read) == *key)
                .ok_or(ReadError::DamagedKey { kind })?;
            let value = without(read.hidden(), value).map_err(does_not_open)?;
            Ok((read, value))
        });
        self.ended = opened.is_err();
        Some(opened)
    }
}

/// Entries in order. Ends after its first error.
pub struct Entries<'a> {
    scan: Scan<'a>,
    next: u64,
    end: u64,
    count: u64,
}

impl Iterator for Entries<'_> {
    type Item = Result<(u64, Vec<u8>), ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let index = self.next;
        let item = match self.scan.next() {
            Some(Ok((Key::Entry(found), value))) if found == index => Ok((index, value)),
            Some(Err(error)) => Err(error),
            // The scan ended early or met a later entry: this one is missing.
            _ => Err(ReadError::EntryGone {
                index,
                count: self.count,
            }),
        };
        self.next = if item.is_ok() {
            index.saturating_add(1)
        } else {
            self.end
        };
        Some(item)
    }
}

impl std::fmt::Debug for TenantScope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TenantScope({})", self.inner.family)
    }
}
