//! Making a store, and opening one: every family must have its directory row and its keys.

use std::{
    collections::BTreeSet,
    io,
    path::Path,
    sync::{Arc, Mutex, RwLock},
};

use super::{
    Registry, Settings, Store, Synced, Tenant, Writer, Writing,
    batch::Global,
    database::{DEFAULT, Database, DatabaseError},
    files,
    key::{self, FamilyId},
    keyring::{Keyring, KeyringError},
    scope::{self, ReadError, TenantScope},
};

/// Why a store does not open. Variants in the order of the checks.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The keyring would be part of the database's backups.
    #[error("keyring `{path}` lies inside the database's folder: move it out of its backups")]
    KeyringInside {
        /// The keyring.
        path: String,
    },
    /// There is a database where one was to be made.
    #[error("`{path}` holds a database already: choose an empty folder")]
    Exists {
        /// The folder.
        path: String,
    },
    /// The folder cannot be used.
    #[error("cannot use folder `{path}`")]
    Folder {
        /// The folder.
        path: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// There is no database.
    #[error("no database in `{path}`: run `agentsigna init`")]
    Absent {
        /// The folder.
        path: String,
    },
    /// The write-ahead log holds damage that RocksDB would take for its end.
    #[error("write-ahead log `{path}` is damaged at byte {at}: restore a backup")]
    LogDamaged {
        /// The file.
        path: String,
        /// The byte at which the damaged record starts.
        at: u64,
    },
    /// Another process, or this one, has it open.
    #[error("the database in `{path}` is in use: stop the other process")]
    InUse {
        /// The folder.
        path: String,
    },
    /// RocksDB refused, for example because the write-ahead log is damaged.
    #[error("the database in `{path}` does not open: restore a backup")]
    Refused {
        /// The folder.
        path: String,
        /// What RocksDB said.
        #[source]
        source: DatabaseError,
    },
    /// The keyring cannot be used.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// A row needed for opening could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A tenant's data are not there.
    #[error("tenant `{family}` has a directory row and no column family: restore a backup")]
    FamilyMissing {
        /// The tenant's family.
        family: FamilyId,
    },
    /// A tenant's keys are not there.
    #[error("tenant `{family}` has no keys in the keyring: restore the keyring from its backup")]
    KeysMissing {
        /// The tenant's family.
        family: FamilyId,
    },
    /// A family holds rows and belongs to nobody.
    #[error("column family `{name}` holds rows and has no directory row: restore a backup")]
    DirectoryMissing {
        /// The family's name.
        name: String,
    },
}

impl Store<Synced> {
    /// Makes an empty store in `path` and opens it (`agentsigna init`).
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn create(path: &Path, keyring: Keyring, settings: Settings) -> Result<Self, OpenError> {
        check_outside(path, &keyring)?;
        Database::create(path)?;
        Self::open(path, keyring, settings)
    }

    /// Opens the store in `path`.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(path: &Path, keyring: Keyring, settings: Settings) -> Result<Self, OpenError> {
        Self::open_with(path, keyring, settings, Synced)
    }
}

impl<W: Writing> Store<W> {
    /// Opens the store in `path`, to be written by `writing`.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_with(
        path: &Path,
        keyring: Keyring,
        settings: Settings,
        writing: W,
    ) -> Result<Self, OpenError> {
        check_outside(path, &keyring)?;
        let (database, families) = Database::open(path)?;
        let database = Arc::new(database);
        // The lock is ours from here: what the file says now stays true.
        let keyring = keyring.reread()?;
        let global = Global::new(keyring.store());
        let registry = registry(&database, &global, &keyring, &families)?;
        drop_abandoned(&database, &registry, &families)?;
        Ok(Self {
            database,
            global,
            registry: RwLock::new(registry),
            writer: Mutex::new(Writer {
                writing,
                poisoned: false,
                keyring,
            }),
            settings,
        })
    }
}

/// SO-6: a copy of the database must not carry its keys.
fn check_outside(path: &Path, keyring: &Keyring) -> Result<(), OpenError> {
    let inside = |file: &Path| {
        let folder = files::folder_of(file).canonicalize();
        matches!((folder, path.canonicalize()), (Ok(folder), Ok(path)) if folder.starts_with(&path))
    };
    for file in [keyring.path(), keyring.kek_path()] {
        if inside(file) {
            return Err(OpenError::KeyringInside {
                path: file.display().to_string(),
            });
        }
    }
    Ok(())
}

/// SO-7: every directory row has its family and its keys.
fn registry(
    database: &Arc<Database>,
    global: &Global,
    keyring: &Keyring,
    families: &[String],
) -> Result<Registry, OpenError> {
    let names: BTreeSet<&str> = families.iter().map(String::as_str).collect();
    let mut registry = Registry::default();
    let default = database.family(DEFAULT).map_err(ReadError::from)?;
    let [from, until] = key::directories();
    for row in scope::scan(&database.rocks, &default, &from, until) {
        let (key, stored) = row.map_err(DatabaseError::from).map_err(ReadError::from)?;
        let (family, name, origin) = global.open_directory(&key, &stored)?;
        if !names.contains(family.to_string().as_str()) {
            return Err(OpenError::FamilyMissing { family });
        }
        let keys = keyring
            .tenant(&family)
            .ok_or(OpenError::KeysMissing { family })?;
        let scope = TenantScope::open(database, family, keys).map_err(ReadError::from)?;
        let tenant = Tenant {
            name,
            origin,
            scope,
        };
        registry.tenants.insert(family, tenant);
    }
    Ok(registry)
}

/// SO-8: a family without a directory row is a creation that was cut short: empty, and dropped. One that
/// holds rows has lost its directory row, and nothing of it is touched.
fn drop_abandoned(
    database: &Database,
    registry: &Registry,
    families: &[String],
) -> Result<(), OpenError> {
    for name in families {
        let known = FamilyId::from_hex(name).and_then(|family| registry.by_family(&family));
        if known.is_some() {
            continue;
        }
        let family = database.family(name).map_err(ReadError::from)?;
        let mut rows = database.rocks.raw_iterator_cf(&family);
        rows.seek_to_first();
        rows.status()
            .map_err(DatabaseError::from)
            .map_err(ReadError::from)?;
        if rows.valid() {
            return Err(OpenError::DirectoryMissing { name: name.clone() });
        }
        drop(rows);
        drop(family);
        database.drop_family(name).map_err(ReadError::from)?;
    }
    Ok(())
}
