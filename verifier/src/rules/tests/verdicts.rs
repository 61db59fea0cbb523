//! The table of `spec/policy.md` §1, row by row, and what moves a verdict (L7, L9, A28).

use super::*;
use crate::{
    action::ActionType,
    digest::Digest,
    snapshot::{Approval, Risk, Status},
};

/// The policy text of `spec/policy.md`, with a second oversight rule.
const TEXT: &str = r#"
@id("grant.purchase") @title("Tier 1 to 3 agents buy from approved suppliers")
permit(principal, action == Agentsigna::Action::"purchase", resource)
when { principal.tier <= 3 && resource.status == "approved" };

@id("grant.erp") @title("All purchases through the ERP")
permit(principal, action == Agentsigna::Action::"purchase", resource)
when { context.target == Agentsigna::Target::"erp" && principal.sponsor == "dora" && resource.status == "approved" };

@id("stop.high-risk") @title("No money to high-risk counterparties")
forbid(principal, action in [Agentsigna::Action::"category.finance", Agentsigna::Action::"purchase"], resource)
when { resource.risk == "high" };

@id("stop.night") @title("No purchases outside office hours")
forbid(principal, action, resource) when { context.hour < 6 || context.weekday > 5 };

@id("esc.amount") @title("Large purchases are read by finance")
@escalate("more than 2,000.00") @approvers("finance:2") @sla("PT4H")
forbid(principal, action == Agentsigna::Action::"purchase", resource)
when { context.amount_minor > 200000 };

@id("esc.watch") @title("Medium risk is read by two departments")
@escalate("medium risk") @approvers("finance:1,legal:1") @sla("P2D")
forbid(principal, action, resource) unless { resource.risk != "medium" };
"#;

fn usual() -> Facts {
    Facts::usual()
}

fn with(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = usual();
    change(&mut facts);
    facts
}

#[test]
fn row_1_refuses_before_any_policy() {
    // PO-20
    on_stack(|stack| {
        let bundle = compile(stack, TEXT).unwrap();
        let facts = with(|f| {
            f.agent = Status::Suspended;
            f.risk = Risk::High;
            f.amount_minor = 300_000;
        });
        let decision = decided_by(stack, &bundle, &facts);
        assert_eq!(decision.verdict(), Verdict::Rejected);
        assert_eq!(decision.rules(), ["builtin.agent-suspended"]);
        let facts = with(|f| {
            f.agent = Status::Suspended;
            f.target = Status::Suspended;
            f.status = Approval::Blocked;
        });
        let decision = decided_by(stack, &bundle, &facts);
        assert_eq!(
            decision.rules(),
            [
                "builtin.agent-suspended",
                "builtin.counterparty-blocked",
                "builtin.target-suspended"
            ]
        );
        // Another bundle than the snapshot names, none though it names one, one though it names none.
        for (bundle, named) in [
            (Some(&bundle), Some(Digest::from_bytes([1; 32]))),
            (Some(&bundle), None),
            (None, Some(bundle.digest())),
        ] {
            let snapshot = with(|f| f.bundle = named).snapshot();
            let (decision, permit) = decide(stack, bundle, &snapshot).into_parts();
            assert_eq!(decision.verdict(), Verdict::Rejected);
            assert_eq!(decision.rules(), ["builtin.bundle-mismatch"]);
            assert!(permit.is_none());
        }
    });
}

#[test]
fn a28_without_policy_everything_is_rejected() {
    on_stack(|stack| {
        let empty = compile(stack, "// nothing yet\n").unwrap();
        for kind in ActionType::ALL {
            for latitude in [-1, 0, 15] {
                let facts = with(|f| {
                    f.kind = kind;
                    f.latitude = latitude;
                    f.amount_minor = 0;
                });
                let (decision, _) = decide(stack, None, &facts.snapshot()).into_parts();
                assert_eq!(decision.verdict(), Verdict::Rejected);
                assert_eq!(decision.rules(), ["builtin.no-policy"]);
                let decision = decided_by(stack, &empty, &facts);
                assert_eq!(decision.verdict(), Verdict::Rejected);
                assert_eq!(decision.rules(), ["builtin.no-authority"]);
            }
        }
    });
}

