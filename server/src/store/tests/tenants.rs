//! Tenants: apart from one another, and there whole or not at all.

use super::*;

/// SO-3: rows of the same name are two rows, and one tenant's bytes do not open in the other's family.
#[test]
fn two_tenants_share_nothing() {
    let house = House::new();
    let store = house.open();
    let [one, two] = ["one", "two"].map(|name| tenant(&store, name));
    let names = [&one, &two].map(|scope| scope.row_key(1, b"agent-1"));
    assert_ne!(names[0], names[1]);
    put(&store, &one, names[0], b"one's").unwrap();
    assert_eq!(two.get(names[0]).unwrap(), None);
    assert_eq!(two.get(names[1]).unwrap(), None);
    assert_eq!(two.rows(1).unwrap().count(), 0);

    put(&store, &one, Key::Entry(1), b"one's entry").unwrap();
    assert_eq!(two.entry_count(), 1);
    assert_eq!(two.get(Key::Entry(1)).unwrap(), None);
    assert_eq!(two.entries(0..9).unwrap().count(), 1);

    // A forger moves the bytes over, under the very key.
    let rocks = &store.database.rocks;
    let [from, to] = [&one, &two].map(|scope| store.database.family(scope.family_name()).unwrap());
    for key in [Key::Entry(1), names[0]] {
        let bytes = one.key_bytes(key);
        let stored = rocks.get_cf(&from, &bytes).unwrap().unwrap();
        rocks.put_cf(&to, &bytes, stored).unwrap();
        assert!(matches!(two.get(key), Err(ReadError::DoesNotOpen { .. })));
    }
}

#[test]
fn a_scope_of_another_store_is_refused() {
    let [here, there] = [House::new(), House::new()];
    let [store, other] = [here.open(), there.open()];
    let scope = tenant(&other, "one");
    drop(tenant(&store, "one"));
    assert!(matches!(
        put(&store, &scope, Key::Head, b"x"),
        Err(WriteError::OtherStore)
    ));
}

/// SO-12.
#[test]
fn a_key_belongs_to_one_tenant() {
    let house = House::new();
    let store = house.open();
    let [one, two] = ["one", "two"].map(|name| tenant(&store, name));
    let key = GlobalKey::KeyOwner([9; 32]);
    let own = |scope: &TenantScope| {
        let mut batch = Batch::new();
        batch.global_put(key, scope);
        store.write(batch)
    };
    let disown = |scope: &TenantScope| {
        let mut batch = Batch::new();
        batch.global_delete(key, scope);
        store.write(batch)
    };
    own(&one).unwrap();
    own(&one).unwrap();
    assert!(matches!(own(&two), Err(WriteError::KeyTaken)));
    assert!(matches!(disown(&two), Err(WriteError::KeyTaken)));
    assert_eq!(store.owner(key).unwrap().unwrap().name(), "one");
    disown(&one).unwrap();
    assert!(store.owner(key).unwrap().is_none());
    let mut both = Batch::new();
    both.global_put(key, &one);
    both.global_put(key, &two);
    assert!(matches!(store.write(both), Err(WriteError::KeyTaken)));
    own(&two).unwrap();
    assert_eq!(store.owner(key).unwrap().unwrap().name(), "two");
}

/// SO-12.
#[test]
fn a_name_means_one_tenant() {
    let house = House::new();
    let store = house.open();
    let generate = || TenantKeys::generate().unwrap();
    let [first, second] = [(); 2].map(|()| store.create_tenant("one", generate()).unwrap());
    let mut both = Batch::new();
    both.put_directory(&first, b"");
    both.put_directory(&second, b"");
    assert!(matches!(
        store.write(both),
        Err(WriteError::NameTaken { .. })
    ));
    let mut batch = Batch::new();
    batch.put_directory(&first, b"origin");
    store.write(batch).unwrap();
    let mut batch = Batch::new();
    batch.put_directory(&second, b"other");
    assert!(matches!(
        store.write(batch),
        Err(WriteError::NameTaken { .. })
    ));
    assert!(matches!(
        store.create_tenant("one", generate()),
        Err(CreateError::NameTaken { .. })
    ));
    for name in ["", &"a".repeat(256)] {
        assert!(matches!(
            store.create_tenant(name, generate()),
            Err(CreateError::Name { .. })
        ));
    }
    assert_eq!(store.tenant("one").unwrap().origin(), b"origin");
}

