//! The cases: one fault each, everything else as a valid client would send it.

use std::{string::String, vec, vec::Vec};

use alloc::{format, string::ToString as _};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde_json::Value;

use super::{
    super::Profile,
    signer::{BODY, NOW_S, Raw, digest_header, public_key},
};

fn valid() -> Raw {
    Raw::valid(Profile::Action)
}

pub(super) type Case = (&'static str, &'static str, Option<&'static str>, Raw);

pub(super) fn cases() -> Vec<Case> {
    [
        valid_cases(),
        header_faults(),
        component_faults(),
        later_faults(),
    ]
    .concat()
}

/// Each profile, and values at the edge of what is allowed.
#[rustfmt::skip] // one case per line
fn valid_cases() -> Vec<Case> {
    let other = |authority| valid().line("@authority", authority);
    vec![
        ("valid-action", "an agent asks for authority", None, valid()),
        ("valid-read", "an agent reads a case", None, Raw::valid(Profile::Read)),
        ("valid-enrol", "a key enrols", None, Raw::valid(Profile::Enrol)),
        ("valid-founder", "the founder key activates a policy", None, Raw::valid(Profile::Founder)),
        ("valid-exec", "an agent shows its Passport to a target system", None, Raw::valid(Profile::Exec)),
        ("valid-port", "an authority with a port", None, other("localhost:8443")),
        ("valid-ipv6", "an IPv6 authority with a port", None, other("[::1]:8443")),
        ("valid-nonce-43", "the longest nonce", None, valid().parameter("nonce", &format!("\"{}\"", "aZ09-_".repeat(8).get(..43).unwrap()))),
        ("valid-created-5-s-ahead", "created exactly 5 s ahead of the server's clock", None, valid().edit(|raw| raw.now_ms = (NOW_S - 15) * 1000)),
        ("valid-last-millisecond", "the clock shows exactly the second of expiry", None, valid().edit(|raw| raw.now_ms = (NOW_S + 50) * 1000)),
        ("valid-life-1", "a life of 1 s", None, valid().parameter("expires", &(NOW_S - 9).to_string()).edit(|raw| raw.now_ms -= 10_000)),
        ("valid-empty-content", "content of no bytes", None, valid().line("content-digest", &digest_header("")).edit(|raw| raw.body.clear())),
    ]
}

/// RQ-1, RQ-2, RQ-3, RQ-4, RQ-5, RQ-6, RQ-7, RQ-8.
#[rustfmt::skip] // one case per line
fn header_faults() -> Vec<Case> {
    let malformed = Some("signature-malformed");
    let components = Some("signature-components");
    let nonce = Some("signature-nonce");
    let created = |value| valid().parameter("created", value);
    vec![
        ("missing-signature-input", "no Signature-Input", Some("signature-missing"), valid().send("signature-input", None)),
        ("missing-signature", "no Signature", Some("signature-missing"), valid().send("signature", None)),
        ("too-long-signature-input", "Signature-Input of more than 512 bytes", Some("component-too-long"), valid().parameter("nonce", &format!("\"{}\"", "a".repeat(400)))),
        ("too-long-target", "a request target of 2049 bytes", Some("component-too-long"), valid().line("@request-target", &format!("/{}", "a".repeat(2048)))),
        ("label", "another label in both headers", Some("signature-label"), valid().edit(|raw| raw.label = "sig1".into())),
        ("label-of-input", "another label in Signature-Input", Some("signature-label"), valid().send("signature-input", Some(&valid().value("signature-input").unwrap().replace("as1=", "as2=")))),
        ("label-of-signature", "another label in Signature", Some("signature-label"), valid().send("signature", Some(&valid().value("signature").unwrap().replace("as1=", "as2=")))),
        ("label-empty-input", "an empty Signature-Input", Some("signature-label"), valid().send("signature-input", Some(""))),
        ("components-order", "two components in another order", components, valid().edit(|raw| raw.lines.swap(0, 1))),
        ("components-extra", "one component more", components, valid().edit(|raw| { raw.lines.push(("date".into(), "Tue, 22 Nov 2026 05:00:00 GMT".into())) })),
        ("components-missing", "the content digest not covered", components, valid().without_line("content-digest").send("content-digest", Some(&digest_header(BODY)))),
        ("components-none", "nothing covered", components, valid().edit(|raw| raw.lines.clear()).send("@method", Some("POST")).send("@authority", Some("authority.example.com")).send("@request-target", Some("/v1/actions"))),
        ("components-parameter", "a component with a parameter", components, valid().send("signature-input", Some(&valid().value("signature-input").unwrap().replace("\"@method\"", "\"@method\";req")))),
        ("components-of-read", "the components of the read profile", components, valid().without_line("content-type").without_line("content-digest").send("content-type", Some("application/json")).send("content-digest", Some(&digest_header(BODY)))),
        ("parameter-created-missing", "no created", malformed, valid().without_parameter("created")),
        ("parameter-expires-missing", "no expires", malformed, valid().without_parameter("expires")),
        ("parameter-nonce-missing", "no nonce", malformed, valid().without_parameter("nonce")),
        ("parameter-keyid-missing", "no keyid", malformed, valid().without_parameter("keyid")),
        ("parameter-alg-missing", "no alg", malformed, valid().without_parameter("alg")),
        ("parameter-tag-missing", "no tag", malformed, valid().without_parameter("tag")),
        ("parameter-unknown", "one parameter more", malformed, valid().edit(|raw| raw.parameters.push(("aud".into(), "\"x\"".into())))),
        ("parameter-unknown-first", "one parameter more, before the others", malformed, valid().edit(|raw| raw.parameters.insert(0, ("aud".into(), "\"x\"".into())))),
        ("parameter-twice", "created twice", malformed, valid().edit(|raw| { raw.parameters.insert(1, ("created".into(), NOW_S.to_string())) })),
        ("parameter-order", "expires before created", malformed, valid().edit(|raw| raw.parameters.swap(0, 1))),
        ("parameter-nonce-in-exec", "a nonce in the profile that has none", malformed, Raw::valid(Profile::Exec).edit(|raw| { raw.parameters.insert(2, ("nonce".into(), "\"q83vEjRWeJCrze8SNFZ4kA\"".into())) })),
        ("created-leading-zero", "created with a leading zero", malformed, created("01795320000")),
        ("created-plus", "created with a plus sign", malformed, created("+1795320000")),
        ("created-minus", "created with a minus sign", malformed, created("-1")),
        ("created-fraction", "created as a fraction", malformed, created("1795320000.0")),
        ("created-string", "created as a string", malformed, created("\"1795320000\"")),
        ("created-empty", "created without a value", malformed, created("")),
        ("created-too-large", "created beyond 2^53 - 1 ms", malformed, created("9007199254741")),
        ("created-beyond-64-bits", "created of 20 digits", malformed, created("18446744073709551616")),
        ("space-after-semicolon", "white space that structured fields allow", malformed, valid().send("signature-input", Some(&valid().value("signature-input").unwrap().replace(";expires", "; expires")))),
        ("nonce-short", "a nonce of 21 characters", nonce, valid().parameter("nonce", &format!("\"{}\"", "a".repeat(21)))),
        ("nonce-long", "a nonce of 44 characters", nonce, valid().parameter("nonce", &format!("\"{}\"", "a".repeat(44)))),
        ("nonce-alphabet", "a nonce of base64 instead of base64url", nonce, valid().parameter("nonce", "\"q83vEjRWeJCrze8SNFZ4+/\"")),
        ("nonce-escape", "a quotation mark, escaped, in the nonce", malformed, valid().parameter("nonce", "\"q83vEjRWeJCrze8SNFZ4\\\"k\"")),
        ("nonce-token", "a nonce without quotation marks", malformed, valid().parameter("nonce", "q83vEjRWeJCrze8SNFZ4kA")),
        ("nonce-open", "a string that does not end", malformed, valid().edit(|raw| raw.parameters.truncate(2)).edit(|raw| { raw.parameters.push(("nonce".into(), "\"q83vEjRWeJCrze8SNFZ4kA".into())) })),
        ("keyid-short", "a keyid of 42 characters", malformed, valid().parameter("keyid", &format!("\"{}\"", "A".repeat(42)))),
        ("keyid-not-canonical", "a keyid whose unused bits are set", malformed, valid().parameter("keyid", &format!("\"{}B\"", "A".repeat(42)))),
        ("alg", "another algorithm", Some("signature-algorithm"), valid().parameter("alg", "\"hmac-sha256\"")),
        ("alg-upper-case", "the algorithm in upper case", Some("signature-algorithm"), valid().parameter("alg", "\"ED25519\"")),
        ("tag-of-read", "the tag of another profile", Some("signature-tag"), valid().parameter("tag", "\"agentsigna-read-v1\"")),
        ("tag-of-enrol", "the tag of a profile with the same components", Some("signature-tag"), valid().parameter("tag", "\"agentsigna-enrol-v1\"")),
        ("tag-unknown", "the tag of a stranger", Some("signature-tag"), valid().parameter("tag", "\"web-bot-auth\"")),
        ("trailing-garbage", "a character after the last parameter", malformed, valid().edit(|raw| raw.input_suffix = " ".into())),
        ("second-signature-input", "a second member in Signature-Input", malformed, valid().edit(|raw| raw.input_suffix = ", as2=();created=1".into())),
        ("second-signature", "a second member in Signature", malformed, valid().edit(|raw| raw.signature_suffix = ", as2=:AA==:".into())),
        ("signature-trailing-garbage", "a character after Signature", malformed, valid().edit(|raw| raw.signature_suffix = ";".into())),
        ("signature-63-bytes", "a signature one byte short", malformed, valid().send("signature", Some(&format!("as1=:{}:", BASE64.encode(&valid().signature()[..63]))))),
        ("signature-not-canonical", "base64 whose unused bits are set", malformed, valid().send("signature", Some(&loose_base64(&valid().value("signature").unwrap(), 5 + 85)))),
        ("signature-unpadded", "base64 without padding", malformed, valid().send("signature", Some(&valid().value("signature").unwrap().replace("==:", ":")))),
        ("signature-base64url", "base64url instead of base64", malformed, valid().send("signature", Some(&format!("as1=:{}:", BASE64URL_NOPAD.encode(&valid().signature()))))),
        ("control-in-input", "a line feed in Signature-Input", malformed, valid().edit(|raw| raw.input_suffix = "\r\nx: y".into())),
        ("control-in-nonce", "a control character in the nonce", malformed, valid().parameter("nonce", "\"q83vEjRWeJCrze8SNFZ4kA\t\"")),
        ("not-ascii-in-nonce", "a character outside ASCII in the nonce", malformed, valid().parameter("nonce", "\"q83vEjRWeJCrze8SNFZ4k\u{e9}\"")),
    ]
}

/// RQ-9, RQ-10, RQ-11, RQ-12, RQ-13, RQ-14, RQ-15, RQ-16.
#[rustfmt::skip] // one case per line
fn component_faults() -> Vec<Case> {
    let malformed = Some("component-malformed");
    let method = |value| valid().line("@method", value);
    let authority = |value| valid().line("@authority", value);
    let target = |value| valid().line("@request-target", value);
    let kind = |value| valid().line("content-type", value);
    let digest = |value: &str| valid().line("content-digest", value);
    let right = digest_header(BODY);
    let sha512 = format!("sha-512=:{}:", BASE64.encode(&[7; 64]));
    let exec = || Raw::valid(Profile::Exec);
    vec![
        ("method-lower-case", "a method in lower case", malformed, method("post")),
        ("method-empty", "no method", malformed, method("")),
        ("method-line-feed", "a method that forges a line of the base", malformed, method("POST\n\"x\": y")),
        ("method-read-post", "a read profile that is not GET", malformed, Raw::valid(Profile::Read).line("@method", "POST")),
        ("authority-upper-case", "a host in upper case", malformed, authority("Authority.example.com")),
        ("authority-default-port", "the default port, written out", malformed, authority("authority.example.com:443")),
        ("authority-port-zero", "a port with a leading zero", malformed, authority("authority.example.com:08443")),
        ("authority-empty-port", "a colon without a port", malformed, authority("authority.example.com:")),
        ("authority-port-65536", "a port that does not exist", malformed, authority("authority.example.com:65536")),
        ("authority-user", "a user before the host", malformed, authority("me@authority.example.com")),
        ("authority-trailing-dot", "a dot after the host", malformed, authority("authority.example.com.")),
        ("authority-ipv6-long", "an IPv6 address not in its short form", malformed, authority("[0:0:0:0:0:0:0:1]")),
        ("target-absolute", "a target in absolute-form", malformed, target("https://authority.example.com/v1/actions")),
        ("target-fragment", "a target with a fragment", malformed, target("/v1/actions#x")),
        ("target-space", "a space in the target", malformed, target("/v1/actions HTTP/1.1")),
        ("target-percent", "a percent sign without two digits", malformed, target("/v1/actions%2")),
        ("target-control", "a line feed in the target", malformed, target("/v1/actions\n\"content-type\": x")),
        ("target-not-ascii", "a character outside ASCII in the target", malformed, target("/v1/acti\u{f6}ns")),
        ("content-type-missing", "no Content-Type", Some("component-missing"), valid().send("content-type", None)),
        ("content-type-space", "a space before the content type", malformed, kind(" application/json")),
        ("content-type-line-feed", "a line feed in the content type", malformed, kind("application/json\r\nx: y")),
        ("digest-missing", "no Content-Digest", Some("component-missing"), valid().send("content-digest", None)),
        ("digest-two", "two members, sha-256 first", malformed, digest(&format!("{right}, {sha512}"))),
        ("digest-two-sha-256", "sha-256 twice", malformed, digest(&format!("{right}, {right}"))),
        ("digest-sha-512", "sha-512 alone", malformed, digest(&sha512)),
        ("digest-not-canonical", "base64 whose unused bits are set", malformed, digest(&loose_base64(&right, 9 + 42))),
        ("digest-unpadded", "base64 without padding", malformed, digest(&right.replace("=:", ":").replacen("sha-256:", "sha-256=:", 1))),
        ("digest-short", "a digest of 31 bytes", malformed, digest(&format!("sha-256=:{}:", BASE64.encode(&[7; 31])))),
        ("digest-parameter", "a digest with a parameter", malformed, digest(&format!("{right};x"))),
        ("digest-upper-case", "the name of the algorithm in upper case", malformed, digest(&right.replace("sha", "SHA"))),
        ("read-with-content-type", "a Content-Type that a read does not sign", Some("component-unexpected"), Raw::valid(Profile::Read).send("content-type", Some("application/json"))),
        ("read-with-digest", "a Content-Digest that a read does not sign", Some("component-unexpected"), Raw::valid(Profile::Read).send("content-digest", Some(&right))),
        ("action-with-passport", "a Passport that an action does not sign", Some("component-unexpected"), valid().send("agentsigna-passport", Some("0oRDoQEnoEBYIA"))),
        ("passport-missing", "a call without its Passport", Some("component-missing"), exec().send("agentsigna-passport", None)),
        ("passport-empty", "an empty Passport", malformed, exec().line("agentsigna-passport", "")),
        ("passport-padded", "a Passport with padding", malformed, exec().line("agentsigna-passport", "0oRDoQEnoEBYIA==")),
        ("passport-not-canonical", "a Passport whose unused bits are set", malformed, exec().line("agentsigna-passport", "0oRDoQEnoEBYIB")),
        ("passport-too-long", "a Passport of more than 6 KiB", Some("component-too-long"), exec().line("agentsigna-passport", &"A".repeat(8193))),
    ]
}

/// RQ-20, RQ-21, RQ-22, RQ-23, RQ-24, RQ-25.
#[rustfmt::skip] // one case per line
fn later_faults() -> Vec<Case> {
    let wrong = Some("signature-wrong");
    let other_keyid = format!("\"{}\"", public_key(0x62).jwk_thumbprint().to_base64url());
    let second = format!("as1=:{}:", BASE64.encode(&second_form(valid().signature())));
    let expires = |seconds: u64| valid().parameter("expires", &seconds.to_string());
    vec![
        ("from-the-future", "created 1 ms more than 5 s ahead", Some("signature-from-the-future"), valid().edit(|raw| raw.now_ms = (NOW_S - 15) * 1000 - 1)),
        ("expired", "expired 1 ms ago", Some("signature-expired"), valid().edit(|raw| raw.now_ms = (NOW_S + 50) * 1000 + 1)),
        ("life-61", "a life of 61 s", Some("signature-life"), expires(NOW_S + 51)),
        ("life-0", "a life of no time", Some("signature-life"), expires(NOW_S - 10).edit(|raw| raw.now_ms -= 10_000)),
        ("life-negative", "expires before created", Some("signature-life"), expires(NOW_S - 11).edit(|raw| raw.now_ms -= 11_000)),
        ("keyid-of-other-key", "the keyid of another key", Some("keyid-mismatch"), valid().parameter("keyid", &other_keyid)),
        ("signed-by-other-key", "the right keyid, signed by another key", wrong, valid().edit(|raw| raw.seed = 0x62)),
        ("signature-second-form", "a scalar that is not reduced", wrong, valid().send("signature", Some(&second))),
        ("signature-zero", "a signature of zeros", wrong, valid().send("signature", Some(&format!("as1=:{}:", BASE64.encode(&[0; 64]))))),
        ("other-method", "sent with another method than signed", wrong, valid().send("@method", Some("PUT"))),
        ("other-authority", "sent to another authority than signed", wrong, valid().send("@authority", Some("other.example.com"))),
        ("other-target", "sent to another target than signed", wrong, valid().send("@request-target", Some("/v1/actions?x=1"))),
        ("other-content-type", "sent with another content type than signed", wrong, valid().send("content-type", Some("application/cbor"))),
        ("other-digest", "sent with another digest than signed", wrong, valid().send("content-digest", Some(&digest_header("{}"))).edit(|raw| raw.body = "{}".into())),
        ("other-passport", "sent with another Passport than signed", wrong, Raw::valid(Profile::Exec).send("agentsigna-passport", Some("0oRDoQEnoEBYIQ"))),
        ("digest-mismatch", "other content than digested", Some("digest-mismatch"), valid().edit(|raw| raw.body.push(' '))),
        ("read-with-content", "content in a read", Some("digest-mismatch"), Raw::valid(Profile::Read).edit(|raw| raw.body = "{}".into())),
    ]
}

/// Name and content of the files of `evidence/`: RQ-26, RQ-27 and what they share with messages.
#[rustfmt::skip] // one case per line
pub(super) fn evidence_cases() -> Vec<(&'static str, Value)> {
    let base = valid().base();
    let case = |base: &str, description, code| valid().evidence(base, description, code);
    let malformed = Some("base-malformed");
    let mut swapped: Vec<&str> = base.lines().collect();
    swapped.swap(0, 1);
    let mut short: Vec<&str> = base.lines().collect();
    short.pop();
    let mut longer: Vec<&str> = base.lines().collect();
    longer.insert(0, "\"@scheme\": https");
    vec![
        ("valid-action", case(&base, "an action as the ledger keeps it", None)),
        ("valid-read", Raw::valid(Profile::Read).evidence(&Raw::valid(Profile::Read).base(), "a read", None)),
        ("valid-exec", Raw::valid(Profile::Exec).evidence(&Raw::valid(Profile::Exec).base(), "a call with a Passport", None)),
        ("line-feed-at-end", case(&format!("{base}\n"), "a line feed after the last line", Some("signature-malformed"))),
        ("carriage-returns", case(&base.replace('\n', "\r\n"), "lines that end in CR LF", Some("component-malformed"))),
        ("lines-swapped", case(&swapped.join("\n"), "two lines in another order", malformed)),
        ("line-missing", case(&short.join("\n"), "no parameters", malformed)),
        ("line-more", case(&longer.join("\n"), "one component more", malformed)),
        ("two-spaces", case(&base.replacen("\": ", "\":  ", 1), "two spaces after a name", Some("component-malformed"))),
        ("empty", case("", "no bytes", malformed)),
        ("other-profile", valid().edit(|raw| raw.profile = Profile::Founder).evidence(&base, "an action judged as an act of the founder", Some("signature-tag"))),
        ("other-authority", case(&base.replace("authority.example", "other.example"), "signed for another host", Some("authority-mismatch"))),
        ("life-61", case(&base.replace("1795320060", "1795320061"), "a life of 61 s", Some("signature-life"))),
        ("keyid-of-other-key", case(&base.replace(&public_key(0x61).jwk_thumbprint().to_base64url(), &public_key(0x62).jwk_thumbprint().to_base64url()), "the keyid of another key", Some("keyid-mismatch"))),
        ("signed-by-other-key", valid().edit(|raw| raw.seed = 0x62).evidence(&base, "signed by another key", Some("signature-wrong"))),
        ("digest-mismatch", valid().edit(|raw| raw.body.push(' ')).evidence(&base, "other content than digested", Some("digest-mismatch"))),
    ]
}

/// The order of the base point, little-endian (RFC 8032 §5.1).
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// `s + order`: verifies under lax rules, and would give each signature a second form.
fn second_form(signature: [u8; 64]) -> [u8; 64] {
    let mut changed = signature;
    let mut carry = 0;
    for (byte, add) in changed[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    changed
}

/// The second text of the same bytes: the bits that no byte holds are set.
fn loose_base64(text: &str, at: usize) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = text.as_bytes().to_vec();
    let value = alphabet
        .iter()
        .position(|found| *found == bytes[at])
        .unwrap();
    bytes[at] = alphabet[value + 1];
    String::from_utf8(bytes).unwrap()
}
