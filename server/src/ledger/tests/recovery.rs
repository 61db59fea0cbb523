//! LG-13 to LG-16: a ledger does not start on a disk that does not hold what was signed.

use std::sync::OnceLock;

use agentsigna_verifier::log::{
    checkpoint::Checkpoint,
    note::Note,
    tree::{RootHash, TreeHead, TreeSize},
};

use super::{
    super::*,
    org::Org,
    support::{Gate, House, copy, settle, shut},
};
use crate::store::{GlobalKey, Key, Store, TenantScope};

/// A house with a log of 600 entries: two complete tiles and a piece of a third.
fn lived_in() -> House {
    static MADE: OnceLock<House> = OnceLock::new();
    MADE.get_or_init(live_in).copied()
}

fn live_in() -> House {
    let house = House::new();
    let ledger = house.open();
    let mut org = Org::ready(&ledger, "one", 10);
    let size = org.tenant.head().tree().size().entries();
    let change = org.failures(&ledger, usize::try_from(600 - size).unwrap());
    settle(&ledger, &org.tenant, change);
    drop(org);
    shut(ledger);
    house
}

/// Opening is refused for a reason that names what is wrong.
fn refuses(name: &str, says: &str, damage: impl FnOnce(&Store<Gate>, &TenantScope)) {
    let house = lived_in();
    house.damage("one", damage);
    let error = house.try_open(Anchors::none()).err();
    let error = error.unwrap_or_else(|| panic!("{name}: opened"));
    assert!(error.to_string().contains(says), "{name}: {error}");
}

fn other(bytes: &[u8]) -> Vec<u8> {
    let mut other = bytes.to_vec();
    let last = other.len() - 1;
    other[last] ^= 1;
    other
}

#[test]
fn a_damaged_log_is_not_opened() {
    refuses(
        "last entry missing",
        "599 entries on disk",
        |store, scope| {
            store.damage(scope, Key::Entry(599), None);
        },
    );
    refuses("entry missing", "entry 550 is gone", |store, scope| {
        store.damage(scope, Key::Entry(550), None);
    });
    refuses("genesis missing", "entry 0 is gone", |store, scope| {
        store.damage(scope, Key::Entry(0), None);
    });
    refuses(
        "an entry too many",
        "601 entries on disk",
        |store, scope| {
            let last = scope.get(Key::Entry(599)).unwrap().unwrap();
            store.damage(scope, Key::Entry(600), Some(&last));
        },
    );
    refuses("entry altered", "another root", |store, scope| {
        let bytes = scope.get(Key::Entry(599)).unwrap().unwrap();
        store.damage(scope, Key::Entry(599), Some(&other(&bytes)));
    });
    refuses("tile altered", "another root", |store, scope| {
        let tile = Key::Tile { level: 0, index: 1 };
        let bytes = scope.get(tile).unwrap().unwrap();
        store.damage(scope, tile, Some(&other(&bytes)));
    });
    refuses("tile cut short", "not on disk", |store, scope| {
        let tile = Key::Tile { level: 0, index: 1 };
        let bytes = scope.get(tile).unwrap().unwrap();
        store.damage(scope, tile, Some(&bytes[..bytes.len() - 32]));
    });
    refuses("tile missing", "not on disk", |store, scope| {
        store.damage(scope, Key::Tile { level: 0, index: 0 }, None);
    });
    refuses("head missing", "its head is missing", |store, scope| {
        store.damage(scope, Key::Head, None);
    });
    refuses("head altered", "not signed", |store, scope| {
        let bytes = scope.get(Key::Head).unwrap().unwrap();
        // A character of the signature, still base64.
        let mut note = String::from_utf8(bytes).unwrap();
        let at = note.len() - 30;
        let letter = if note.as_bytes()[at] == b'A' {
            "B"
        } else {
            "A"
        };
        note.replace_range(at..=at, letter);
        store.damage(scope, Key::Head, Some(note.as_bytes()));
    });
}

/// A head that the right key signed, for another tree.
#[test]
fn a_head_of_another_tree_is_not_opened() {
    for (name, size, says) in [
        ("shorter", 599, "600 entries on disk"),
        ("longer", 601, "600 entries on disk"),
        ("other root", 600, "another root"),
    ] {
        refuses(name, says, |store, scope| {
            let seeds = store.seeds(scope).unwrap();
            let signer = ed25519_dalek::SigningKey::from_bytes(&seeds.log);
            let origin = store.tenant("one").unwrap().origin().to_vec();
            let key_name = agentsigna_verifier::log::note::KeyName::parse(
                std::str::from_utf8(&origin).unwrap(),
            )
            .unwrap();
            let key = agentsigna_verifier::log::note::NoteKey::new(
                key_name.clone(),
                agentsigna_verifier::log::note::KeyKind::Ed25519,
                super::support::public(&signer),
            );
            let head = TreeHead::new(TreeSize::new(size).unwrap(), RootHash::from_bytes([7; 32]));
            let text = Checkpoint::new(key_name, head).unwrap().text();
            let signature = ed25519_dalek::Signer::sign(&signer, text.as_bytes()).to_bytes();
            let note = Note::new(&text, &[key.line(&signature)]).unwrap();
            store.damage(scope, Key::Head, Some(note.encode().as_bytes()));
        });
    }
}

