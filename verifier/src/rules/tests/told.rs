//! Goal: an auditor is told of every rule of a decision what it compared, and where there was no authority, what every
//! grant would have asked for (RP-7).

use super::*;
use crate::decision::Verdict::{Authorized, Escalated, Rejected};

const TEXT: &str = r#"@id("grant.small") @title("Small purchases")
permit(principal, action == Agentsigna::Action::"purchase", resource)
when { context.amount_minor <= 1000 && resource.status == "approved" };
@id("grant.any") @title("Anything in tier 1")
permit(principal, action, resource) when { principal.tier == 1 };
@id("grant.payment") @title("Payments")
permit(principal, action == Agentsigna::Action::"payment", resource);
@id("stop.high") @title("High risk")
forbid(principal, action, resource) when { resource.risk == "high" };
@id("esc.tier") @title("Tier 1 is read") @escalate("it is tier 1")
forbid(principal, action, resource) when { principal.tier < 2 && context.amount_minor > 500 };
"#;

/// Verdict, and of each rule: id, what it does, whether it held, and its comparisons as values.
fn told(stack: &BigStack, facts: &Facts) -> (Verdict, Vec<String>) {
    let bundle = compile(stack, TEXT).unwrap();
    let mut facts = facts.clone();
    facts.bundle = Some(bundle.digest());
    let snapshot = facts.snapshot();
    let (decision, _) = decide(stack, Some(&bundle), &snapshot).into_parts();
    let rules = tell(stack, Some(&bundle), &snapshot, &decision).unwrap();
    let lines = rules.iter().map(|rule| {
        let values: Vec<String> = rule
            .values
            .iter()
            .map(|value| {
                format!(
                    "{} {} {}",
                    value.left_value,
                    value.operator.as_str(),
                    value.right_value
                )
            })
            .collect();
        assert_eq!(rule.source.is_none(), rule.does == Does::BuiltIn);
        assert!(!rule.title.is_empty());
        let held = if rule.held { "" } else { " not" };
        format!(
            "{} {}{held}: {}",
            rule.id,
            rule.does.name(),
            values.join("; ")
        )
    });
    (decision.verdict(), lines.collect())
}

#[test]
fn rp_7_every_rule_is_told_whatever_it_did() {
    on_stack(|stack| {
        let small = Facts {
            amount_minor: 900,
            ..Facts::usual()
        };
        assert_eq!(
            told(stack, &small),
            (
                Authorized,
                Vec::from([
                    "grant.small grants: 900 <= 1000; \"approved\" == \"approved\"".to_string()
                ])
            )
        );
        let stopped = Facts {
            risk: crate::snapshot::Risk::High,
            ..small.clone()
        };
        assert_eq!(
            told(stack, &stopped),
            (
                Rejected,
                Vec::from(["stop.high stops: \"high\" == \"high\"".to_string()])
            )
        );
        let escalated = Facts {
            tier: 1,
            latitude: 0,
            ..Facts::usual()
        };
        let (verdict, lines) = told(stack, &escalated);
        assert_eq!(verdict, Escalated);
        assert_eq!(
            lines.last().unwrap(),
            "esc.tier asks people: 1 < 2; 125000 > 500"
        );
        assert!(
            lines[0].starts_with("builtin.exposure built in: "),
            "{lines:?}"
        );
        assert!(
            lines[1].starts_with("builtin.latitude built in: "),
            "{lines:?}"
        );
        // Suspended: there is nothing to compare.
        let suspended = Facts {
            agent: crate::snapshot::Status::Suspended,
            ..small
        };
        let line = "builtin.agent-suspended built in: ".to_string();
        assert_eq!(told(stack, &suspended), (Rejected, Vec::from([line])));
    });
}

#[test]
fn rp_7_without_authority_every_grant_of_the_type_is_told() {
    on_stack(|stack| {
        let (verdict, lines) = told(stack, &Facts::usual());
        assert_eq!(verdict, Rejected);
        assert_eq!(
            lines,
            [
                "builtin.no-authority built in: ",
                "grant.any grants not: 2 == 1",
                "grant.small grants not: 125000 <= 1000; \"approved\" == \"approved\"",
            ]
        );
        // The bundle is the one that the snapshot names, or none is at hand.
        let bundle = compile(stack, TEXT).unwrap();
        let snapshot = Facts::usual().snapshot();
        let (decision, _) = decide(stack, None, &snapshot).into_parts();
        assert!(matches!(
            tell(stack, Some(&bundle), &snapshot, &decision),
            Err(ExplainError::Bundle { .. })
        ));
        let rules = tell(stack, None, &snapshot, &decision).unwrap();
        assert_eq!(rules[0].title, "The organisation has no active policy");
    });
}
