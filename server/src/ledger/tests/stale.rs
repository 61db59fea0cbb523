//! LG-4: two changes made from the same state cannot both win.

use agentsigna_verifier::{
    decision::Verdict,
    id::RequestId,
    snapshot::{Approval, Status},
    state::{RowName, Rows as _},
};

use super::{
    super::*,
    org::{Asked, Org, id},
    support::{House, PATIENCE, key, public, send, settle, shut},
};

/// Decides a request, lets something else happen, and then tries to admit it.
fn races(name: &str, meanwhile: impl FnOnce(&mut Org, &Ledger)) {
    let house = House::new();
    let ledger = house.open();
    let mut org = Org::ready(&ledger, "one", 10);
    let asked = org.ask(&ledger, "r-1", 12_500);
    assert_eq!(asked.verdict, Verdict::Authorized);
    meanwhile(&mut org, &ledger);
    let size = Reading::of(&org.tenant).standing_at();
    let refused = asked.send(&ledger);
    assert!(
        matches!(refused, Err(AdmitError::Stale(_))),
        "{name}: {refused:?}"
    );
    assert_eq!(Reading::of(&org.tenant).standing_at(), size, "{name}");
    // Decided again on what is true now, it goes through.
    let again = org.ask(&ledger, "r-2", 100);
    let answer = again.send(&ledger).unwrap();
    assert!(answer.recv_timeout(PATIENCE).unwrap().is_some(), "{name}");
    fsck(&org.tenant, |_, _| {}).unwrap();
    shut(ledger);
}

#[test]
fn a_change_of_any_row_between_decision_and_admission_is_noticed() {
    races("agent status", |org, ledger| {
        let change = org.change_agent(ledger, "buyer", Status::Suspended);
        settle(ledger, &org.tenant, change);
    });
    races("agent exposure", |org, ledger| {
        org.settle_ask(ledger, "r-0", 100);
    });
    races("target status", |org, ledger| {
        let change = org.change_system(ledger, "erp", Status::Suspended);
        settle(ledger, &org.tenant, change);
    });
    races("counterparty status", |org, ledger| {
        let change = org.change_counterparty(ledger, "acme", Approval::Blocked, false);
        settle(ledger, &org.tenant, change);
    });
    races("counterparty details", |org, ledger| {
        let change = org.change_counterparty(ledger, "acme", Approval::Approved, true);
        settle(ledger, &org.tenant, change);
    });
    races("policy", |org, ledger| {
        org.publish_and_activate(ledger, super::org::POLICY);
    });
}

/// The same while the change that wins is not durable yet.
#[test]
fn a_change_on_its_way_counts() {
    let house = House::new();
    let ledger = house.open();
    let mut org = Org::ready(&ledger, "one", 10);
    house.gate.hold();
    let [first, second] = ["r-1", "r-2"].map(|request| org.ask(&ledger, request, 12_500));
    let answer = first.send(&ledger).unwrap();
    assert!(matches!(second.send(&ledger), Err(AdmitError::Stale(_))));
    // Read again, the exposure of what is on its way is there.
    let second = org.ask(&ledger, "r-2", 12_500);
    let other = second.send(&ledger).unwrap();
    house.gate.release();
    assert!(answer.recv_timeout(PATIENCE).unwrap().is_some());
    assert!(other.recv_timeout(PATIENCE).unwrap().is_some());
    let agent = org
        .tenant
        .durable_row(&RowName::Agent(id("buyer")))
        .unwrap();
    let Some(agentsigna_verifier::state::Row::Agent(agent)) = agent else {
        panic!("no agent");
    };
    assert_eq!(agent.exposure_minor, 25_000);
    shut(ledger);
}

/// Two requests under one name: the row that neither found is what they clash on.
#[test]
fn a_request_id_is_used_once() {
    let house = House::new();
    let ledger = house.open();
    let mut org = Org::ready(&ledger, "one", 10);
    let [first, second] = [(); 2].map(|()| org.ask(&ledger, "r-1", 75_000));
    let case = first.case;
    let answer = first.send(&ledger).unwrap();
    answer.recv_timeout(PATIENCE).unwrap().unwrap();
    assert!(matches!(second.send(&ledger), Err(AdmitError::Stale(_))));
    let name = RowName::Request(id("buyer"), RequestId::parse("r-1").unwrap());
    let found = Reading::of(&org.tenant).row(&name).unwrap();
    assert_eq!(found, Some(agentsigna_verifier::state::Row::Request(case)));
    shut(ledger);
}

