//! Everything that is a short text: ids, codes, digests. Each is compared with its alphabet, written out here once more.
#![no_main]

use agentsigna_verifier::{
    action::{ActionType, Currency, ParameterName},
    decision::{Verdict, is_rule_id},
    digest::Digest,
    entry::CaseId,
    id::{Id, RequestId},
    key::JwkThumbprint,
    passport::Audience,
    snapshot::{Approval, Risk, Status},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let id = is_id(text);
    assert_eq!(
        Id::parse(text).ok().map(|id| id.to_string()),
        id.then(|| text.to_string())
    );
    let request = all(text, 1..=64, |b| {
        b.is_ascii_alphanumeric() || b == b'_' || b == b'-'
    });
    let parsed = RequestId::parse(text).ok();
    assert_eq!(
        parsed.map(|id| id.as_str().to_string()),
        request.then(|| text.to_string())
    );
    assert_eq!(
        is_rule_id(text),
        all(text, 1..=64, |b| is_id_byte(b) || b == b'.')
    );
    let currency = all(text, 3..=3, |b| b.is_ascii_uppercase());
    assert_eq!(
        Currency::parse(text).is_some_and(|code| code.as_str() == text),
        currency
    );
    let parameter = all(
        text,
        1..=32,
        |b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'),
    ) && text.starts_with(|c: char| c.is_ascii_lowercase());
    assert_eq!(
        ParameterName::parse(text).is_some_and(|name| name.as_str() == text),
        parameter
    );

    let hex = |digits: usize| {
        all(
            text,
            digits..=digits,
            |b| matches!(b, b'0'..=b'9' | b'a'..=b'f'),
        )
    };
    assert_eq!(
        CaseId::from_hex(text).is_some_and(|case| case.to_string() == text),
        hex(32)
    );
    assert_eq!(
        Digest::from_hex(text).is_some_and(|digest| digest.to_string() == text),
        hex(64)
    );
    // 43 characters carry 258 bits: the last two must be 0.
    let base64url = all(text, 43..=43, |b| {
        b.is_ascii_alphanumeric() || b == b'-' || b == b'_'
    }) && text.ends_with(|c: char| "AEIMQUYcgkosw048".contains(c));
    let thumbprint = JwkThumbprint::from_base64url(text);
    assert_eq!(
        thumbprint.is_some_and(|print| print.to_base64url() == text),
        base64url
    );

    let mut parts = text.split('#');
    let audience = matches!((parts.next(), parts.next(), parts.next()),
        (Some(origin), Some(system), None) if !origin.is_empty() && is_id(system));
    assert_eq!(
        Audience::parse(text).is_some_and(|aud| aud.to_string() == text),
        audience
    );

    assert!(ActionType::parse(text).is_none_or(|kind| kind.name() == text));
    assert!(Verdict::parse(text).is_none_or(|word| word.name() == text));
    assert!(Status::parse(text).is_none_or(|word| word.name() == text));
    assert!(Approval::parse(text).is_none_or(|word| word.name() == text));
    assert!(Risk::parse(text).is_none_or(|word| word.name() == text));
});

fn all(text: &str, len: std::ops::RangeInclusive<usize>, may: impl Fn(u8) -> bool) -> bool {
    len.contains(&text.len()) && text.bytes().all(may)
}

fn is_id_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')
}

fn is_id(text: &str) -> bool {
    all(text, 1..=63, is_id_byte) && !text.starts_with('-')
}
