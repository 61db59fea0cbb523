//! What is left after a failed write, a dead process and a damaged write-ahead log.

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, abort},
};

use super::*;

/// SO-14, both ways: what is there is seen by opening again, and never believed before.
#[test]
fn a_failed_write_poisons_the_store() {
    for (fault, there) in [(Fault::NotDone, false), (Fault::DoneButReported, true)] {
        let house = House::new();
        let store = house.open();
        let scope = tenant(&store, "one");
        house.faulty.fail_next(fault);
        assert!(matches!(
            put(&store, &scope, Key::Entry(1), b"lost?"),
            Err(WriteError::Failed(_))
        ));
        assert_eq!(scope.entry_count(), 1, "an entry nobody was promised");
        for _ in 0..2 {
            assert!(matches!(
                put(&store, &scope, Key::Entry(1), b"other"),
                Err(WriteError::Poisoned)
            ));
        }
        assert!(matches!(
            store.create_tenant("two", TenantKeys::generate().unwrap()),
            Err(CreateError::Poisoned)
        ));
        assert_eq!(scope.get(Key::Entry(0)).unwrap().unwrap(), b"genesis");
        drop((store, scope));

        let store = house.open();
        let scope = store.tenant("one").unwrap().scope().clone();
        assert_eq!(scope.entry_count(), if there { 2 } else { 1 });
        assert_eq!(scope.get(Key::Entry(1)).unwrap().is_some(), there);
        put(&store, &scope, Key::Entry(1), b"lost?").unwrap();
        assert_eq!(scope.entry_count(), 2);
    }
}

/// SO-8, SO-14: a tenant whose first write fails is there whole or not at all.
#[test]
fn a_tenant_is_created_whole_or_not_at_all() {
    for (fault, there) in [(Fault::NotDone, false), (Fault::DoneButReported, true)] {
        let house = House::new();
        let store = house.open();
        let keys = TenantKeys::generate().unwrap();
        let new = store.create_tenant("one", keys).unwrap();
        let mut batch = Batch::new();
        batch.put_directory(&new, b"origin");
        batch.put(new.scope(), Key::Entry(0), b"genesis");
        house.faulty.fail_next(fault);
        assert!(store.write(batch).is_err());
        assert!(store.tenant("one").is_none());
        drop((store, new));
        let store = house.open();
        let found = store.tenant("one").map(|one| one.scope().entry_count());
        assert_eq!(found, there.then_some(1));
    }
}

#[test]
fn two_cannot_open_one_store() {
    let house = House::new();
    let store = house.open();
    assert!(matches!(house.try_open(), Err(OpenError::InUse { .. })));
    drop(store);
    house.open();
}

#[test]
fn a_store_is_made_once_and_only_when_told() {
    let house = House::new();
    let keyring = || Keyring::open(&house.keyring(), &house.kek()).unwrap();
    let error = Store::create(&house.data(), keyring(), SETTINGS).err();
    assert!(matches!(error, Some(OpenError::Exists { .. })));
    let elsewhere = house.folder.path().join("elsewhere");
    let error = Store::open(&elsewhere, keyring(), SETTINGS).err();
    assert!(matches!(error, Some(OpenError::Absent { .. })));
    assert!(!elsewhere.exists());
}

/// The entries that the dying process writes, each 1,000 bytes in a write of its own.
const ENTRIES: u64 = 200;
const CHILD: &str = "AGENTSIGNA_TEST_CHILD";

/// Not a test of its own: the process that dies while the next two look on.
#[test]
fn child_that_writes_and_aborts() {
    let Some(folder) = env::var_os(CHILD).map(PathBuf::from) else {
        return;
    };
    let keyring = Keyring::open(&folder.join("keyring"), &folder.join("kek")).unwrap();
    let store = Store::open(&folder.join("data"), keyring, SETTINGS).unwrap();
    let scope = tenant(&store, "one");
    for index in 1..ENTRIES {
        put(&store, &scope, Key::Entry(index), &[7; 1_000]).unwrap();
    }
    abort();
}

