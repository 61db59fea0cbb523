//! Assertions, registrations and contexts as CBOR: faults of the maps.

use std::{
    string::{String, ToString as _},
    vec,
    vec::Vec,
};

use data_encoding::HEXLOWER;
use serde_json::{Value as Json, json};

use super::naive::{NOW_MS, Raw, approval, approval_with, challenge, registration_context, sha256};
use crate::cbor::Value;

fn assertion_members() -> Vec<(&'static str, Value)> {
    let raw = Raw::assertion();
    vec![
        ("client", Value::bytes(raw.client().as_bytes())),
        ("signature", Value::bytes(&raw.signature())),
        ("credential", Value::bytes(&raw.credential)),
        ("authenticator", Value::bytes(&raw.authenticator())),
    ]
}

fn registration_members() -> Vec<(&'static str, Value)> {
    let raw = Raw::registration();
    vec![
        ("client", Value::bytes(raw.client().as_bytes())),
        ("authenticator", Value::bytes(&raw.authenticator())),
    ]
}

pub(super) fn cases() -> Vec<(String, Json)> {
    let mut files = Vec::new();
    for (kind, members) in [
        ("assertion", assertion_members()),
        ("registration", registration_members()),
    ] {
        let malformed = match kind {
            "assertion" => "assertion-malformed",
            _ => "registration-malformed",
        };
        let map = |members: &[(&'static str, Value)]| Value::map(members.to_vec()).encode();
        let mut file = |name: &str, description: &str, bytes: Vec<u8>, code: Option<&str>| {
            let expect = code.map_or_else(|| json!({}), |code| json!({ "code": code }));
            let value = json!({
                "description": description,
                "kind": kind,
                "bytes": HEXLOWER.encode(&bytes),
                "expect": expect,
            });
            files.push((std::format!("{kind}-{name}"), value));
        };
        let valid = map(&members);
        file("valid", "as it is kept", valid.clone(), None);
        let mut more = members.clone();
        more.push(("attestation", Value::bytes(&[0xa0])));
        file(
            "unknown-member",
            "a member more",
            map(&more),
            Some(malformed),
        );
        file(
            "missing-member",
            "without the client data",
            map(&members[1..]),
            Some(malformed),
        );
        let mut texts = members.clone();
        texts[0].1 = Value::from(Raw::assertion().client().as_str());
        file(
            "text",
            "the client data as text, not bytes",
            map(&texts),
            Some(malformed),
        );
        let mut reversed: Vec<(Value, Value)> = members
            .iter()
            .map(|(name, value)| (Value::from(*name), value.clone()))
            .collect();
        reversed.reverse();
        file(
            "not-sorted",
            "the members in another order",
            Value::Map(reversed).encode(),
            Some(malformed),
        );
        file(
            "trailing",
            "one byte after the map",
            [&valid[..], &[0]].concat(),
            Some(malformed),
        );
        file("array", "an array", vec![0x80], Some(malformed));
        file(
            "too-long",
            "more bytes than it can have",
            vec![0; 1441],
            Some(malformed),
        );
        let mut not_utf_8 = members.clone();
        let mut client = Raw::assertion().client().into_bytes();
        client[2] = 0xff;
        not_utf_8[0].1 = Value::bytes(&client);
        file(
            "not-utf-8",
            "client data that are no UTF-8",
            map(&not_utf_8),
            Some("client-malformed"),
        );
    }
    files
}

fn sign_in() -> Vec<u8> {
    Value::map([
        ("site", Value::from("https://example.com")),
        ("nonce", Value::bytes(&sha256(b"nonce"))),
        ("expires_at", Value::Uint(NOW_MS + 300_000)),
    ])
    .encode()
}

fn act() -> Vec<u8> {
    Value::map([
        ("origin", Value::from(super::naive::LOG)),
        ("user", Value::from("cfo-1")),
        ("credential", Value::bytes(&Raw::assertion().credential)),
        ("path", Value::from("/v1/policies/activate")),
        ("content", Value::bytes(&sha256(b"{}"))),
        ("nonce", Value::bytes(&sha256(b"nonce"))),
        ("issued_at", Value::Uint(NOW_MS)),
        ("expires_at", Value::Uint(NOW_MS + 600_000)),
    ])
    .encode()
}

#[rustfmt::skip] // one case per line
pub(super) fn contexts() -> Vec<(String, Json)> {
    let refusal = approval_with("decision", Value::from("refuse")); // with the reason of `valid`
    let rules = |ids: &[&str]| approval_with("rules", Value::array(ids.iter().map(|id| Value::from(*id))));
    let good = [
        ("passkey", "registration", "somebody gets a credential for approvals", registration_context()),
        ("sign-in", "sign-in", "somebody signs in", sign_in()),
        ("act", "act", "somebody activates a policy", act()),
        ("approval", "approval", "somebody agrees", approval()),
        ("approval", "refusal", "somebody refuses", refusal),
        ("approval", "approval-without-reason", "somebody agrees and does not say why", approval_with("reason", Value::from(""))),
        ("approval", "approval-for-another", "somebody agrees in place of somebody else", approval_with("for", Value::from("cfo-2"))),
    ];
    let bad = [
        ("approval", "approval-unknown-member", "a member more", approval_with("version", Value::Uint(1))),
        ("approval", "approval-round-zero", "rounds begin with 1", approval_with("round", Value::Uint(0))),
        ("approval", "approval-decision", "neither of the two decisions", approval_with("decision", Value::from("abstain"))),
        ("approval", "approval-reason-lines", "a reason of two lines", approval_with("reason", Value::from("a\nb"))),
        ("approval", "approval-reason-override", "a reason that shows another text than it holds", approval_with("reason", Value::from("pay 10\u{202e}000"))),
        ("approval", "approval-reason-long", "a reason of 281 bytes", approval_with("reason", Value::from("r".repeat(281).as_str()))),
        ("approval", "approval-rules-unsorted", "rules that fall", rules(&["esc.amount", "builtin.latitude"])),
        ("approval", "approval-rules-none", "no rule", rules(&[])),
        ("approval", "approval-audience-elsewhere", "the target of another log", approval_with("audience", Value::from("log.example.com/t/8899aabbccddeeff#erp"))),
        ("approval", "approval-life", "a life of ten minutes and a millisecond", approval_with("expires_at", Value::Uint(NOW_MS + 600_001))),
        ("approval", "approval-never", "expired when it was issued", approval_with("expires_at", Value::Uint(NOW_MS))),
        ("approval", "approval-credential-empty", "a credential id of no bytes", approval_with("credential", Value::bytes(&[]))),
        ("approval", "approval-of-a-sign-in", "a sign-in instead of an approval", sign_in()),
        ("passkey", "registration-of-an-act", "an act instead of a registration", act()),
        ("sign-in", "sign-in-trailing", "one byte after the map", [sign_in(), vec![0]].concat()),
        ("sign-in", "sign-in-513", "more bytes than it may have", vec![0; 513]),
        ("act", "act-of-an-approval", "an approval instead of an act", approval()),
    ];
    let mut files = Vec::new();
    for (purpose, name, description, bytes) in good {
        let challenge = HEXLOWER.encode(&challenge(purpose, &bytes));
        files.push((name.to_string(), json!({ "description": description, "purpose": purpose, "bytes": HEXLOWER.encode(&bytes), "expect": { "challenge": challenge } })));
    }
    for (purpose, name, description, bytes) in bad {
        files.push((name.to_string(), json!({ "description": description, "purpose": purpose, "bytes": HEXLOWER.encode(&bytes), "expect": { "code": "context-malformed" } })));
    }
    files
}
