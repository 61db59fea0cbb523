//! Witness policies: the lines read name what the text names; everybody meets the quorum, more never meet less, and
//! nobody meets it only where nobody is asked.
#![no_main]

use std::sync::LazyLock;

use agentsigna_fuzz::{changed, known};
use agentsigna_verifier::{
    log::{checkpoint::SignedCheckpoint, note::NoteKey, witness_policy::WitnessPolicy},
    verify::testing::NamedWitness,
};
use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

/// A policy of three witnesses and two groups, and a head that two of them cosigned.
static KNOWN: LazyLock<(String, SignedCheckpoint)> = LazyLock::new(|| {
    let (tenant, _) = known::tenant();
    let witnesses = [9, 10, 11].map(|seed| NamedWitness::new(&format!("w{seed}.example"), seed));
    let [a, b, c] = witnesses.each_ref().map(|witness| witness.key().encode());
    let text = format!(
        "# who is asked\nlog {}\nwitness a {a}\nwitness b {b} https://b.example/\n\twitness  c {c}\n\
         group two 2 a b\ngroup most any two c\nquorum most\n",
        tenant.log_key().encode()
    );
    (text, tenant.signed_head(&[&witnesses[0], &witnesses[1]]))
});

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = str::from_utf8(data) {
        check(text, &[data.len()]);
    }
    let choice: Vec<usize> = data.iter().map(|byte| usize::from(*byte)).collect();
    if let Ok(text) = String::from_utf8(changed(KNOWN.0.as_bytes(), &mut Unstructured::new(data))) {
        check(&text, &choice);
    }
});

fn check(text: &str, choice: &[usize]) {
    let Ok(policy) = WitnessPolicy::parse(text) else {
        assert_ne!(text, KNOWN.0);
        return;
    };
    // Each item of the policy stands in the text.
    let keys: Vec<&NoteKey> = policy
        .witnesses()
        .iter()
        .map(|witness| witness.key())
        .collect();
    assert!(keys.iter().all(|key| text.contains(&key.encode())));
    for log in policy.logs() {
        assert!(
            text.contains(&log.key().encode()) && log.url().is_none_or(|url| text.contains(url))
        );
    }
    let nobody: [&NoteKey; 0] = [];
    assert_eq!(policy.is_met_by(nobody), policy.asks_for_no_witness());
    assert!(policy.is_met_by(keys.iter().copied()));
    // One after the other, in any order: once met, always met.
    let mut some: Vec<&NoteKey> = Vec::new();
    let mut met = policy.asks_for_no_witness();
    for at in choice.iter().take(16) {
        let Some(key) = at.checked_rem(keys.len()).map(|at| keys[at]) else {
            break;
        };
        some.push(key);
        let now = policy.is_met_by(some.iter().copied());
        assert!(now || !met);
        met = now;
    }
    let signed = &KNOWN.1;
    if let Ok(quorum) = policy.check_witnesses(signed) {
        let cosigners = quorum.cosigned().iter().map(|cosigned| cosigned.key());
        assert!(policy.is_met_by(cosigners.clone()));
        assert!(cosigners.clone().all(|key| keys.contains(&key)));
        let ours = policy
            .logs()
            .iter()
            .any(|log| log.key() == signed.log_key());
        assert_eq!(policy.check(signed).is_ok(), ours);
    }
}
