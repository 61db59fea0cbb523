//! LG-18, LG-19: what is derived can be derived again, and what leaves the house is whole.

use std::{collections::BTreeSet, fs, sync::OnceLock};

use agentsigna_verifier::{
    decision::Verdict,
    digest::Digest,
    log::{
        bundle::parse_entries,
        checkpoint,
        frontier::Frontier,
        tile::{Bundle, Tile},
        tree::LeafHash,
    },
    state::{Row, RowName, Rows as _},
    trust::Trust,
    verify::{self, ledger::Export as _},
};

use super::{
    super::*,
    org::{Org, POLICY, id},
    support::{Gate, House, PATIENCE, check_export, files, settle, shut},
};
use crate::store::{Key, Store, TenantScope};

/// A log with something of every kind in it, two complete tiles among them.
fn lived_in() -> House {
    static MADE: OnceLock<House> = OnceLock::new();
    MADE.get_or_init(live_in).copied()
}

fn live_in() -> House {
    let house = House::new();
    let ledger = house.open();
    let mut org = Org::ready(&ledger, "one", 10);
    org.settle_ask(&ledger, "r-1", 12_500);
    let asked = org.ask(&ledger, "r-2", 75_000);
    assert_eq!(asked.verdict, Verdict::Escalated);
    let answer = asked.send(&ledger).unwrap();
    answer.recv_timeout(PATIENCE).unwrap().unwrap();
    let change = org.failures(&ledger, 550);
    settle(&ledger, &org.tenant, change);
    drop(org);
    shut(ledger);
    house
}

/// Opens, and runs fsck, on a disk changed by `damage`.
fn check(damage: impl FnOnce(&Store<Gate>, &TenantScope)) -> Result<FsckReport, FsckError> {
    let house = lived_in();
    house.damage("one", damage);
    let ledger = house.open();
    let report = fsck(&ledger.tenant("one").unwrap(), |_, _| {});
    shut(ledger);
    report
}

fn finds(name: &str, says: &str, damage: impl FnOnce(&Store<Gate>, &TenantScope)) {
    match check(damage) {
        Ok(report) => panic!("{name}: not found, {report:?}"),
        Err(error) => assert!(error.to_string().contains(says), "{name}: {error}"),
    }
}

fn row_key(scope: &TenantScope, name: &RowName) -> Key {
    scope.row_key(name.kind(), &name.encode())
}

#[test]
fn a_sound_log_is_sound() {
    let report = check(|_, _| {}).unwrap();
    assert_eq!(report.entries, 1 + 3 + 3 + 1 + 2 + 3 + 3 + 550);
    // Log, agent, system, counterparty, policy, bundle, two keys, two requests, two cases, a review, the history.
    assert_eq!(report.rows, 14);
    assert_eq!(report.tiles, 2);
    assert_eq!(report.blobs, 1);
    assert_eq!(report.deadlines, 2);
    assert_eq!(report.nonces, 11);
}

