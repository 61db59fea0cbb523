//! Keys and values on disk: nothing readable, nothing changed unnoticed, key files private and whole.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::*;

/// Every file under `folder`.
fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() {
            found.extend(files_under(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn holds(bytes: &[u8], canary: &[u8]) -> bool {
    bytes.windows(canary.len()).any(|part| part == canary)
}

/// SO-2, SO-4, SO-18.
#[test]
fn nothing_readable_is_on_disk() {
    const CANARY: &[u8] = b"canary-7f3a";
    let house = House::new();
    let store = house.open();
    let scope = tenant(&store, "canary-7f3a");
    let digest: [u8; 32] = std::array::from_fn(|i| CANARY[i % CANARY.len()]);
    let mut batch = Batch::new();
    batch.put(&scope, Key::Entry(1), CANARY);
    batch.put(&scope, Key::Blob(digest), CANARY);
    batch.put(&scope, Key::Head, CANARY);
    batch.put(&scope, scope.row_key(1, CANARY), CANARY);
    batch.put(&scope, scope.nonce_key(1, CANARY), CANARY);
    let case = std::array::from_fn(|i| CANARY[i % CANARY.len()]);
    batch.put(
        &scope,
        Key::Deadline {
            calendar: Calendar::Endings,
            time_ms: 1,
            case,
        },
        CANARY,
    );
    batch.put(&scope, scope.secret_key(CANARY), CANARY);
    batch.global_put(GlobalKey::KeyOwner(digest), &scope);
    store.write(batch).unwrap();
    // Seen in the write-ahead log, and in the table files after a flush.
    for flushed in [false, true] {
        if flushed {
            store.database.rocks.flush().unwrap();
            let family = store.database.family(scope.family_name()).unwrap();
            store.database.rocks.flush_cf(&family).unwrap();
        }
        let files = files_under(house.folder.path());
        let tables = files
            .iter()
            .any(|path| path.extension().is_some_and(|ext| ext == "sst"));
        assert_eq!(tables, flushed);
        for path in files {
            let bytes = fs::read(&path).unwrap();
            assert!(!holds(&bytes, CANARY), "{}", path.display());
        }
    }
    // The scan itself finds what is there: the family's random name stands in the directory row's key.
    let name = scope.family();
    assert!(
        files_under(&house.data())
            .iter()
            .any(|path| holds(&fs::read(path).unwrap(), name.as_bytes()))
    );
    let seeds = store.seeds(&scope).unwrap();
    for path in files_under(house.folder.path()) {
        let bytes = fs::read(&path).unwrap();
        assert!(!holds(&bytes, seeds.log.as_slice()), "{}", path.display());
        assert!(!holds(&bytes, seeds.seal.as_slice()), "{}", path.display());
    }
}

/// SO-2: each byte of a stored value flipped is an error, never a missing row.
#[test]
fn a_flipped_byte_in_a_value_is_an_error() {
    let house = House::new();
    let store = house.open();
    let scope = tenant(&store, "one");
    let row = scope.row_key(3, b"x");
    put(&store, &scope, row, b"value").unwrap();
    let rocks = &store.database.rocks;
    let family = store.database.family(scope.family_name()).unwrap();
    for (key, kind) in [(Key::Entry(0), "entry"), (row, "state")] {
        let bytes = scope.key_bytes(key);
        let good = rocks.get_cf(&family, &bytes).unwrap().unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x40;
            rocks.put_cf(&family, &bytes, bad).unwrap();
            let error = scope.get(key).unwrap_err();
            assert!(
                matches!(error, ReadError::DoesNotOpen { kind: found } if found == kind),
                "{error}"
            );
        }
        let mut scanned: Vec<_> = match kind {
            "entry" => scope
                .entries(0..1)
                .unwrap()
                .map(|row| row.map(drop))
                .collect(),
            _ => scope.rows(3).unwrap().map(|row| row.map(drop)).collect(),
        };
        assert!(matches!(
            scanned.pop(),
            Some(Err(ReadError::DoesNotOpen { .. }))
        ));
        rocks.put_cf(&family, &bytes, &good).unwrap();
        assert!(scope.get(key).is_ok());
    }
}

/// SO-2: a value under another row's key does not open.
#[test]
fn a_moved_value_is_an_error() {
    let house = House::new();
    let store = house.open();
    let scope = tenant(&store, "one");
    put(&store, &scope, Key::Entry(1), b"second").unwrap();
    let rocks = &store.database.rocks;
    let family = store.database.family(scope.family_name()).unwrap();
    let [zero, one] = [0, 1].map(|index| scope.key_bytes(Key::Entry(index)));
    let stored = rocks.get_cf(&family, zero).unwrap().unwrap();
    rocks.put_cf(&family, one, stored).unwrap();
    assert!(matches!(
        scope.get(Key::Entry(1)),
        Err(ReadError::DoesNotOpen { .. })
    ));
}

/// SO-9: an entry taken out of the files is an error, in reads and in scans.
#[test]
fn a_deleted_entry_is_an_error() {
    let house = House::new();
    let store = house.open();
    let scope = tenant(&store, "one");
    for index in 1..4 {
        put(&store, &scope, Key::Entry(index), b"x").unwrap();
    }
    let family = store.database.family(scope.family_name()).unwrap();
    let rocks = &store.database.rocks;
    rocks
        .delete_cf(&family, scope.key_bytes(Key::Entry(1)))
        .unwrap();
    let gone = |error| matches!(error, ReadError::EntryGone { index: 1, count: 4 });
    assert!(gone(scope.get(Key::Entry(1)).unwrap_err()));
    let mut entries = scope.entries(0..4).unwrap();
    assert!(entries.next().unwrap().is_ok());
    assert!(gone(entries.next().unwrap().unwrap_err()));
    assert!(entries.next().is_none());
    assert_eq!(
        scope
            .entries(2..4)
            .unwrap()
            .filter(|entry| entry.is_ok())
            .count(),
        2
    );
}

/// SO-5.
#[test]
fn another_key_encryption_key_opens_nothing() {
    let house = House::new();
    drop(tenant(&house.open(), "one"));
    let good = fs::read(house.kek()).unwrap();
    for at in [0, 31] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(house.kek(), &bad).unwrap();
        assert!(matches!(
            Keyring::open(&house.keyring(), &house.kek()),
            Err(KeyringError::WrongKey { .. })
        ));
    }
    for (bytes, found) in [
        (&good[..31], 31),
        (&[0; 33][..], 33),
        (&[][..], 0),
        (&[0; 64][..], 33),
    ] {
        fs::write(house.kek(), bytes).unwrap();
        let error = Keyring::open(&house.keyring(), &house.kek()).unwrap_err();
        assert!(
            matches!(
                error,
                KeyringError::KeyLength { .. } | KeyringError::File { .. }
            ),
            "{found}"
        );
    }
    fs::write(house.kek(), good).unwrap();
    assert_eq!(house.open().tenants().len(), 1);
}

/// SO-5: each bit of the keyring flipped is refused.
#[test]
fn a_damaged_keyring_is_refused() {
    let house = House::new();
    drop(tenant(&house.open(), "one"));
    let good = fs::read(house.keyring()).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(house.keyring(), &bad).unwrap();
        assert!(
            Keyring::open(&house.keyring(), &house.kek()).is_err(),
            "{at}"
        );
        fs::write(house.keyring(), &good[..at]).unwrap();
        assert!(
            Keyring::open(&house.keyring(), &house.kek()).is_err(),
            "cut to {at}"
        );
    }
}

