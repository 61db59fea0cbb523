//! Passports and their claims: whatever is read is written again as it was read, registered and delivered say the same,
//! and no change to a sealed Passport keeps its seal.
#![no_main]

use std::sync::LazyLock;

use agentsigna_fuzz::{changed, file};
use agentsigna_verifier::{
    cbor::Value,
    key::PublicKey,
    limits,
    passport::{Audience, Passport},
};
use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

/// The Passport of the examples, and the key that sealed it.
static SEALED: LazyLock<(Vec<u8>, Passport, PublicKey)> = LazyLock::new(|| {
    let bytes = file("spec/examples/po-1001.passport");
    let passport = Passport::parse(&bytes).expect("the example is a Passport");
    let genesis = agentsigna_fuzz::example_genesis();
    assert!(passport.is_sealed_by(&genesis.seal_key));
    (bytes, passport, genesis.seal_key)
});

/// The claims of a Passport that people agreed to.
static APPROVED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let bytes = file("spec/examples/approval/agreed.passport");
    let passport = Passport::parse(&bytes).expect("the example is a Passport");
    assert!(passport.claims().path.approvals().is_some());
    passport.claims().to_value().encode()
});

fuzz_target!(|data: &[u8]| {
    check(data);
    check(&with_payload(data.to_vec()));
    let payload = SEALED.1.claims().to_value().encode();
    check(&with_payload(changed(
        &payload,
        &mut Unstructured::new(data),
    )));
    check(&with_payload(changed(
        &APPROVED,
        &mut Unstructured::new(data),
    )));
    check(&changed(&SEALED.0, &mut Unstructured::new(data)));
});

/// The example, registered, with other claims under its seal.
fn with_payload(payload: Vec<u8>) -> Vec<u8> {
    let registered = SEALED.1.registered();
    let Ok(Value::Tag(tag, item)) = Value::decode(&registered, limits::PASSPORT_BYTES_MAX) else {
        panic!("a Passport is a tagged item");
    };
    let Value::Array(mut items) = *item else {
        panic!("a Passport is an array");
    };
    items[2] = Value::Bytes(payload);
    Value::Tag(tag, Box::new(Value::Array(items))).encode()
}

fn check(data: &[u8]) {
    let (_, known, seal_key) = &*SEALED;
    let Ok(passport) = Passport::parse(data) else {
        return;
    };
    let registered = passport.registered();
    let again = Passport::parse(&registered).expect("the registered form is a Passport");
    assert_eq!(again.delivery(), None);
    assert_eq!(
        (again.claims(), again.kid()),
        (passport.claims(), passport.kid())
    );
    assert_eq!(again.registered(), registered);
    let audience = &passport.claims().audience;
    assert_eq!(
        Audience::parse(&audience.to_string()).as_ref(),
        Some(audience)
    );
    match passport.delivery() {
        Some(delivery) => {
            assert_eq!(passport.delivered(delivery), data);
            assert_eq!(again.delivered(delivery), data);
        }
        None => assert_eq!(registered, data),
    }
    // PA-4.
    let sealed = passport.is_sealed_by(seal_key);
    assert_eq!(sealed, registered == known.registered());
}