#[test]
fn what_is_not_as_the_entries_say_is_found() {
    let buyer = RowName::Agent(id("buyer"));
    finds(
        "row altered",
        "agent `buyer` is not what",
        |store, scope| {
            let key = row_key(scope, &buyer);
            let bytes = scope.get(key).unwrap().unwrap();
            let Ok(Row::Agent(mut row)) = Row::decode(buyer.kind(), &bytes) else {
                panic!("no agent row");
            };
            row.exposure_minor = 0;
            store.damage(scope, key, Some(&Row::Agent(row).encode()));
        },
    );
    for name in [
        RowName::Log,
        RowName::Policy,
        buyer,
        RowName::System(id("erp")),
    ] {
        let says = format!("{} is missing", name.describe());
        // The log does not open without the key rows' owners; these rows it opens without.
        finds("row missing", &says, |store, scope| {
            store.damage(scope, row_key(scope, &name), None);
        });
    }
    finds("row surplus", "kind 4 is surplus", |store, scope| {
        let name = RowName::Counterparty(id("mallory"));
        let real = row_key(scope, &RowName::Counterparty(id("acme")));
        let bytes = scope.get(real).unwrap().unwrap();
        store.damage(scope, row_key(scope, &name), Some(&bytes));
    });
    for kind in [0, 10, 255] {
        finds("row of no kind", "is surplus", |store, scope| {
            store.damage(scope, scope.row_key(kind, b"x"), Some(b"x"));
        });
    }
    finds("tile surplus", "tile 0/2 is surplus", |store, scope| {
        store.damage(scope, Key::Tile { level: 0, index: 2 }, Some(&[7; 8192]));
    });
    finds(
        "tile surplus above",
        "tile 1/0 is surplus",
        |store, scope| {
            store.damage(scope, Key::Tile { level: 1, index: 0 }, Some(&[7; 8192]));
        },
    );
    let bundle = agentsigna_verifier::rules::Bundle::new(POLICY)
        .unwrap()
        .digest();
    finds("blob missing", "blob", |store, scope| {
        store.damage(scope, Key::Blob(*bundle.as_bytes()), None);
    });
    finds("blob altered", "blob", |store, scope| {
        store.damage(scope, Key::Blob(*bundle.as_bytes()), Some(b"permit all"));
    });
    finds(
        "deadline surplus",
        "a deadline is surplus",
        |store, scope| {
            let key = Key::Deadline {
                calendar: Calendar::Overdue,
                time_ms: 1,
                case: [9; 16],
            };
            store.damage(scope, key, Some(&[]));
        },
    );
    finds(
        "secret surplus",
        "a secret record is surplus",
        |store, scope| {
            store.damage(scope, scope.secret_key(b"mallory"), Some(b"x"));
        },
    );
    finds(
        "deadline missing",
        "a deadline is missing",
        |store, scope| {
            let lapses = scope.deadlines(Calendar::Endings, u64::MAX).unwrap();
            for (key, _) in lapses.map(Result::unwrap) {
                store.damage(scope, key, None);
            }
        },
    );
    finds("one nonce missing", "nonce", |store, scope| {
        let (key, _) = scope.nonces().unwrap().next().unwrap().unwrap();
        store.damage(scope, key, None);
    });
    finds("all nonces missing", "nonce", |store, scope| {
        for (key, _) in scope.nonces().unwrap().map(Result::unwrap) {
            store.damage(scope, key, None);
        }
    });
}

/// What opening does not read (entries under a complete tile), fsck does.
#[test]
fn an_old_entry_that_was_altered_or_lost_is_found() {
    finds("entry altered", "", |store, scope| {
        let mut bytes = scope.get(Key::Entry(100)).unwrap().unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        store.damage(scope, Key::Entry(100), Some(&bytes));
    });
    finds("entry missing", "entry 100 is gone", |store, scope| {
        store.damage(scope, Key::Entry(100), None);
    });
    // Put in the place of another, whole and sealed.
    finds("entry moved", "entry 100", |store, scope| {
        let bytes = scope.get(Key::Entry(101)).unwrap().unwrap();
        store.damage(scope, Key::Entry(100), Some(&bytes));
    });
}

