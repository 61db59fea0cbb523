//! Faults of registrations, in the order of the checks.

use std::{
    string::{String, ToString as _},
    vec,
    vec::Vec,
};

use alloc::format;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde_json::{Value as Json, json};

use super::naive::{
    Raw, challenge, coordinates, cose_key, credential, public_key, registration_context, sha256,
};

type Case = (&'static str, &'static str, &'static str, Raw);

fn raw() -> Raw {
    Raw::registration()
}

/// With another COSE key.
fn with_key(key: &[u8]) -> Raw {
    raw().attested(&credential(), key)
}

fn with_id(id: &[u8]) -> Raw {
    let (x, y) = coordinates(0x50);
    raw().attested(id, &cose_key(&x, &y))
}

fn good_key() -> Vec<u8> {
    let (x, y) = coordinates(0x50);
    cose_key(&x, &y)
}

/// The COSE key with some bytes of its text in hex replaced.
fn key_with(from: &str, to: &str) -> Raw {
    let hex = HEXLOWER.encode(&good_key());
    assert!(hex.contains(from), "{from}");
    with_key(
        &HEXLOWER
            .decode(hex.replacen(from, to, 1).as_bytes())
            .unwrap(),
    )
}

#[rustfmt::skip] // one case per line
fn of_layout() -> Vec<Case> {
    let malformed = "authenticator-malformed";
    let flags = |flags: u8| raw().edit(|raw| raw.flags = flags);
    let after = |length: usize| raw().edit(|raw| raw.after.truncate(length));
    vec![
        ("authenticator-short", "the RP ID hash and nothing else", malformed, raw().edit(|raw| { raw.rp_id_hash.truncate(27); raw.after.clear() })),
        ("flags-reserved-1", "the reserved bit 1 is set", malformed, flags(0x47)),
        ("flags-reserved-5", "the reserved bit 5 is set", malformed, flags(0x65)),
        ("extensions", "ED is set, and an empty map of extensions follows", malformed, flags(0xc5).edit(|raw| raw.after.push(0xa0))),
        ("not-attested", "no new credential", malformed, flags(0x05).edit(|raw| raw.after.clear())),
        ("flags-not-attested", "a new credential, but AT is not set", malformed, flags(0x05)),
        ("aaguid-short", "an AAGUID of 15 bytes, then nothing", malformed, after(15)),
        ("credential-length-short", "one byte of the length, then nothing", malformed, after(17)),
        ("credential-cut", "a credential id shorter than its length", malformed, after(33)),
        ("credential-empty", "a credential id of no bytes", "credential-malformed", with_id(&[])),
        ("credential-256", "a credential id of 256 bytes", "credential-malformed", with_id(&[7; 256])),
        ("credential-1023", "a credential id of 1,023 bytes, which WebAuthn allows", "credential-malformed", with_id(&[7; 1023])),
        ("key-missing", "no key", malformed, after(34)),
        ("key-cut", "the key without its last byte", malformed, after(34 + 76)),
        ("key-trailing", "one byte after the key", malformed, raw().edit(|raw| raw.after.push(0))),
        ("key-not-sorted", "the key with alg before kty", malformed, key_with("01020326", "03260102")),
        ("key-long-integer", "the key with kty in two bytes", malformed, key_with("0102", "011802")),
    ]
}

#[rustfmt::skip] // one case per line
fn of_key() -> Vec<Case> {
    let bad = "bad-key";
    let (x, y) = coordinates(0x50);
    let x_hex = HEXLOWER.encode(&x);
    let p = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
    let mut off_curve = y.clone();
    off_curve[31] ^= 1;
    let ed25519 = [&HEXLOWER.decode(b"a4010103272006215820").unwrap()[..], &sha256(b"key")].concat();
    let rsa = [&HEXLOWER.decode(b"a401030339010020590100").unwrap()[..], &[0xc7; 256], &HEXLOWER.decode(b"2143010001").unwrap()].concat();
    let p384 = [&HEXLOWER.decode(b"a501020338222002215830").unwrap()[..], &[1; 48], &HEXLOWER.decode(b"225830").unwrap(), &[2; 48]].concat();
    vec![
        ("key-ed25519", "a key for Ed25519 (-8)", bad, with_key(&ed25519)),
        ("key-rs256", "a key for RS256 (-257)", bad, with_key(&rsa)),
        ("key-es384", "a key for ES384 (-35)", bad, with_key(&p384)),
        ("key-esp256", "the key with algorithm -9 (ESP256)", bad, key_with("0326", "0328")),
        ("key-secp256k1", "the key with curve 8 (secp256k1)", bad, key_with("2001", "2008")),
        ("key-without-algorithm", "the key without alg", bad, key_with("a501020326", "a40102")),
        ("key-with-id", "the key with a member more, kid", bad, key_with("a501020326", "a601020241610326")),
        ("key-y-sign", "the key with the sign of y in place of y", bad, with_key(&[&HEXLOWER.decode(b"a5010203262001215820").unwrap()[..], &x, &[0x22, 0xf5]].concat())),
        ("key-x-31", "x of 31 bytes", bad, with_key(&[&HEXLOWER.decode(b"a501020326200121581f").unwrap()[..], &x[..31], &[0x22, 0x58, 0x20], &y].concat())),
        ("key-off-curve", "a point beside the curve", bad, with_key(&cose_key(&x, &off_curve))),
        ("key-infinity", "zeros for x and y", bad, with_key(&cose_key(&[0; 32], &[0; 32]))),
        ("key-not-reduced", "x is the prime of the field", bad, key_with(&x_hex, p)),
        ("key-published", "a key whose private half is in a standard (RFC 6979)", "published-key", published()),
    ]
}

/// RFC 6979 appendix A.2.5.
fn published() -> Raw {
    let half = |text: &str| HEXLOWER.decode(text.as_bytes()).unwrap();
    let x = half("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6");
    let y = half("7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
    with_key(&cose_key(&x, &y))
}

#[rustfmt::skip] // one case per line
fn of_meaning() -> Vec<Case> {
    let with = |name: &str, value: &str| raw().member(name, Some(value));
    let flags = |flags: u8| raw().edit(|raw| raw.flags = flags);
    let other = |bytes: &[u8]| with("challenge", &format!("\"{}\"", BASE64URL_NOPAD.encode(bytes)));
    let context = registration_context();
    vec![
        ("client-1025", "client data of 1,025 bytes", "client-malformed", raw().edit(|raw| { let more = 1025 - raw.client().len(); raw.client = Some(raw.client() + &" ".repeat(more)) })),
        ("client-duplicate", "the challenge twice", "client-malformed", raw().edit(|raw| { let again = raw.members[1].clone(); raw.members.push(again) })),
        ("type-get", "the client data of an assertion", "client-type", with("type", "\"webauthn.get\"")),
        ("challenge-other", "a challenge of nobody", "wrong-challenge", other(&[0; 32])),
        ("challenge-of-sign-in", "the challenge of a sign-in", "wrong-challenge", other(&challenge("sign-in", &context))),
        ("origin-forged", "the page of somebody else", "wrong-web-origin", with("origin", "\"https://approve.example.org\"")),
        ("origin-sub-domain", "a page of a name under ours", "wrong-web-origin", with("origin", "\"https://evil.approve.example.com\"")),
        ("cross-origin", "our page inside that of somebody else", "cross-origin", with("crossOrigin", "true")),
        ("top-origin", "the page around ours is named", "cross-origin", with("topOrigin", "\"https://evil.example\"")),
        ("rp-of-the-domain", "for the RP ID above ours", "wrong-rp", raw().edit(|raw| raw.rp_id_hash = sha256(b"example.com"))),
        ("not-present", "nobody was there", "not-present", flags(0x44)),
        ("not-verified", "the device did not check who was there", "not-verified", flags(0x41)),
        ("impossible-backup", "backed up, and never to be backed up", "impossible-backup", flags(0x55)),
    ]
}

#[rustfmt::skip] // one case per line
fn good() -> Vec<(&'static str, &'static str, Raw, Vec<u8>, &'static str)> {
    let longest: Vec<u8> = (0..255).collect();
    vec![
        ("valid", "a key in one device", raw(), credential(), "single-device"),
        ("valid-eligible", "a key that may be backed up", raw().edit(|raw| raw.flags = 0x4d), credential(), "eligible"),
        ("valid-backed-up", "a key that is backed up", raw().edit(|raw| raw.flags = 0x5d), credential(), "backed-up"),
        ("valid-credential-1", "a credential id of one byte", with_id(&[0]), vec![0], "single-device"),
        ("valid-credential-255", "a credential id of 255 bytes", with_id(&longest), longest, "single-device"),
        ("valid-counter", "a device that counts for all its keys together", raw().edit(|raw| raw.counter = 77), credential(), "single-device"),
        ("valid-more-members", "members that nobody asked for", raw().member("extra", Some(r#"{"a":-1.5}"#)), credential(), "single-device"),
    ]
}

pub(super) fn cases() -> Vec<(String, Json)> {
    let mut files = Vec::new();
    for (name, description, raw, id, backup) in good() {
        let expect = json!({
            "credential": HEXLOWER.encode(&id),
            "key": HEXLOWER.encode(&public_key(0x50)),
            "aaguid": HEXLOWER.encode(&sha256(b"aaguid")[..16]),
            "counter": raw.counter,
            "backup": backup,
        });
        files.push((
            name.to_string(),
            raw.registration_file(description, &expect),
        ));
    }
    for (name, description, code, raw) in [of_layout(), of_key(), of_meaning()].concat() {
        let file = raw.registration_file(description, &json!({ "code": code }));
        files.push((name.to_string(), file));
    }
    files
}
