//! What a sheet says of rules: texts, comparisons, values.

use alloc::{string::ToString, vec};
use std::{fs, path::Path};

use super::*;
use crate::{
    action::ActionType,
    case::CaseState,
    entry::CaseId,
    id::RequestId,
    review::{
        Comparison, RuleShown, Sheet, SheetError,
        facts::HistoryCase,
        sheet::{RULE_VALUES_MAX, SHEET_BYTES_MAX, SHEET_VALUES_MAX, VALUE_BYTES_MAX},
        tests::{Drawing, case, id, time},
    },
    snapshot::Risk,
};

/// The policy of `spec/policy.md`.
fn policy_of_the_page() -> &'static str {
    let page = include_str!("../../../../spec/policy.md");
    page.split("```cedar\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap()
}

/// A rule that asks people where `condition` holds.
pub(super) fn asking(id: &str, condition: &str) -> String {
    format!(
        "@id(\"{id}\") @title(\"t\") @escalate(\"r\")\nforbid(principal, action, resource)\nwhen {{ {condition} }};\n"
    )
}

/// Decides on `facts` under `text` and explains the decision.
fn explained(stack: &BigStack, text: &str, facts: &Facts) -> Vec<RuleShown> {
    let bundle = compile(stack, text).unwrap_or_else(|code| panic!("{code}: {text}"));
    let decision = decided_by(stack, &bundle, facts);
    assert_eq!(decision.verdict(), Verdict::Escalated, "{text}");
    let mut facts = facts.clone();
    facts.bundle = Some(bundle.digest());
    let shown = explain(stack, &bundle, &facts.snapshot(), &decision).unwrap();
    let ids: Vec<&String> = shown.iter().map(|rule| &rule.id).collect();
    assert!(ids.into_iter().eq(decision.rules()));
    // SH-1: the same again.
    let again = explain(stack, &bundle, &facts.snapshot(), &decision);
    assert_eq!(again.as_ref(), Ok(&shown));
    shown
}

/// The comparisons of one rule that asks where `condition` holds, for the usual purchase.
fn values(stack: &BigStack, condition: &str) -> Vec<[String; 5]> {
    let text = format!("{GRANT}{}", asking("a", condition));
    let shown = explained(stack, &text, &Facts::usual());
    shown[0]
        .values
        .iter()
        .map(|comparison| comparison.texts().map(String::from))
        .collect()
}

/// All that the example of the page is drawn from: a case by an agent without latitude.
fn example(stack: &BigStack) -> Sheet {
    let bundle = compile(stack, policy_of_the_page()).unwrap();
    let history = |n, kind, counterparty, amount_minor, asked_at| HistoryCase {
        case: case(n),
        kind,
        counterparty: id(counterparty),
        amount_minor,
        asked_at: time(asked_at),
    };
    let hour_ms = 60 * 60 * 1000;
    let mut drawing = Drawing::usual();
    drawing.facts.bundle = Some(bundle.digest());
    drawing.facts.changed_at = Some(Facts::NOON - 40 * 24 * hour_ms);
    let origin = drawing.facts.snapshot().origin().to_string();
    let request = RequestId::parse("po-1002").unwrap();
    drawing.case = CaseId::of(&origin, &id("buyer-1"), &request);
    drawing.statement = Some("Paper for the fair.\nDana knows about it.".to_string());
    drawing.name = "Acme Paper Ltd".to_string();
    drawing.activated_at = time(Facts::NOON - hour_ms);
    drawing.history = vec![
        history(
            3,
            ActionType::Purchase,
            "acme",
            42_000,
            Facts::NOON - 90 * hour_ms,
        ),
        history(
            4,
            ActionType::Payment,
            "bolt",
            9_900,
            Facts::NOON - 50 * hour_ms,
        ),
        history(
            5,
            ActionType::Purchase,
            "acme",
            58_000,
            Facts::NOON - 20 * hour_ms,
        ),
        HistoryCase {
            case: drawing.case,
            ..history(1, ActionType::Purchase, "acme", 125_000, Facts::NOON)
        },
    ];
    drawing.states = [
        (case(3), CaseState::Issued),
        (case(4), CaseState::Rejected),
        (case(5), CaseState::Completed),
    ]
    .into();
    let decision = decided_by(stack, &bundle, &drawing.facts);
    drawing
        .with(&decision, |input| sheet(stack, &bundle, input))
        .unwrap()
}