#[test]
fn row_2_an_error_rejects() {
    // PO-21: Cedar alone answers Allow here, for it skips the forbid that overflows.
    let overflow = "9223372036854775807 + context.amount_minor > 0";
    on_stack(|stack| {
        for escalate in ["", r#"@escalate("large") "#] {
            let text = format!(
                "{GRANT}@id(\"stop.sum\") @title(\"t\") {escalate}forbid(principal, action, resource) when {{ {overflow} }};"
            );
            let decision = decided(stack, &text, &usual());
            assert_eq!(decision.verdict(), Verdict::Rejected);
            assert_eq!(decision.rules(), ["builtin.engine-error", "stop.sum"]);
            let decision = decided(stack, &text, &with(|f| f.amount_minor = 0));
            assert_eq!(
                decision.verdict(),
                if escalate.is_empty() {
                    Verdict::Rejected
                } else {
                    Verdict::Escalated
                }
            );
            assert_eq!(decision.rules(), ["stop.sum"], "no overflow, no error");
        }
        // An error is named even where a stop holds too: row 2 is before row 3.
        let text = format!(
            "{GRANT}@id(\"a\") @title(\"t\") permit(principal, action, resource) when {{ {overflow} }};\
             @id(\"b\") @title(\"t\") forbid(principal, action, resource);"
        );
        assert_eq!(
            decided(stack, &text, &usual()).rules(),
            ["a", "builtin.engine-error"]
        );
    });
}

#[test]
fn rows_3_to_7() {
    on_stack(|stack| {
        let bundle = compile(stack, TEXT).unwrap();
        let decide = |facts: Facts| decided_by(stack, &bundle, &facts);
        // Row 7: every grant that holds.
        let decision = decide(usual());
        assert_eq!(decision.verdict(), Verdict::Authorized);
        assert_eq!(decision.rules(), ["grant.erp", "grant.purchase"]);
        assert_eq!((decision.demand(), decision.review_ms()), (&[][..], None));
        assert_eq!(decision.engine(), ENGINE);
        // Row 3: every stop that holds, though oversight would hold too.
        let decision = decide(with(|f| {
            f.risk = Risk::High;
            f.decided_at = Facts::NOON - 86_400_000;
            f.amount_minor = 900_000;
        }));
        assert_eq!(decision.verdict(), Verdict::Rejected);
        assert_eq!(decision.rules(), ["stop.high-risk", "stop.night"]);
        // Row 4: nothing granted it, though oversight would hold too.
        let decision = decide(with(|f| {
            f.status = Approval::Watch;
            f.amount_minor = 900_000;
        }));
        assert_eq!(decision.verdict(), Verdict::Rejected);
        assert_eq!(decision.rules(), ["builtin.no-authority"]);
        let decision = decide(with(|f| f.kind = ActionType::Wire));
        assert_eq!(
            decision.rules(),
            ["builtin.no-authority"],
            "row 4 is before row 5"
        );
        // Row 6, one rule.
        let decision = decide(with(|f| f.amount_minor = 300_000));
        assert_eq!(decision.verdict(), Verdict::Escalated);
        assert_eq!(decision.rules(), ["esc.amount"]);
        assert_eq!(demand(&decision), ["finance:2"]);
        assert_eq!(decision.review_ms(), Some(14_400_000));
        // Row 6, several: the most people per group, the shortest time.
        let decision = decide(with(|f| {
            f.amount_minor = 300_000;
            f.risk = Risk::Medium;
        }));
        assert_eq!(decision.rules(), ["esc.amount", "esc.watch"]);
        assert_eq!(demand(&decision), ["finance:2", "legal:1"]);
        assert_eq!(decision.review_ms(), Some(14_400_000));
        // Rows 5 and 6 together.
        let decision = decide(with(|f| {
            f.risk = Risk::Medium;
            f.payments_before = 0;
            f.latitude = 0;
            f.exposure_minor = 1_000_000;
            f.changed_at = Some(Facts::NOON);
        }));
        assert_eq!(
            decision.rules(),
            [
                "builtin.always.details-changed",
                "builtin.always.first-payment",
                "builtin.exposure",
                "builtin.latitude",
                "esc.watch"
            ]
        );
        assert_eq!(demand(&decision), ["approvers:1", "finance:1", "legal:1"]);
        assert_eq!(decision.review_ms(), Some(86_400_000));
    });
}

