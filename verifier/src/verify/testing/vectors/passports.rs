//! Faults of a Passport by itself.

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use ed25519_dalek::Signer as _;

use super::{AT_MS, Vector, witness};
use crate::{
    cbor::Value,
    decision::Verdict,
    digest::Digest,
    entry::CaseId,
    log::note::Note,
    passport::{Audience, Claims, Delivery, Passport, TYPE},
    verify::testing::{NamedWitness, Role, Tenant, acts::id, payment, signing_key},
};

fn tenant() -> (Tenant, CaseId) {
    let mut tenant = Tenant::ready(1);
    let case = tenant.authorized("r-1");
    tenant.rejected("r-2");
    (tenant, case)
}

fn vector(file: &str, bytes: Vec<u8>, answer: &'static str, description: &'static str) -> Vector {
    Vector::new(
        "passports",
        &format!("{file}.passport"),
        bytes,
        answer,
        description,
    )
}

/// A Passport whose claims were changed, then really sealed and registered.
fn forged(forge: impl FnOnce(&mut Claims)) -> Vec<u8> {
    let mut tenant = Tenant::ready(1);
    let case = tenant.request("r-1", &payment(12_500));
    tenant.decide(case, Verdict::Authorized);
    tenant.issue(case, forge);
    tenant.passport(case)
}

fn redelivered(bytes: &[u8], change: impl FnOnce(&mut Delivery)) -> Vec<u8> {
    let passport = Passport::parse(bytes).unwrap();
    let mut delivery = passport.delivery().unwrap().clone();
    change(&mut delivery);
    passport.delivered(&delivery)
}

/// The lines of the proof changed.
fn with_lines(bytes: &[u8], change: impl FnOnce(&mut Vec<String>)) -> Vec<u8> {
    redelivered(bytes, |delivery| {
        let text = String::from_utf8(delivery.proof.clone()).unwrap();
        let mut lines: Vec<String> = text.split('\n').map(String::from).collect();
        change(&mut lines);
        delivery.proof = lines.join("\n").into_bytes();
    })
}

pub(super) fn all() -> Vec<Vector> {
    let mut all = good();
    all.extend(of_claims());
    all.extend(of_layout());
    all.extend(of_keys());
    all.extend(of_proof());
    all
}

fn good() -> Vec<Vector> {
    let (tenant, case) = tenant();
    let good = tenant.passport(case);
    let seen = tenant.passport_under(case, &tenant.signed_head(&[&witness()]));
    let strange = NamedWitness::new("x.example", 8);
    let strange = tenant.passport_under(case, &tenant.signed_head(&[&witness(), &strange]));
    let claims = Passport::parse(&good).unwrap().claims().clone();
    let v = |file, answer, description| vector(file, good.clone(), answer, description);
    let mut unpinned = v(
        "unpinned",
        "INCOMPLETE unpinned",
        "judged by the trust file it came with: key taken from the artefact (Pipelock; permission-protocol 61)",
    );
    unpinned.pinned = false;
    [
        v("valid", "VALID", "a payment that policy allowed"),
        v("no-clock", "INCOMPLETE no-clock", "no time is given").at(None),
        v(
            "expired",
            "REFUSED expired",
            "asked about 30 s after its end, the skew of the trust file",
        )
        .at(Some(claims.expires_s * 1000 + 30_000)),
        v(
            "last-millisecond",
            "VALID",
            "asked about the last millisecond of end and skew",
        )
        .at(Some(claims.expires_s * 1000 + 29_999)),
        v(
            "not-yet-valid",
            "REFUSED not-yet-valid",
            "asked about a millisecond before its begin and skew",
        )
        .at(Some(claims.not_before_s * 1000 - 30_001)),
        unpinned,
        v(
            "unknown-log",
            "REFUSED unknown-issuer",
            "of a log that the trust file does not list",
        )
        .trusting("trust/other-tenant.json"),
        v("right-target", "VALID", "for the target of the trust file")
            .trusting("trust/target.json"),
        v(
            "wrong-audience",
            "REFUSED wrong-audience",
            "for another target than the holder of the trust file",
        )
        .trusting("trust/other-target.json"),
        v(
            "seal-key-window",
            "REFUSED seal-key-window",
            "sealed before the time of its key",
        )
        .trusting("trust/later-seal-key.json"),
        v(
            "log-key-window",
            "REFUSED log-key-window",
            "head of a size that the log key no longer signs",
        )
        .trusting("trust/earlier-log-key.json"),
        v(
            "no-quorum",
            "INCOMPLETE quorum",
            "the trust file asks for a witness, none has cosigned",
        )
        .trusting("trust/witness.json"),
        vector(
            "witnessed",
            seen.clone(),
            "VALID",
            "cosigned by the witness that is asked for",
        )
        .trusting("trust/witness.json"),
        vector(
            "unlisted-witness",
            seen,
            "REFUSED unknown-signature",
            "a cosignature of a witness that the trust file does not list",
        ),
        vector(
            "unknown-signature",
            strange,
            "REFUSED unknown-signature",
            "quorum met, and one line more that nobody checks",
        )
        .trusting("trust/witness.json"),
    ]
    .into()
}