#[test]
fn the_example_of_the_page_is_reproduced() {
    // SH-1, SH-2: bytes and lines, from the policy of `spec/policy.md`.
    let sheet = on_stack(example);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/sheets");
    let bytes = fs::read(folder.join("purchase.sheet")).unwrap();
    assert_eq!(Sheet::decode(&bytes).as_ref(), Ok(&sheet));
    assert_eq!(sheet.encode(), bytes);
    let lines = fs::read_to_string(folder.join("purchase.txt")).unwrap();
    assert_eq!(sheet.words().join("\n") + "\n", lines);
    let found: Vec<_> = sheet
        .rules()
        .iter()
        .map(|rule| (rule.id.as_str(), rule.values[0].texts()))
        .collect();
    assert_eq!(
        found,
        [
            (
                "builtin.latitude",
                ["action_band", ">", "latitude", "2", "-1"]
            ),
            (
                "esc.amount",
                ["context.amount_minor", ">", "100000", "125000", "100000"]
            ),
        ]
    );
    let page = include_str!("../../../../spec/sheet.md");
    for rule in sheet.rules() {
        let texts = rule.values[0].texts().map(|text| format!("\"{text}\""));
        assert!(page.contains(&texts.join(", ")), "{texts:?}");
        assert!(
            page.contains(&format!("\"{}\"", rule.title)),
            "{}",
            rule.title
        );
        assert!(
            page.contains(&format!("\"{}\"", rule.reason)),
            "{}",
            rule.reason
        );
    }
}

#[test]
fn a_rule_of_the_tenant_is_shown_in_its_own_words() {
    // SH-1: the source from the first token to `;`, comments inside it too, none around it.
    on_stack(|stack| {
        let source = "@id(\"esc.a\") @title(\"T \\\"x\\\"\") @escalate(\"R\")\n// why not\nforbid(principal, action, resource)\n  when { context.hour > 5 } ;";
        let text = format!("{GRANT}\n// before\n{source} // behind\n");
        let shown = explained(stack, &text, &Facts::usual());
        assert_eq!(shown.len(), 1);
        assert_eq!(shown[0].source.as_deref(), Some(source));
        assert_eq!(
            (shown[0].title.as_str(), shown[0].reason.as_str()),
            ("T \"x\"", "R")
        );
        // One condition or several, none at all: what is not compared is read in the source.
        for (conditions, expected) in [
            ("", 0),
            ("when { true }", 0),
            ("when { context.hour > 5 } when { context.weekday == 1 }", 2),
            ("unless { context.hour > 13 }", 0),
            ("when { context.hour > 5 } unless { context.hour == 13 }", 1),
        ] {
            let rule =
                "@id(\"a\") @title(\"t\") @escalate(\"r\") forbid(principal, action, resource)";
            let text = format!("{GRANT}{rule} {conditions};");
            let shown = explained(stack, &text, &Facts::usual());
            assert_eq!(shown[0].values.len(), expected, "{conditions}");
        }
    });
}