/// SO-8.
#[test]
fn a_family_without_a_directory_row_is_dropped() {
    let house = House::new();
    let store = house.open();
    drop(tenant(&store, "kept"));
    let keys = TenantKeys::generate().unwrap();
    let abandoned = store.create_tenant("abandoned", keys).unwrap();
    let name = abandoned.scope().family_name().to_owned();
    drop((store, abandoned));

    let store = house.open();
    assert!(store.tenant("abandoned").is_none());
    assert!(store.database.family(&name).is_err());
    drop(store);
    let store = house.open();
    assert_eq!(store.tenants().len(), 1);
    drop(tenant(&store, "abandoned"));
}

/// SO-8: what looks abandoned but holds rows has lost its directory row; nothing is thrown away.
#[test]
fn a_family_with_rows_is_never_dropped() {
    let house = House::new();
    let store = house.open();
    let scope = tenant(&store, "one");
    let row = key::directory(&scope.family());
    store.database.rocks.delete(row).unwrap();
    drop((store, scope));
    for _ in 0..2 {
        assert!(matches!(
            house.try_open(),
            Err(OpenError::DirectoryMissing { .. })
        ));
    }
}

/// SO-11: this is why a family without a directory row is empty.
#[test]
fn no_rows_before_the_directory_row() {
    let house = House::new();
    let store = house.open();
    let keys = TenantKeys::generate().unwrap();
    let new = store.create_tenant("one", keys).unwrap();
    for key in [Key::Entry(0), Key::Head] {
        assert!(matches!(
            put(&store, new.scope(), key, b"x"),
            Err(WriteError::NoDirectory { .. })
        ));
    }
    let mut batch = Batch::new();
    batch.put(new.scope(), Key::Entry(0), b"genesis");
    batch.put_directory(&new, b"");
    store.write(batch).unwrap();
    let mut again = Batch::new();
    again.put_directory(&new, b"");
    assert!(store.write(again).is_err());
}

/// SO-7.
#[test]
fn a_directory_row_without_its_family_is_fatal() {
    let house = House::new();
    let store = house.open();
    let scope = tenant(&store, "one");
    store.database.drop_family(scope.family_name()).unwrap();
    drop((store, scope));
    assert!(matches!(
        house.try_open(),
        Err(OpenError::FamilyMissing { .. })
    ));
}

/// SO-7: an old keyring, brought back, lacks the newest tenant's keys.
#[test]
fn a_directory_row_without_its_keys_is_fatal() {
    let house = House::new();
    let store = house.open();
    let old = std::fs::read(house.keyring()).unwrap();
    drop(tenant(&store, "one"));
    drop(store);
    std::fs::write(house.keyring(), old).unwrap();
    assert!(matches!(
        house.try_open(),
        Err(OpenError::KeysMissing { .. })
    ));
}

#[test]
fn seeds_come_back_as_they_were_given() {
    let house = House::new();
    let store = house.open();
    let keys = TenantKeys::generate().unwrap();
    let given = [*keys.log_seed(), *keys.seal_seed()];
    assert_ne!(given[0], given[1]);
    let new = store.create_tenant("one", keys).unwrap();
    let mut batch = Batch::new();
    batch.put_directory(&new, b"");
    store.write(batch).unwrap();
    drop((store, new));
    let store = house.open();
    let seeds = store.seeds(store.tenant("one").unwrap().scope()).unwrap();
    assert_eq!([*seeds.log, *seeds.seal], given);
}
