//! What holds for every bundle of a pool and every standing (A29, A30, PO-22, PO-23, PO-25).

use alloc::vec;

use proptest::{prelude::*, test_runner::TestRunner};

use super::*;
use crate::{
    action::{ActionType, Band, Exponent},
    decision::{always_escalates, oversight},
    snapshot::{Approval, Risk, Status},
};

/// Policies that stand together in any choice: broad and narrow, by type, category and list.
const POOL: [&str; 22] = [
    r#"permit(principal, action, resource);"#,
    r#"permit(principal, action == Agentsigna::Action::"wire", resource);"#,
    r#"permit(principal, action in Agentsigna::Action::"category.finance", resource);"#,
    r#"permit(principal, action in Agentsigna::Action::"category.wire", resource);"#,
    r#"permit(principal, action in [Agentsigna::Action::"purchase", Agentsigna::Action::"other"], resource);"#,
    r#"permit(principal, action in [Agentsigna::Action::"data.read", Agentsigna::Action::"category.deletion"], resource);"#,
    r#"permit(principal, action in [Agentsigna::Action::"message.send"], resource);"#,
    r#"permit(principal, action, resource) when { principal.tier == 1 && principal.latitude == 15 };"#,
    r#"permit(principal, action, resource) when { action == Agentsigna::Action::"policy.change" };"#,
    r#"permit(principal, action, resource) when { action in Agentsigna::Action::"category.credential" };"#,
    r#"permit(principal, action, resource) when { context.category == "permission" };"#,
    r#"permit(principal, action, resource) unless { resource.risk == "high" };"#,
    r#"permit(principal is Agentsigna::Agent, action, resource is Agentsigna::Counterparty) when { context.hour > 5 };"#,
    r#"forbid(principal, action, resource) when { resource.risk == "high" };"#,
    r#"forbid(principal, action == Agentsigna::Action::"payment", resource);"#,
    r#"forbid(principal, action in [Agentsigna::Action::"refund", Agentsigna::Action::"wire"], resource) when { context.amount_band > 4 };"#,
    r#"forbid(principal, action in Agentsigna::Action::"category.data", resource) when { context.weekday > 5 };"#,
    r#"@escalate("r") forbid(principal, action, resource) when { context.amount_minor > 100000 };"#,
    r#"@escalate("r") @approvers("finance:3") @sla("PT1M") forbid(principal, action == Agentsigna::Action::"purchase", resource);"#,
    r#"@escalate("r") @approvers("legal:1,finance:1") forbid(principal, action in Agentsigna::Action::"category.legal", resource);"#,
    r#"@escalate("r") forbid(principal, action, resource) when { 9223372036854775807 + context.amount_minor > 0 };"#,
    r#"forbid(principal, action == Agentsigna::Action::"contract.sign", resource) when { principal.exposure_minor * 100 > 0 };"#,
];

fn text(chosen: &[bool]) -> String {
    POOL.iter()
        .zip(chosen)
        .enumerate()
        .filter(|(_, (_, chosen))| **chosen)
        .map(|(i, (policy, _))| format!("@id(\"p{i}\") @title(\"t\") {policy}\n"))
        .collect()
}

fn facts() -> impl Strategy<Value = Facts> {
    let status = || {
        prop::sample::select(vec![
            Status::Active,
            Status::Active,
            Status::Active,
            Status::Suspended,
        ])
    };
    let amount = prop_oneof![
        Just(0_u64),
        0..20_000_u64,
        0..2_000_000_u64,
        0..=crate::limits::AMOUNT_MINOR_MAX,
        Just(crate::limits::AMOUNT_MINOR_MAX)
    ];
    let exposure = prop_oneof![
        Just(0_u64),
        0..10_000_000_u64,
        0..=crate::snapshot::EXPOSURE_MINOR_MAX
    ];
    (
        (
            prop::sample::select(ActionType::ALL.to_vec()),
            amount,
            1..=4_u64,
            status(),
            -1..=15_i64,
            exposure,
        ),
        (
            status(),
            prop::sample::select(vec![
                Approval::Approved,
                Approval::Approved,
                Approval::Watch,
                Approval::Blocked,
            ]),
            prop::sample::select(vec![Risk::Low, Risk::Medium, Risk::High]),
            prop_oneof![Just(0_u64), 1..1_000_u64],
            prop::option::of(Facts::NOON - 60 * 86_400_000..Facts::NOON + 10),
            Facts::NOON..Facts::NOON + 7 * 86_400_000,
        ),
    )
        .prop_map(
            |(
                (kind, amount_minor, tier, agent, latitude, exposure_minor),
                (target, status, risk, payments_before, changed_at, decided_at),
            )| Facts {
                kind,
                amount_minor,
                tier,
                agent,
                latitude,
                exposure_minor,
                target,
                status,
                risk,
                payments_before,
                changed_at,
                decided_at,
                ..Facts::usual()
            },
        )
}

