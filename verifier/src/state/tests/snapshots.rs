//! What a decision weighed: ST-8.

use super::{cases::asked, *};
use crate::{
    action::{Action, ActionType, Currency},
    cbor::Value,
    decision::Verdict,
    event::DecisionMade,
    snapshot::Snapshot,
};

/// The member of a snapshot at a dotted path, set.
pub(super) fn weighed(made: &DecisionMade, changes: &[(&str, Value)]) -> DecisionMade {
    let mut value = made.snapshot.to_value();
    for (path, new) in changes {
        let mut at = &mut value;
        for key in path.split('.') {
            let key = match key.parse::<u64>() {
                Ok(number) => Value::Uint(number),
                Err(_) => Value::from(key),
            };
            let Value::Map(members) = at else {
                panic!("{path}: no map")
            };
            at = &mut members
                .iter_mut()
                .find(|(found, _)| *found == key)
                .unwrap()
                .1;
        }
        assert_ne!(at, new, "{path}");
        *at = new.clone();
    }
    DecisionMade {
        snapshot: Snapshot::from_value(value).unwrap(),
        decision: made.decision.clone(),
    }
}

/// Each member of a snapshot that the rows have too, changed alone; its name must be in the refusal.
pub(super) fn cases() -> Vec<Broken> {
    let (mut tenant, case_id) = asked();
    tenant.enrol_counterparty("globex", 3);
    let made = tenant.decision(case_id, Verdict::Escalated);
    let place = tenant.place(case_id);
    let now = tenant.now().millis();
    let index = tenant.entries.len() as u64;
    let mut found = Vec::from([case(
        OK,
        next(&tenant, Some(place), Body::DecisionMade(made.clone())),
        "as the rows are",
    )]);
    let word = Value::from;
    let changes: Vec<(&str, Vec<(&str, Value)>)> = Vec::from([
        (
            "origin",
            Vec::from([("origin", word("agentsigna.test/t/00000000000000ff"))]),
        ),
        (
            "currency",
            Vec::from([("currency", word("USD")), ("action.3", word("USD"))]),
        ),
        ("exponent", Vec::from([("exponent", Value::Uint(3))])),
        (
            "decided_at",
            Vec::from([("decided_at", Value::Uint(now - 1))]),
        ),
        (
            "decided_at",
            Vec::from([("decided_at", Value::Uint(now + 1))]),
        ),
        (
            "standing_at",
            Vec::from([("standing_at", Value::Uint(index + 1))]),
        ),
        ("bundle", Vec::from([("bundle", Value::Null)])),
        ("bundle", Vec::from([("bundle", Value::bytes(&[9; 32]))])),
        ("agent.id", Vec::from([("agent.id", word("other-bot"))])),
        ("agent.sponsor", Vec::from([("agent.sponsor", word("eve"))])),
        ("agent.tier", Vec::from([("agent.tier", Value::Uint(1))])),
        (
            "agent.status",
            Vec::from([("agent.status", word("suspended"))]),
        ),
        (
            "agent.latitude",
            Vec::from([("agent.latitude", Value::Uint(15))]),
        ),
        (
            "agent.exposure_minor",
            Vec::from([("agent.exposure_minor", Value::Uint(1))]),
        ),
        (
            "agent.key",
            Vec::from([("agent.key", Value::bytes(&[9; 32]))]),
        ),
        (
            "target.status",
            Vec::from([("target.status", word("suspended"))]),
        ),
        (
            "counterparty.status",
            Vec::from([("counterparty.status", word("watch"))]),
        ),
        (
            "counterparty.risk",
            Vec::from([("counterparty.risk", word("high"))]),
        ),
        (
            "counterparty.payments_before",
            Vec::from([("counterparty.payments_before", Value::Uint(4))]),
        ),
        (
            "counterparty.payment_details_changed_at",
            Vec::from([("counterparty.payment_details_changed_at", Value::Uint(now))]),
        ),
        (
            "action.target",
            Vec::from([("target.id", word("crm")), ("action.5", word("crm"))]),
        ),
        (
            "action.amount_minor",
            Vec::from([("action.2", Value::Uint(12_499))]),
        ),
    ]);
    for (field, changes) in changes {
        let body = Body::DecisionMade(weighed(&made, &changes));
        let event = tenant.clone().event(Some(place), body);
        let digest = Event::digest_of(&event.encode());
        for completeness in [Completeness::Whole, Completeness::Part] {
            let judged = apply(
                &mut tenant.rows.clone(),
                &event,
                digest,
                index,
                completeness,
            );
            // SD-6, SD-7: what comes from other cases, a part of a log does not show.
            let from_others = [
                "agent.exposure_minor",
                "agent.latitude",
                "counterparty.risk",
                "counterparty.payments_before",
            ];
            if completeness == Completeness::Part && from_others.contains(&field) {
                assert_eq!(judged, Ok(()));
                continue;
            }
            let Err(StateError::Broken { code, what }) = judged else {
                panic!("{field}: {judged:?}")
            };
            assert!(what.contains(&format!("`{field}`")), "{field}: {what}");
            found.push(case("snapshot-mismatch", code, field));
        }
    }
    // ST-8: all of the action, also what no row has by itself.
    for (label, value) in [("action.1", word("refund")), ("action.6", word("another"))] {
        let other = Body::DecisionMade(weighed(&made, &[(label, value)]));
        found.push(case(
            "action-mismatch",
            next(&tenant, Some(place), other),
            label,
        ));
    }
    // Older standing is allowed: what counts are the rows.
    let older = weighed(&made, &[("standing_at", Value::Uint(index - 1))]);
    found.push(case(
        OK,
        next(&tenant, Some(place), Body::DecisionMade(older)),
        "standing",
    ));
    let stranger = [
        ("counterparty.id", word("initech")),
        ("action.4", word("initech")),
    ];
    let stranger = Body::DecisionMade(weighed(&made, &stranger));
    found.push(case(
        "unknown-counterparty",
        next(&tenant, Some(place), stranger),
        "initech",
    ));

    // A target system that nobody named, then one that nobody confirmed.
    for (claimed, expected) in [(false, "unknown-target"), (true, "not-enrolled")] {
        let mut tenant = tenant.clone();
        let elsewhere = Action::new(
            ActionType::Payment,
            12_500,
            Currency::parse("EUR").unwrap(),
            id("acme"),
            id("crm"),
            "INV-7",
            BTreeMap::new(),
        );
        let case_id = tenant.request("r-2", &elsewhere.unwrap());
        if claimed {
            tenant.append(
                None,
                Body::SystemInvited(crate::event::SystemInvited {
                    signed: unsigned(),
                    system: id("crm"),
                    code: Digest::from_bytes([5; 32]),
                    expires_at: tenant.now(),
                }),
            );
        }
        let place = tenant.place(case_id);
        found.push(case(
            expected,
            next(&tenant, Some(place), Body::DecisionMade(made.clone())),
            "crm",
        ));
    }
    found
}

#[test]
fn st_8_what_is_weighed_is_what_the_rows_say() {
    check(&cases());
}