#[test]
fn an_export_is_whole_and_holds_nothing_else() {
    let house = lived_in();
    let ledger = house.open();
    let tenant = ledger.tenant("one").unwrap();
    let to = house.path("export");
    let mut progress = Vec::new();
    export(&tenant, &to, |done, total| progress.push((done, total))).unwrap();
    let size = tenant.head().tree().size();
    assert_eq!(progress.last(), Some(&(size.entries(), size.entries())));

    let bundle = agentsigna_verifier::rules::Bundle::new(POLICY).unwrap();
    let mut expected: BTreeSet<String> = ["checkpoint".to_owned(), "trust.json".to_owned()].into();
    expected.insert(format!("blob/{}", bundle.digest()));
    expected.extend(Tile::all(size).map(|tile| tile.path()));
    expected.extend(Bundle::all(size).map(|bundle| bundle.path()));
    assert_eq!(files(&to), expected);
    check_export(&to);
    // Read in place, it is the same; what does not belong to its size is not there.
    let mut log = Exported::of(&tenant);
    let names: BTreeSet<String> = log.names().unwrap().map(Result::unwrap).collect();
    assert_eq!(names, expected);
    for name in &expected {
        let bytes = verify::ledger::Export::file(&mut log, name, 0).unwrap();
        assert_eq!(bytes.unwrap(), fs::read(to.join(name)).unwrap(), "{name}");
    }
    let absent = format!("blob/{}", Digest::from_bytes([7; 32]));
    for name in [
        "",
        "tile/0/000.p/1",
        "tile/entries/999",
        "../checkpoint",
        &absent,
    ] {
        let found = verify::ledger::Export::file(&mut log, name, 0);
        assert_eq!(found.unwrap(), None, "{name}");
    }

    // A stranger: the trust file's key, the checkpoint, the entries, the tiles.
    let trust = Trust::parse(&fs::read(to.join("trust.json")).unwrap()).unwrap();
    let log = trust.log(tenant.origin()).unwrap();
    let key = log.log_key_at(size).unwrap();
    let head = checkpoint::open(&fs::read(to.join("checkpoint")).unwrap(), key).unwrap();
    let mut frontier = Frontier::empty();
    let mut leaves = Vec::new();
    for bundle in Bundle::all(size) {
        let bytes = fs::read(to.join(bundle.path())).unwrap();
        for entry in parse_entries(&bytes, bundle.width()).unwrap() {
            leaves.push(LeafHash::of(entry));
            frontier.append(LeafHash::of(entry)).unwrap();
        }
    }
    assert_eq!(frontier.head(), head.head());
    assert_eq!(log.genesis_leaf(), leaves[0]);
    for tile in Tile::all(size).filter(|tile| tile.level() == 0) {
        let from = usize::try_from(tile.index()).unwrap() * 256;
        let hashes: Vec<u8> = leaves[from..from + usize::from(tile.width())]
            .iter()
            .flat_map(|leaf| *leaf.as_bytes())
            .collect();
        assert_eq!(fs::read(to.join(tile.path())).unwrap(), hashes);
    }
    let blob = fs::read(to.join(format!("blob/{}", bundle.digest()))).unwrap();
    assert_eq!(
        Digest::of(agentsigna_verifier::digest::Noun::Blob, &blob),
        bundle.digest()
    );

    // What is there is not written over.
    assert!(matches!(
        export(&tenant, &to, |_, _| {}),
        Err(ExportError::NotEmpty(_))
    ));
    drop(tenant);
    shut(ledger);
}

/// Entries written while an export runs are not in it, and what is in it fits together.
#[test]
fn an_export_of_a_log_that_grows_is_of_one_head() {
    let house = lived_in();
    let ledger = house.open();
    let mut org = Org::of(ledger.tenant("one").unwrap(), 10);
    let before = org.tenant.head().tree();
    let to = house.path("export");
    let tenant = org.tenant.clone();
    export(&tenant, &to, |_, _| {
        let change = org.failures(&ledger, 200);
        settle(&ledger, &org.tenant, change);
    })
    .unwrap();
    assert!(tenant.head().tree().size() > before.size());
    let key = tenant.log_key();
    let head = checkpoint::open(&fs::read(to.join("checkpoint")).unwrap(), key).unwrap();
    assert_eq!(head.head(), before);
    for tile in Tile::all(before.size()) {
        let bytes = fs::read(to.join(tile.path())).unwrap();
        assert_eq!(
            bytes.len(),
            usize::from(tile.width()) * 32,
            "{}",
            tile.path()
        );
    }
    check_export(&to);
    // And fsck of a log that grows says so, rather than find differences that are none.
    let grown = fsck(&tenant, |_, _| {
        let change = org.failures(&ledger, 1);
        settle(&ledger, &org.tenant, change);
    });
    assert!(matches!(grown, Err(FsckError::Grew { .. })));
    drop((org, tenant));
    shut(ledger);
}

/// The rows that readers see are those of the entries, at any time of a log's life.
#[test]
fn rows_are_those_of_the_entries_at_any_time() {
    let house = House::new();
    let ledger = house.open();
    let mut org = Org::ready(&ledger, "one", 10);
    for round in 0..6 {
        org.settle_ask(&ledger, &format!("r-{round}"), 1_000);
        let report = fsck(&org.tenant, |_, _| {}).unwrap();
        assert_eq!(report.entries, org.tenant.head().tree().size().entries());
        let name = RowName::Agent(id("buyer"));
        let seen = Reading::of(&org.tenant).row(&name).unwrap();
        assert_eq!(seen, org.tenant.durable_row(&name).unwrap());
    }
    shut(ledger);
}
