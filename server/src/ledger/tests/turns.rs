//! LG-8, AP-10: whoever has much to do does not keep the others waiting.

use super::{
    super::*,
    org::Org,
    support::{House, PATIENCE, send, settle, shut},
};

/// A tenant with a full queue is told so; another is served in the very next batch.
#[test]
fn a_busy_tenant_does_not_keep_the_others_out() {
    let house = House::new();
    let ledger = house.open();
    let mut busy = Org::found(&ledger, "busy", 10);
    let mut quiet = Org::found(&ledger, "quiet", 20);
    house.gate.hold();
    let mut answers = Vec::new();
    let refused = loop {
        let change = busy.failures(&ledger, 40);
        match send(&ledger, Reading::of(&busy.tenant), change) {
            Ok(answer) => answers.push(answer),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, AdmitError::Full));
    assert_eq!(answers.len(), TENANT_QUEUE_MAX);
    house.gate.wait_for_write();
    let change = quiet.failures(&ledger, 1);
    let (served, answer) = mpsc::channel();
    let (gate, writes) = (house.gate.clone(), house.gate.writes());
    ledger
        .admit(Reading::of(&quiet.tenant), change, move |committed| {
            served
                .send(committed.map(|_| gate.writes() - writes))
                .unwrap();
        })
        .unwrap();
    house.gate.release();
    // The held one, the one that was full already, and the next.
    assert_eq!(answer.recv_timeout(PATIENCE).unwrap(), Some(3));
    for answer in answers {
        answer.recv_timeout(PATIENCE).unwrap().unwrap();
    }
    let all = house.gate.writes() - writes;
    assert!(all > 10, "the busy one was done after {all} writes");
    assert_eq!(ledger.queued(), 0);
    let change = busy.failures(&ledger, 1);
    settle(&ledger, &busy.tenant, change);
    shut(ledger);
}

/// More tenants than one batch takes: all are served, each in turn.
#[test]
fn many_tenants_are_served_in_turn() {
    let house = House::new();
    let ledger = house.open();
    let mut orgs: Vec<_> = (0..140)
        .map(|n: u8| {
            let mut founder = [7; 32];
            founder[0] = n;
            let founder = ed25519_dalek::SigningKey::from_bytes(&founder);
            let founding = super::support::founding(&format!("t-{n}"), &founder);
            Org::of(ledger.found(&founding).unwrap(), 1)
        })
        .collect();
    let writes = house.gate.writes();
    house.gate.hold();
    let change = orgs[0].failures(&ledger, 1);
    let held = send(&ledger, Reading::of(&orgs[0].tenant), change).unwrap();
    house.gate.wait_for_write();
    let answers: Vec<_> = orgs
        .iter_mut()
        .map(|org| {
            let change = org.failures(&ledger, 2);
            send(&ledger, Reading::of(&org.tenant), change).unwrap()
        })
        .collect();
    house.gate.release();
    held.recv_timeout(PATIENCE).unwrap().unwrap();
    for answer in answers {
        answer.recv_timeout(PATIENCE).unwrap().unwrap();
    }
    assert_eq!(
        house.gate.writes() - writes,
        3,
        "one held, 128 tenants, 12 tenants"
    );
    drop(orgs);
    let ledger = house.reopen(ledger);
    assert_eq!(ledger.tenants().len(), 140);
    for (_, tenant) in ledger.tenants() {
        fsck(&tenant, |_, _| {}).unwrap();
    }
    shut(ledger);
}
