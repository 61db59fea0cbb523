//! Policy text written to hurt: refused by name, and the process lives.

use alloc::vec;

use proptest::prelude::*;

use super::*;
use crate::{
    limits::{POLICY_BYTES_MAX, POLICY_SOURCE_BYTES_MAX, POLICY_TOKENS_MAX},
    rules::scan::{BRACKET_DEPTH_MAX, IFS_MAX, POLICIES_MAX, STRING_BYTES_MAX},
};

fn policy(condition: &str) -> String {
    format!("@id(\"a\") @title(\"t\") permit(principal, action, resource) when {{ {condition} }};")
}

fn code(text: &str) -> &'static str {
    match Bundle::new(text) {
        Ok(_) => "scanned",
        Err(error) => error.fault.code(),
    }
}

#[test]
fn nesting_is_stopped_before_the_parser() {
    // PO-1: every construct that recurses in Cedar 4.14.1, with and without brackets, small and huge.
    for n in [150, 5_000] {
        for (open, core, close) in [
            ("(", "true", ")"),
            ("!(", "true", ")"),
            ("{\"a\":", "1", "}"),
            ("[", "1", "]"),
            ("if true then ", "true", " else false"),
            ("if (", "true", ") then true else false"),
            ("if true then false else ", "true", ""),
            ("!", "true", ""),
            ("-", "1", ""),
            ("context.a has ", "b", ""),
            ("true && ", "true", ""),
            ("true || ", "true", ""),
            ("1 + ", "1", ""),
            ("1 * ", "1", ""),
            ("1 == ", "1", ""),
            ("context", ".a", ".a"),
            ("context[\"a\"]", "", "[\"a\"]"),
            ("ip(", "\"\"", ")"),
            ("principal in ", "principal", ""),
            ("A::", "B", ""),
        ] {
            let text = policy(&format!("{}{core}{}", open.repeat(n), close.repeat(n)));
            // What 400 tokens can hold reaches Cedar, and the process lives.
            if code(&text) == "scanned" {
                assert!(
                    n == 150 && !open.contains(['(', '[', '{']),
                    "{n} × `{open}`"
                );
                let _ = on_stack(|stack| compile(stack, &text).is_ok());
            }
        }
    }
}

#[test]
fn limits_are_exact() {
    let at_most = |max: usize, make: &dyn Fn(usize) -> String, fault: &str| {
        assert_eq!(code(&make(max)), "scanned", "{fault} at {max}");
        assert_eq!(code(&make(max + 1)), fault, "{fault} above {max}");
    };
    // `when {` is one bracket of the 24.
    at_most(
        BRACKET_DEPTH_MAX - 1,
        &|n| policy(&format!("{}true{}", "(".repeat(n), ")".repeat(n))),
        "brackets-too-deep",
    );
    at_most(
        IFS_MAX,
        &|n| {
            policy(&format!(
                "{}true{}",
                "if true then ".repeat(n),
                " else false".repeat(n)
            ))
        },
        "too-many-ifs",
    );
    at_most(
        STRING_BYTES_MAX,
        &|n| policy(&format!("context.reference == \"{}\"", "*".repeat(n))),
        "string-too-long",
    );
    at_most(
        POLICY_TOKENS_MAX,
        &|n| format!("{};", "a ".repeat(n - 1)),
        "too-many-tokens",
    );
    at_most(
        POLICY_BYTES_MAX,
        &|n| format!("  a{};", " ".repeat(n - 2)),
        "policy-too-long",
    );
    at_most(POLICIES_MAX, &|n| "a;".repeat(n), "too-many-policies");
    at_most(
        POLICY_SOURCE_BYTES_MAX,
        &|n| " ".repeat(n),
        "source-too-long",
    );
    // 50,000 stars in a `like`.
    let stars = policy(&format!(
        "context.reference like \"{}\"",
        "*".repeat(50_000)
    ));
    assert_eq!(code(&stars), "string-too-long");
}

#[test]
fn the_largest_policies_allowed_compile_and_decide() {
    // What the limits let through is safe, and decides: chains that use every token.
    on_stack(|stack| {
        let spare = POLICY_TOKENS_MAX - 30;
        for condition in [
            vec!["true"; spare / 2].join(" && "),
            vec!["false"; spare / 2].join(" || ") + " || true",
            format!("{} > 0", vec!["1"; spare / 2].join(" + ")),
            format!("{}true{}", "(".repeat(23), ")".repeat(23)),
            format!("{}true{}", "!(".repeat(22), ")".repeat(22)),
            format!(
                "{}true{}",
                "if true then ".repeat(16),
                " else false".repeat(16)
            ),
            format!("[{}].contains(2)", vec!["2"; spare / 2].join(", ")),
        ] {
            let decision = decided(stack, &policy(&condition), &Facts::usual());
            assert_eq!(decision.rules(), ["a"], "{condition}");
        }
    });
}

