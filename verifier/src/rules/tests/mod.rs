//! Policy compiled and decided, with Cedar.

mod changes;
mod clauses;
mod explain;
mod files;
mod hostile;
mod properties;
mod told;
mod verdicts;

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use super::*;
use crate::{
    decision::{Decision, Verdict},
    snapshot::tests::Facts,
};

/// Grants purchases and payments to everybody.
const GRANT: &str = r#"@id("grant.all") @title("Anybody may do anything")
permit(principal, action, resource);
"#;

/// Compiles text, or names the fault.
fn compile(stack: &BigStack, text: &str) -> Result<CompiledBundle, String> {
    let bundle = Bundle::new(text).map_err(|error| error.fault.code().to_string())?;
    CompiledBundle::compile(stack, &bundle).map_err(|error| error.code().to_string())
}

/// Decides on `facts` under `text`, and checks what holds for every decision.
fn decided(stack: &BigStack, text: &str, facts: &Facts) -> Decision {
    let bundle = compile(stack, text).unwrap_or_else(|code| panic!("{code}: {text}"));
    decided_by(stack, &bundle, facts)
}

fn decided_by(stack: &BigStack, bundle: &CompiledBundle, facts: &Facts) -> Decision {
    let mut facts = facts.clone();
    facts.bundle = Some(bundle.digest());
    let snapshot = facts.snapshot();
    let (decision, permit) = decide(stack, Some(bundle), &snapshot).into_parts();
    // PO-13: what `decide` makes, an auditor can read.
    assert_eq!(
        Decision::from_value(decision.to_value()).as_ref(),
        Ok(&decision)
    );
    // PO-27: a permit exactly where authorized, for exactly this.
    assert_eq!(permit.is_some(), decision.verdict() == Verdict::Authorized);
    if let Some(permit) = permit {
        assert_eq!(permit.snapshot(), snapshot.digest());
        assert_eq!(permit.action(), snapshot.action().digest());
        assert_eq!(permit.bundle(), bundle.digest());
        assert_eq!(permit.rules(), decision.rules());
    }
    // SH-1: whatever asks people can be shown to them, and nothing else.
    let shown = explain(stack, bundle, &snapshot, &decision);
    match decision.verdict() {
        Verdict::Escalated => {
            let shown = shown.unwrap();
            let ids = shown.iter().map(|rule| &rule.id);
            assert!(ids.eq(decision.rules()));
        }
        Verdict::Authorized | Verdict::Rejected => assert!(shown.is_err(), "{shown:?}"),
    }
    decision
}

/// Runs a test where Cedar may run. PO-26
fn on_stack<T: Send>(work: impl FnOnce(&BigStack) -> T + Send) -> T {
    on_big_stack(work).unwrap()
}

fn demand(decision: &Decision) -> Vec<String> {
    decision
        .demand()
        .iter()
        .map(|(group, people)| format!("{group}:{people}"))
        .collect()
}

#[test]
fn the_engine_stamp_is_true() {
    let sdk = cedar_policy::get_sdk_version();
    let lang = cedar_policy::get_lang_version();
    let stack = stack::STACK_BYTES / 1024 / 1024;
    assert_eq!(
        ENGINE,
        format!(
            "cedar {sdk}/lang {}.{}/rules 1/stack {stack}M",
            lang.major, lang.minor
        )
    );
}

#[test]
fn a_stack_proof_is_a_large_stack() {
    // PO-26: this recursion needs about 20 MiB, ten times a usual thread.
    fn deep(n: u64) -> u64 {
        let pad = core::hint::black_box([n; 512]);
        if n == 0 {
            0
        } else {
            deep(n - 1) + pad[7] % 2 + 1
        }
    }
    assert!(on_stack(|_| deep(4_000)) >= 4_000);
    let thread = BigStack::spawn("pool-1", |_| {
        (
            deep(4_000),
            std::thread::current().name().map(str::to_string),
        )
    });
    let (sum, name) = thread.unwrap().join().unwrap();
    assert!(sum >= 4_000);
    assert_eq!(name.as_deref(), Some("pool-1"));
    // A panic in there is a panic out here.
    let caught = std::panic::catch_unwind(|| on_big_stack(|_| panic!("as expected")));
    assert!(caught.is_err());
}

#[test]
fn a_bundle_reads_back() {
    // PO-3
    let bundle = Bundle::new(GRANT).unwrap();
    let bytes = bundle.encode();
    assert_eq!(Bundle::decode(&bytes), Ok(bundle.clone()));
    assert_eq!(
        bundle.digest(),
        crate::digest::Digest::of(crate::digest::Noun::Blob, &bytes)
    );
    assert_eq!(bundle.policy(), GRANT);
    for at in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        if let Ok(other) = Bundle::decode(&flipped) {
            assert_ne!(other.digest(), bundle.digest());
        }
    }
}