#[test]
fn each_operator_is_shown_with_what_it_compared() {
    // SH-1
    let table: [(&str, &[[&str; 5]]); 22] = [
        (
            "context.amount_minor > 100000",
            &[["context.amount_minor", ">", "100000", "125000", "100000"]],
        ),
        (
            "context.hour>=12",
            &[["context.hour", ">=", "12", "12", "12"]],
        ),
        (
            "-1 < context.hour",
            &[["-1", "<", "context.hour", "-1", "12"]],
        ),
        (
            "context.hour <= 12",
            &[["context.hour", "<=", "12", "12", "12"]],
        ),
        (
            "resource.risk == \"low\"",
            &[["resource.risk", "==", "\"low\"", "\"low\"", "\"low\""]],
        ),
        (
            "resource[\"risk\"] != \"a\\\"\\\\\\n\"",
            &[[
                "resource.risk",
                "!=",
                "\"a\\\"\\\\\\u{a}\"",
                "\"low\"",
                "\"a\\\"\\\\\\u{a}\"",
            ]],
        ),
        (
            "action in Agentsigna::Action::\"category.procurement\"",
            &[[
                "action",
                "in",
                "Agentsigna::Action::\"category.procurement\"",
                "Agentsigna::Action::\"purchase\"",
                "Agentsigna::Action::\"category.procurement\"",
            ]],
        ),
        (
            "context.target == Agentsigna::Target::\"erp\"",
            &[[
                "context.target",
                "==",
                "Agentsigna::Target::\"erp\"",
                "Agentsigna::Target::\"erp\"",
                "Agentsigna::Target::\"erp\"",
            ]],
        ),
        (
            "context.reference like \"PO-*\"",
            &[[
                "context.reference",
                "like",
                "\"PO-*\"",
                "\"PO-1001\"",
                "\"PO-*\"",
            ]],
        ),
        (
            "!(context.reference like \"*\\*\") && context.hour == 12",
            &[["context.hour", "==", "12", "12", "12"]],
        ),
        (
            "context has payment_details_changed_days && context.payment_details_changed_days < 99",
            &[
                ["context", "has", "payment_details_changed_days", "40", ""],
                [
                    "context.payment_details_changed_days",
                    "<",
                    "99",
                    "40",
                    "99",
                ],
            ],
        ),
        (
            "[\"USD\", \"EUR\", \"EUR\"].contains(context.currency)",
            &[[
                "[\"USD\", \"EUR\", \"EUR\"]",
                "contains",
                "context.currency",
                "[\"EUR\", \"USD\"]",
                "\"EUR\"",
            ]],
        ),
        (
            "[3,12].containsAll([context.hour]) && [context.hour].containsAny([12, 1])",
            &[
                [
                    "[3, 12]",
                    "containsAll",
                    "[context.hour]",
                    "[3, 12]",
                    "[12]",
                ],
                [
                    "[context.hour]",
                    "containsAny",
                    "[12, 1]",
                    "[12]",
                    "[1, 12]",
                ],
            ],
        ),
        (
            "{\"b\": context.hour, \"a\": [1]} == {\"a\": [1], \"b\": 12}",
            &[[
                "{\"a\": [1], \"b\": context.hour}",
                "==",
                "{\"a\": [1], \"b\": 12}",
                "{\"a\": [1], \"b\": 12}",
                "{\"a\": [1], \"b\": 12}",
            ]],
        ),
        (
            "context.hour + 2 * (3 - 1) - 4 >= ((5)) - (2 - 1) * 1",
            &[[
                "context.hour + 2 * (3 - 1) - 4",
                ">=",
                "5 - (2 - 1) * 1",
                "12",
                "4",
            ]],
        ),
        (
            "(context.hour > 3) == true",
            &[["(context.hour > 3)", "==", "true", "true", "true"]],
        ),
        (
            "(if context.hour > 3 then 1 else 2) == 1",
            &[["(if context.hour > 3 then 1 else 2)", "==", "1", "1", "1"]],
        ),
        (
            "(principal is Agentsigna::Agent || context.hour == 1) == !false",
            &[[
                "(principal is Agentsigna::Agent || context.hour == 1)",
                "==",
                "!false",
                "true",
                "true",
            ]],
        ),
        // A chain of `&&`, bracketed in whatever way, is one chain; what is no comparison is left out.
        (
            "context.hour > 1 && (context.hour > 2 && context.hour > 3) && principal is Agentsigna::Agent && context.hour > 4",
            &[
                ["context.hour", ">", "1", "12", "1"],
                ["context.hour", ">", "2", "12", "2"],
                ["context.hour", ">", "3", "12", "3"],
                ["context.hour", ">", "4", "12", "4"],
            ],
        ),
        ("!(context.hour == 11)", &[]),
        ("if context.hour == 12 then true else false", &[]),
        ("![context.hour].isEmpty() && true", &[]),
    ];
    on_stack(|stack| {
        for (condition, expected) in table {
            let mut facts = Facts::usual();
            facts.changed_at = Some(Facts::NOON - 40 * 24 * 60 * 60 * 1000);
            let text = format!("{GRANT}{}", asking("a", condition));
            let shown = explained(stack, &text, &facts);
            let found: Vec<[&str; 5]> = shown[0].values.iter().map(Comparison::texts).collect();
            assert_eq!(found, expected, "{condition}");
        }
    });
}

