//! Trust files: whatever is read reads the same from its canonical bytes, and keeps the promise that each key has one
//! role in one log.
#![no_main]

use std::{collections::BTreeSet, sync::LazyLock};

use agentsigna_fuzz::{changed, example_genesis, known};
use agentsigna_verifier::{
    event::FounderKey,
    limits::PASSPORT_SKEW_S_MAX,
    log::{
        note::KeyKind,
        tree::{LeafHash, TreeSize},
    },
    trust::Trust,
    verify::testing::{NamedWitness, trust_text},
};
use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

static KNOWN: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let genesis = Trust::from_genesis(&example_genesis(), LeafHash::from_bytes([7; 32]));
    let (tenant, _) = known::tenant();
    let target = format!("{}#erp", tenant.origin());
    let witness = NamedWitness::new("w.example", 9);
    let text = trust_text(&[&tenant], &witness.policy(), &[&target]);
    let known = [
        genesis.expect("the example founds a log").encode(),
        text.into_bytes(),
    ];
    assert!(known.iter().all(|bytes| Trust::parse(bytes).is_ok()));
    known
});

fuzz_target!(|data: &[u8]| {
    check(data);
    if let Some((first, rest)) = data.split_first() {
        let known = &KNOWN[usize::from(first % 2)];
        check(&changed(known, &mut Unstructured::new(rest)));
    }
});

fn check(data: &[u8]) {
    let Ok(trust) = Trust::parse(data) else {
        return;
    };
    let encoded = trust.encode();
    let again = Trust::parse(&encoded).expect("the canonical bytes are a trust file");
    assert_eq!(again, trust);
    assert_eq!(again.encode(), encoded);
    assert!(trust.skew_s() <= PASSPORT_SKEW_S_MAX);
    let mut keys = BTreeSet::new();
    let mut once = |key: &[u8]| assert!(keys.insert(key.to_vec()), "a key stands twice");
    for witness in trust.policy().witnesses() {
        once(witness.key().public_key().as_bytes());
    }
    for log in trust.logs() {
        let origin = log.origin().as_str();
        assert!(trust.log(origin) == Some(log) && !log.seal_keys().is_empty());
        for key in log.log_keys() {
            once(key.key().public_key().as_bytes());
            assert_eq!(
                (key.key().kind(), key.key().name().as_str()),
                (KeyKind::Ed25519, origin)
            );
        }
        for key in log.seal_keys() {
            once(key.key().as_bytes());
            assert_eq!(log.seal_key(key.key().cose_thumbprint()), Some(key));
        }
        match log.founder() {
            FounderKey::Ed25519(key) => once(key.as_bytes()),
            FounderKey::P256(key) => once(&key.to_bytes()),
        }
        for size in [0, 1, 256, u64::MAX >> 1]
            .into_iter()
            .filter_map(TreeSize::new)
        {
            if let Some(key) = log.log_key_at(size) {
                assert!(log.log_keys().iter().any(|listed| listed.key() == key));
            }
        }
    }
    for target in trust.targets() {
        assert!(trust.log(target.origin()).is_some());
    }
    assert_eq!(
        trust.clone().with_targets(trust.targets().to_vec()),
        Ok(trust)
    );
}