/// A case is closed once, however many try, also long after its row left memory.
#[test]
fn a_case_is_closed_once() {
    let house = House::new();
    let ledger = house.open();
    let mut org = Org::ready(&ledger, "one", 10);
    let tenant = org.tenant.clone();
    let asked = org.ask(&ledger, "r-1", 75_000);
    let case = asked.case;
    assert_eq!(asked.verdict, Verdict::Escalated);
    let answer = asked.send(&ledger).unwrap();
    answer.recv_timeout(PATIENCE).unwrap().unwrap();
    let in_review = || {
        let due = tenant.due(Calendar::Reviews, u64::MAX, 9).unwrap();
        due.into_iter().map(|(_, case)| case).collect::<Vec<_>>()
    };
    assert_eq!(in_review(), [case]);

    house.hands.pass(5 * 3600);
    let (reading, change) = org.expire(&ledger, case);
    let (late_reading, late) = org.expire(&ledger, case);
    let (latest_reading, latest) = org.expire(&ledger, case);
    let answer = send(&ledger, reading, change).unwrap();
    assert!(matches!(
        send(&ledger, late_reading, late),
        Err(AdmitError::Stale(RowName::Case(_)))
    ));
    answer.recv_timeout(PATIENCE).unwrap().unwrap();
    assert!(in_review().is_empty());
    // Hundreds of changes later its row is not in memory any more; that it changed is not forgotten.
    for _ in 0..300 {
        let change = org.failures(&ledger, 1);
        settle(&ledger, &org.tenant, change);
    }
    assert!(!org.tenant.admission().keeps_in_memory(&RowName::Case(case)));
    assert!(matches!(
        send(&ledger, latest_reading, latest),
        Err(AdmitError::Stale(RowName::Case(_)))
    ));
    fsck(&org.tenant, |_, _| {}).unwrap();
    shut(ledger);
}

/// Rows of cases leave memory, rows of the directory do not: what is read is the same, wherever it lies.
#[test]
fn memory_does_not_grow_with_cases() {
    let house = House::new();
    let ledger = house.open();
    let mut org = Org::ready(&ledger, "one", 10);
    let mut rows = Vec::new();
    for n in 0..160 {
        let request = format!("r-{n}");
        let asked = org.ask(&ledger, &request, 75_000);
        rows.push(RowName::Case(asked.case));
        let answer = asked.send(&ledger).unwrap();
        answer.recv_timeout(PATIENCE).unwrap().unwrap();
    }
    let mut reading = Reading::of(&org.tenant);
    for name in &rows {
        let row = reading.row(name).unwrap();
        assert!(row.is_some());
        assert_eq!(row, org.tenant.durable_row(name).unwrap());
    }
    let kept = rows
        .iter()
        .filter(|name| org.tenant.admission().keeps_in_memory(name))
        .count();
    assert!((1..=128).contains(&kept), "{kept} rows of cases in memory");
    shut(ledger);
}

/// A key is confirmed for one agent: whoever read that it was free, and comes second, is refused.
#[test]
fn a_key_is_taken_once() {
    let house = House::new();
    let ledger = house.open();
    let mut org = Org::found(&ledger, "one", 10);
    let shown = key(77);
    let first = org.almost_enrolled(&ledger, "first", &shown);
    let second = org.almost_enrolled(&ledger, "second", &shown);
    let name = RowName::Key(public(&shown).jwk_thumbprint());
    let [reading, other] = [(); 2].map(|()| {
        let mut reading = Reading::of(&org.tenant);
        assert_eq!(reading.row(&name).unwrap(), None);
        reading
    });
    let answer = send(&ledger, reading, first).unwrap();
    assert!(ledger.owner(public(&shown).jwk_thumbprint()).is_some());
    answer.recv_timeout(PATIENCE).unwrap().unwrap();
    match send(&ledger, other, second) {
        Err(AdmitError::Stale(stale)) => assert_eq!(stale, name),
        other => panic!("{other:?}"),
    }
    let second = org.confirm_agent(&ledger, "second", public(&shown));
    match send(&ledger, Reading::of(&org.tenant), second) {
        Err(AdmitError::Broken { code, .. }) => assert_eq!(code, "key-taken"),
        other => panic!("{other:?}"),
    }
    shut(ledger);
}

/// What is read says at which size: the last row read counts, since older ones are checked.
#[test]
fn the_standing_is_that_of_the_last_row_read() {
    let house = House::new();
    let ledger = house.open();
    let mut org = Org::ready(&ledger, "one", 10);
    let mut reading = Reading::of(&org.tenant);
    let before = reading.standing_at();
    reading.row(&RowName::Policy).unwrap();
    assert_eq!(reading.standing_at(), before);
    let change = org.failures(&ledger, 3);
    settle(&ledger, &org.tenant, change);
    reading.row(&RowName::Agent(id("buyer"))).unwrap();
    assert_eq!(reading.standing_at(), before + 3);
    let change = org.failures(&ledger, 1);
    let answer = send(&ledger, reading, change).unwrap();
    answer.recv_timeout(PATIENCE).unwrap().unwrap();
    shut(ledger);
}

/// A decision on another state than the log's is refused even by somebody who reads nothing.
#[test]
fn rows_are_compared_even_if_nobody_read_them() {
    let house = House::new();
    let ledger = house.open();
    let mut org = Org::ready(&ledger, "one", 10);
    let Asked { change, .. } = org.ask(&ledger, "r-1", 12_500);
    org.settle_ask(&ledger, "r-0", 100);
    match send(&ledger, Reading::of(&org.tenant), change) {
        Err(AdmitError::Broken { code, .. }) => assert_eq!(code, "snapshot-mismatch"),
        other => panic!("{other:?}"),
    }
    shut(ledger);
}