fn of_claims() -> Vec<Vector> {
    let digest = Digest::from_bytes([7; 32]);
    [
        vector(
            "lifetime-900-s",
            forged(|claims| claims.expires_s = claims.not_before_s + 900),
            "VALID",
            "the longest life",
        ),
        vector(
            "lifetime-901-s",
            forged(|claims| claims.expires_s = claims.not_before_s + 901),
            "REFUSED bad-lifetime",
            "sealed for 901 s",
        ),
        vector(
            "lifetime-0-s",
            forged(|claims| claims.expires_s = claims.not_before_s),
            "REFUSED bad-lifetime",
            "sealed for no time",
        ),
        vector(
            "issued-later",
            forged(|claims| claims.issued_s += 1),
            "REFUSED issue-time",
            "iat is not nbf",
        ),
        vector(
            "backdated",
            forged(|claims| {
                claims.issued_s -= 60;
                claims.not_before_s -= 60;
                claims.expires_s -= 60;
            }),
            "REFUSED issue-time",
            "issued a minute before the log decided",
        ),
        vector(
            "action-not-its-digest",
            forged(|claims| claims.action = payment(99_999)),
            "REFUSED action-mismatch",
            "the action is another than the one digested: one consent, many payments (AP2 346)",
        ),
        vector(
            "digest-not-its-action",
            forged(|claims| claims.action_digest = digest),
            "REFUSED action-mismatch",
            "the digest is of another action",
        ),
        vector(
            "another-system",
            forged(|claims| claims.audience = Audience::new(claims.origin.clone(), id("crm"))),
            "REFUSED audience-mismatch",
            "for a system in which the action is not",
        ),
        vector(
            "another-tenants-system",
            forged(|claims| {
                claims.audience =
                    Audience::new("agentsigna.test/t/0000000000000002".to_string(), id("erp"));
            }),
            "REFUSED wrong-tenant",
            "for the system of the same name in another tenant",
        ),
        vector(
            "chain-cut",
            forged(|claims| {
                claims.chain.pop();
            }),
            "REFUSED chain-mismatch",
            "the last event before it is cut off: cut tail (agentsigna/verify)",
        ),
        vector(
            "chain-empty",
            forged(|claims| claims.chain.clear()),
            "REFUSED chain-mismatch",
            "no event before it: empty list (agentsigna/verify)",
        ),
        vector(
            "another-issuer",
            forged(|claims| claims.issuer.push('x')),
            "REFUSED unknown-issuer",
            "issued by another platform",
        ),
        vector(
            "another-log",
            forged(|claims| claims.origin = "agentsigna.test/t/0000000000000009".to_string()),
            "REFUSED unknown-issuer",
            "of a log that nobody knows",
        ),
    ]
    .into()
}

