//! Policies: text is scanned, put into a bundle, compiled and asked. The same text gives the same bytes, rules and
//! verdicts; nothing is authorized that the built-in rules refuse, and without a rule nothing is authorized at all.
#![no_main]

use std::sync::LazyLock;

use agentsigna_verifier::{
    cbor::Value,
    decision::{self, Decision, Verdict},
    entry::{Entry, Event},
    event::Body,
    limits::POLICY_SOURCE_BYTES_MAX,
    rules::{BigStack, Bundle, CompiledBundle, decide, on_big_stack},
    snapshot::Snapshot,
};
use libfuzzer_sys::fuzz_target;

/// What is asked: the snapshots of the examples.
static SNAPSHOTS: LazyLock<Vec<Snapshot>> = LazyLock::new(|| {
    let events = agentsigna_fuzz::example_entries().into_iter().map(|bytes| {
        let entry = Entry::decode(&bytes).expect("an example is an entry");
        Event::decode(&entry.event).expect("an example holds an event")
    });
    let snapshots: Vec<Snapshot> = events
        .filter_map(|event| match event.body {
            Body::DecisionMade(made) => Some(made.snapshot),
            _ => None,
        })
        .collect();
    assert!(!snapshots.is_empty());
    snapshots
});

fuzz_target!(|data: &[u8]| {
    let mut bundles = Vec::new();
    if let Ok(bundle) = Bundle::decode(data) {
        assert_eq!(bundle.encode(), data);
        bundles.push(bundle);
    }
    if let Ok(text) = str::from_utf8(data) {
        match Bundle::new(text) {
            Ok(bundle) => {
                assert_eq!(bundle.policy(), text);
                assert_eq!(Bundle::decode(&bundle.encode()).as_ref(), Ok(&bundle));
                bundles.push(bundle);
            }
            Err(error) => {
                assert!(error.place.line >= 1 && error.place.column >= 1);
                assert!(!error.fault.code().is_empty());
            }
        }
    }
    if !bundles.is_empty() {
        let run = on_big_stack(|stack| bundles.iter().for_each(|bundle| run(stack, bundle)));
        run.expect("there is a thread");
    }
});

fn run(stack: &BigStack, bundle: &Bundle) {
    let text = bundle.policy();
    assert!(
        text.len() <= POLICY_SOURCE_BYTES_MAX
            && !text.contains(|c: char| c.is_control() && !"\n\r\t".contains(c))
    );
    let Ok(compiled) = CompiledBundle::compile(stack, bundle) else {
        return;
    };
    assert_eq!(compiled.digest(), bundle.digest());
    for (id, rule) in compiled.rules() {
        assert!(decision::is_rule_id(id) && !id.starts_with("builtin."));
        assert!(text.contains(rule.source()) && !rule.title().is_empty());
        assert!((1..=text.lines().count()).contains(&rule.line()));
    }
    let again = CompiledBundle::compile(stack, bundle).expect("it compiled before");
    assert_eq!(
        again.rules().keys().collect::<Vec<_>>(),
        compiled.rules().keys().collect::<Vec<_>>()
    );
    assert_eq!(again.warnings(), compiled.warnings());
    for snapshot in &*SNAPSHOTS {
        let snapshot = snapshot.clone().under_bundle(Some(bundle.digest()));
        let (made, permit) = decide(stack, Some(&compiled), &snapshot).into_parts();
        let (second, _) = decide(stack, Some(&again), &snapshot).into_parts();
        assert_eq!(second, made);
        judge(&made, &snapshot, &compiled);
        assert_eq!(permit.is_some(), made.verdict() == Verdict::Authorized);
        if let Some(permit) = permit {
            assert_eq!(permit.snapshot(), snapshot.digest());
            assert_eq!(permit.action(), snapshot.action().digest());
            assert_eq!(
                (permit.bundle(), permit.rules()),
                (bundle.digest(), made.rules())
            );
        }
    }
}

fn judge(made: &Decision, snapshot: &Snapshot, compiled: &CompiledBundle) {
    let value = made.to_value();
    let bytes = value.encode();
    assert_eq!(Decision::from_value(value).as_ref(), Ok(made));
    assert_eq!(
        Value::decode(&bytes, bytes.len()).map(|value| value.encode()),
        Ok(bytes)
    );
    for rule in made.rules() {
        assert!(rule.starts_with("builtin.") || compiled.rules().contains_key(rule));
    }
    match made.verdict() {
        Verdict::Authorized => {
            assert!(
                decision::refusals(snapshot).is_empty() && decision::oversight(snapshot).is_empty()
            );
            assert!(
                made.rules()
                    .iter()
                    .any(|rule| compiled.rules().contains_key(rule))
            );
        }
        Verdict::Escalated => assert!(decision::refusals(snapshot).is_empty()),
        Verdict::Rejected => {}
    }
    if compiled.rules().is_empty() {
        assert_eq!(made.verdict(), Verdict::Rejected);
    }
}