#[test]
fn row_5_always_types_ask_though_granted() {
    // PO-22
    on_stack(|stack| {
        let bundle = compile(stack, GRANT).unwrap();
        for kind in ActionType::ALL {
            let facts = with(|f| {
                f.kind = kind;
                f.latitude = 15;
            });
            let decision = decided_by(stack, &bundle, &facts);
            if kind.always_escalates() {
                assert_eq!(decision.verdict(), Verdict::Escalated);
                assert_eq!(
                    decision.rules(),
                    [format!("builtin.always.{}", kind.category())]
                );
                assert_eq!(demand(&decision), ["approvers:1"]);
            } else {
                assert_eq!(decision.verdict(), Verdict::Authorized, "{kind}");
            }
        }
    });
}

#[test]
fn l7_each_input_moves_the_verdict_alone() {
    // Metamorphic: from one authorized request, one input changed at a time.
    on_stack(|stack| {
        let bundle = compile(stack, TEXT).unwrap();
        let verdict = |facts: Facts| decided_by(stack, &bundle, &facts).verdict();
        assert_eq!(verdict(usual()), Verdict::Authorized);
        for (changed, expected, what) in [
            (with(|f| f.latitude = 1), Verdict::Escalated, "agent trust"),
            (with(|f| f.tier = 4), Verdict::Escalated, "agent tier"),
            (
                with(|f| f.exposure_minor = 41_000_000),
                Verdict::Escalated,
                "agent exposure",
            ),
            (
                with(|f| f.agent = Status::Suspended),
                Verdict::Rejected,
                "agent status",
            ),
            (
                with(|f| f.risk = Risk::Medium),
                Verdict::Escalated,
                "counterparty risk",
            ),
            (
                with(|f| f.risk = Risk::High),
                Verdict::Rejected,
                "counterparty risk",
            ),
            (
                with(|f| f.status = Approval::Watch),
                Verdict::Rejected,
                "counterparty status",
            ),
            (
                with(|f| f.status = Approval::Blocked),
                Verdict::Rejected,
                "counterparty status",
            ),
            (
                with(|f| f.payments_before = 0),
                Verdict::Escalated,
                "counterparty history",
            ),
            (
                with(|f| f.changed_at = Some(Facts::NOON)),
                Verdict::Escalated,
                "payment details",
            ),
            (
                with(|f| f.kind = ActionType::Payment),
                Verdict::Rejected,
                "nature of the action",
            ),
            (
                with(|f| f.amount_minor = 200_001),
                Verdict::Escalated,
                "the team's threshold",
            ),
            (
                with(|f| f.target = Status::Suspended),
                Verdict::Rejected,
                "target",
            ),
            (
                with(|f| f.decided_at = Facts::NOON - 7 * 3_600_000),
                Verdict::Rejected,
                "hour",
            ),
            (
                with(|f| f.decided_at = Facts::NOON - 86_400_000),
                Verdict::Rejected,
                "weekday",
            ),
        ] {
            assert_eq!(verdict(changed), expected, "{what}");
        }
        // The team moves its threshold: the same request, another verdict.
        let lower = TEXT.replace("> 200000", "> 100000");
        assert_eq!(
            decided(stack, &lower, &usual()).verdict(),
            Verdict::Escalated
        );
    });
}

