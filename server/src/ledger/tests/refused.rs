//! What is not admitted, and that nothing happens then.

use agentsigna_verifier::{
    event::{AuthFailed, Body},
    limits,
};

use super::{
    super::*,
    org::{Org, POLICY},
    support::{House, founding, key, public, send, settle, shut},
};

/// Refused as expected, with the log as long as before.
fn refused(ledger: &Ledger, tenant: &Tenant, change: Change) -> AdmitError {
    let size = Reading::of(tenant).standing_at();
    let error = send(ledger, Reading::of(tenant), change).unwrap_err();
    assert_eq!(Reading::of(tenant).standing_at(), size);
    error
}

/// LG-5: the tenant of a request is found through its key alone, so a key has one tenant.
#[test]
fn a_key_of_one_tenant_cannot_be_enrolled_in_another() {
    let house = House::new();
    let ledger = house.open();
    let mut one = Org::found(&ledger, "one", 10);
    let mut two = Org::found(&ledger, "two", 20);
    let agent = key(50);
    one.enrol_agent(&ledger, "buyer", &agent);
    let change = two.almost_enrolled(&ledger, "buyer", &agent);
    assert!(matches!(
        refused(&ledger, &two.tenant, change),
        AdmitError::KeyTaken(_)
    ));
    // Nor the founder's key of another tenant, as agent or as founder.
    let founder = one.founder.clone();
    let change = two.almost_enrolled(&ledger, "founder", &founder);
    assert!(matches!(
        refused(&ledger, &two.tenant, change),
        AdmitError::KeyTaken(_)
    ));
    for taken in [&founder, &agent] {
        let error = ledger.found(&founding("three", taken)).unwrap_err();
        assert!(matches!(error, CreateTenantError::KeyTaken(_)));
    }
    let owner = |key| {
        ledger
            .owner(public(key).jwk_thumbprint())
            .map(|tenant| tenant.origin().to_owned())
    };
    assert_eq!(owner(&agent), Some(one.origin()));
    assert_eq!(owner(&founder), Some(one.origin()));
    assert_eq!(owner(&key(99)), None);
    let (first, second) = (one.origin(), two.origin());
    assert_ne!(first, second);
    drop((one, two));

    // After a restart the keys are known from the rows.
    let ledger = house.reopen(ledger);
    let owner = |key| {
        ledger
            .owner(public(key).jwk_thumbprint())
            .map(|tenant| tenant.origin().to_owned())
    };
    assert_eq!(owner(&agent), Some(first.clone()));
    assert_eq!(owner(&founder), Some(first));
    assert_eq!(ledger.by_origin(&second).unwrap().origin(), second);
    assert!(ledger.found(&founding("three", &agent)).is_err());
    shut(ledger);
}

/// A change that brings two keys, one of them taken, takes neither.
#[test]
fn a_refused_change_takes_no_key() {
    let house = House::new();
    let ledger = house.open();
    let mut one = Org::found(&ledger, "one", 10);
    let mut two = Org::found(&ledger, "two", 20);
    let taken = key(50);
    one.enrol_agent(&ledger, "buyer", &taken);
    for seed in 60..70 {
        let free = key(seed);
        let mut change = two.almost_enrolled(&ledger, &format!("free-{seed}"), &free);
        let other = two.almost_enrolled(&ledger, &format!("taken-{seed}"), &taken);
        change.events.extend(other.events);
        assert!(matches!(
            refused(&ledger, &two.tenant, change),
            AdmitError::KeyTaken(_)
        ));
        assert!(ledger.owner(public(&free).jwk_thumbprint()).is_none());
    }
    shut(ledger);
}

/// LG-12: what no reader could read again is not written.
#[test]
fn an_entry_is_never_too_long_to_be_read() {
    let house = House::new();
    let ledger = house.open();
    let mut org = Org::found(&ledger, "one", 10);
    let mut named = 0;
    let mut of_length = |length: usize| {
        named += 1;
        org.enrol_counterparty_in(&ledger, &format!("acme-{named}"), &" ".repeat(length))
    };
    let (mut fits, mut too_long) = (0, limits::ENTRY_BYTES_MAX);
    let tenant = ledger.tenant("one").unwrap();
    assert!(matches!(
        refused(&ledger, &tenant, of_length(too_long)),
        AdmitError::TooLarge { .. }
    ));
    while too_long - fits > 1 {
        let middle = fits.midpoint(too_long);
        match send(&ledger, Reading::of(&tenant), of_length(middle)) {
            Ok(_) => fits = middle,
            Err(AdmitError::TooLarge { .. }) => too_long = middle,
            Err(other) => panic!("{other}"),
        }
    }
    // Close to the limit, never above it.
    let committed = settle(&ledger, &tenant, of_length(fits));
    let length = committed.entries[0].encode().len();
    assert!(
        (limits::ENTRY_BYTES_MAX - 32..=limits::ENTRY_BYTES_MAX).contains(&length),
        "{length}"
    );
    fsck(&tenant, |_, _| {}).unwrap();
    let size = tenant.head().tree();
    drop((org, tenant, committed));
    let ledger = house.reopen(ledger);
    assert_eq!(ledger.tenant("one").unwrap().head().tree(), size);
    shut(ledger);
}

