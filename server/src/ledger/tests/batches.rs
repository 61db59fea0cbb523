//! One write for all that waits, and no answer before it.

use agentsigna_verifier::decision::Verdict;

use super::{
    super::*,
    org::Org,
    support::{House, PATIENCE, check_committed, check_extends, check_head, send, settle, shut},
};

/// LG-2, LG-3: everything a tenant can do, each step provable, after a restart as before it.
#[test]
fn a_log_lives_through_a_restart() {
    let house = House::new();
    let ledger = house.open();
    let mut org = Org::ready(&ledger, "one", 10);
    let mut heads = vec![check_head(&org.tenant, &org.tenant.head())];

    for (request, amount, verdict, prove) in [
        ("r-1", 12_500, Verdict::Authorized, 2),
        ("r-2", 75_000, Verdict::Escalated, 0),
        ("r-3", 20_000, Verdict::Authorized, 2),
    ] {
        let asked = org.ask(&ledger, request, amount);
        assert_eq!(asked.verdict, verdict);
        let answer = asked.send(&ledger).unwrap();
        let committed = answer.recv_timeout(PATIENCE).unwrap().unwrap();
        check_committed(&org.tenant, Some(prove), &committed);
        heads.push(committed.head.tree());
    }
    let head = org.tenant.head();
    for old in &heads {
        check_extends(&org.tenant, *old, &head);
    }
    let (seed, size) = (10, head.tree());
    let report = fsck(&org.tenant, |_, _| {}).unwrap();
    assert_eq!(report.entries, size.size().entries());
    // Two Passports that lapse if nobody uses them, and a review.
    assert_eq!(report.deadlines, 3);
    drop((org, head));

    let ledger = house.reopen(ledger);
    let mut org = Org::of(ledger.tenant("one").unwrap(), seed);
    assert_eq!(org.tenant.head().tree(), size);
    assert_eq!(fsck(&org.tenant, |_, _| {}).unwrap(), report);
    org.publish_and_activate(&ledger, super::org::POLICY);
    let committed = org.settle_ask(&ledger, "r-4", 5_000);
    check_committed(&org.tenant, Some(2), &committed);
    for old in heads {
        check_extends(&org.tenant, old, &committed.head);
    }
    shut(ledger);
}

/// LG-1: nothing is answered, and no head shown, while the write is on its way.
#[test]
fn no_answer_before_the_write() {
    let house = House::new();
    let ledger = house.open();
    let mut org = Org::found(&ledger, "one", 10);
    let before = org.tenant.head().tree();
    house.gate.hold();
    let change = org.failures(&ledger, 1);
    let answer = send(&ledger, Reading::of(&org.tenant), change).unwrap();
    house.gate.wait_for_write();
    assert!(answer.try_recv().is_err(), "answered before the write");
    assert_eq!(org.tenant.head().tree(), before, "shown before the write");
    assert_eq!(ledger.queued(), 1);
    house.gate.release();
    let committed = answer.recv_timeout(PATIENCE).unwrap().unwrap();
    check_committed(&org.tenant, None, &committed);
    assert_eq!(committed.head.tree().size().entries(), 2);
    shut(ledger);
    assert_eq!(org.tenant.head().tree(), committed.head.tree());
}

/// LG-1: all that was admitted while one write was on its way, of several tenants, is one more write.
#[test]
fn what_waits_during_a_write_is_the_next_one() {
    let house = House::new();
    let ledger = house.open();
    let mut orgs: Vec<_> = (0..3)
        .map(|n| Org::found(&ledger, &format!("tenant-{n}"), 10 + 3 * n))
        .collect();
    let change = orgs[0].failures(&ledger, 1);
    settle(&ledger, &orgs[0].tenant, change);
    let writes = house.gate.writes();

    house.gate.hold();
    let mut answers = Vec::new();
    for round in 0..100 {
        for org in &mut orgs {
            let change = org.failures(&ledger, 1 + round % 3);
            let answer = send(&ledger, Reading::of(&org.tenant), change).unwrap();
            answers.push((org.tenant.clone(), answer));
            if answers.len() == 1 {
                house.gate.wait_for_write();
            }
        }
    }
    assert_eq!(ledger.queued(), 300);
    house.gate.release();
    for (tenant, answer) in answers {
        let committed = answer.recv_timeout(PATIENCE).unwrap().unwrap();
        check_committed(&tenant, None, &committed);
    }
    assert_eq!(
        house.gate.writes() - writes,
        2,
        "the held write and one more"
    );
    assert_eq!(ledger.queued(), 0);
    for org in &orgs {
        fsck(&org.tenant, |_, _| {}).unwrap();
    }
    shut(ledger);
}

/// LG-9: closing finishes what was admitted, and says no to what comes later, changing nothing.
#[test]
fn closing_finishes_what_was_admitted() {
    let house = House::new();
    let ledger = house.open();
    let mut org = Org::found(&ledger, "one", 10);
    house.gate.hold();
    let answers: Vec<_> = (0..20)
        .map(|_| {
            let change = org.failures(&ledger, 2);
            send(&ledger, Reading::of(&org.tenant), change).unwrap()
        })
        .collect();
    house.gate.wait_for_write();
    let closing = thread::spawn({
        let ledger = ledger.clone();
        move || ledger.close()
    });
    house.gate.release();
    closing.join().unwrap();
    for answer in answers {
        let committed = answer.try_recv().unwrap().unwrap();
        check_committed(&org.tenant, None, &committed);
    }
    assert_eq!(org.tenant.head().tree().size().entries(), 41);
    let change = org.failures(&ledger, 1);
    let refused = send(&ledger, Reading::of(&org.tenant), change);
    assert!(matches!(refused, Err(AdmitError::Stopped)));
    assert_eq!(Reading::of(&org.tenant).standing_at(), 41);
    assert!(!ledger.is_stopped(), "closed is not broken");
    let founder = super::support::founding("late", &super::support::key(99));
    assert!(matches!(
        ledger.found(&founder),
        Err(CreateTenantError::Stopped)
    ));
}

/// LG-9, LG-11: many threads at once; every one is answered once, and no index is given out twice.
#[test]
fn threads_race_and_every_change_has_its_own_place() {
    let house = House::new();
    let ledger = house.open();
    let orgs: Vec<_> = (0..4)
        .map(|n| Org::found(&ledger, &format!("tenant-{n}"), 10 + 3 * n))
        .collect();
    let tenants: Vec<_> = orgs.iter().map(|org| org.tenant.clone()).collect();
    let threads: Vec<_> = orgs
        .into_iter()
        .chain(tenants.iter().map(|tenant| Org::of(tenant.clone(), 200)))
        .map(|mut org| {
            let ledger = ledger.clone();
            thread::spawn(move || {
                let mut indices = Vec::new();
                for round in 0..50 {
                    let change = org.failures(&ledger, round % 4);
                    let committed = settle(&ledger, &org.tenant, change);
                    indices.extend(committed.entries.iter().map(|entry| entry.index));
                }
                (org.origin(), indices)
            })
        })
        .collect();
    let mut all = std::collections::BTreeMap::<String, Vec<u64>>::new();
    for thread in threads {
        let (origin, indices) = thread.join().unwrap();
        all.entry(origin).or_default().extend(indices);
    }
    for tenant in &tenants {
        let mut indices = all.remove(tenant.origin()).unwrap();
        indices.sort_unstable();
        let size = tenant.head().tree().size().entries();
        assert_eq!(indices, (1..size).collect::<Vec<_>>());
        fsck(tenant, |_, _| {}).unwrap();
    }
    shut(ledger);
}