/// LG-5: a key that the index gives to nobody, or to another tenant, is damage.
#[test]
fn the_index_of_keys_is_compared_with_the_rows() {
    let house = lived_in();
    let ledger = house.open();
    drop(Org::found(&ledger, "two", 20));
    shut(ledger);
    {
        let store = house.store();
        let one = store.tenant("one").unwrap();
        let two = store.tenant("two").unwrap();
        let agent = GlobalKey::KeyOwner(
            *super::support::public(&super::support::key(11))
                .jwk_thumbprint()
                .as_bytes(),
        );
        let mut batch = crate::store::Batch::new();
        batch.global_delete(agent, one.scope());
        store.write(batch).unwrap();
        let mut batch = crate::store::Batch::new();
        batch.global_put(agent, two.scope());
        store.write(batch).unwrap();
    }
    let error = house.try_open(Anchors::none()).err().unwrap();
    assert!(error.to_string().contains("index of keys"), "{error}");
}

fn put_back(house: &House) {
    std::fs::remove_dir_all(house.path("data")).unwrap();
    copy(&house.path("backup"), &house.path("data"));
}

/// LG-16: an older copy of the data folder, in place of the newest one, is noticed by the anchors.
#[test]
fn an_older_copy_of_the_data_folder_is_refused() {
    let house = lived_in();
    let ledger = house.try_open(house.anchors()).unwrap();
    shut(ledger);
    copy(&house.path("data"), &house.path("backup"));
    let ledger = house.try_open(house.anchors()).unwrap();
    let mut org = Org::of(ledger.tenant("one").unwrap(), 10);
    let change = org.failures(&ledger, 7);
    settle(&ledger, &org.tenant, change);
    let origin = org.origin();
    drop(org);
    shut(ledger);
    // The newest: fine, and again.
    shut(house.try_open(house.anchors()).unwrap());
    put_back(&house);
    match house.try_open(house.anchors()).err() {
        Some(RecoveryError::RolledBack {
            origin: found,
            found: 600,
            anchored: 607,
        }) => assert_eq!(found, origin),
        other => panic!("{other:?}"),
    }
    // Without anchors nobody notices; this is what they are for.
    let ledger = house.open();
    let mut org = Org::of(ledger.tenant("one").unwrap(), 40);
    let change = org.failures(&ledger, 20);
    settle(&ledger, &org.tenant, change);
    drop(org);
    shut(ledger);
    // The log went on from the copy: longer than the anchor, and another one.
    let error = house.try_open(house.anchors()).err().unwrap();
    assert!(
        error
            .to_string()
            .contains("is not the one whose head of 607"),
        "{error}"
    );
}

/// A tenant founded after the copy was made is missing from it as a whole, with or without changes of its own.
#[test]
fn a_copy_from_before_a_tenant_was_founded_is_refused() {
    let house = lived_in();
    copy(&house.path("data"), &house.path("backup"));
    let ledger = house.try_open(house.anchors()).unwrap();
    let org = Org::found(&ledger, "two", 20);
    let origin = org.origin();
    drop(org);
    shut(ledger);
    put_back(&house);
    match house.try_open(house.anchors()).err() {
        Some(RecoveryError::RolledBack {
            origin: found,
            found: 0,
            anchored: 1,
        }) => assert_eq!(found, origin),
        other => panic!("{other:?}"),
    }
}

/// An anchor file that was tampered with does not pass for one.
#[test]
fn a_damaged_anchor_file_is_refused() {
    let house = lived_in();
    shut(house.try_open(house.anchors()).unwrap());
    let good = std::fs::read_to_string(house.path("anchor")).unwrap();
    let (origin, rest) = good.trim_end().split_once(' ').unwrap();
    let (size, note) = rest.split_once(' ').unwrap();
    let decoded = data_encoding::BASE64.decode(note.as_bytes()).unwrap();
    let other_root = {
        let text = String::from_utf8(decoded).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines[2] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        data_encoding::BASE64.encode((lines.join("\n") + "\n").as_bytes())
    };
    for (name, line, says) in [
        (
            "another root",
            format!("{origin} {size} {other_root}\n"),
            "signature",
        ),
        ("a size of its own", format!("{origin} 999 {note}\n"), "999"),
        ("no note", format!("{origin} {size} AAAA\n"), "anchor"),
    ] {
        std::fs::write(house.path("anchor"), line).unwrap();
        let error = house.try_open(house.anchors()).err();
        let error = error.unwrap_or_else(|| panic!("{name}: opened"));
        assert!(matches!(error, RecoveryError::Anchor(_)), "{name}: {error}");
        assert!(error.to_string().contains(says), "{name}: {error}");
    }
    std::fs::write(house.path("anchor"), good).unwrap();
    shut(house.try_open(house.anchors()).unwrap());
}