#[test]
fn what_is_shown_is_bounded() {
    // SH-4: 16 of a rule, 256 of a sheet, 256 bytes of a text.
    on_stack(|stack| {
        let chain = |n: usize| vec!["context.hour < 24"; n].join(" && ");
        assert_eq!(values(stack, &chain(16)).len(), 16);
        assert_eq!(values(stack, &chain(17)).len(), RULE_VALUES_MAX);
        let two = format!(
            "{GRANT}@id(\"a\") @title(\"t\") @escalate(\"r\") forbid(principal, action, resource) when {{ {} }} when {{ {} }};",
            chain(9),
            chain(9)
        );
        let shown = explained(stack, &two, &Facts::usual());
        assert_eq!(shown[0].values.len(), RULE_VALUES_MAX);
        // Of 17 rules and a built-in one behind them, the last two get none.
        let rules: String = (0..17)
            .map(|n| asking(&format!("a{n:02}"), &chain(16)))
            .collect();
        let mut facts = Facts::usual();
        facts.latitude = -1;
        let shown = explained(stack, &format!("{GRANT}{rules}"), &facts);
        let counts: Vec<usize> = shown.iter().map(|rule| rule.values.len()).collect();
        // `a00` to `a16`, then `builtin.latitude`.
        assert_eq!(counts, [&[16; 16][..], &[0, 0]].concat());
        assert_eq!(counts.iter().sum::<usize>(), SHEET_VALUES_MAX);
        // 255 bytes and a quote on each side: cut between characters.
        let long = "ä漢".repeat(51);
        let found = values(stack, &format!("context.currency != \"{long}\""));
        for text in [&found[0][2], &found[0][4]] {
            assert!((250..=VALUE_BYTES_MAX).contains(&text.len()) && text.ends_with('…'));
            assert!(format!("\"{long}\"").starts_with(text.trim_end_matches('…')));
        }
        let exact = "x".repeat(254);
        let found = values(stack, &format!("context.currency != \"{exact}\""));
        assert_eq!(found[0][2], format!("\"{exact}\""));
        let found = values(stack, &format!("context.currency != \"{exact}x\""));
        assert_eq!(found[0][2], format!("\"{}…", "x".repeat(252)));
    });
}

#[test]
fn the_longest_policies_can_be_shown() {
    // PO-26: as long and as deep as the scan lets through, on the stack that decides too.
    on_stack(|stack| {
        let sum = format!("context.hour{} > 0", " + 1".repeat(180));
        assert_eq!(values(stack, &sum)[0][3], "192");
        let deep = format!(
            "{}context.hour{} > 0",
            "-(1 - (".repeat(11),
            "))".repeat(11)
        );
        assert_eq!(values(stack, &deep).len(), 1);
        let ifs = format!(
            "({}3{}) == 3",
            "if context.hour == 12 then ".repeat(16),
            " else 4".repeat(16)
        );
        assert_eq!(values(stack, &ifs)[0][3], "3");
        let chain = vec!["true"; 180].join(" && ");
        assert_eq!(
            values(stack, &format!("{chain} && context.hour == 12")).len(),
            1
        );
    });
}

