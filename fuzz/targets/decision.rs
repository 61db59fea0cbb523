//! Action, snapshot, decision: whatever is read is written again as it was read, and the rules that are built in never
//! change their mind.
#![no_main]

use agentsigna_verifier::{
    action::{Action, Exponent},
    cbor::Value,
    decision::{self, BuiltinRule, Decision, Verdict},
    limits,
    snapshot::Snapshot,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(value) = Value::decode(data, limits::ENTRY_BYTES_MAX) else {
        assert!(Action::decode(data).is_err());
        assert!(Snapshot::decode(data).is_err());
        return;
    };
    let action = Action::decode(data);
    assert_eq!(action, Action::from_value(value.clone()));
    let snapshot = Snapshot::decode(data);
    assert_eq!(snapshot, Snapshot::from_value(value.clone()));
    let decision = Decision::from_value(value);
    assert!(
        u8::from(action.is_ok()) + u8::from(snapshot.is_ok()) + u8::from(decision.is_ok()) <= 1
    );
    if let Ok(action) = action {
        judge(&action, data);
    }
    if let Ok(snapshot) = snapshot {
        assert_eq!(snapshot.to_value().encode(), data);
        judge(snapshot.action(), &snapshot.action().encode());
        weigh(&snapshot);
    }
    if let Ok(decision) = decision {
        assert_eq!(decision.to_value().encode(), data);
        let escalated = decision.verdict() == Verdict::Escalated;
        assert_eq!(decision.review_ms().is_some(), escalated);
        assert_eq!(!decision.demand().is_empty(), escalated);
        assert!(!decision.rules().is_empty());
        assert!(decision.rules().is_sorted_by(|a, b| a < b));
    }
});

fn judge(action: &Action, bytes: &[u8]) {
    assert_eq!(action.encode(), bytes);
    assert_eq!(Action::decode(bytes).as_ref(), Ok(action));
    let mut before = None;
    for digits in 0..=4 {
        let exponent = Exponent::new(digits).expect("0 to 4 are exponents");
        let band = action.band(exponent);
        assert!(band >= action.kind().band_floor());
        // More digits make the same number of minor units worth less.
        assert!(before.is_none_or(|before| band <= before));
        before = Some(band);
    }
}

fn weigh(snapshot: &Snapshot) {
    let refusals = decision::refusals(snapshot);
    let always = decision::always_escalates(snapshot);
    let oversight = decision::oversight(snapshot);
    let all = refusals.iter().chain(&oversight);
    assert!(
        all.clone()
            .all(|rule| decision::is_rule_id(rule.id()) && !rule.title().is_empty())
    );
    // PO-22: what a person always decides is a part of what is overseen.
    assert!(always.is_subset(&oversight));
    let kind = snapshot.action().kind();
    let named = BuiltinRule::Always(kind.category());
    assert_eq!(always.contains(&named), kind.always_escalates());
    assert!(decision::exposure_after_minor(snapshot) >= snapshot.agent().exposure_minor());
    // Which bundle is named changes nothing but the name.
    let other = snapshot.clone().under_bundle(None);
    assert_eq!(other.bundle(), None);
    assert_eq!(decision::refusals(&other), refusals);
    assert_eq!(decision::oversight(&other), oversight);
}
