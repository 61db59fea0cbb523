//! LG-7: a signature is used once, for as long as it could be used.

use std::sync::atomic::Ordering;

use super::{
    super::*,
    org::Org,
    support::{House, PATIENCE, START_MS, public, send, settle, shut},
};

fn retry(org: &Org, nonce: &str, expires_s: u64) -> Change {
    Change {
        nonce: Some(NonceUse::new(
            public(&org.founder).jwk_thumbprint(),
            nonce,
            expires_s,
        )),
        ..Change::default()
    }
}

fn nonces_on_disk(tenant: &Tenant) -> usize {
    tenant.scope().nonces().unwrap().count()
}

#[test]
fn a_nonce_is_used_once_also_after_a_restart() {
    let house = House::new();
    let ledger = house.open();
    let org = Org::found(&ledger, "one", 10);
    let expires_s = START_MS / 1000 + 60;
    let committed = settle(&ledger, &org.tenant, retry(&org, "n-1", expires_s));
    assert!(committed.entries.is_empty());
    assert_eq!(
        committed.head.tree().size().entries(),
        1,
        "no entry, no new head"
    );
    for same_bucket in [expires_s, expires_s - 1] {
        let again = retry(&org, "n-1", same_bucket);
        if NonceUse::new(public(&org.founder).jwk_thumbprint(), "n-1", same_bucket).bucket()
            == NonceUse::new(public(&org.founder).jwk_thumbprint(), "n-1", expires_s).bucket()
        {
            let refused = send(&ledger, Reading::of(&org.tenant), again);
            assert!(matches!(refused, Err(AdmitError::Replayed)));
        }
    }
    settle(&ledger, &org.tenant, retry(&org, "n-2", expires_s));
    drop(org);
    let ledger = house.reopen(ledger);
    let org = Org::of(ledger.tenant("one").unwrap(), 10);
    for nonce in ["n-1", "n-2"] {
        let refused = send(
            &ledger,
            Reading::of(&org.tenant),
            retry(&org, nonce, expires_s),
        );
        assert!(matches!(refused, Err(AdmitError::Replayed)), "{nonce}");
    }
    settle(&ledger, &org.tenant, retry(&org, "n-3", expires_s));
    shut(ledger);
}

/// Two that race with one nonce: one wins, while neither is durable.
#[test]
fn a_nonce_on_its_way_is_used() {
    let house = House::new();
    let ledger = house.open();
    let org = Org::found(&ledger, "one", 10);
    house.gate.hold();
    let expires_s = START_MS / 1000 + 60;
    let [first, second] = [(); 2].map(|()| {
        send(
            &ledger,
            Reading::of(&org.tenant),
            retry(&org, "n", expires_s),
        )
    });
    assert!(matches!(second, Err(AdmitError::Replayed)));
    house.gate.release();
    assert!(first.unwrap().recv_timeout(PATIENCE).unwrap().is_some());
    shut(ledger);
}

/// Nonces of other keys and tenants are other nonces.
#[test]
fn a_nonce_belongs_to_its_key_and_tenant() {
    let house = House::new();
    let ledger = house.open();
    let org = Org::found(&ledger, "one", 10);
    let other = Org::found(&ledger, "two", 20);
    let expires_s = START_MS / 1000 + 60;
    settle(&ledger, &org.tenant, retry(&org, "n", expires_s));
    settle(&ledger, &other.tenant, retry(&org, "n", expires_s));
    settle(&ledger, &org.tenant, retry(&other, "n", expires_s));
    shut(ledger);
}

/// Alive, it is kept; dead, it goes from memory and disk.
#[test]
fn a_nonce_is_forgotten_once_its_signature_is_dead() {
    let house = House::new();
    let ledger = house.open();
    let mut org = Org::found(&ledger, "one", 10);
    let expires_s = START_MS / 1000 + 60;
    settle(&ledger, &org.tenant, retry(&org, "n", expires_s));
    for _ in 0..61 {
        house.hands.pass(1);
        let change = org.failures(&ledger, 1);
        settle(&ledger, &org.tenant, change);
        let refused = send(
            &ledger,
            Reading::of(&org.tenant),
            retry(&org, "n", expires_s),
        );
        assert!(matches!(refused, Err(AdmitError::Replayed)));
    }
    assert_eq!(nonces_on_disk(&org.tenant), 1);
    house.hands.pass(180);
    let change = org.failures(&ledger, 1);
    settle(&ledger, &org.tenant, change);
    assert_eq!(nonces_on_disk(&org.tenant), 0);
    assert!(org.tenant.admission().nonces.is_empty());
    shut(ledger);
}

/// A tenant that only retries does not pile nonces up either.
#[test]
fn retries_alone_make_room_too() {
    let house = House::new();
    let ledger = house.open();
    let org = Org::found(&ledger, "one", 10);
    for n in 0..40_u64 {
        let expires_s = START_MS / 1000 + n * 30 + 60;
        settle(
            &ledger,
            &org.tenant,
            retry(&org, &format!("n-{n}"), expires_s),
        );
        house.hands.pass(30);
    }
    let kept = nonces_on_disk(&org.tenant);
    assert!((2..=12).contains(&kept), "{kept} nonces kept of 40");
    shut(ledger);
}

/// What was forgotten stays dead: a clock that is set back over a restart goes on from what the disk shows.
#[test]
fn a_clock_set_back_over_a_restart_revives_nothing() {
    let house = House::new();
    let ledger = house.open();
    let org = Org::found(&ledger, "one", 10);
    let first_s = START_MS / 1000 + 60;
    settle(&ledger, &org.tenant, retry(&org, "n-1", first_s));
    house.hands.pass(600);
    settle(&ledger, &org.tenant, retry(&org, "n-2", first_s + 600));
    assert_eq!(nonces_on_disk(&org.tenant), 1, "the first is forgotten");
    drop(org);
    house.hands.wall_ms.store(START_MS, Ordering::SeqCst);
    let ledger = house.reopen(ledger);
    assert!(
        ledger.clock().now().seconds() > first_s + 120,
        "the ledger's time is back in the life of a signature it forgot"
    );
    shut(ledger);
}

/// LG-17: entries never go back in time, whatever the machine's clock does.
#[test]
fn time_never_goes_back_along_a_log() {
    let house = House::new();
    let ledger = house.open();
    let mut org = Org::found(&ledger, "one", 10);
    let mut last = 0;
    for ms in [5_000, 4_000, 90_000, 0, 10_000, 200_000] {
        house.hands.wall_ms.store(START_MS + ms, Ordering::SeqCst);
        let change = org.failures(&ledger, 2);
        let committed = settle(&ledger, &org.tenant, change);
        for entry in committed.entries {
            assert!(entry.sequenced_at.millis() >= last);
            last = entry.sequenced_at.millis();
        }
    }
    house.hands.wall_ms.store(START_MS, Ordering::SeqCst);
    assert!(ledger.clock().check().is_err());
    drop(org);
    let ledger = house.reopen(ledger);
    assert_eq!(ledger.clock().now().millis(), last);
    assert!(ledger.clock().check().is_err(), "held after a restart too");
    house.hands.wall_ms.store(last, Ordering::SeqCst);
    house
        .hands
        .steady_ms
        .store(last - START_MS, Ordering::SeqCst);
    assert_eq!(ledger.clock().check(), Ok(()));
    shut(ledger);
}