#[test]
fn the_largest_text_makes_a_sheet_below_the_limit() {
    // SH-4: 200,000 bytes of policies, all of them asking, with as many comparisons as they hold: nobody is asked
    // about a case whose sheet cannot be made.
    on_stack(|stack| {
        let comparison = "context.reference != context.currency";
        let condition = vec![comparison; 40].join(" && ");
        let mut text = String::from(GRANT);
        let mut rules = 0;
        loop {
            let rule = asking(&format!("a{rules:04}"), &condition);
            if text.len() + rule.len() > crate::limits::POLICY_SOURCE_BYTES_MAX {
                break;
            }
            text.push_str(&rule);
            rules += 1;
        }
        let bundle = compile(stack, &text).unwrap();
        let mut drawing = Drawing::usual();
        drawing.facts.bundle = Some(bundle.digest());
        let decision = decided_by(stack, &bundle, &drawing.facts);
        assert_eq!(decision.rules().len(), rules + 1);
        drawing.chain = vec![drawing.chain[0]; 4096];
        let sheet = drawing
            .with(&decision, |input| sheet(stack, &bundle, input))
            .unwrap();
        let bytes = sheet.encode();
        assert!(
            (330_000..SHEET_BYTES_MAX).contains(&bytes.len()),
            "{}",
            bytes.len()
        );
        assert_eq!(Sheet::decode(&bytes), Ok(sheet));
    });
}

#[test]
fn only_what_asked_people_is_explained() {
    on_stack(|stack| {
        let bundle = compile(stack, policy_of_the_page()).unwrap();
        let decision = |rules: &[&str]| {
            let rules = rules.iter().map(ToString::to_string).collect();
            Decision::new(
                Verdict::Escalated,
                rules,
                vec![(id("a"), 1)],
                Some(1),
                "e".to_string(),
            )
            .unwrap()
        };
        let mut facts = Facts::usual();
        let esc = decision(&["esc.amount"]);
        // Another bundle than the one that decided, or none.
        for named in [None, Some(crate::digest::Digest::from_bytes([9; 32]))] {
            facts.bundle = named;
            let found = bundle.digest();
            let refused = explain(stack, &bundle, &facts.snapshot(), &esc);
            assert_eq!(
                refused,
                Err(ExplainError::Bundle {
                    found,
                    expected: named
                })
            );
        }
        facts.bundle = Some(bundle.digest());
        assert!(explain(stack, &bundle, &facts.snapshot(), &esc).is_ok());
        // A grant, a stop, a rule of nobody, a built-in rule that rejects, and one that does not hold.
        for rule in [
            "grant.purchase",
            "stop.high-risk",
            "esc.other",
            "builtin.no-policy",
            "builtin.latitude",
        ] {
            let refused = explain(stack, &bundle, &facts.snapshot(), &decision(&[rule]));
            assert_eq!(
                refused,
                Err(ExplainError::Rule {
                    id: rule.to_string()
                })
            );
        }
        // A sheet of a decision that asks nobody.
        let mut drawing = Drawing::usual();
        drawing.facts.risk = Risk::High;
        drawing.facts.bundle = Some(bundle.digest());
        let rejected = decided_by(stack, &bundle, &drawing.facts);
        assert_eq!(rejected.verdict(), Verdict::Rejected);
        let refused = drawing.with(&rejected, |input| sheet(stack, &bundle, input));
        assert_eq!(
            refused,
            Err(ExplainError::Rule {
                id: "stop.high-risk".to_string()
            })
        );
        let empty = drawing.with(&rejected, |input| Sheet::draw(input, Vec::new()));
        let found = Verdict::Rejected;
        assert_eq!(empty, Err(SheetError::NotEscalated { found }));
    });
}
