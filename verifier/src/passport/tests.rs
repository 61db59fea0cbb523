//! Goal: a Passport has one reading, and only what was permitted is in it. Method: sealed by hand, member by
//! member taken away, changed, added; with feature `rules`, made from a permit.

#[cfg(feature = "rules")]
mod permits;

use alloc::{format, string::String};

use super::*;
use crate::{
    decision::Verdict,
    entry::CaseId,
    verify::testing::{Role, Tenant, payment},
};

// The labels of `spec/passport.md §3`, once more.
const SUB: i64 = 2;
const AUD: i64 = 3;
const EXP: i64 = 4;
const NBF: i64 = 5;
const IAT: i64 = 6;
const CTI: i64 = 7;
const CNF: i64 = 8;
const CASE: i64 = -70002;
const ACTION_DIGEST: i64 = -70004;
const BUNDLE: i64 = -70005;
const RULES: i64 = -70006;
const PATH: i64 = -70007;
const SNAPSHOT: i64 = -70008;
const CHAIN: i64 = -70009;
const APPROVALS: i64 = -70010;

/// A tenant with an authorized case, and the claims that a Passport for it would have.
fn authorized() -> (Tenant, CaseId, Claims) {
    let mut tenant = Tenant::ready(1);
    let case = tenant.request("r-1", &payment(12_500));
    tenant.decide(case, Verdict::Authorized);
    let claims = tenant.claims(case);
    (tenant, case, claims)
}

/// A Passport as registered, as delivered, and what it was delivered with.
fn issued() -> (Tenant, Vec<u8>, Vec<u8>, Delivery) {
    let mut tenant = Tenant::ready(1);
    let case = tenant.authorized("r-1");
    let delivered = tenant.passport(case);
    let passport = Passport::parse(&delivered).unwrap();
    let delivery = passport.delivery().unwrap().clone();
    (tenant, passport.registered(), delivered, delivery)
}

fn protected(tenant: &Tenant) -> Vec<(i64, Value)> {
    let kid = tenant.public(Role::Seal).cose_thumbprint();
    vec![
        (ALG, Value::from(EDDSA)),
        (KID, Value::bytes(kid.as_bytes())),
        (TYP, Value::from(TYPE)),
    ]
}

fn members(value: Value) -> Vec<(Value, Value)> {
    match value {
        Value::Map(members) => members,
        other => panic!("no map: {other:?}"),
    }
}

type Members = Vec<(Value, Value)>;

/// The four items of a COSE_Sign1.
fn items(bytes: &[u8]) -> Vec<Value> {
    match Value::decode(bytes, 1 << 16) {
        Ok(Value::Tag(18, item)) => match *item {
            Value::Array(items) => items,
            other => panic!("no array: {other:?}"),
        },
        other => panic!("no COSE_Sign1: {other:?}"),
    }
}

fn tagged(tag: u64, items: Vec<Value>) -> Vec<u8> {
    Value::Tag(tag, Box::new(Value::Array(items))).encode()
}

#[test]
fn registered_and_delivered_read_back() {
    let (_, registered, delivered, delivery) = issued();
    let plain = Passport::parse(&registered).unwrap();
    assert_eq!(plain.delivery(), None);
    assert_eq!(plain.registered(), registered);
    assert_eq!(plain.delivered(&delivery), delivered);
    let whole = Passport::parse(&delivered).unwrap();
    assert_eq!(whole.delivery(), Some(&delivery));
    assert_eq!(whole.registered(), registered);
    assert_eq!(whole.claims(), plain.claims());
    assert_eq!(
        Claims::from_value(whole.claims().to_value()).as_ref(),
        Ok(whole.claims())
    );
}

#[test]
fn pa_2_a_changed_byte_is_refused_or_is_another_passport() {
    let (tenant, _, delivered, _) = issued();
    let whole = Passport::parse(&delivered).unwrap();
    let seal_key = tenant.public(Role::Seal);
    let mut changed = delivered.clone();
    for at in 0..delivered.len() {
        for bit in [0x01, 0x20, 0x80] {
            changed[at] ^= bit;
            if let Ok(other) = Passport::parse(&changed) {
                assert_ne!(other, whole, "byte {at}");
                // What is sealed is the same, or it is not sealed.
                assert!(
                    other.registered() == whole.registered() || !other.is_sealed_by(&seal_key),
                    "byte {at}"
                );
            }
            changed[at] ^= bit;
        }
        assert!(Passport::parse(&delivered[..at]).is_err());
    }
}

