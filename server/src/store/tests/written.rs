//! Rows: read back, in order, written once.

use super::*;

fn reviewed(time_ms: u64) -> Key {
    Key::Deadline {
        calendar: Calendar::Reviews,
        time_ms,
        case: [1; 16],
    }
}

#[test]
fn what_is_written_is_read_back_after_reopening() {
    let house = House::new();
    let store = house.open();
    let scope = tenant(&store, "one");
    let row = scope.row_key(1, b"agent-1");
    let deadline = Key::Deadline {
        calendar: Calendar::Reviews,
        time_ms: 99,
        case: [4; 16],
    };
    let nonce = scope.nonce_key(7, b"key and nonce");
    let tile = Key::Tile { level: 0, index: 3 };
    let rows = [
        (Key::Entry(1), b"entry".as_slice()),
        (tile, b"tile"),
        (Key::Head, b"head"),
        (Key::Blob([5; 32]), b"blob"),
        (row, b"row"),
        (nonce, b""),
        (deadline, b"deadline"),
    ];
    let mut batch = Batch::new();
    for (key, value) in rows {
        assert_eq!(
            scope.get(key).unwrap(),
            None,
            "{key:?} before it is written"
        );
        batch.put(&scope, key, value);
    }
    batch.global_put(GlobalKey::KeyOwner([6; 32]), &scope);
    store.write(batch).unwrap();

    let check = |store: &Store<Faulty>| {
        let tenant = store.tenant("one").unwrap();
        let scope = tenant.scope();
        for (key, value) in rows {
            assert_eq!(
                scope.get(key).unwrap().as_deref(),
                Some(value),
                "{}",
                key.kind()
            );
        }
        assert_eq!(scope.tile(0, 3).unwrap().as_deref(), Some(&b"tile"[..]));
        assert_eq!(scope.entry_count(), 2);
        assert_eq!(tenant.origin(), b"log.example/t/one");
        let owner = store.owner(GlobalKey::KeyOwner([6; 32])).unwrap().unwrap();
        assert_eq!(owner.name(), "one");
        assert!(store.owner(GlobalKey::KeyOwner([7; 32])).unwrap().is_none());
        assert!(scope.get(Key::Entry(2)).unwrap().is_none());
    };
    check(&store);
    drop((store, scope));
    check(&house.open());
}

/// SO-1: rows of several tenants, and the global index, in one write.
#[test]
fn a_batch_is_one_write() {
    let house = House::new();
    let store = house.open();
    let [one, two] = ["one", "two"].map(|name| tenant(&store, name));
    let before = house.faulty.writes();
    let mut batch = Batch::new();
    for scope in [&one, &two] {
        for index in 1..50 {
            batch.put(scope, Key::Entry(index), b"entry");
        }
        batch.put(scope, Key::Head, b"head");
    }
    batch.global_put(GlobalKey::KeyOwner([1; 32]), &one);
    store.write(batch).unwrap();
    assert_eq!(house.faulty.writes(), before + 1);
    assert_eq!([one.entry_count(), two.entry_count()], [50, 50]);
    store.write(Batch::new()).unwrap();
    assert_eq!(house.faulty.writes(), before + 1, "nothing to write");
}

#[test]
fn a_row_changes_and_goes() {
    let house = House::new();
    let store = house.open();
    let scope = tenant(&store, "one");
    let key = scope.row_key(1, b"agent-1");
    put(&store, &scope, key, b"old").unwrap();
    put(&store, &scope, key, b"new").unwrap();
    assert_eq!(scope.get(key).unwrap().unwrap(), b"new");
    let mut batch = Batch::new();
    batch.delete(&scope, key);
    store.write(batch).unwrap();
    assert_eq!(scope.get(key).unwrap(), None);
}

#[test]
fn scans_hold_their_kind_in_order() {
    let house = House::new();
    let store = house.open();
    let scope = tenant(&store, "one");
    let mut batch = Batch::new();
    for index in 1..300_u64 {
        batch.put(&scope, Key::Entry(index), &index.to_be_bytes());
    }
    for kind in 1..4_u8 {
        for n in 0..5 {
            batch.put(&scope, scope.row_key(kind, &[n]), &[kind, n]);
        }
    }
    for time_ms in [5, 300, 299, 10_000] {
        batch.put(&scope, reviewed(time_ms), b"what falls due");
    }
    // Another calendar is another range.
    for calendar in [Calendar::Endings, Calendar::Overdue] {
        let (time_ms, case) = (5, [1; 16]);
        let key = Key::Deadline {
            calendar,
            time_ms,
            case,
        };
        batch.put(&scope, key, b"something else");
    }
    store.write(batch).unwrap();

    let entries: Result<Vec<_>, _> = scope.entries(254..258).unwrap().collect();
    let indices: Vec<_> = entries
        .unwrap()
        .into_iter()
        .map(|(index, bytes)| (index, bytes == index.to_be_bytes()))
        .collect();
    assert_eq!(
        indices,
        [(254, true), (255, true), (256, true), (257, true)]
    );
    assert_eq!(scope.entries(0..u64::MAX).unwrap().count(), 300);
    assert_eq!(scope.entries(300..400).unwrap().count(), 0);

    let mut rows: Vec<_> = scope
        .rows(2)
        .unwrap()
        .map(|row| row.unwrap())
        .map(|(key, value)| {
            assert_eq!(key, scope.row_key(2, &value[1..]));
            value
        })
        .collect();
    rows.sort();
    assert_eq!(rows, [[2, 0], [2, 1], [2, 2], [2, 3], [2, 4]]);

    let due: Vec<_> = scope
        .deadlines(Calendar::Reviews, 300)
        .unwrap()
        .map(|row| row.unwrap())
        .map(|(key, value)| {
            assert_eq!(value, b"what falls due");
            key
        })
        .collect();
    assert_eq!(due, [5, 299, 300].map(reviewed));
    let mut batch = Batch::new();
    for key in due {
        batch.delete(&scope, key);
    }
    store.write(batch).unwrap();
    let left = scope.deadlines(Calendar::Reviews, u64::MAX).unwrap();
    assert_eq!(left.count(), 1, "a scanned key deletes its row");
}