#[test]
fn the_form_after_parsing_is_bounded_too() {
    // PO-2
    let nested = |n: usize| {
        (0..n).fold(serde_json::Value::Null, |inner, _| {
            serde_json::json!([inner])
        })
    };
    assert!(compile::is_small(&nested(compile::FORM_DEPTH_MAX - 1)));
    assert!(!compile::is_small(&nested(compile::FORM_DEPTH_MAX)));
    let wide = |n: usize| serde_json::json!({ "a": vec![1; n] });
    assert!(compile::is_small(&wide(compile::FORM_VALUES_MAX - 2)));
    assert!(!compile::is_small(&wide(compile::FORM_VALUES_MAX - 1)));
    // `has` with a path is Cedar's largest growth, with the square of its length: still bounded.
    on_stack(|stack| {
        let text = policy(&format!("context has a{}", ".a".repeat(180)));
        assert!(compile(stack, &text).is_ok());
    });
}

#[test]
fn extension_functions_are_refused_wherever_they_stand() {
    // PO-14: the build of Cedar decides whether they exist, so no verdict may rest on them.
    on_stack(|stack| {
        for call in [
            r#"ip("127.0.0.1").isLoopback()"#,
            r#"decimal("1.0") == decimal("1.0")"#,
            r#"datetime("2025-01-01") < datetime("2025-01-02")"#,
            r#"duration("1h") == duration("60m")"#,
        ] {
            for place in [
                call.to_string(),
                format!("!({call})"),
                format!("false || ({call})"),
                format!("if {call} then true else false"),
                format!("if true then {call} else false"),
                format!("if false then true else {call}"),
                format!("[{call}].contains(true)"),
                format!("{{\"ip\": {call}}}.ip"),
                format!("{{\"a\": {call}}} has a"),
                format!("({call}) == true"),
            ] {
                for clause in ["when", "unless"] {
                    let text = policy(&place).replace("when", clause);
                    assert_eq!(compile(stack, &text).unwrap_err(), "extension", "{text}");
                }
            }
        }
        // Every operator of the closed list stands.
        let all = r#"!(-1 > 2) && (1 != 2) && 1 < 2 && 1 <= 2 && 3 >= 2 && 1 + 2 - 3 * 4 == -9
            && [1].contains(1) && [1].containsAll([1]) && [1].containsAny([1]) && !([1].isEmpty())
            && principal is Agentsigna::Agent && principal in principal && principal is Agentsigna::Agent in principal
            && principal has tier && context.reference like "*" && context["amount_minor"] > 0
            && (if true then true else false) && {"ip": 1}.ip == 1 && (false || true)"#;
        assert_eq!(decided(stack, &policy(all), &Facts::usual()).rules(), ["a"]);
    });
}

#[test]
fn places_are_exact() {
    let place = |text: &str| {
        let error = Bundle::new(text).unwrap_err();
        (error.place.line, error.place.column)
    };
    assert_eq!(place("// ä\n  #"), (2, 3));
    assert_eq!(place("a \"é"), (1, 3));
    assert_eq!(place("a\n)"), (2, 1));
    assert_eq!(place("é"), (1, 1));
    assert_eq!(place("// x\n// é \r"), (2, 6));
    assert_eq!(
        Bundle::new("permit(principal);\n ?x")
            .unwrap_err()
            .to_string(),
        "line 2, column 2: templates are not allowed: name agents by their attributes instead"
    );
    // An error of Cedar's has the place where the policy begins.
    on_stack(|stack| {
        let bundle = Bundle::new("\n\n  permit(everybody);").unwrap();
        let error = CompiledBundle::compile(stack, &bundle).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("policy at line 3, column 3: "),
            "{error}"
        );
    });
}