/// What must hold for one decision, whatever the policies are.
fn check(facts: &Facts, decision: &Decision) {
    let snapshot = facts.snapshot();
    let kind = snapshot.action().kind();
    if kind.always_escalates() {
        assert_ne!(decision.verdict(), Verdict::Authorized, "A29 {kind}");
    }
    if !oversight(&snapshot).is_empty() {
        assert_ne!(decision.verdict(), Verdict::Authorized);
    }
    if decision.verdict() == Verdict::Escalated {
        for rule in always_escalates(&snapshot) {
            assert!(decision.rules().contains(&rule.id().to_string()));
        }
    }
    if decision.verdict() == Verdict::Authorized {
        // L32, straight from the table: nothing unattended above latitude or cap.
        let band = Band::of_action(kind, facts.amount_minor, Exponent::new(2).unwrap());
        assert!(facts.tier < 4 && i64::from(band.number()) <= facts.latitude);
        assert!(
            u128::from(facts.exposure_minor + facts.amount_minor)
                <= 4 * 10_000 * 4_u128.pow(facts.latitude as u32)
        );
        assert_eq!(
            (facts.agent, facts.target),
            (Status::Active, Status::Active)
        );
        assert_ne!(facts.status, Approval::Blocked);
        assert!(!kind.pays() || facts.payments_before > 0);
        assert!(
            decision
                .rules()
                .iter()
                .all(|id| !id.starts_with("builtin."))
        );
    }
}

#[test]
fn a29_no_policy_and_no_standing_gets_around_people() {
    let mut runner = TestRunner::new(ProptestConfig::with_cases(64));
    let strategy = (
        prop::collection::vec(any::<bool>(), POOL.len()),
        prop::collection::vec(facts(), 12),
    );
    let mut seen = [0_u32; 3];
    let seen_in = &mut seen;
    on_stack(move |stack| {
        let seen = core::cell::RefCell::new(seen_in);
        runner
            .run(&strategy, |(chosen, all)| {
                let text = text(&chosen);
                let bundle = Bundle::new(&text).unwrap();
                let sliced = CompiledBundle::compile(stack, &bundle).unwrap();
                let whole = CompiledBundle::compile_whole(stack, &bundle).unwrap();
                for facts in &all {
                    let decision = decided_by(stack, &sliced, facts);
                    check(facts, &decision);
                    // PO-25
                    let from_whole = decided_by(stack, &whole, facts);
                    prop_assert_eq!(&decision, &from_whole);
                    let at = match decision.verdict() {
                        Verdict::Authorized => 0,
                        Verdict::Escalated => 1,
                        Verdict::Rejected => 2,
                    };
                    seen.borrow_mut()[at] += 1;
                }
                Ok(())
            })
            .unwrap();
    });
    // The pool reaches all three verdicts, or the test would show nothing.
    assert!(seen.iter().all(|n| *n > 0), "{seen:?}");
}

#[test]
fn slices_leave_out_what_cannot_match_and_nothing_else() {
    // PO-25: each policy alone, each type, a standing that lets everything through.
    on_stack(|stack| {
        let mut facts = Facts::usual();
        facts.latitude = 15;
        facts.tier = 1;
        for at in 0..POOL.len() {
            let mut chosen = [false; POOL.len()];
            chosen[at] = true;
            chosen[0] = true;
            let bundle = Bundle::new(&text(&chosen)).unwrap();
            let sliced = CompiledBundle::compile(stack, &bundle).unwrap();
            let whole = CompiledBundle::compile_whole(stack, &bundle).unwrap();
            for kind in ActionType::ALL {
                facts.kind = kind;
                assert_eq!(
                    decided_by(stack, &sliced, &facts),
                    decided_by(stack, &whole, &facts),
                    "{} {kind}",
                    POOL[at]
                );
            }
        }
        let mut chosen = [false; POOL.len()];
        chosen[14] = true;
        let bundle = Bundle::new(&text(&chosen)).unwrap();
        let sliced = CompiledBundle::compile(stack, &bundle).unwrap();
        let held = |kind| sliced.slice(kind).unwrap().authority.num_of_policies();
        assert_eq!(held(ActionType::Payment), 1);
        assert_eq!(held(ActionType::Purchase), 0);
    });
}

#[test]
fn a30_more_policies_never_lift_an_escalation() {
    // Adding any forbid to any bundle never moves a verdict towards Authorized.
    on_stack(|stack| {
        let mut runner = TestRunner::new(ProptestConfig::with_cases(24));
        let strategy = (
            prop::collection::vec(any::<bool>(), POOL.len()),
            13..POOL.len(),
            prop::collection::vec(facts(), 6),
        );
        runner
            .run(&strategy, |(mut chosen, added, all)| {
                chosen[added] = false;
                let fewer = compile(stack, &text(&chosen)).unwrap();
                chosen[added] = true;
                let more = compile(stack, &text(&chosen)).unwrap();
                for facts in &all {
                    if decided_by(stack, &fewer, facts).verdict() != Verdict::Authorized {
                        let after = decided_by(stack, &more, facts).verdict();
                        prop_assert_ne!(after, Verdict::Authorized);
                    }
                }
                Ok(())
            })
            .unwrap();
    });
}
