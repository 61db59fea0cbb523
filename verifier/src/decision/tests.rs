use alloc::{vec, vec::Vec};

use super::*;
use crate::{
    action::ActionType,
    snapshot::{Approval, Status, tests::Facts},
};

fn escalated() -> Decision {
    Decision::new(
        Verdict::Escalated,
        rule_ids(["esc.b", "builtin.latitude"]),
        vec![
            (Id::parse("approvers").unwrap(), 1),
            (Id::parse("finance").unwrap(), 2),
        ],
        Some(REVIEW_MS),
        String::from("engine 1"),
    )
    .unwrap()
}

fn rejected(rules: &[&str]) -> Result<Decision, DecisionError> {
    Decision::new(
        Verdict::Rejected,
        rules.iter().map(|id| String::from(*id)).collect(),
        vec![],
        None,
        String::from("e"),
    )
}

#[test]
fn a_decision_reads_back() {
    // PO-13
    for decision in [escalated(), rejected(&["builtin.no-authority"]).unwrap()] {
        assert_eq!(Decision::from_value(decision.to_value()), Ok(decision));
    }
    assert_eq!(escalated().rules(), ["builtin.latitude", "esc.b"]);
    for verdict in [Verdict::Authorized, Verdict::Escalated, Verdict::Rejected] {
        assert_eq!(Verdict::parse(verdict.name()), Some(verdict));
    }
    assert_eq!(Verdict::parse("allowed"), None);
}

#[test]
fn the_example_of_the_page_is_reproduced() {
    let page = include_str!("../../../spec/policy.md");
    let on_page: String = page
        .split("<!-- decision example -->")
        .nth(1)
        .unwrap()
        .chars()
        .filter(char::is_ascii_hexdigit)
        .collect();
    let example = Decision::new(
        Verdict::Escalated,
        rule_ids(["builtin.latitude", "esc.amount"]),
        vec![
            (Id::parse("approvers").unwrap(), 1),
            (Id::parse("finance").unwrap(), 2),
        ],
        Some(4 * 60 * 60 * 1000),
        String::from("cedar 4.14.1/lang 4.6/rules 1/stack 64M"),
    )
    .unwrap();
    assert_eq!(
        data_encoding::HEXLOWER.encode(&example.to_value().encode()),
        on_page
    );
}

#[test]
fn rules_are_sorted_ids() {
    for bad in [
        &[][..],
        &["b", "a"],
        &["a", "a"],
        &["A"],
        &[""],
        &["a_b"],
        &[&"a".repeat(65)],
    ] {
        assert_eq!(rejected(bad), Err(DecisionError::Rules), "{bad:?}");
    }
    let ids: Vec<String> = (0..257)
        .map(|i| alloc::format!("{i:03}{}", "x".repeat(61)))
        .collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    assert!(rejected(&ids[..256]).is_ok());
    assert_eq!(rejected(&ids), Err(DecisionError::Rules));
}

#[test]
fn only_an_escalation_asks_people() {
    let make = |verdict, demand: &[(&str, u8)], review| {
        Decision::new(
            verdict,
            rule_ids(["r"]),
            demand
                .iter()
                .map(|(group, n)| (Id::parse(group).unwrap(), *n))
                .collect(),
            review,
            String::from("e"),
        )
    };
    assert!(make(Verdict::Escalated, &[("a", 8)], Some(1)).is_ok());
    assert!(make(Verdict::Authorized, &[], None).is_ok());
    for demand in [
        &[][..],
        &[("a", 0)],
        &[("a", 9)],
        &[("b", 1), ("a", 1)],
        &[("a", 1), ("a", 2)],
    ] {
        assert_eq!(
            make(Verdict::Escalated, demand, Some(1)),
            Err(DecisionError::Demand)
        );
    }
    for verdict in [Verdict::Authorized, Verdict::Rejected] {
        assert_eq!(make(verdict, &[("a", 1)], None), Err(DecisionError::Demand));
        assert_eq!(make(verdict, &[], Some(1)), Err(DecisionError::Review));
    }
    for review in [None, Some(0), Some(REVIEW_MS_MAX + 1)] {
        assert_eq!(
            make(Verdict::Escalated, &[("a", 1)], review),
            Err(DecisionError::Review)
        );
    }
    for engine in ["", "ä", "\n"] {
        assert_eq!(
            Decision::new(
                Verdict::Rejected,
                rule_ids(["r"]),
                vec![],
                None,
                engine.into()
            ),
            Err(DecisionError::Engine)
        );
    }
}