/// LG-12: an event that its own reader would refuse.
#[test]
fn an_event_reads_back_or_is_not_written() {
    let house = House::new();
    let ledger = house.open();
    let mut org = Org::found(&ledger, "one", 10);
    let body = Body::AuthFailed(AuthFailed {
        subject: "x".repeat(1_000),
        reason: "x".to_owned(),
        minute: 1,
        count: 1,
    });
    let change = Change {
        events: vec![org.event(ledger.clock().now(), None, body)],
        ..Change::default()
    };
    match refused(&ledger, &org.tenant, change) {
        AdmitError::Broken { code, .. } => assert_eq!(code, "malformed"),
        other => panic!("{other}"),
    }
    shut(ledger);
}

#[test]
fn a_change_has_a_largest_size() {
    let house = House::new();
    let ledger = house.open();
    let mut org = Org::found(&ledger, "one", 10);
    let change = org.failures(&ledger, CHANGE_EVENTS_MAX + 1);
    assert!(matches!(
        refused(&ledger, &org.tenant, change),
        AdmitError::TooLarge { .. }
    ));
    // The largest ones, one behind the other: every tile they complete is found while it is on its way.
    let mut changes = Vec::new();
    for _ in 0..3 {
        let mut change = org.failures(&ledger, CHANGE_EVENTS_MAX);
        change.prove = Some(0);
        changes.push(change);
    }
    let answers: Vec<_> = changes
        .into_iter()
        .map(|change| send(&ledger, Reading::of(&org.tenant), change).unwrap())
        .collect();
    for answer in answers {
        let committed = answer
            .recv_timeout(super::support::PATIENCE)
            .unwrap()
            .unwrap();
        super::support::check_committed(&org.tenant, Some(0), &committed);
    }
    shut(ledger);
}

/// LG-12: a policy is published with its bytes, or it is not.
#[test]
fn a_policy_without_its_bytes_is_not_published() {
    let house = House::new();
    let ledger = house.open();
    let mut org = Org::found(&ledger, "one", 10);
    let (mut change, bundle) = org.publish(&ledger, POLICY);
    let blobs = std::mem::take(&mut change.blobs);
    match refused(&ledger, &org.tenant, change) {
        AdmitError::Broken { code, .. } => assert_eq!(code, "missing-blob"),
        other => panic!("{other}"),
    }
    let (change, _) = org.publish(&ledger, POLICY);
    settle(&ledger, &org.tenant, change);
    assert_eq!(
        org.tenant.blob(&bundle.digest()).unwrap().as_ref(),
        blobs.first()
    );
    // Published again, its bytes are there.
    let (mut change, _) = org.publish(&ledger, POLICY);
    change.blobs.clear();
    settle(&ledger, &org.tenant, change);
    assert_eq!(fsck(&org.tenant, |_, _| {}).unwrap().blobs, 2);
    shut(ledger);
}

/// Events that may not follow: all or none of a change happens.
#[test]
fn a_change_is_all_or_nothing() {
    let house = House::new();
    let ledger = house.open();
    let mut org = Org::found(&ledger, "one", 10);
    let first = org.enrol_counterparty(&ledger, "acme");
    let again = org.enrol_counterparty(&ledger, "acme");
    let mut both = first;
    both.events.extend(again.events);
    match refused(&ledger, &org.tenant, both) {
        AdmitError::Broken { code, .. } => assert_eq!(code, "already-enrolled"),
        other => panic!("{other}"),
    }
    let change = org.enrol_counterparty(&ledger, "acme");
    settle(&ledger, &org.tenant, change);
    assert_eq!(org.tenant.head().tree().size().entries(), 2);
    shut(ledger);
}

/// LG-15: a log that no trust file could name is not founded; what was begun for it does no harm.
#[test]
fn a_tenant_nobody_could_trust_is_not_founded() {
    let house = House::new();
    let ledger = house.open();
    let mut bad = founding("one", &key(10));
    bad.origin = Founding::new_origin("not a host").unwrap();
    assert!(matches!(
        ledger.found(&bad),
        Err(CreateTenantError::Genesis { .. })
    ));
    assert!(!ledger.is_stopped());
    assert!(ledger.owner(bad.founder.key().jwk_thumbprint()).is_none());
    let ledger = house.reopen(ledger);
    assert!(ledger.tenants().is_empty());
    let org = Org::found(&ledger, "one", 10);
    assert!(matches!(
        ledger.found(&founding("one", &key(11))),
        Err(CreateTenantError::Store(CreateError::NameTaken { .. }))
    ));
    drop(org);
    shut(ledger);
}
