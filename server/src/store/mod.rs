//! The floor that knows RocksDB: one tenant's rows sealed and apart, one batch one fsync.
//!
//! It knows nothing of events, HTTP or log keys (it keeps their seeds, and cannot use them). It deliberately
//! has no way to change or delete an entry, a tile or a blob, no function that takes two tenants, and no
//! switch for faults: that seam is the type parameter of [`Store`]. What lies where and what a forger with
//! the disk could do is in `spec/storage.md`.
//!
//! INVARIANT (poisoned): after a write that failed nothing is written again, since the batch may be on disk
//! all the same. The process stops, opens the store again and sees.

pub mod anchor;
mod batch;
mod check;
#[cfg(test)]
mod damage;
mod database;
mod files;
mod key;
mod keyring;
mod open;
mod random;
mod scope;
mod seal;
mod wal;
mod write;

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard},
};

use zeroize::Zeroizing;

pub use batch::Batch;
pub use database::DatabaseError;
pub use key::{Calendar, FamilyId, GlobalKey, Key, Name};
pub use keyring::{Keyring, KeyringError, TenantKeys};
pub use open::OpenError;
pub use random::NoRandom;
pub use scope::{Entries, ReadError, Scan, TenantScope};
pub use seal::TooLong;
#[cfg(any(test, feature = "sim"))]
pub use write::{Fault, Faulty};
pub use write::{Pending, Synced, WriteFailed, Writing};

use batch::Global;
use database::Database;

/// The longest name of a tenant, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// What the host may set.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Free bytes below which writes are refused while reads go on.
    pub reserve_bytes: u64,
}

/// The open store: all tenants, one writer at a time.
pub struct Store<W: Writing = Synced> {
    database: Arc<Database>,
    global: Global,
    registry: RwLock<Registry>,
    writer: Mutex<Writer<W>>,
    settings: Settings,
}

/// What only one thread may use at a time.
struct Writer<W> {
    writing: W,
    poisoned: bool,
    keyring: Keyring,
}

/// A tenant that exists.
#[derive(Debug, Clone)]
pub struct Tenant {
    name: String,
    origin: Vec<u8>,
    scope: TenantScope,
}

/// A tenant whose keys and family are there, and which exists once its directory row is written.
#[derive(Debug)]
pub struct NewTenant {
    name: String,
    scope: TenantScope,
}

/// The seeds of one tenant's signing keys. Wiped from memory when dropped.
pub struct Seeds {
    /// The Ed25519 seed of the log key.
    pub log: Zeroizing<[u8; 32]>,
    /// The Ed25519 seed of the key that seals Passports.
    pub seal: Zeroizing<[u8; 32]>,
}

/// The tenants that exist, by family.
#[derive(Default)]
struct Registry {
    tenants: BTreeMap<FamilyId, Tenant>,
}