#[test]
fn pa_2_the_claims_are_all_there_and_no_others() {
    let (tenant, _, claims) = authorized();
    let seal = |claims: Vec<(Value, Value)>| tenant.seal(Role::Seal, &Value::map(claims));
    let whole = members(claims.to_value());
    assert_eq!(whole.len(), 19);
    assert!(Passport::parse(&seal(whole.clone())).is_ok());
    for at in 0..whole.len() {
        let label = &whole[at].0;
        let mut fewer = whole.clone();
        fewer.remove(at);
        assert!(
            matches!(
                Passport::parse(&seal(fewer)),
                Err(PassportError::Cbor(CborError::Missing { .. }))
            ),
            "without {label:?}"
        );
        for wrong in [
            Value::Tag(1, Box::new(Value::Null)),
            Value::Null,
            Value::Bool(true),
        ] {
            let mut other = whole.clone();
            other[at].1 = wrong;
            assert!(
                matches!(
                    Passport::parse(&seal(other)),
                    Err(PassportError::Cbor(CborError::Unexpected { .. }))
                ),
                "{label:?}"
            );
        }
    }
    for label in [
        Value::Uint(0),
        Value::Uint(9),
        Value::from(-70012_i64),
        Value::from("iss"),
    ] {
        let mut more = whole.clone();
        more.push((label.clone(), Value::Null));
        assert!(
            matches!(
                Passport::parse(&seal(more)),
                Err(PassportError::Cbor(CborError::Unknown { .. }))
            ),
            "{label:?}"
        );
    }
}

#[test]
fn pa_2_each_claim_is_in_its_range() {
    let (tenant, _, claims) = authorized();
    let read = |label: i64, value: Value| {
        let mut changed = members(claims.to_value());
        let member = changed
            .iter_mut()
            .find(|(found, _)| *found == Value::from(label))
            .unwrap();
        member.1 = value;
        Passport::parse(&tenant.seal(Role::Seal, &Value::map(changed)))
    };
    let key = |kty: u64, crv: u64, x: &[u8]| {
        Value::map([(
            1_i64,
            Value::map([
                (1_i64, Value::Uint(kty)),
                (-1_i64, Value::Uint(crv)),
                (-2_i64, Value::bytes(x)),
            ]),
        )])
    };
    let good = claims.key.as_bytes();
    assert!(read(CNF, key(1, 6, good)).is_ok());
    let mut with_alg = members(key(1, 6, good));
    if let Value::Map(key) = &mut with_alg[0].1 {
        key.insert(1, (Value::Uint(3), Value::from(EDDSA)));
    }
    let text = |text: &str| Value::from(text);
    for (label, bad) in [
        (SUB, text("Buyer")),
        (AUD, text("erp")),
        (AUD, text("#erp")),
        (AUD, text("a#b#erp")),
        (AUD, text("log.example.com#")),
        (AUD, text("log.example.com#ERP")),
        // Milliseconds of it would not fit, so nobody could compare it with a clock.
        (EXP, Value::Uint(limits::JSON_INTEGER_MAX / 1000 + 1)),
        (NBF, Value::from(-1_i64)),
        (IAT, Value::Uint(u64::MAX)),
        (CTI, Value::bytes(&[0; 15])),
        (CTI, Value::bytes(&[0; 17])),
        (CNF, key(2, 6, good)),
        (CNF, key(1, 4, good)),
        (CNF, key(1, 6, &good[1..])),
        // DG-3.
        (CNF, key(1, 6, &[0; 32])),
        (CASE, Value::bytes(&[0; 15])),
        (ACTION_DIGEST, Value::bytes(&[0; 31])),
        (BUNDLE, Value::bytes(&[0; 33])),
        (RULES, Value::array([Value::Uint(1)])),
        (PATH, text("approved")),
        (PATH, text("Authorized")),
        (SNAPSHOT, text("")),
        (CHAIN, Value::array([Value::bytes(&[0; 31])])),
        (APPROVALS, Value::array([Value::Null])),
    ] {
        assert!(
            matches!(
                read(label, bad.clone()),
                Err(PassportError::Cbor(CborError::Unexpected { .. }))
            ),
            "{label} {bad:?}"
        );
    }
    assert!(matches!(
        read(CNF, Value::map(with_alg)),
        Err(PassportError::Cbor(CborError::Unknown { .. }))
    ));
    let audience = Audience::parse("a.example/t/0#erp").unwrap();
    assert_eq!(
        (audience.origin(), audience.system().as_str()),
        ("a.example/t/0", "erp")
    );
    assert_eq!(audience.to_string(), "a.example/t/0#erp");
}