/// Sealed as they are, so that only the layout is wrong (PA-2, PA-3, PA-5).
fn of_layout() -> Vec<Vector> {
    let (tenant, case) = tenant();
    let good = tenant.passport(case);
    let claims = Passport::parse(&good).unwrap().claims().to_value();
    let delivery = Passport::parse(&good).unwrap().delivery().unwrap().clone();
    let kid = tenant.public(Role::Seal).cose_thumbprint();
    let protected = |alg: i64, typ: &str, more: Option<(i64, Value)>| {
        let members = [
            (1_i64, Value::from(alg)),
            (4, Value::bytes(kid.as_bytes())),
            (16, Value::from(typ)),
        ];
        Value::map(members.into_iter().chain(more))
    };
    // The delivered form of whatever was sealed.
    let deliver = |sealed: Vec<u8>, more: Option<(i64, Value)>| {
        let Value::Tag(tag, item) = Value::decode(&sealed, sealed.len()).unwrap() else {
            panic!()
        };
        let Value::Array(mut items) = *item else {
            panic!()
        };
        let places = [
            (-70101_i64, delivery.head.to_value()),
            (-70102, Value::bytes(&delivery.proof)),
        ];
        items[1] = Value::map(places.into_iter().chain(more));
        Value::Tag(tag, alloc::boxed::Box::new(Value::Array(items))).encode()
    };
    let sealed = |claims: &Value| tenant.seal(Role::Seal, claims);
    let edit = |label: i64, value: Option<Value>| {
        let Value::Map(members) = claims.clone() else {
            panic!()
        };
        let rest = members
            .into_iter()
            .filter(|(key, _)| *key != Value::from(label));
        Value::map(rest.chain(value.map(|value| (Value::from(label), value))))
    };
    let mut long = good.clone();
    // The tag 18 in two bytes.
    long.splice(0..1, [0xd8, 0x12]);
    let mut longer = good.clone();
    longer.push(0xf6);
    let head_0 = redelivered_value(&good, |items| items[0] = Value::Uint(0));
    let header = |alg, typ, more| {
        deliver(
            tenant.seal_with(Role::Seal, &protected(alg, typ, more), &claims.encode()),
            None,
        )
    };
    let bad = "REFUSED malformed";
    let mut all: Vec<Vector> = [
        ("alg-es256", header(-7, TYPE, None), "alg -7: a key of one kind under the label of another (permission-protocol 52)"),
        ("alg-ed25519", header(-19, TYPE, None), "alg -19, the newer name of the same algorithm: one spelling only"),
        ("typ", header(-8, "application/cose", None), "another typ: a signature made for another purpose"),
        ("protected-crit", header(-8, TYPE, Some((2, Value::array([Value::Uint(99)])))), "crit in the protected header"),
        ("unprotected-label", deliver(sealed(&claims), Some((99, Value::Null))), "a label nobody knows, unprotected: unsigned field steers the verifier (HELM 620)"),
        ("unprotected-alg", deliver(sealed(&claims), Some((1, Value::from(-8_i64)))), "alg once more, unprotected (EMILIA 714)"),
        ("claim-unknown", deliver(sealed(&edit(-70099, Some(Value::Null))), None), "a claim nobody knows"),
        ("claim-missing", deliver(sealed(&edit(-70009, None)), None), "without the chain of events"),
        ("path-rejected", deliver(sealed(&edit(-70007, Some(Value::from("rejected")))), None), "a signed rejection in the form of a Passport (agentsigna/verify; permission-protocol 49)"),
        ("path-escalated", deliver(sealed(&edit(-70007, Some(Value::from("escalated")))), None), "a signed escalation in the form of a Passport (permission-protocol 49)"),
        ("approvals", deliver(sealed(&edit(-70010, Some(Value::array([Value::Null])))), None), "an approval that is none"),
        ("exp-text", deliver(sealed(&edit(4, Some(Value::from("1795320360")))), None), "exp as text: number alias"),
        ("exp-negative", deliver(sealed(&edit(4, Some(Value::from(-1_i64)))), None), "exp before the epoch: number alias"),
        ("exp-beyond", deliver(sealed(&edit(4, Some(Value::Uint(1 << 53)))), None), "exp beyond 2^53: number alias"),
        ("!cnf-small-order", deliver(sealed(&edit(8, Some(confirmation(&[0; 32])))), None), "cnf is a key that anybody can sign for"),
        ("!cnf-published", deliver(sealed(&edit(8, Some(confirmation(&published())))), None), "cnf is the test key of RFC 8037 (permission-protocol 55)"),
        ("head-version-0", head_0, "entry head of version 0: old format selected by the attacker (HELM; Treeship)"),
    ]
    .into_iter()
    .map(|(file, bytes, description)| {
        // `malformed-`: not of the CDDL rule either. A key that may not be used has its form.
        let name = file.strip_prefix('!').map_or_else(|| format!("malformed-{file}"), String::from);
        vector(&name, bytes, bad, description)
    })
    .collect();
    let registered = Passport::parse(&good).unwrap().registered();
    all.push(vector(
        "as-registered",
        registered,
        bad,
        "without place and proof: optional proof (EMILIA)",
    ));
    for (file, bytes, description) in [
        (
            "long-tag.bin",
            long,
            "the tag in two bytes: not deterministic CBOR",
        ),
        (
            "trailing.bin",
            longer,
            "a byte string that goes on after the Passport",
        ),
        (
            "float-time.bin",
            float_time(&claims, &tenant, &delivery),
            "nbf as a float of the same value: number alias (HELM)",
        ),
        ("empty.bin", Vec::new(), "no bytes"),
    ] {
        all.push(Vector::new("passports", file, bytes, bad, description));
    }
    all
}

