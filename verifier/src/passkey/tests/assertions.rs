//! Faults of assertions, in the order of the checks.

use std::{
    string::{String, ToString as _},
    vec,
    vec::Vec,
};

use alloc::format;
use data_encoding::{BASE64URL, BASE64URL_NOPAD, HEXLOWER};
use p256::ecdsa::Signature;
use serde_json::{Value as Json, json};

use super::naive::{Raw, approval, challenge, der, integer, sha256, signing_key, tagged};

type Case = (&'static str, &'static str, &'static str, Raw);

/// n, the order of P-256 (SEC 2 §2.4.2).
const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

fn raw() -> Raw {
    Raw::assertion()
}

fn with(name: &str, value: &str) -> Raw {
    raw().member(name, Some(value))
}

fn with_challenge(text: &str) -> Raw {
    with("challenge", &format!("\"{text}\""))
}

fn with_origin(text: &str) -> Raw {
    with("origin", &format!("\"{text}\""))
}

#[rustfmt::skip] // one case per line
fn of_layout() -> Vec<Case> {
    let malformed = "authenticator-malformed";
    let flags = |flags: u8| raw().edit(|raw| raw.flags = flags);
    let after = |flags: u8, after: &[u8]| raw().edit(|raw| { raw.flags = flags; raw.after = after.into() });
    vec![
        ("credential-empty", "a credential id of no bytes", "credential-malformed", raw().edit(|raw| raw.credential.clear())),
        ("credential-256", "a credential id of 256 bytes", "credential-malformed", raw().edit(|raw| raw.credential = vec![7; 256])),
        ("authenticator-short", "the RP ID hash is 31 bytes long", malformed, raw().edit(|raw| { raw.rp_id_hash.pop(); })),
        ("authenticator-trailing", "one byte after the counter", malformed, after(0x05, &[0])),
        ("authenticator-of-a-registration", "a new credential in an assertion", malformed, Raw::registration().edit(|raw| raw.members = Raw::assertion().members)),
        ("flags-attested", "AT is set, though nothing follows", malformed, flags(0x45)),
        ("flags-extensions", "ED is set, though nothing follows", malformed, flags(0x85)),
        ("extensions", "ED is set, and an empty map of extensions follows", malformed, after(0x85, &[0xa0])),
        ("extensions-without-flag", "an empty map of extensions follows without ED", malformed, after(0x05, &[0xa0])),
        ("flags-reserved-1", "the reserved bit 1 is set", malformed, flags(0x07)),
        ("flags-reserved-5", "the reserved bit 5 is set", malformed, flags(0x25)),
    ]
}

#[rustfmt::skip] // one case per line
fn of_client_data() -> Vec<Case> {
    let malformed = "client-malformed";
    let client = |change: fn(String) -> String| raw().edit(|raw| raw.client = Some(change(raw.client())));
    let with_room = |room: usize| raw().edit(|raw| { let more = room - raw.client().len(); raw.client = Some(raw.client() + &" ".repeat(more)) });
    let bytes = challenge("approval", &approval());
    // The last character has two unused bits, zero in the one form: the next character has one of them set.
    let mut loose = BASE64URL_NOPAD.encode(&bytes);
    let last = loose.pop().unwrap();
    loose.push(char::from_u32(u32::from(last) + 1).unwrap());
    vec![
        ("client-1025", "client data of 1,025 bytes", malformed, with_room(1025)),
        ("client-duplicate", "the origin twice, the second one good", malformed, client(|text| text.replace("\"origin\"", "\"origin\":\"https://evil.example\",\"origin\""))),
        ("client-duplicate-escaped", "the origin twice, once with an escape in its name", malformed, client(|text| text.replace('}', ",\"\\u006frigin\":\"https://evil.example\"}"))),
        ("client-duplicate-nested", "a member twice in a member that nobody asked for", malformed, with("extra", r#"[{"a":1,"a":2}]"#)),
        ("client-deep", "nine levels", malformed, with("extra", "[[[[[[[[1]]]]]]]]")),
        ("client-no-json", "a comma after the last member", malformed, client(|text| text.replace('}', ",}"))),
        ("client-byte-order-mark", "a byte order mark before the object", malformed, client(|text| format!("\u{feff}{text}"))),
        ("client-trailing", "a second object after the first", malformed, client(|text| text + "{}")),
        ("client-array", "the object in an array", malformed, client(|text| format!("[{text}]"))),
        ("client-empty", "nothing", malformed, client(|_| String::new())),
        ("type-missing", "no type", malformed, raw().member("type", None)),
        ("challenge-missing", "no challenge", malformed, raw().member("challenge", None)),
        ("challenge-padded", "the challenge with padding", malformed, with_challenge(&BASE64URL.encode(&bytes))),
        ("challenge-31", "31 bytes of the challenge", malformed, with_challenge(&BASE64URL_NOPAD.encode(&bytes[..31]))),
        ("challenge-33", "one byte after the challenge", malformed, with_challenge(&BASE64URL_NOPAD.encode(&[&bytes[..], &[0]].concat()))),
        ("challenge-loose", "the challenge with an unused bit set", malformed, with_challenge(&loose)),
        ("challenge-hex", "the challenge in hex", malformed, with_challenge(&HEXLOWER.encode(&bytes))),
        ("challenge-number", "a number for a challenge", malformed, with("challenge", "1")),
        ("origin-missing", "no origin", malformed, raw().member("origin", None)),
        ("origin-null", "null for an origin", malformed, with("origin", "null")),
        ("cross-origin-null", "null where true or false should be", malformed, with("crossOrigin", "null")),
    ]
}

#[rustfmt::skip] // one case per line
fn of_meaning() -> Vec<Case> {
    let rp = |rp_id: &str| raw().edit(|raw| raw.rp_id_hash = sha256(rp_id.as_bytes()));
    let flags = |flags: u8| raw().edit(|raw| raw.flags = flags);
    let other = |bytes: &[u8]| with_challenge(&BASE64URL_NOPAD.encode(bytes));
    vec![
        ("other-credential", "a credential that the context does not name", "other-credential", raw().edit(|raw| raw.credential[0] ^= 1)),
        ("type-create", "the client data of a registration", "client-type", with("type", "\"webauthn.create\"")),
        ("type-payment", "the client data of a payment", "client-type", with("type", "\"payment.get\"")),
        ("type-upper-case", "the type in upper case", "client-type", with("type", "\"WEBAUTHN.GET\"")),
        ("challenge-other", "a challenge of nobody", "wrong-challenge", other(&[0; 32])),
        ("challenge-of-sign-in", "the challenge of a sign-in, used as an approval", "wrong-challenge", other(&challenge("sign-in", &approval()))),
        ("challenge-of-act", "the challenge of an act, used as an approval", "wrong-challenge", other(&challenge("act", &approval()))),
        ("challenge-without-purpose", "the plain digest of the context", "wrong-challenge", other(&sha256(&approval()))),
        ("origin-forged", "the page of somebody else", "wrong-web-origin", with_origin("https://approve.example.org")),
        ("origin-sub-domain", "a page of a name under ours", "wrong-web-origin", with_origin("https://evil.approve.example.com")),
        ("origin-domain", "a page of the name above ours", "wrong-web-origin", with_origin("https://example.com")),
        ("origin-port", "our page at another port", "wrong-web-origin", with_origin("https://approve.example.com:8443")),
        ("origin-http", "our page without TLS", "wrong-web-origin", with_origin("http://approve.example.com")),
        ("origin-own-port", "our page with the port that is understood", "wrong-web-origin", with_origin("https://approve.example.com:443")),
        ("origin-slash", "our page with a path", "wrong-web-origin", with_origin("https://approve.example.com/")),
        ("origin-upper-case", "our page in upper case", "wrong-web-origin", with_origin("https://APPROVE.example.com")),
        ("origin-of-app", "an app", "wrong-web-origin", with_origin("android:apk-key-hash:2Dp8xh")),
        ("cross-origin", "our page inside that of somebody else", "cross-origin", with("crossOrigin", "true")),
        ("top-origin", "the page around ours is named", "cross-origin", with("topOrigin", "\"https://evil.example\"")),
        ("top-origin-own", "the page around ours is named, and is ours", "cross-origin", with("topOrigin", "\"https://approve.example.com\"")),
        ("rp-of-the-domain", "for the RP ID above ours", "wrong-rp", rp("example.com")),
        ("rp-of-the-origin", "the digest of the origin, not of the RP ID", "wrong-rp", rp("https://approve.example.com")),
        ("not-present", "nobody was there", "not-present", flags(0x04)),
        ("not-verified", "the device did not check who was there", "not-verified", flags(0x01)),
        ("no-flags", "no flag at all", "not-present", flags(0x00)),
        ("impossible-backup", "backed up, and never to be backed up", "impossible-backup", flags(0x15)),
    ]
}

/// The signature in its one form, and other forms of it.
#[rustfmt::skip] // one case per line
fn of_signatures() -> Vec<(&'static str, &'static str, &'static str, Vec<u8>)> {
    let malformed = "signature-malformed";
    let signed = raw().signed();
    let bytes = signed.to_bytes();
    let (r, s) = bytes.split_at(32);
    let sequence = |parts: &[&[u8]]| tagged(0x30, &parts.concat());
    let order = HEXLOWER.decode(ORDER.as_bytes()).unwrap();
    let zeroed = |number: &[u8]| { let inner = integer(number); tagged(2, &[&[0], &inner[2..]].concat()) };
    let long_form = |bytes: &[u8]| [&[0x30, 0x81], &bytes[1..]].concat();
    let flipped = |at: usize| { let mut bytes = der(&signed); let at = bytes.len() - at; bytes[at] ^= 1; bytes };
    let another = Raw { seed: 0x51, ..raw() };
    vec![
        ("signature-empty", "no signature", malformed, vec![]),
        ("signature-trailing", "one byte after the signature", malformed, [der(&signed), vec![0]].concat()),
        ("signature-trailing-inside", "one byte more inside the sequence", malformed, sequence(&[&integer(r), &integer(s), &[0]])),
        ("signature-zero-in-front", "r with a zero in front", malformed, sequence(&[&zeroed(r), &integer(s)])),
        ("signature-long-form", "a length in two bytes where one does", malformed, long_form(&der(&signed))),
        ("signature-negative", "r negative", malformed, sequence(&[&tagged(2, &[&[0x80], &r[1..]].concat()), &integer(s)])),
        ("signature-r-zero", "r is 0", malformed, sequence(&[&integer(&[0; 32]), &integer(s)])),
        ("signature-s-zero", "s is 0", malformed, sequence(&[&integer(r), &integer(&[0; 32])])),
        ("signature-r-order", "r is the order of the curve", malformed, sequence(&[&integer(&order), &integer(s)])),
        ("signature-s-order", "s is the order of the curve", malformed, sequence(&[&integer(r), &integer(&order)])),
        ("signature-one-integer", "r alone", malformed, sequence(&[&integer(r)])),
        ("signature-raw", "r and s side by side, without DER", malformed, bytes.to_vec()),
        ("signature-set", "a SET instead of a SEQUENCE", malformed, tagged(0x31, &[integer(r), integer(s)].concat())),
        ("signature-flipped", "one bit of s flipped", "bad-assertion", flipped(1)),
        ("signature-r-flipped", "one bit of r flipped", "bad-assertion", flipped(40)),
        ("signature-r-s-swapped", "s before r", "bad-assertion", sequence(&[&integer(s), &integer(r)])),
        ("signed-by-another-key", "the signature of another key", "bad-assertion", another.signature()),
        ("signed-with-other-counter", "signed with counter 2, shown with counter 1", "bad-assertion", raw().edit(|raw| raw.counter = 2).signature()),
        ("signed-before-uv", "signed without UV, which was added afterwards", "bad-assertion", raw().edit(|raw| raw.flags = 0x01).signature()),
        ("signed-with-other-client", "signed with a member more in the client data", "bad-assertion", raw().member("extra", Some("1")).signature()),
        ("signed-without-digest", "the client data signed, not their digest", "bad-assertion", without_digest()),
    ]
}

fn without_digest() -> Vec<u8> {
    use p256::ecdsa::signature::Signer as _;
    let message = [raw().authenticator(), raw().client().into_bytes()].concat();
    let signature: Signature = signing_key(0x50).sign(&message);
    der(&signature)
}

/// What is good: files that a strict reader could refuse by mistake.
#[rustfmt::skip] // one case per line
fn good() -> Vec<(&'static str, &'static str, Raw, u32, &'static str)> {
    let flags = |flags: u8| raw().edit(|raw| raw.flags = flags);
    vec![
        ("valid", "an approval", raw(), 1, "single-device"),
        ("valid-counter-zero", "a device that does not count", raw().edit(|raw| raw.counter = 0), 0, "single-device"),
        ("valid-counter-highest", "a counter of 32 bits", raw().edit(|raw| raw.counter = u32::MAX), u32::MAX, "single-device"),
        ("valid-eligible", "a key that may be backed up", flags(0x0d), 1, "eligible"),
        ("valid-backed-up", "a key that is backed up", flags(0x1d), 1, "backed-up"),
        ("valid-without-cross-origin", "no crossOrigin, which means false", raw().member("crossOrigin", None), 1, "single-device"),
        ("valid-more-members", "members that nobody asked for", with("extra", r#"{"a":[-1.5e-7,null,"\n"],"A":{}}"#).member("other_keys_can_be_added_here", Some("\"x\"")), 1, "single-device"),
        ("valid-members-reordered", "the members in another order, with white space", raw().edit(|raw| { raw.members.reverse(); raw.client = Some(raw.client().replace(',', " ,\n ")) }), 1, "single-device"),
        ("valid-escapes", "the origin with escapes", with_origin("https:\\/\\/approve.example.com"), 1, "single-device"),
        ("valid-localhost", "this machine, without TLS", with_origin("http://approve.localhost:8443").edit(|raw| { raw.site = "http://approve.localhost:8443".into(); raw.rp_id_hash = sha256(b"approve.localhost") }), 1, "single-device"),
    ]
}

/// Both signatures that the key has for the message: s is low in one and high in the other.
fn both_halves() -> [Signature; 2] {
    let signed = raw().signed();
    let (r, s) = signed.split_scalars();
    let other = Signature::from_scalars(r, -*s).unwrap();
    let low = signed.normalize_s();
    if low == signed {
        [signed, other]
    } else {
        [other, signed]
    }
}

pub(super) fn cases() -> Vec<(String, Json)> {
    let mut files = Vec::new();
    for (name, description, raw, counter, backup) in good() {
        let expect = json!({ "counter": counter, "backup": backup });
        let file = raw.assertion_file(description, &raw.signature(), &expect);
        files.push((name.to_string(), file));
    }
    let [low, high] = both_halves();
    for (name, description, signature) in [
        ("valid-low-s", "s in the lower half", low),
        (
            "valid-high-s",
            "s in the upper half, which devices do not avoid",
            high,
        ),
    ] {
        let expect = json!({ "counter": 1, "backup": "single-device" });
        let file = raw().assertion_file(description, &der(&signature), &expect);
        files.push((name.to_string(), file));
    }
    for (name, description, code, raw) in [of_layout(), of_client_data(), of_meaning()].concat() {
        let file = raw.assertion_file(description, &raw.signature(), &json!({ "code": code }));
        files.push((name.to_string(), file));
    }
    for (name, description, code, signature) in of_signatures() {
        let file = raw().assertion_file(description, &signature, &json!({ "code": code }));
        files.push((name.to_string(), file));
    }
    files
}