#[test]
fn a_bundle_for_another_engine_is_refused() {
    use crate::cbor::Value;
    let make = |version: u64, engine: &str, catalogue: u64, more: Option<&str>| {
        let mut members = alloc::vec![
            ("version", Value::from(version)),
            ("engine", Value::from(engine)),
            ("catalogue", Value::from(catalogue)),
            ("policy", Value::from("")),
        ];
        members.extend(more.map(|name| (name, Value::Null)));
        Bundle::decode(&Value::map(members).encode())
    };
    assert!(make(1, ENGINE, 1, None).is_ok());
    assert!(matches!(
        make(2, ENGINE, 1, None),
        Err(BundleError::Cbor(_))
    ));
    assert!(matches!(
        make(1, ENGINE, 1, Some("always")),
        Err(BundleError::Cbor(_))
    ));
    assert!(matches!(
        make(1, "cedar 4.14.2/lang 4.6/rules 1/stack 64M", 1, None),
        Err(BundleError::Engine { .. })
    ));
    assert_eq!(
        make(1, ENGINE, 2, None),
        Err(BundleError::Catalogue { found: 2 })
    );
    let scan = Value::map([
        ("version", Value::from(1_u64)),
        ("engine", Value::from(ENGINE)),
        ("catalogue", Value::from(1_u64)),
        ("policy", Value::from("\r\n")),
    ]);
    assert!(matches!(
        Bundle::decode(&scan.encode()),
        Err(BundleError::Scan(_))
    ));
}

#[test]
fn people_can_read_the_rules() {
    on_stack(|stack| {
        let text = format!(
            "{GRANT}\n// finance\n@id(\"esc.a\") @title(\"Look\") @escalate(\"large\") @approvers(\"finance:2\") @sla(\"PT4H\")\n\
             forbid(principal, action, resource) when {{ context.amount_minor > 1 }};\n\
             @id(\"never\") @title(\"Never\") forbid(principal, action, resource) when {{ false }};\n"
        );
        let bundle = compile(stack, &text).unwrap();
        assert_eq!(
            bundle.rules().keys().collect::<Vec<_>>(),
            ["esc.a", "grant.all", "never"]
        );
        let rule = &bundle.rules()["esc.a"];
        assert_eq!((rule.title(), rule.line()), ("Look", 5));
        assert!(rule.source().starts_with("@id(\"esc.a\")") && rule.source().ends_with("};"));
        let Effect::Escalate(escalation) = rule.effect() else {
            unreachable!()
        };
        assert_eq!(escalation.reason(), "large");
        assert_eq!(escalation.review_ms(), 14_400_000);
        assert_eq!(escalation.demand().len(), 1);
        assert_eq!(*bundle.rules()["grant.all"].effect(), Effect::Grant);
        assert_eq!(*bundle.rules()["never"].effect(), Effect::Stop);
        // PO-10: a policy that can never hold is a warning, not an error.
        assert!(
            bundle
                .warnings()
                .iter()
                .any(|warning| warning.contains("never")),
            "{:?}",
            bundle.warnings()
        );
    });
}

#[test]
fn the_schema_says_what_a_snapshot_holds() {
    // Cedar itself checks every request and every entity against the schema here; live requests are made by
    // the same function.
    on_stack(|_| {
        let schema = schema::schema().unwrap();
        let vocabulary = schema::Vocabulary::new(&schema).unwrap();
        for kind in crate::action::ActionType::ALL {
            for changed_at in [None, Some(Facts::NOON - 1), Some(Facts::NOON + 1)] {
                let mut facts = Facts::usual();
                facts.kind = kind;
                facts.changed_at = changed_at;
                vocabulary
                    .express(&facts.snapshot(), Some(&schema))
                    .unwrap();
                let action = vocabulary.action(kind);
                assert_eq!(vocabulary.kind(&action), Some(kind));
            }
        }
        // Every action of the schema is a type or a category, and each type is inside its category.
        for action in schema.actions() {
            let name = action.id().unescaped();
            let category = crate::action::Category::ALL
                .iter()
                .any(|category| name == format!("category.{category}"));
            assert!(category || vocabulary.kind(action).is_some(), "{name}");
        }
        let entities = schema.action_entities().unwrap();
        for kind in crate::action::ActionType::ALL {
            let category = format!("Agentsigna::Action::\"category.{}\"", kind.category());
            assert!(entities.is_ancestor_of(&category.parse().unwrap(), &vocabulary.action(kind)));
        }
    });
}

#[test]
fn hours_and_weekdays_are_utc() {
    // PO-9
    let clock = |millis| schema::clock(crate::time::UnixMillis::new(millis).unwrap());
    assert_eq!(clock(0), (0, 4), "1970-01-01 was a Thursday");
    assert_eq!(clock(Facts::NOON), (12, 1), "2025-11-03 was a Monday");
    assert_eq!(clock(951_782_399_999), (23, 1), "2000-02-28 was a Monday");
    assert_eq!(clock(951_868_799_999), (23, 2), "2000-02-29 was a Tuesday");
    assert_eq!(
        clock(4 * 86_400_000 - 1),
        (23, 7),
        "1970-01-04 was a Sunday"
    );
}