#[test]
fn pa_2_it_is_deterministic_also_inside() {
    let (tenant, _, claims) = authorized();
    let payload = claims.to_value().encode();
    let header = Value::map(protected(&tenant));
    assert!(Passport::parse(&tenant.seal_with(Role::Seal, &header, &payload)).is_ok());
    // The same claims with a label in its long form, and with two of them in another order.
    assert_eq!(payload[..2], [0xb3, 0x01]);
    let long = [&[0xb3, 0x18, 0x01], &payload[2..]].concat();
    let mut unsorted = members(claims.to_value());
    unsorted.swap(0, 1);
    let mut twice = members(claims.to_value());
    twice.insert(0, twice[0].clone());
    for payload in [
        long,
        Value::Map(unsorted).encode(),
        Value::Map(twice).encode(),
        [&payload[..], b"\x00"].concat(),
    ] {
        let sealed = tenant.seal_with(Role::Seal, &header, &payload);
        assert_eq!(
            Passport::parse(&sealed),
            Err(PassportError::Cbor(CborError::NotDeterministic))
        );
    }
    let mut header = members(header);
    header.swap(0, 1);
    let sealed = tenant.seal_with(Role::Seal, &Value::Map(header), &payload);
    assert_eq!(
        Passport::parse(&sealed),
        Err(PassportError::Cbor(CborError::NotDeterministic))
    );
}

#[test]
fn pa_2_it_is_one_cose_sign1() {
    let (_, registered, delivered, _) = issued();
    for bytes in [registered, delivered] {
        let whole = items(&bytes);
        assert_eq!(tagged(18, whole.clone()), bytes);
        // COSE_Sign, COSE_Mac0, and none at all.
        for tag in [98, 17, 61] {
            assert!(Passport::parse(&tagged(tag, whole.clone())).is_err());
        }
        assert!(Passport::parse(&Value::Array(whole.clone()).encode()).is_err());
        for at in 0..whole.len() {
            let mut fewer = whole.clone();
            fewer.remove(at);
            assert!(Passport::parse(&tagged(18, fewer)).is_err());
            let mut wrong = whole.clone();
            wrong[at] = Value::Null;
            assert!(Passport::parse(&tagged(18, wrong)).is_err());
        }
        let mut more = whole.clone();
        more.push(Value::Null);
        assert!(Passport::parse(&tagged(18, more)).is_err());
        for length in [0, 63, 65] {
            let mut wrong = whole.clone();
            wrong[3] = Value::bytes(&vec![0; length]);
            assert!(Passport::parse(&tagged(18, wrong)).is_err());
        }
    }
}

#[test]
fn pa_3_no_header_chooses_another_algorithm() {
    let (tenant, _, claims) = authorized();
    let payload = claims.to_value().encode();
    let read = |header: Vec<(i64, Value)>| {
        Passport::parse(&tenant.seal_with(Role::Seal, &Value::map(header), &payload))
    };
    let good = protected(&tenant);
    assert!(read(good.clone()).is_ok());
    // ES256, Ed448 under its own number, none, HMAC, and EdDSA by its name.
    for alg in [
        Value::from(-7_i64),
        Value::from(-53_i64),
        Value::from(-19_i64),
        Value::Uint(0),
        Value::Uint(5),
        Value::Null,
        Value::from("EdDSA"),
    ] {
        let mut other = good.clone();
        other[0].1 = alg.clone();
        assert!(
            matches!(
                read(other),
                Err(PassportError::Cbor(CborError::Unexpected {
                    field: "alg",
                    ..
                }))
            ),
            "{alg:?}"
        );
    }
    for (at, bad) in [
        (1, Value::bytes(&[0; 31])),
        (1, Value::from("seal")),
        (2, Value::from("application/cwt")),
        (2, Value::Uint(61)),
    ] {
        let mut other = good.clone();
        other[at].1 = bad;
        assert!(matches!(
            read(other),
            Err(PassportError::Cbor(CborError::Unexpected { .. }))
        ));
    }
    for at in 0..good.len() {
        let mut fewer = good.clone();
        fewer.remove(at);
        assert!(matches!(
            read(fewer),
            Err(PassportError::Cbor(CborError::Missing { .. }))
        ));
    }
    // 2 is `crit`, 3 the content type, 33 a certificate chain that would bring its own key.
    for label in [2, 3, 33] {
        let mut more = good.clone();
        more.push((label, Value::array([])));
        assert!(matches!(
            read(more),
            Err(PassportError::Cbor(CborError::Unknown { .. }))
        ));
    }
}