/// A store whose process died after its last acknowledged write, and its write-ahead log.
fn died() -> (House, PathBuf) {
    let house = House::new();
    let status = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "store::tests::crash::child_that_writes_and_aborts",
        ])
        .env(CHILD, house.folder.path())
        .output()
        .unwrap()
        .status;
    assert!(!status.success(), "the child must die by abort");
    let log = fs::read_dir(house.data())
        .unwrap()
        .map(|item| item.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "log"))
        .max_by_key(|path| fs::metadata(path).unwrap().len())
        .unwrap();
    assert!(fs::metadata(&log).unwrap().len() > ENTRIES * 1_000);
    (house, log)
}

/// SO-15: everything acknowledged is there after the process died.
#[test]
fn an_aborted_process_loses_nothing() {
    let (house, _) = died();
    let store = house.open();
    let scope = store.tenant("one").unwrap().scope().clone();
    let whole: Result<Vec<_>, _> = scope.entries(0..u64::MAX).unwrap().collect();
    assert_eq!(whole.unwrap().len(), 200);
}

/// SO-15: RocksDB's own default would open here, with half the acknowledged entries gone and no error.
#[test]
fn a_flipped_byte_inside_the_log_is_refused() {
    let (house, log) = died();
    let good = fs::read(&log).unwrap();
    for part in 1..10 {
        let mut bad = good.clone();
        let at = good.len() * part / 12;
        bad[at] ^= 0x10;
        fs::write(&log, &bad).unwrap();
        let error = house.try_open().err();
        assert!(
            matches!(error, Some(OpenError::Refused { .. })),
            "byte {at} of {}: {error:?}",
            good.len()
        );
    }
    fs::write(&log, &good).unwrap();
    assert_eq!(
        house.open().tenant("one").unwrap().scope().entry_count(),
        ENTRIES
    );
}

/// SO-15: a write that was cut short was never acknowledged; the rest opens.
#[test]
fn a_torn_tail_opens() {
    for cut in [1, 7, 500] {
        let (house, log) = died();
        let len = fs::metadata(&log).unwrap().len();
        let file = fs::OpenOptions::new().write(true).open(&log).unwrap();
        file.set_len(len - cut).unwrap();
        drop(file);
        let store = house.open();
        let scope = store.tenant("one").unwrap().scope().clone();
        assert_eq!(scope.entry_count(), ENTRIES - 1);
        assert_eq!(scope.entries(0..u64::MAX).unwrap().count(), 199);
        put(&store, &scope, Key::Entry(ENTRIES - 1), b"again").unwrap();
    }
}

/// The start of each record in a write-ahead log, read straight from RocksDB's format.
fn records(log: &[u8]) -> Vec<usize> {
    const BLOCK: usize = 32 * 1024;
    let mut starts = Vec::new();
    let mut at = 0;
    while at + 7 <= log.len() {
        if BLOCK - at % BLOCK < 7 {
            at = at.next_multiple_of(BLOCK);
            continue;
        }
        starts.push(at);
        at += 7 + usize::from(u16::from_le_bytes([log[at + 4], log[at + 5]]));
    }
    starts
}

/// SO-15: each bit of a record's header, in the first record, in the middle, and in the last block. Left to
/// itself RocksDB forgets all entries, the last ones, or never comes back, depending on the bit.
#[test]
fn a_flipped_bit_in_a_record_header_is_refused() {
    let (house, log) = died();
    let good = fs::read(&log).unwrap();
    let starts = records(&good);
    let count = starts.len();
    for record in [0, count / 2, count - 10, count - 2, count - 1] {
        for byte in [0, 4, 5, 6] {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[starts[record] + byte] ^= 1 << bit;
                fs::write(&log, &bad).unwrap();
                let error = house.try_open().err();
                assert!(
                    matches!(
                        error,
                        Some(OpenError::Refused { .. } | OpenError::LogDamaged { .. })
                    ),
                    "record {record} of {count}, byte {byte}, bit {bit}: {error:?}"
                );
            }
        }
    }
    fs::write(&log, &good).unwrap();
    assert_eq!(
        house.open().tenant("one").unwrap().scope().entry_count(),
        ENTRIES
    );
}
