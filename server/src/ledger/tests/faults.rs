//! LG-10: a write that fails, in each of its two ways, at each write of a life: the ledger stops, tells whoever
//! waits, and what is opened again is a log that everybody who was answered can rely on.

use std::collections::BTreeMap;

use super::{
    super::*,
    org::{Org, POLICY},
    support::{
        House, PATIENCE, check_export, check_extends, check_head, founding, key, send, settle, shut,
    },
};
use crate::store::Fault;

/// Writes of the life below.
const WRITES: u64 = 12;

/// What a tenant lived through until a write failed.
#[derive(Default)]
struct Life {
    /// The bytes of every entry that was answered.
    answered: BTreeMap<u64, Vec<u8>>,
    /// Heads that were answered.
    heads: Vec<agentsigna_verifier::log::tree::TreeHead>,
}

impl Life {
    /// Does something; answers whether life goes on.
    fn step(&mut self, ledger: &Ledger, reading: Reading, change: Change) -> bool {
        let Ok(answer) = send(ledger, reading, change) else {
            return false;
        };
        let Some(committed) = answer.recv_timeout(PATIENCE).expect("never told") else {
            return false;
        };
        self.heads.push(committed.head.tree());
        for entry in &committed.entries {
            self.answered.insert(entry.index, entry.encode());
        }
        true
    }
}

/// Enrolments, policy, requests with every verdict, until it is over or a write fails.
fn live(ledger: &Ledger) -> (Life, bool) {
    let mut life = Life::default();
    let Ok(tenant) = ledger.found(&founding("one", &key(10))) else {
        return (life, false);
    };
    let mut org = Org::of(tenant.clone(), 10);
    life.answered.insert(0, tenant.entry_bytes(0).unwrap());
    let fresh = || Reading::of(&tenant);
    let agent = org.agent.clone();
    let (change, code) = org.invite_agent(ledger, "buyer");
    let claimed = org.claim_agent(ledger, "buyer", &agent, &code);
    let confirmed = org.confirm_agent(ledger, "buyer", super::support::public(&agent));
    let (published, bundle) = org.publish(ledger, POLICY);
    let activated = org.activate(ledger, bundle.digest());
    let acme = org.enrol_counterparty(ledger, "acme");
    let failures = org.failures(ledger, 300);
    for change in [
        change, claimed, confirmed, published, activated, acme, failures,
    ] {
        if !life.step(ledger, fresh(), change) {
            return (life, false);
        }
    }
    let nonce = Change {
        nonce: Some(NonceUse::new(
            super::support::public(&org.founder).jwk_thumbprint(),
            "a-retry",
            super::support::START_MS / 1000 + 30,
        )),
        ..Change::default()
    };
    let more = org.failures(ledger, 5);
    let change = org.change_agent(
        ledger,
        "buyer",
        agentsigna_verifier::snapshot::Status::Suspended,
    );
    let last = org.failures(ledger, 250);
    for change in [nonce, more, change, last] {
        if !life.step(ledger, fresh(), change) {
            return (life, false);
        }
    }
    (life, true)
}

#[test]
fn every_write_fails_two_ways_and_nobody_who_was_answered_loses() {
    for fault in [Fault::NotDone, Fault::DoneButReported] {
        // Once beyond the last write, where nothing fails.
        for nth in 1..=WRITES + 1 {
            let case = format!("write {nth}, {fault:?}");
            let house = House::new();
            house.gate.faulty.fail_at(nth, fault);
            let ledger = house.open();
            let (life, whole) = live(&ledger);
            assert_eq!(whole, nth > WRITES, "{case}");
            assert_eq!(ledger.is_stopped(), !whole, "{case}");
            if whole {
                assert_eq!(house.gate.writes(), WRITES, "{case}");
                house.gate.faulty.forget();
            } else {
                // Nothing is admitted any more, by anybody.
                if let Some(tenant) = ledger.tenant("one") {
                    let mut org = Org::of(tenant.clone(), 10);
                    let change = org.failures(&ledger, 1);
                    let refused = send(&ledger, Reading::of(&tenant), change);
                    assert!(matches!(refused, Err(AdmitError::Stopped)), "{case}");
                    // Reads go on.
                    check_head(&tenant, &tenant.head());
                    tenant.entry(0).unwrap();
                }
                let refused = ledger.found(&founding("two", &key(20)));
                assert!(matches!(refused, Err(CreateTenantError::Stopped)), "{case}");
                assert_eq!(ledger.queued(), 0, "{case}");
            }

            let ledger = house.reopen(ledger);
            check_after(&ledger, &life, &case);
            // Life goes on.
            let mut org = match ledger.tenant("one") {
                Some(tenant) => Org::of(tenant, 10),
                None => Org::found(&ledger, "one", 10),
            };
            let change = org.failures(&ledger, 3);
            settle(&ledger, &org.tenant, change);
            let tenant = org.tenant.clone();
            drop(org);
            check_after(&ledger, &life, &case);
            export(&tenant, &house.path("export"), |_, _| {}).unwrap();
            check_export(&house.path("export"));
            drop(tenant);
            shut(ledger);
        }
    }
}