fn confirmation(key: &[u8]) -> Value {
    let key = Value::map([
        (1_i64, Value::Uint(1)),
        (-1, Value::Uint(6)),
        (-2, Value::bytes(key)),
    ]);
    Value::map([(1_i64, key)])
}

/// RFC 8037 appendix A.
fn published() -> Vec<u8> {
    data_encoding::BASE64URL_NOPAD
        .decode(b"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
        .unwrap()
}

/// `nbf` as a 64-bit float, sealed.
fn float_time(claims: &Value, tenant: &Tenant, delivery: &Delivery) -> Vec<u8> {
    let payload = claims.encode();
    let nbf = Passport::parse(&tenant.seal(Role::Seal, claims))
        .unwrap()
        .claims()
        .not_before_s;
    let mut integer = [0x05].to_vec();
    integer.extend(Value::Uint(nbf).encode());
    let mut float = [0x05, 0xfb].to_vec();
    #[expect(
        clippy::as_conversions,
        reason = "the number alias that the vector is about"
    )]
    float.extend((nbf as f64).to_be_bytes());
    let at = payload
        .windows(integer.len())
        .position(|window| window == integer)
        .unwrap();
    let payload = [&payload[..at], &float, &payload[at + integer.len()..]].concat();
    let protected = Value::map([
        (1_i64, Value::from(-8_i64)),
        (
            4,
            Value::bytes(tenant.public(Role::Seal).cose_thumbprint().as_bytes()),
        ),
        (16, Value::from(TYPE)),
    ]);
    let sealed = tenant.seal_with(Role::Seal, &protected, &payload);
    let Value::Tag(tag, item) = Value::decode(&sealed, sealed.len()).unwrap() else {
        panic!()
    };
    let Value::Array(mut items) = *item else {
        panic!()
    };
    items[1] = Value::map([
        (-70101_i64, delivery.head.to_value()),
        (-70102, Value::bytes(&delivery.proof)),
    ]);
    Value::Tag(tag, alloc::boxed::Box::new(Value::Array(items))).encode()
}

/// The items of the entry head changed.
fn redelivered_value(bytes: &[u8], change: impl FnOnce(&mut Vec<Value>)) -> Vec<u8> {
    let Value::Tag(tag, item) = Value::decode(bytes, bytes.len()).unwrap() else {
        panic!()
    };
    let Value::Array(mut items) = *item else {
        panic!()
    };
    let Value::Map(members) = &mut items[1] else {
        panic!()
    };
    for (_, value) in members.iter_mut() {
        if let Value::Array(head) = value {
            change(head);
            break;
        }
    }
    Value::Tag(tag, alloc::boxed::Box::new(Value::Array(items))).encode()
}

fn of_keys() -> Vec<Vector> {
    let (tenant, case) = tenant();
    let good = Passport::parse(&tenant.passport(case)).unwrap();
    let claims = good.claims().to_value();
    let other = Tenant::ready(2);
    let deliver = |sealed: &[u8]| {
        Passport::parse(sealed)
            .unwrap()
            .delivered(good.delivery().unwrap())
    };
    let protected = Value::map([
        (1_i64, Value::from(-8_i64)),
        (
            4,
            Value::bytes(tenant.public(Role::Seal).cose_thumbprint().as_bytes()),
        ),
        (16, Value::from(TYPE)),
    ]);
    [
        vector(
            "other-tenants-seal",
            deliver(&other.seal(Role::Seal, &claims)),
            "REFUSED wrong-tenant",
            "sealed by the key of another tenant of the trust file",
        )
        .trusting("trust/two-tenants.json"),
        vector(
            "strangers-seal",
            deliver(&tenant.seal(Role::Stranger, &claims)),
            "REFUSED bad-seal",
            "sealed by a key that only the Passport names: key taken from the artefact",
        ),
        vector(
            "log-keys-seal",
            deliver(&tenant.seal(Role::Log, &claims)),
            "REFUSED bad-seal",
            "sealed by the log key: one key, one role",
        ),
        vector(
            "strangers-seal-right-kid",
            deliver(&tenant.seal_with(Role::Stranger, &protected, &claims.encode())),
            "REFUSED bad-seal",
            "sealed by a stranger under the kid of the seal key",
        ),
    ]
    .into()
}