/// SO-5.
#[test]
fn key_files_are_private() {
    let house = House::new();
    drop(tenant(&house.open(), "one"));
    for path in [house.keyring(), house.kek()] {
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        for mode in [0o640, 0o604, 0o660, 0o620, 0o644, 0o777] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = Keyring::open(&house.keyring(), &house.kek()).unwrap_err();
            assert!(
                matches!(error, KeyringError::Permissions { mode: found, .. } if found == mode)
            );
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let data = fs::metadata(house.data()).unwrap();
    assert_eq!(data.permissions().mode() & 0o777, 0o700);
    house.open();
}

/// SO-5: the file is the old one or the new one. A new one left half written by a crash is not looked at.
#[test]
fn the_keyring_is_replaced_as_a_whole() {
    use std::os::unix::fs::MetadataExt as _;

    let house = House::new();
    let store = house.open();
    drop(tenant(&store, "one"));
    let before = fs::metadata(house.keyring()).unwrap().ino();
    let leftover = house.folder.path().join("keyring.new");
    fs::write(&leftover, b"half a keyr").unwrap();
    fs::set_permissions(&leftover, fs::Permissions::from_mode(0o644)).unwrap();
    drop(tenant(&store, "two"));
    let after = fs::metadata(house.keyring()).unwrap();
    assert_ne!(
        after.ino(),
        before,
        "the file was written over, not replaced"
    );
    assert_eq!(after.permissions().mode() & 0o777, 0o600);
    assert!(!leftover.exists());
    drop(store);
    assert_eq!(house.open().tenants().len(), 2);
}

#[test]
fn a_keyring_changed_by_another_hand_is_not_written_over() {
    let house = House::new();
    let store = house.open();
    drop(tenant(&store, "one"));
    let mut other = Keyring::open(&house.keyring(), &house.kek()).unwrap();
    other
        .add(FamilyId::random().unwrap(), TenantKeys::generate().unwrap())
        .unwrap();
    let kept = fs::read(house.keyring()).unwrap();
    let error = store
        .create_tenant("two", TenantKeys::generate().unwrap())
        .unwrap_err();
    assert!(matches!(
        error,
        CreateError::Keyring(KeyringError::Changed { .. })
    ));
    assert_eq!(fs::read(house.keyring()).unwrap(), kept);
}

#[test]
fn a_keyring_is_never_made_over_another() {
    let house = House::new();
    let before = [house.keyring(), house.kek()].map(|path| fs::read(path).unwrap());
    assert!(Keyring::create(&house.keyring(), &house.kek()).is_err());
    assert_eq!(
        [house.keyring(), house.kek()].map(|path| fs::read(path).unwrap()),
        before
    );
}

/// SO-6.
#[test]
fn a_keyring_inside_the_database_is_refused() {
    let house = House::new();
    for (keyring, kek) in [
        (house.data().join("keyring"), house.kek()),
        (house.folder.path().join("other"), house.data().join("kek")),
    ] {
        let keyring = Keyring::create(&keyring, &kek).unwrap();
        assert!(matches!(
            Store::open(&house.data(), keyring, SETTINGS),
            Err(OpenError::KeyringInside { .. })
        ));
    }
}

#[test]
fn keys_are_never_shown() {
    let keys = TenantKeys::generate().unwrap();
    assert_eq!(format!("{keys:?}"), "TenantKeys(redacted)");
    let house = House::new();
    let keyring = Keyring::open(&house.keyring(), &house.kek()).unwrap();
    let shown = format!("{keyring:?}");
    assert!(
        shown.contains("tenants: 0") && !shown.contains('['),
        "{shown}"
    );
}