fn check_after(ledger: &Ledger, life: &Life, case: &str) {
    let Some(tenant) = ledger.tenant("one") else {
        assert!(
            life.answered.is_empty(),
            "{case}: an answered tenant is gone"
        );
        return;
    };
    for (index, bytes) in &life.answered {
        assert_eq!(
            &tenant.entry_bytes(*index).unwrap(),
            bytes,
            "{case}: entry {index}"
        );
    }
    for head in &life.heads {
        check_extends(&tenant, *head, &tenant.head());
    }
    fsck(&tenant, |_, _| {}).unwrap_or_else(|error| panic!("{case}: {error}"));
}

/// All who wait are told, whichever stage their change is in: in the write, built, or queued.
#[test]
fn whoever_waits_is_told() {
    for fault in [Fault::NotDone, Fault::DoneButReported] {
        let house = House::new();
        let ledger = house.open();
        let mut org = Org::found(&ledger, "one", 10);
        house.gate.hold();
        let answers: Vec<_> = (0..700)
            .map(|n| {
                let change = org.failures(&ledger, 1);
                let answer = send(&ledger, Reading::of(&org.tenant), change).unwrap();
                if n == 0 {
                    house.gate.wait_for_write();
                }
                answer
            })
            .collect();
        house.gate.faulty.fail_next(fault);
        house.gate.release();
        for answer in answers {
            assert!(answer.recv_timeout(PATIENCE).expect("never told").is_none());
        }
        assert!(ledger.is_stopped());
        assert_eq!(org.tenant.head().tree().size().entries(), 1);
        drop(org);
        let ledger = house.reopen(ledger);
        let size = ledger.tenant("one").unwrap().head().tree().size().entries();
        assert_eq!(size, if fault == Fault::NotDone { 1 } else { 2 });
        shut(ledger);
    }
}

/// Two tenants in one write share its fate.
#[test]
fn a_failed_write_stops_all_tenants() {
    let house = House::new();
    let ledger = house.open();
    let mut orgs = [10, 20].map(|seed| Org::found(&ledger, &format!("t-{seed}"), seed));
    house.gate.faulty.fail_next(Fault::NotDone);
    let change = orgs[0].failures(&ledger, 1);
    let answer = send(&ledger, Reading::of(&orgs[0].tenant), change).unwrap();
    assert!(answer.recv_timeout(PATIENCE).unwrap().is_none());
    let change = orgs[1].failures(&ledger, 1);
    let refused = send(&ledger, Reading::of(&orgs[1].tenant), change);
    assert!(matches!(refused, Err(AdmitError::Stopped)));
    drop(orgs);
    shut(ledger);
}

/// A founding that fails leaves nothing half made, and says that the ledger has stopped.
#[test]
fn a_founding_that_fails_stops_the_ledger() {
    for fault in [Fault::NotDone, Fault::DoneButReported] {
        let house = House::new();
        let ledger = house.open();
        let mut org = Org::found(&ledger, "one", 10);
        house.gate.faulty.fail_next(fault);
        let failed = ledger.found(&founding("two", &key(20)));
        assert!(matches!(failed, Err(CreateTenantError::Write(_))));
        assert!(ledger.is_stopped());
        let change = org.failures(&ledger, 1);
        let refused = send(&ledger, Reading::of(&org.tenant), change);
        assert!(matches!(refused, Err(AdmitError::Stopped)));
        drop(org);
        let ledger = house.reopen(ledger);
        assert_eq!(
            ledger.tenant("two").is_some(),
            fault == Fault::DoneButReported
        );
        for (_, tenant) in ledger.tenants() {
            fsck(&tenant, |_, _| {}).unwrap();
        }
        if fault == Fault::NotDone {
            drop(Org::found(&ledger, "two", 20));
        }
        shut(ledger);
    }
}