#[test]
fn every_member_is_needed_and_no_other_is_taken() {
    let Value::Map(members) = escalated().to_value() else {
        unreachable!()
    };
    for at in 0..members.len() {
        let mut fewer = members.clone();
        fewer.remove(at);
        assert!(matches!(
            Decision::from_value(Value::Map(fewer)),
            Err(CborError::Missing { .. })
        ));
        let mut wrong = members.clone();
        wrong[at].1 = Value::Bool(true);
        assert!(matches!(
            Decision::from_value(Value::Map(wrong)),
            Err(CborError::Unexpected { .. })
        ));
    }
    let mut more = members;
    more.push((Value::from("score"), Value::Uint(1)));
    assert!(matches!(
        Decision::from_value(Value::map(more)),
        Err(CborError::Unknown { .. })
    ));
}

fn ids(rules: alloc::collections::BTreeSet<BuiltinRule>) -> Vec<String> {
    rule_ids(rules.into_iter().map(BuiltinRule::id))
}

#[test]
fn suspended_and_blocked_are_refused() {
    // PO-20
    let mut facts = Facts::usual();
    assert!(refusals(&facts.snapshot()).is_empty());
    facts.agent = Status::Suspended;
    facts.target = Status::Suspended;
    facts.status = Approval::Blocked;
    assert_eq!(
        ids(refusals(&facts.snapshot())),
        [
            "builtin.agent-suspended",
            "builtin.counterparty-blocked",
            "builtin.target-suspended"
        ]
    );
    facts.status = Approval::Watch;
    facts.agent = Status::Active;
    assert_eq!(
        ids(refusals(&facts.snapshot())),
        ["builtin.target-suspended"]
    );
}

#[test]
fn a29_some_types_always_ask() {
    // PO-22
    for kind in ActionType::ALL {
        let mut facts = Facts::usual();
        facts.kind = kind;
        let rules = ids(always_escalates(&facts.snapshot()));
        let expected: &[&str] = match kind.name() {
            "wire" => &["builtin.always.wire"],
            "payment-details.change" => &["builtin.always.payment-details"],
            "credential.grant" => &["builtin.always.credential"],
            "permission.change" => &["builtin.always.permission"],
            "policy.change" => &["builtin.always.policy"],
            "data.delete" => &["builtin.always.deletion"],
            "other" => &["builtin.always.other"],
            _ => &[],
        };
        assert_eq!(rules, expected);
        facts.payments_before = 0;
        let first = ids(always_escalates(&facts.snapshot()))
            .contains(&String::from("builtin.always.first-payment"));
        assert_eq!(
            first,
            ["purchase", "payment", "refund", "wire"].contains(&kind.name())
        );
    }
}

#[test]
fn changed_payment_details_ask_for_thirty_days() {
    let month = 30 * 86_400_000;
    for (changed_at, fresh) in [
        (Some(Facts::NOON), true),
        (Some(Facts::NOON + 5), true),
        (Some(Facts::NOON - month), true),
        (Some(Facts::NOON - month - 1), false),
        (Some(0), false),
        (None, false),
    ] {
        let mut facts = Facts::usual();
        facts.changed_at = changed_at;
        let rules = ids(always_escalates(&facts.snapshot()));
        assert_eq!(!rules.is_empty(), fresh, "{changed_at:?}");
        facts.kind = ActionType::MessageSend;
        assert!(always_escalates(&facts.snapshot()).is_empty());
    }
}

#[test]
fn latitude_and_exposure_hold_without_any_policy() {
    // PO-23: 125,000 is band 2 ([40,000, 160,000)).
    let of = |change: fn(&mut Facts)| {
        let mut facts = Facts::usual();
        change(&mut facts);
        ids(oversight(&facts.snapshot()))
    };
    assert!(of(|_| ()).is_empty());
    assert!(of(|f| f.latitude = 2).is_empty());
    assert_eq!(of(|f| f.latitude = 1), ["builtin.latitude"]);
    assert_eq!(of(|f| f.latitude = -1), ["builtin.latitude"]);
    // PO-24
    assert_eq!(of(|f| f.tier = 4), ["builtin.latitude"]);
    // Amount 0 is band 0: without latitude even that asks (L32).
    assert_eq!(
        of(|f| {
            f.latitude = -1;
            f.amount_minor = 0;
        }),
        ["builtin.latitude"]
    );
    // Cap: 4 · 160,000 = 640,000 in band 2.
    let exposed = |exposure_minor| {
        let mut facts = Facts::usual();
        facts.latitude = 2;
        facts.exposure_minor = exposure_minor;
        ids(oversight(&facts.snapshot()))
    };
    assert!(exposed(515_000).is_empty());
    assert_eq!(exposed(515_001), ["builtin.exposure"]);
    assert_eq!(
        of(|f| {
            f.latitude = 15;
            f.exposure_minor = 1_000_000_000_000_000_000;
        }),
        ["builtin.exposure"]
    );
}