#[test]
fn nonces_are_forgotten_by_the_bucket() {
    let house = House::new();
    let store = house.open();
    let [one, two] = ["one", "two"].map(|name| tenant(&store, name));
    let mut batch = Batch::new();
    for scope in [&one, &two] {
        for bucket in [0, 1, 255, 256, 257] {
            batch.put(scope, scope.nonce_key(bucket, b"n"), b"");
        }
        batch.put(scope, Key::Head, b"head");
    }
    store.write(batch).unwrap();
    let mut batch = Batch::new();
    batch.delete_nonces_before(&one, 256);
    store.write(batch).unwrap();
    for (bucket, there) in [
        (0, false),
        (1, false),
        (255, false),
        (256, true),
        (257, true),
    ] {
        let key = one.nonce_key(bucket, b"n");
        assert_eq!(one.get(key).unwrap().is_some(), there, "{bucket}");
        let key = two.nonce_key(bucket, b"n");
        assert!(two.get(key).unwrap().is_some(), "another tenant's {bucket}");
    }
    assert!(one.get(Key::Head).unwrap().is_some());
    assert_eq!(one.entry_count(), 1);
}

/// SO-9, SO-10, A12.
#[test]
fn entries_tiles_and_blobs_are_written_once() {
    let house = House::new();
    let store = house.open();
    let scope = tenant(&store, "one");
    let keys = [
        Key::Entry(1),
        Key::Tile { level: 0, index: 0 },
        Key::Blob([1; 32]),
    ];
    for key in keys {
        put(&store, &scope, key, b"first").unwrap();
        put(&store, &scope, key, b"first").unwrap();
        let refused = |batch| matches!(store.write(batch), Err(WriteError::WrittenOnce { .. }));
        let mut other = Batch::new();
        other.put(&scope, Key::Head, b"must not be written either");
        other.put(&scope, key, b"second");
        assert!(refused(other), "{key:?} was written over");
        let mut delete = Batch::new();
        delete.delete(&scope, key);
        assert!(refused(delete), "{key:?} was deleted");
        assert_eq!(scope.get(key).unwrap().unwrap(), b"first");
        assert_eq!(scope.get(Key::Head).unwrap(), None);
    }
    // The same within one batch.
    for key in [
        Key::Entry(2),
        Key::Tile { level: 0, index: 1 },
        Key::Blob([2; 32]),
    ] {
        let mut twice = Batch::new();
        twice.put(&scope, key, b"first");
        twice.put(&scope, key, b"second");
        assert!(matches!(
            store.write(twice),
            Err(WriteError::WrittenOnce { .. })
        ));
        assert_eq!(scope.get(key).unwrap(), None);
        let mut same = Batch::new();
        same.put(&scope, key, b"first");
        same.put(&scope, key, b"first");
        store.write(same).unwrap();
        assert_eq!(scope.get(key).unwrap().unwrap(), b"first");
    }
    assert_eq!(scope.entry_count(), 3);
}

/// SO-9.
#[test]
fn entries_leave_no_gap() {
    let house = House::new();
    let store = house.open();
    let scope = tenant(&store, "one");
    assert!(matches!(
        put(&store, &scope, Key::Entry(2), b"x"),
        Err(WriteError::EntryGap {
            index: 2,
            expected: 1
        })
    ));
    let mut batch = Batch::new();
    batch.put(&scope, Key::Entry(1), b"x");
    batch.put(&scope, Key::Entry(3), b"x");
    assert!(matches!(
        store.write(batch),
        Err(WriteError::EntryGap { .. })
    ));
    assert_eq!(scope.entry_count(), 1);
    put(&store, &scope, Key::Entry(1), b"x").unwrap();
}

/// SO-13.
#[test]
fn below_the_reserve_writes_are_refused_and_reads_go_on() {
    let house = House::new();
    let store = house.open();
    drop(tenant(&store, "one"));
    assert!(store.room().unwrap() > 0);
    drop(store);
    let keyring = Keyring::open(&house.keyring(), &house.kek()).unwrap();
    let settings = Settings {
        reserve_bytes: u64::MAX,
    };
    let store = Store::open(&house.data(), keyring, settings).unwrap();
    let scope = store.tenant("one").unwrap().scope().clone();
    assert!(matches!(
        put(&store, &scope, Key::Head, b"head"),
        Err(WriteError::NoRoom { .. })
    ));
    assert_eq!(scope.get(Key::Entry(0)).unwrap().unwrap(), b"genesis");
    assert!(
        matches!(
            put(&store, &scope, Key::Head, b"head"),
            Err(WriteError::NoRoom { .. })
        ),
        "a full disk does not poison"
    );
}
