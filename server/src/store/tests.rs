//! Goal: what was acknowledged is there, unreadable without its keys, and apart from every other tenant's.
//! Method: write, damage the files in every way that disks and people do, open again.

mod crash;
mod secrets;
mod tenants;
mod written;

use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

/// A store in a folder of its own, opened and closed at will.
struct House {
    folder: TempDir,
    faulty: Faulty,
}

const SETTINGS: Settings = Settings { reserve_bytes: 0 };

impl House {
    /// A folder with a keyring and an empty store.
    fn new() -> Self {
        let house = Self {
            folder: tempfile::tempdir().unwrap(),
            faulty: Faulty::default(),
        };
        let keyring = Keyring::create(&house.keyring(), &house.kek()).unwrap();
        drop(Store::create(&house.data(), keyring, SETTINGS).unwrap());
        house
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn keyring(&self) -> PathBuf {
        self.folder.path().join("keyring")
    }

    fn kek(&self) -> PathBuf {
        self.folder.path().join("kek")
    }

    fn open(&self) -> Store<Faulty> {
        self.try_open().unwrap()
    }

    fn try_open(&self) -> Result<Store<Faulty>, OpenError> {
        let keyring = Keyring::open(&self.keyring(), &self.kek())?;
        Store::open_with(&self.data(), keyring, SETTINGS, self.faulty.clone())
    }
}

/// Makes a tenant with one entry, `genesis`.
fn tenant<W: Writing>(store: &Store<W>, name: &str) -> TenantScope {
    let new = store
        .create_tenant(name, TenantKeys::generate().unwrap())
        .unwrap();
    let mut batch = Batch::new();
    batch.put_directory(&new, format!("log.example/t/{name}").as_bytes());
    batch.put(new.scope(), Key::Entry(0), b"genesis");
    store.write(batch).unwrap();
    store.tenant(name).unwrap().scope().clone()
}

/// Writes one row.
fn put<W: Writing>(
    store: &Store<W>,
    scope: &TenantScope,
    key: Key,
    value: &[u8],
) -> Result<(), WriteError> {
    let mut batch = Batch::new();
    batch.put(scope, key, value);
    store.write(batch)
}
