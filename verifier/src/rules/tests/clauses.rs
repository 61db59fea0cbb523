//! What is written of a condition says what the condition says.

use alloc::vec;

use cedar_policy::{Expression, Policy, eval_expression};
use proptest::{prelude::*, test_runner::TestRunner};

use super::{explain::asking, *};
use crate::review::{Comparison, Operator};

/// An expression of any form the policies may hold; most of them make no sense, which nobody here minds.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("principal.tier".to_string()),
        Just("context.target.id".to_string()),
        Just("context[\"a b\"]".to_string()),
        Just("context[\"in\"]".to_string()),
        Just("action".to_string()),
        Just("-7".to_string()),
        Just("-9223372036854775808".to_string()),
        Just("9223372036854775807".to_string()),
        Just("true".to_string()),
        Just("\"a\\\"\\\\\\u{202e}\\n*\"".to_string()),
        Just("Agentsigna::Action::\"a\\\"b\"".to_string()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        let operator = prop::sample::select(vec![
            "==", "!=", "<", "<=", ">", ">=", "in", "&&", "||", "+", "-", "*"
        ]);
        let method = prop::sample::select(vec!["contains", "containsAll", "containsAny"]);
        prop_oneof![
            4 => (two.clone(), operator).prop_map(|((a, b), op)| format!("({a}) {op} ({b})")),
            1 => (two.clone(), method).prop_map(|((a, b), name)| format!("({a}).{name}({b})")),
            1 => inner.clone().prop_map(|a| format!("!({a})")),
            1 => inner.clone().prop_map(|a| format!("-({a})")),
            1 => inner.clone().prop_map(|a| format!("({a}).isEmpty()")),
            1 => inner.clone().prop_map(|a| format!("({a}).b[\"c d\"]")),
            1 => inner.clone().prop_map(|a| format!("({a}) has b")),
            1 => inner.clone().prop_map(|a| format!("({a}) has b.c.d")),
            1 => inner.clone().prop_map(|a| format!("({a}) has \"b c\"")),
            1 => inner.clone().prop_map(|a| format!("({a}) like \"x*\\*\\\"\\u{{7}}\"")),
            1 => inner.clone().prop_map(|a| format!("({a}) is Agentsigna::Agent")),
            1 => two.clone().prop_map(|(a, b)| format!("({a}) is Agentsigna::Agent in ({b})")),
            1 => two.clone().prop_map(|(a, b)| format!("[{a}, {b}]")),
            1 => two.prop_map(|(a, b)| format!("{{\"b c\": {a}, d: {b}}}")),
            1 => (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("if {a} then {b} else {c}")),
        ]
    })
}

#[test]
fn what_is_written_is_what_was_read() {
    // SH-1. Goal: nobody reads another condition than the one that was decided on. Method: any expression, written
    // by us, parsed by Cedar again, has the form it had.
    let form = |condition: &str| {
        let text = format!("permit(principal, action, resource) when {{ {condition} }};");
        let policy = Policy::parse(None, &text).unwrap_or_else(|error| panic!("{text}: {error}"));
        policy.to_json().unwrap()["conditions"][0]["body"].clone()
    };
    let mut runner = TestRunner::new(ProptestConfig::with_cases(512));
    on_stack(move |_| {
        runner
            .run(&expression(), |condition| {
                let read = form(&condition);
                let written = clause::rewrite(&read);
                let written = written.unwrap_or_else(|| panic!("{condition}: {read}"));
                prop_assert_eq!(form(&written), read, "{} became {}", condition, written);
                prop_assert!(!written.contains(crate::review::words::is_unseen));
                Ok(())
            })
            .unwrap();
    });
}

#[test]
fn what_is_shown_to_have_held_holds() {
    // SH-1. Method: the values shown, put in place of the sides, make the comparison true.
    let conditions = [
        "context.amount_minor + principal.exposure_minor > 3 && context.hour < 24",
        "context.weekday <= 7 && resource.risk != \"none\" && resource.payments_before >= 0",
        "[\"low\", \"medium\", \"high\"].contains(resource.risk)",
        "[principal.tier, 9].containsAny([1, 2, 3, 4]) && [context.hour].containsAll([context.hour])",
        "context.exposure_after_minor == principal.exposure_minor + context.amount_minor",
    ];
    let amounts = (0..=crate::limits::AMOUNT_MINOR_MAX, 1..=3_u64, 4..1_000_u64);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(16));
    let text: String = conditions
        .iter()
        .enumerate()
        .map(|(n, condition)| asking(&format!("a{n}"), condition))
        .collect();
    on_stack(move |stack| {
        let bundle = compile(stack, &format!("{GRANT}{text}")).unwrap();
        runner
            .run(&amounts, |(amount_minor, tier, exposure_minor)| {
                let mut facts = Facts::usual();
                (facts.amount_minor, facts.tier) = (amount_minor, tier);
                facts.exposure_minor = exposure_minor;
                facts.bundle = Some(bundle.digest());
                let snapshot = facts.snapshot();
                let (decision, _) = decide(stack, Some(&bundle), &snapshot).into_parts();
                let (request, entities) = bundle.vocabulary.express(&snapshot, None).unwrap();
                let shown = explain(stack, &bundle, &snapshot, &decision).unwrap();
                let own = shown.iter().filter(|rule| rule.source.is_some());
                let values: Vec<&Comparison> = own.flat_map(|rule| &rule.values).collect();
                prop_assert_eq!(values.len(), 9);
                for value in values {
                    let [_, operator, _, left, right] = value.texts();
                    let text = match value.operator {
                        Operator::Contains | Operator::ContainsAll | Operator::ContainsAny => {
                            format!("{left}.{operator}({right})")
                        }
                        _ => format!("{left} {operator} {right}"),
                    };
                    let expression: Expression = text.parse().unwrap();
                    let held = eval_expression(&request, &entities, &expression).unwrap();
                    prop_assert_eq!(held, cedar_policy::EvalResult::Bool(true), "{}", text);
                }
                Ok(())
            })
            .unwrap();
    });
}