#[test]
fn pa_4_only_the_key_that_is_named_sealed_it() {
    let (tenant, _, claims) = authorized();
    let key = tenant.public(Role::Seal);
    let sealed = tenant.seal(Role::Seal, &claims.to_value());
    let passport = Passport::parse(&sealed).unwrap();
    assert!(passport.is_sealed_by(&key));
    assert_eq!(passport.kid(), key.cose_thumbprint());
    for role in [Role::Log, Role::Founder, Role::Agent, Role::Stranger] {
        assert!(!passport.is_sealed_by(&tenant.public(role)), "{role:?}");
    }
    // Another key that names itself, and another key under the name of the right one.
    let own_name = Passport::parse(&tenant.seal(Role::Stranger, &claims.to_value())).unwrap();
    assert!(!own_name.is_sealed_by(&key));
    assert!(own_name.kid() != key.cose_thumbprint() || own_name.is_sealed_by(&key));
    let payload = claims.to_value().encode();
    let header = Value::map(protected(&tenant));
    let borrowed = Passport::parse(&tenant.seal_with(Role::Stranger, &header, &payload)).unwrap();
    assert_eq!(borrowed.kid(), key.cose_thumbprint());
    assert!(!borrowed.is_sealed_by(&key));
    assert!(!borrowed.is_sealed_by(&tenant.public(Role::Stranger)));
    // Each byte of signature, payload and header is under the seal.
    let whole = items(&sealed);
    for at in 0..64 {
        let mut other = whole.clone();
        if let Value::Bytes(signature) = &mut other[3] {
            signature[at] ^= 1;
        }
        let other = Passport::parse(&tagged(18, other)).unwrap();
        assert!(!other.is_sealed_by(&key), "byte {at}");
    }
    let mut claims = claims;
    claims.expires_s += 1;
    let mut other = whole.clone();
    other[2] = Value::bytes(&claims.to_value().encode());
    assert!(
        !Passport::parse(&tagged(18, other))
            .unwrap()
            .is_sealed_by(&key)
    );
    // RFC 9052 §4.4: the context string is part of what is signed.
    let Value::Bytes(signature) = &whole[3] else {
        panic!("no signature")
    };
    assert!(!key.verifies(&payload, signature));
}

#[test]
fn pa_5_the_unprotected_header_is_empty_or_head_and_proof() {
    let (_, registered, delivered, _) = issued();
    let with = |change: &dyn Fn(&mut Members)| {
        let mut whole = items(&delivered);
        let mut header = members(whole[1].clone());
        change(&mut header);
        whole[1] = Value::map(header);
        Passport::parse(&tagged(18, whole))
    };
    assert!(with(&|_| {}).is_ok());
    for at in 0..2 {
        assert!(matches!(
            with(&|header| {
                header.remove(at);
            }),
            Err(PassportError::Cbor(CborError::Missing { .. }))
        ));
        assert!(
            with(&|header| header[at].1 = Value::from("text")).is_err(),
            "{at}"
        );
    }
    // An unprotected label is nobody's word: 1 could name an algorithm, 4 a key, 33 a certificate.
    for label in [
        Value::Uint(1),
        Value::Uint(4),
        Value::Uint(33),
        Value::from(-70103_i64),
        Value::from("note"),
    ] {
        let more = with(&|header| header.push((label.clone(), Value::Uint(1))));
        assert!(
            matches!(more, Err(PassportError::Cbor(CborError::Unknown { .. }))),
            "{label:?}"
        );
        let mut alone = items(&registered);
        alone[1] = Value::map([(label.clone(), Value::Uint(1))]);
        assert!(Passport::parse(&tagged(18, alone)).is_err(), "{label:?}");
    }
    // A head of a later version is told apart (EN-2).
    let later = with(&|header| {
        for (_, value) in header {
            if let Value::Array(head) = value {
                head[0] = Value::Uint(2);
            }
        }
    });
    assert_eq!(
        later,
        Err(PassportError::Head(EntryError::Version { found: 2 }))
    );
}