/// Why a batch was not written. Only [`WriteError::Failed`] poisons the store; after any other error nothing
/// was written. Variants in the order of the checks.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// An earlier write failed.
    #[error("an earlier write failed, so nothing more is written: stop, and open the store again")]
    Poisoned,
    /// The disk cannot be asked for its room.
    #[error("cannot ask the disk for its free bytes")]
    Room(#[source] io::Error),
    /// The disk is nearly full.
    #[error("{free} bytes free on the disk, {reserve} kept in reserve: make room")]
    NoRoom {
        /// Free bytes.
        free: u64,
        /// The reserve.
        reserve: u64,
    },
    /// A scope of another store.
    #[error("the batch holds rows of another store")]
    OtherStore,
    /// The name means a tenant already.
    #[error("a tenant `{name}` exists already: choose another name")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// Rows of a tenant that does not exist, and that the batch does not make.
    #[error("tenant `{family}` has no directory row yet: put it into the same batch")]
    NoDirectory {
        /// The tenant's family.
        family: FamilyId,
    },
    /// Entries come in order.
    #[error("entry {index} is not the next one, expected {expected}")]
    EntryGap {
        /// The entry put.
        index: u64,
        /// The next entry.
        expected: u64,
    },
    /// The row exists with other bytes, or was to be deleted.
    #[error("a {kind} row is written once: it can neither change nor go")]
    WrittenOnce {
        /// What the row is.
        kind: &'static str,
    },
    /// A public key of another tenant.
    #[error("the key belongs to another tenant")]
    KeyTaken,
    /// What is there could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] NoRandom),
    /// A value beyond the cipher.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// The write failed, or was reported failed.
    #[error("the write failed and may be on disk all the same: stop, and open the store again")]
    Failed(#[source] WriteFailed),
}

/// Why a tenant was not created. Variants in the order of the checks.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// An earlier write failed.
    #[error("an earlier write failed, so nothing more is written: stop, and open the store again")]
    Poisoned,
    /// The name is empty or too long.
    #[error("a tenant's name of {found} bytes, expected 1 to 255")]
    Name {
        /// Bytes found.
        found: usize,
    },
    /// The name means a tenant already.
    #[error("a tenant `{name}` exists already: choose another name")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] NoRandom),
    /// The keyring cannot take the keys.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// RocksDB made no family.
    #[error("the tenant's column family cannot be created: stop, and open the store again")]
    Database(#[from] DatabaseError),
}

impl<W: Writing> Store<W> {
    /// Writes `batch`: all of it durable when this returns, in one write and one fsync (SO-1).
    ///
    /// # Errors
    /// [`WriteError`]; after [`WriteError::Failed`] every later write answers [`WriteError::Poisoned`].
    pub fn write(&self, batch: Batch) -> Result<(), WriteError> {
        let mut writer = self.writer();
        // SO-14: after a failed write nothing is known of the disk.
        if writer.poisoned {
            return Err(WriteError::Poisoned);
        }
        let (free, reserve) = (
            self.room().map_err(WriteError::Room)?,
            self.settings.reserve_bytes,
        );
        // SO-13
        if free < reserve {
            return Err(WriteError::NoRoom { free, reserve });
        }
        let checked = check::check(&batch, &self.database, &self.global, &self.registry())?;
        let sealed = batch.seal(&checked.wanted, &self.database, &self.global)?;
        if sealed.is_empty() {
            return Ok(());
        }
        // Taken before the write: whoever finds a new tenant's rows on disk waits here until it is listed.
        let registry = (!checked.tenants.is_empty()).then(|| self.registry.write());
        let pending = Pending {
            rocks: &self.database.rocks,
            batch: sealed,
        };
        if let Err(error) = writer.writing.write(pending) {
            writer.poisoned = true;
            return Err(WriteError::Failed(error));
        }
        for (scope, count) in checked.entry_counts {
            scope.set_entry_count(count);
        }
        if let Some(registry) = registry {
            let mut registry = registry.unwrap_or_else(PoisonError::into_inner);
            for tenant in checked.tenants {
                registry.tenants.insert(tenant.scope.family(), tenant);
            }
        }
        Ok(())
    }

    /// Makes a tenant's keys and family; it exists once [`Batch::put_directory`] is written, best with its
    /// genesis. Abandoned before that, the family is dropped when the store is next opened.
    ///
    /// # Errors
    /// [`CreateError`].
    pub fn create_tenant(&self, name: &str, keys: TenantKeys) -> Result<NewTenant, CreateError> {
        let mut writer = self.writer();
        if writer.poisoned {
            return Err(CreateError::Poisoned);
        }
        if !(1..=NAME_BYTES_MAX).contains(&name.len()) {
            return Err(CreateError::Name { found: name.len() });
        }
        if self.registry().by_name(name).is_some() {
            return Err(CreateError::NameTaken {
                name: name.to_owned(),
            });
        }
        let family = FamilyId::random()?;
        // Keys first: a family whose keys are lost could never be opened.
        writer.keyring.add(family, keys)?;
        let made = self.database.create_family(&family.to_string());
        let scope = made.and_then(|()| match writer.keyring.tenant(&family) {
            Some(keys) => TenantScope::open(&self.database, family, keys),
            None => Err(DatabaseError::no_keys()),
        });
        match scope {
            Ok(scope) => Ok(NewTenant {
                name: name.to_owned(),
                scope,
            }),
            Err(error) => {
                writer.poisoned = true;
                Err(CreateError::Database(error))
            }
        }
    }

    /// The tenant called `name`.
    #[must_use]
    pub fn tenant(&self, name: &str) -> Option<Tenant> {
        self.registry().by_name(name).cloned()
    }

    /// All tenants, in no order that means anything.
    #[must_use]
    pub fn tenants(&self) -> Vec<Tenant> {
        self.registry().tenants.values().cloned().collect()
    }

    /// The tenant that has the thing called `key`.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn owner(&self, key: GlobalKey) -> Result<Option<Tenant>, ReadError> {
        let Some(family) = self.global.owner(&self.database, key)? else {
            return Ok(None);
        };
        match self.registry().by_family(&family) {
            Some(tenant) => Ok(Some(tenant.clone())),
            None => Err(ReadError::DoesNotOpen { kind: "key owner" }),
        }
    }

    /// The seeds of the tenant's signing keys. For the ledger alone: the floors above it hold scopes only.
    #[must_use]
    pub fn seeds(&self, scope: &TenantScope) -> Option<Seeds> {
        let writer = self.writer();
        let keys = writer.keyring.tenant(&scope.family())?;
        Some(Seeds {
            log: Zeroizing::new(*keys.log_seed()),
            seal: Zeroizing::new(*keys.seal_seed()),
        })
    }

    /// Free bytes on the database's disk.
    ///
    /// # Errors
    /// The operating system's.
    pub fn room(&self) -> io::Result<u64> {
        self.database.room()
    }

    /// Whether the disk has room for what is on its way to it and for more: an eighth of the reserve above it.
    /// Who asks before it promises a write is not refused by [`WriteError::NoRoom`] after it. A disk that cannot
    /// be asked has none.
    #[must_use]
    pub fn has_room_to_admit(&self) -> bool {
        let reserve = self.settings.reserve_bytes;
        let wanted = reserve.saturating_add(reserve / 8);
        self.room().is_ok_and(|free| free >= wanted)
    }

    /// The folder of the database.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.database.path
    }

    /// A thread that panicked under the lock left a write whose end nobody saw: the same as a failed one.
    fn writer(&self) -> MutexGuard<'_, Writer<W>> {
        self.writer.lock().unwrap_or_else(|panicked| {
            let mut writer = panicked.into_inner();
            writer.poisoned = true;
            writer
        })
    }

    // A map that only grows by whole tenants is never seen half changed.
    fn registry(&self) -> RwLockReadGuard<'_, Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tenant {
    /// The name, unique in the store.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the caller gave with the directory row.
    #[must_use]
    pub fn origin(&self) -> &[u8] {
        &self.origin
    }

    /// The way to the tenant's data.
    #[must_use]
    pub const fn scope(&self) -> &TenantScope {
        &self.scope
    }
}

impl NewTenant {
    /// The way to the tenant's data.
    #[must_use]
    pub const fn scope(&self) -> &TenantScope {
        &self.scope
    }
}

impl Registry {
    fn by_family(&self, family: &FamilyId) -> Option<&Tenant> {
        self.tenants.get(family)
    }

    fn by_name(&self, name: &str) -> Option<&Tenant> {
        self.tenants.values().find(|tenant| tenant.name == name)
    }
}

impl Default for Settings {
    /// 1 GiB in reserve.
    fn default() -> Self {
        Self {
            reserve_bytes: 1 << 30,
        }
    }
}

#[cfg(test)]
mod tests;