fn of_proof() -> Vec<Vector> {
    let (tenant, case) = tenant();
    let good = tenant.passport(case);
    let other = {
        let mut other = Tenant::ready(2);
        while other.entries.len() < tenant.entries.len() {
            other.enrol_counterparty(&format!("c-{}", other.entries.len()), 0);
        }
        other
    };
    let head = |change: &dyn Fn(&mut crate::entry::EntryHead)| {
        redelivered(&good, |delivery| change(&mut delivery.head))
    };
    let signed_by = |key: &ed25519_dalek::SigningKey| {
        redelivered(&good, |delivery| {
            let text = String::from_utf8(delivery.proof.clone()).unwrap();
            let (proof, note) = text.split_once("\n\n").unwrap();
            let note = Note::parse(note.as_bytes()).unwrap();
            let signature = key.sign(note.text().as_bytes()).to_bytes();
            let note = Note::new(note.text(), &[tenant.log_key().line(&signature)]).unwrap();
            delivery.proof = format!("{proof}\n\n{}", note.encode()).into_bytes();
        })
    };
    let foreign = redelivered(&good, |delivery| {
        let text = String::from_utf8(delivery.proof.clone()).unwrap();
        let (proof, _) = text.split_once("\n\n").unwrap();
        delivery.proof =
            format!("{proof}\n\n{}", other.signed_head(&[]).note().encode()).into_bytes();
    });
    let index = Passport::parse(&good)
        .unwrap()
        .delivery()
        .unwrap()
        .head
        .index;
    let neighbour = tenant
        .proof(index - 1, &tenant.signed_head(&[]))
        .into_bytes();
    [
        vector("surplus-hash", with_lines(&good, |lines| lines.insert(2, lines[2].clone())), "REFUSED surplus-hash", "one hash too many in the path (rs_merkle accepts it)"),
        vector("missing-hash", with_lines(&good, |lines| drop(lines.remove(2))), "REFUSED missing-hash", "one hash short"),
        vector("swapped-hashes", with_lines(&good, |lines| lines.swap(2, 3)), "REFUSED bad-proof", "two hashes of the path in each other's place"),
        vector("index-outside", with_lines(&good, |lines| lines[1] = "index 99".to_string()), "REFUSED outside-tree", "index not below the size: inclusion without index and size (EMILIA; Treeship)"),
        vector("neighbours-proof", redelivered(&good, |delivery| delivery.proof.clone_from(&neighbour)), "REFUSED wrong-index", "the good proof of the entry before: optional proof not compared (EMILIA)"),
        vector("neighbours-proof-and-index", redelivered(&good, |delivery| {
            delivery.proof.clone_from(&neighbour);
            delivery.head.index -= 1;
        }), "REFUSED bad-proof", "the good proof of the entry before, and its index in the head"),
        vector("proof-version-0", with_lines(&good, |lines| lines[0] = "c2sp.org/tlog-proof@v0".to_string()), "REFUSED malformed-proof", "proof of another version: old format selected by the attacker (HELM; Treeship)"),
        vector("proof-extra", with_lines(&good, |lines| lines.insert(1, "extra AAAA".to_string())), "REFUSED malformed-proof", "a line `extra`, which nobody signs"),
        vector("head-of-nobody", signed_by(&signing_key(9, Role::Stranger)), "REFUSED bad-checkpoint", "head signed by a stranger: proof against a root that nothing signed (EMILIA; wolverine-db 14)"),
        vector("head-by-seal-key", signed_by(&tenant.key(Role::Seal)), "REFUSED bad-checkpoint", "head signed by the seal key"),
        vector("other-tenants-head", foreign, "REFUSED wrong-tenant", "the good head of another tenant of the trust file").trusting("trust/two-tenants.json"),
        vector("head-origin", head(&|head| head.origin = "agentsigna.test/t/0000000000000002".to_string()), "REFUSED wrong-tenant", "entry head of another log"),
        vector("head-case", head(&|head| head.place.case = CaseId::from_bytes([0; 16])), "REFUSED case-mismatch", "entry head of another case"),
        vector("head-case-index", head(&|head| head.place.index += 1), "REFUSED chain-mismatch", "entry head of a later step"),
        vector("head-decided-at", head(&|head| head.decided_at = head.decided_at.plus(1000)), "REFUSED issue-time", "entry head of another second"),
        vector("head-sequenced-before", head(&|head| head.sequenced_at = crate::time::UnixMillis::new(AT_MS - 60_000).unwrap()), "REFUSED time-backwards", "put in order before it was decided"),
        vector("head-salt", head(&|head| head.salt[0] ^= 1), "REFUSED bad-proof", "another salt: another leaf"),
        vector("head-previous", head(&|head| head.previous = crate::log::tree::LeafHash::from_bytes([0; 32])), "REFUSED bad-proof", "another entry before: another leaf"),
    ]
    .into()
}