#[test]
fn whole_texts_are_bounded() {
    on_stack(|stack| {
        let many = |n: usize, id: &dyn Fn(usize) -> String, more: &dyn Fn(usize) -> String| {
            (0..n)
                .map(|i| {
                    format!(
                        "@id(\"{}\") @title(\"t\") {} forbid(principal, action == Agentsigna::Action::\"other\", resource);\n",
                        id(i),
                        more(i)
                    )
                })
                .collect::<String>()
        };
        let long = |i| format!("{i:064}");
        let none = |_| String::new();
        assert!(compile(stack, &many(248, &long, &none)).is_ok());
        assert_eq!(
            compile(stack, &many(249, &long, &none)).unwrap_err(),
            "ids-too-long"
        );
        let short = |i| format!("r{i}");
        let group = |i| format!("@escalate(\"r\") @approvers(\"g{i}:1\")");
        assert!(compile(stack, &many(31, &short, &group)).is_ok());
        assert_eq!(
            compile(stack, &many(32, &short, &group)).unwrap_err(),
            "too-many-groups"
        );
    });
}

#[test]
fn a_thousand_policies_decide() {
    on_stack(|stack| {
        let mut text: String = (0..POLICIES_MAX - 1)
            .map(|i| {
                format!("@id(\"s{i}\") @title(\"t\") forbid(principal, action, resource) when {{ context.amount_minor == {i} }};\n")
            })
            .collect();
        text.push_str(GRANT);
        let bundle = compile(stack, &text).unwrap();
        assert_eq!(
            decided_by(stack, &bundle, &Facts::usual()).verdict(),
            Verdict::Authorized
        );
        let mut facts = Facts::usual();
        facts.amount_minor = 998;
        assert_eq!(decided_by(stack, &bundle, &facts).rules(), ["s998"]);
    });
}

/// Words of the language, brackets first: soup that gets far.
fn soup() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ";",
        ",",
        ".",
        ":",
        "::",
        "!",
        "-",
        "+",
        "*",
        "<",
        "==",
        "&&",
        "||",
        "@",
        "\"",
        "\"a\"",
        "\\",
        "//",
        "\n",
        " ",
        "if ",
        "then ",
        "else ",
        "permit",
        "forbid",
        "(principal, action, resource)",
        "when ",
        "unless ",
        "principal",
        "action",
        "resource",
        "context",
        ".tier",
        " has ",
        " like ",
        " in ",
        " is ",
        "true",
        "false",
        "1",
        "9223372036854775807",
        "@id(\"a\") ",
        "@title(\"t\") ",
        "@escalate(\"r\") ",
        "é",
        "\t",
        "?",
        "Agentsigna::Action::\"purchase\"",
        "{ true }",
    ]);
    prop::collection::vec(word, 0..400).prop_map(|words| words.concat())
}

/// Soup inside the frame of a policy: reaches parser and validator.
fn framed_soup() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "(",
        ")",
        "!",
        "true",
        "false",
        " && ",
        " || ",
        "1",
        " < ",
        " == ",
        "context.amount_minor",
        "principal.tier",
        "principal",
        "resource.risk",
        "\"low\"",
        " has tier",
        " like \"a*\"",
        "if ",
        " then ",
        " else ",
        "[",
        "]",
        ".contains(1)",
        " + ",
        "-",
    ]);
    prop::collection::vec(word, 1..24).prop_map(|words| policy(&words.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_scanner_survives_soup(text in soup()) {
        // What is scanned is whole: pieces in order, each ending with its `;`.
        if let Ok(bundle) = Bundle::new(&text) {
            for (source, _) in bundle.policies() {
                prop_assert!(source.ends_with(';'));
                prop_assert!(source.len() <= POLICY_BYTES_MAX);
            }
            prop_assert_eq!(Bundle::decode(&bundle.encode()), Ok(bundle));
        }
    }

    #[test]
    fn the_scanner_survives_any_text(text in any::<String>()) {
        let _ = Bundle::new(&text);
    }

    #[test]
    fn brackets_alone_never_get_deep(text in "[\\[\\](){}; ]{0,300}") {
        if let Ok(bundle) = Bundle::new(&text) {
            for (source, _) in bundle.policies() {
                let deepest = source.chars().scan(0_i32, |depth, c| {
                    *depth += i32::from("([{".contains(c)) - i32::from(")]}".contains(c));
                    Some(*depth)
                }).max();
                prop_assert!(deepest <= Some(24));
            }
        }
    }
}

#[test]
fn the_compiler_survives_soup() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(192));
    let (mut compiled, mut refused) = (0, 0);
    on_stack(|stack| {
        runner
            .run(&(soup(), framed_soup()), |(soup, framed)| {
                let _ = compile(stack, &soup);
                let _ = compile(stack, &framed);
                Ok(())
            })
            .unwrap();
        for text in [policy("true"), policy("!true"), policy("tru")] {
            match compile(stack, &text) {
                Ok(_) => compiled += 1,
                Err(_) => refused += 1,
            }
        }
    });
    assert_eq!((compiled, refused), (2, 1));
}