#[test]
fn every_attribute_reaches_the_policies() {
    // One grant that holds only if each attribute has the value of the usual facts; then each fact is changed.
    let text = r#"@id("g") @title("t") permit(principal, action, resource) when {
        principal == Agentsigna::Agent::"buyer-1" && principal.id == "buyer-1" && principal.tier == 2
        && principal.sponsor == "dora" && principal.status == "active" && principal.latitude == 5
        && principal.exposure_minor == 0 && resource == Agentsigna::Counterparty::"acme" && resource.id == "acme"
        && resource.status == "approved" && resource.risk == "low" && resource.payments_before == 7
        && context.amount_minor == 125000 && context.amount_band == 2 && context.action_band == 2
        && context.currency == "EUR" && context.category == "procurement"
        && action in Agentsigna::Action::"category.procurement"
        && context.reference == "PO-1001" && context.target.id == "erp" && context.target.status == "active"
        && context.exposure_after_minor == 125000 && context.decided_at == 1762171200000
        && context.hour == 12 && context.weekday == 1 && !(context has payment_details_changed_days) };
        @id("days") @title("t") permit(principal, action, resource) when {
        context has payment_details_changed_days && context.payment_details_changed_days == 40 };"#;
    on_stack(|stack| {
        let bundle = compile(stack, text).unwrap();
        let decide = |facts: Facts| decided_by(stack, &bundle, &facts);
        assert_eq!(decide(usual()).rules(), ["g"]);
        let day = 86_400_000;
        for (facts, what) in [
            (with(|f| f.tier = 1), "tier"),
            (with(|f| f.sponsor = "eve"), "sponsor"),
            (with(|f| f.latitude = 6), "latitude"),
            (with(|f| f.exposure_minor = 1), "exposure"),
            (with(|f| f.status = Approval::Watch), "status"),
            (with(|f| f.risk = Risk::Medium), "risk"),
            (with(|f| f.payments_before = 8), "payments"),
            (with(|f| f.amount_minor = 125_001), "amount"),
            (with(|f| f.kind = ActionType::Payment), "category"),
            (with(|f| f.reference = "PO-1002"), "reference"),
            (with(|f| f.target_id = "crm"), "target"),
            (with(|f| f.decided_at = Facts::NOON + 1), "decided_at"),
            (
                with(|f| f.changed_at = Some(Facts::NOON - 39 * day)),
                "changed",
            ),
        ] {
            assert_eq!(decide(facts).rules(), ["builtin.no-authority"], "{what}");
        }
        assert_eq!(
            decide(with(|f| f.changed_at = Some(Facts::NOON - 41 * day + 1))).rules(),
            ["days"]
        );
        assert_eq!(
            decide(with(|f| f.changed_at = Some(Facts::NOON - 40 * day))).rules(),
            ["days"]
        );
    });
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    // PO-19: twelve rules hold at once, which Cedar names in another order each time.
    let mut text = String::from(GRANT);
    for i in 0..12 {
        text.push_str(&format!(
            "@id(\"esc.{i}\") @title(\"t\") @escalate(\"r\") @approvers(\"g{}:1\") forbid(principal, action, resource);\n",
            11 - i
        ));
    }
    on_stack(|stack| {
        let bundle = compile(stack, &text).unwrap();
        let first = decided_by(stack, &bundle, &usual()).to_value().encode();
        for _ in 0..50 {
            assert_eq!(
                decided_by(stack, &bundle, &usual()).to_value().encode(),
                first
            );
        }
        for _ in 0..5 {
            let fresh = compile(stack, &text).unwrap();
            assert_eq!(
                decided_by(stack, &fresh, &usual()).to_value().encode(),
                first
            );
        }
    });
}