#[test]
fn pa_2_it_is_at_most_6_kib() {
    let (_, registered, _, mut delivery) = issued();
    let passport = Passport::parse(&registered).unwrap();
    let over = |delivery: &Delivery| {
        passport.delivered(delivery).len() as i64 - limits::PASSPORT_BYTES_MAX as i64
    };
    delivery.proof = vec![b'x'; limits::PASSPORT_BYTES_MAX];
    let too_many = usize::try_from(over(&delivery)).unwrap();
    delivery
        .proof
        .truncate(limits::PASSPORT_BYTES_MAX - too_many);
    assert_eq!(over(&delivery), 0);
    assert!(Passport::parse(&passport.delivered(&delivery)).is_ok());
    delivery.proof.push(b'x');
    assert_eq!(
        Passport::parse(&passport.delivered(&delivery)),
        Err(PassportError::Cbor(CborError::TooLong {
            found: limits::PASSPORT_BYTES_MAX + 1,
            max: limits::PASSPORT_BYTES_MAX
        }))
    );
}

/// Rule ids of `bytes` altogether, as many as a decision may name.
fn rule_ids(bytes: usize) -> Vec<String> {
    (0..bytes / 60)
        .map(|n| format!("{n:060}"))
        .chain((!bytes.is_multiple_of(60)).then(|| "x".repeat(bytes % 60)))
        .collect()
}

#[test]
fn pa_7_head_and_proof_find_room() {
    let (tenant, case, mut claims) = authorized();
    let sealed = |claims: &Claims| tenant.seal(Role::Seal, &claims.to_value());
    claims.rules = Vec::new();
    let mut bytes = 0;
    loop {
        claims.rules = rule_ids(bytes + 1);
        if sealed(&claims).len() > limits::PASSPORT_SEALED_BYTES_MAX {
            break;
        }
        bytes += 1;
    }
    let long = sealed(&claims);
    assert!(matches!(
        Passport::parse(&long),
        Err(PassportError::NoRoom { found }) if found == long.len()
    ));
    claims.rules = rule_ids(bytes);
    let registered = sealed(&claims);
    assert!(registered.len() > limits::PASSPORT_SEALED_BYTES_MAX - 4);
    let passport = Passport::parse(&registered).unwrap();

    // What the page promises: 30 hashes, the log's line and a cosignature, at the end of a log of 2^30 entries.
    let mut issued = tenant.clone();
    let index = issued.issue(case, |_| {});
    let mut head = issued.entry_head(index);
    head.index = 1 << 30;
    let mut proof = String::from("c2sp.org/tlog-proof@v1\nindex 1073741824\n");
    for _ in 0..30 {
        proof.push_str(&format!("{}\n", "A".repeat(44)));
    }
    proof.push_str(&format!(
        "\n{}\n1073741825\n{}\n\n",
        head.origin,
        "A".repeat(44)
    ));
    proof.push_str(&format!("— {} {}\n", head.origin, "A".repeat(92)));
    proof.push_str(&format!(
        "— {} {}\n",
        "witness.example.com/w1",
        "A".repeat(104)
    ));
    let delivery = Delivery {
        head,
        proof: proof.into_bytes(),
    };
    let delivered = passport.delivered(&delivery);
    assert!(Passport::parse(&delivered).is_ok(), "{}", delivered.len());

    // A decision may name more rules than a Passport: 16 KiB.
    claims.rules = rule_ids(crate::decision::RULE_IDS_BYTES_MAX);
    assert!(Passport::parse(&sealed(&claims)).is_err());
}
