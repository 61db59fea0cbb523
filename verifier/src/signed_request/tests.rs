//! Goal: what a server accepts, an auditor accepts from the bytes kept, and nothing else; no bit of either can
//! change. Method: a base spelled by hand, round trips of random requests, every bit flipped.

use std::{format, string::String, vec, vec::Vec};

use ed25519_dalek::Signer as _;
use proptest::prelude::*;

use super::{
    vectors::{public_key, signing_key},
    *,
};
use crate::{key::PublicKey, time::UnixMillis};

const NONCE: &str = "q83vEjRWeJCrze8SNFZ4kA";
const CREATED_S: u64 = 1_795_320_000;

fn key() -> PublicKey {
    public_key(0x61)
}

fn now() -> UnixMillis {
    UnixMillis::new(CREATED_S * 1000).unwrap()
}

fn request(profile: Profile) -> Request<'static> {
    Request {
        method: if profile == Profile::Read {
            "GET"
        } else {
            "POST"
        },
        authority: "authority.example.com",
        target: "/v1/actions",
        content: profile.has_content().then_some(Content {
            kind: "application/json",
            body: b"{}",
        }),
        passport: profile.has_passport().then_some(b"\xd2\x84"),
        created_s: CREATED_S,
        expires_s: CREATED_S + 60,
        nonce: profile.has_nonce().then_some(NONCE),
    }
}

fn signed_headers(profile: Profile, request: &Request<'_>) -> Headers {
    let draft = Draft::new(profile, request, key()).unwrap();
    let signature = signing_key(0x61).sign(draft.base()).to_bytes();
    draft.sign(&signature).unwrap()
}

fn message<'a>(request: &'a Request<'_>, headers: &'a Headers) -> Message<'a> {
    Message {
        method: request.method,
        authority: request.authority,
        target: request.target,
        content_type: request.content.map(|content| content.kind),
        content_digest: headers.content_digest.as_deref(),
        passport: headers.passport.as_deref(),
        signature_input: Some(&headers.signature_input),
        signature: Some(&headers.signature),
    }
}

fn evidence(profile: Profile) -> Evidence {
    let request = request(profile);
    let headers = signed_headers(profile, &request);
    let body = request.content.map_or(&b""[..], |content| content.body);
    parse(&message(&request, &headers), profile)
        .unwrap()
        .check(now(), &key(), body)
        .unwrap()
        .into_evidence(body.to_vec())
}

#[test]
fn the_base_is_the_one_of_rfc_9421() {
    // Layout of RFC 9421 §2.5; the digest is the one of `{}` in RFC 9530's notation.
    let expected = "\"@method\": POST\n\
        \"@authority\": authority.example.com\n\
        \"@request-target\": /v1/actions\n\
        \"content-type\": application/json\n\
        \"content-digest\": sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:\n\
        \"@signature-params\": (\"@method\" \"@authority\" \"@request-target\" \"content-type\" \
        \"content-digest\");created=1795320000;expires=1795320060;nonce=\"q83vEjRWeJCrze8SNFZ4kA\";\
        keyid=\"KEYID\";alg=\"ed25519\";tag=\"agentsigna-action-v1\""
        .replace("KEYID", &key().jwk_thumbprint().to_base64url());
    let draft = Draft::new(Profile::Action, &request(Profile::Action), key()).unwrap();
    assert_eq!(core::str::from_utf8(draft.base()), Ok(expected.as_str()));
}

#[test]
fn a_statement_says_what_was_signed() {
    let statement = evidence(Profile::Exec)
        .check(Profile::Exec, &key(), Some("authority.example.com"))
        .unwrap();
    assert_eq!(statement.profile(), Profile::Exec);
    assert_eq!(statement.method(), "POST");
    assert_eq!(statement.authority(), "authority.example.com");
    assert_eq!(statement.target(), "/v1/actions");
    assert_eq!(statement.content_type(), Some("application/json"));
    assert_eq!(
        statement.content_digest(),
        Some(&crate::digest::rfc9530_content(b"{}"))
    );
    assert_eq!(statement.passport(), Some(&b"\xd2\x84"[..]));
    assert_eq!(statement.created_s(), CREATED_S);
    assert_eq!(statement.expires_s(), CREATED_S + 60);
    assert_eq!(statement.nonce(), None);
    assert_eq!(statement.keyid(), key().jwk_thumbprint());
    let read = evidence(Profile::Read)
        .check(Profile::Read, &key(), None)
        .unwrap();
    assert_eq!(read.nonce(), Some(NONCE));
    assert_eq!((read.content_type(), read.content_digest()), (None, None));
    assert_eq!(read.passport(), None);
}

#[test]
fn rq_27_every_bit_of_evidence_counts() {
    for profile in Profile::ALL {
        let whole = evidence(profile);
        assert!(whole.check(profile, &key(), None).is_ok());
        for bit in 0..whole.base.len() * 8 {
            let mut flipped = whole.clone();
            flipped.base[bit / 8] ^= 1 << (bit % 8);
            assert!(
                flipped.check(profile, &key(), None).is_err(),
                "{profile:?} {bit}"
            );
        }
        for bit in 0..512 {
            let mut flipped = whole.clone();
            flipped.signature[bit / 8] ^= 1 << (bit % 8);
            let result = flipped.check(profile, &key(), None);
            assert_eq!(result, Err(SignedRequestError::Signature), "{bit}");
        }
        for bit in 0..whole.body.len() * 8 {
            let mut flipped = whole.clone();
            flipped.body[bit / 8] ^= 1 << (bit % 8);
            let result = flipped.check(profile, &key(), None);
            assert_eq!(result, Err(SignedRequestError::Digest), "{bit}");
        }
        for length in 0..whole.base.len() {
            let mut cut = whole.clone();
            cut.base.truncate(length);
            assert!(cut.check(profile, &key(), None).is_err(), "{length}");
        }
        let mut longer = whole.clone();
        longer.body.push(b' ');
        assert_eq!(
            longer.check(profile, &key(), None),
            Err(SignedRequestError::Digest)
        );
    }
}

#[test]
fn every_bit_of_every_header_counts() {
    for profile in Profile::ALL {
        let request = request(profile);
        let headers = signed_headers(profile, &request);
        let whole = message(&request, &headers);
        let fields: Vec<&str> = [
            Some(whole.method),
            Some(whole.authority),
            Some(whole.target),
            whole.content_type,
            whole.content_digest,
            whole.passport,
            whole.signature_input,
            whole.signature,
        ]
        .into_iter()
        .map(|field| field.unwrap_or(""))
        .collect();
        for (index, field) in fields.iter().enumerate() {
            for bit in 0..field.len() * 8 {
                let mut bytes = field.as_bytes().to_vec();
                bytes[bit / 8] ^= 1 << (bit % 8);
                // An HTTP layer hands over text only.
                let Ok(flipped) = String::from_utf8(bytes) else {
                    continue;
                };
                let mut changed = whole;
                match index {
                    0 => changed.method = &flipped,
                    1 => changed.authority = &flipped,
                    2 => changed.target = &flipped,
                    3 => changed.content_type = Some(&flipped),
                    4 => changed.content_digest = Some(&flipped),
                    5 => changed.passport = Some(&flipped),
                    6 => changed.signature_input = Some(&flipped),
                    _ => changed.signature = Some(&flipped),
                }
                let body = request.content.map_or(&b""[..], |content| content.body);
                let result =
                    parse(&changed, profile).and_then(|signed| signed.check(now(), &key(), body));
                assert!(result.is_err(), "{profile:?} {index} {bit}: {flipped}");
            }
        }
    }
}

#[test]
fn rq_7_a_signature_serves_one_profile() {
    for made in Profile::ALL {
        for judged in Profile::ALL {
            let result = evidence(made).check(judged, &key(), None);
            assert_eq!(result.is_ok(), made == judged, "{made:?} as {judged:?}");
        }
    }
}

#[test]
fn rq_20_to_22_time_is_checked_to_the_millisecond() {
    let request = request(Profile::Action);
    let headers = signed_headers(Profile::Action, &request);
    let signed = parse(&message(&request, &headers), Profile::Action).unwrap();
    let at = |now_ms: u64| {
        signed
            .check_time(UnixMillis::new(now_ms).unwrap())
            .map_err(|error| error.code())
    };
    let created_ms = CREATED_S * 1000;
    assert_eq!(at(0), Err("signature-from-the-future"));
    assert_eq!(at(created_ms - 5001), Err("signature-from-the-future"));
    assert_eq!(at(created_ms - 5000), Ok(()));
    assert_eq!(at(created_ms + 60_000), Ok(()));
    assert_eq!(at(created_ms + 60_001), Err("signature-expired"));
    assert_eq!(at(UnixMillis::MAX.millis()), Err("signature-expired"));
}

#[test]
fn checks_run_in_the_order_of_the_specification() {
    let request = request(Profile::Action);
    let headers = signed_headers(Profile::Action, &request);
    let signed = || parse(&message(&request, &headers), Profile::Action).unwrap();
    // Sizes come before anything is read.
    let long = "/".repeat(TARGET_BYTES_MAX + 1);
    let mut worst = message(&request, &headers);
    (worst.target, worst.method) = (&long, "post");
    (worst.signature_input, worst.signature) = (Some("as2="), Some("as2="));
    let code_of = |message: &Message<'_>| parse(message, Profile::Action).unwrap_err().code();
    assert_eq!(code_of(&worst), "component-too-long");
    worst.target = "/";
    assert_eq!(code_of(&worst), "signature-label");
    worst.signature_input = Some(&headers.signature_input);
    assert_eq!(code_of(&worst), "signature-label");
    worst.signature = Some("as1=");
    assert_eq!(code_of(&worst), "component-malformed");
    worst.method = "POST";
    assert_eq!(code_of(&worst), "signature-malformed");
    let late = UnixMillis::new((CREATED_S + 61) * 1000).unwrap();
    let code = |result: Result<Authentic, SignedRequestError>| result.unwrap_err().code();
    assert_eq!(
        code(signed().check(late, &public_key(0x62), b"x")),
        "signature-expired"
    );
    assert_eq!(
        code(signed().check(now(), &public_key(0x62), b"x")),
        "keyid-mismatch"
    );
    let mut forged = headers.clone();
    forged.signature.replace_range(5..9, "AAAA");
    let forged = parse(&message(&request, &forged), Profile::Action).unwrap();
    assert_eq!(code(forged.check(now(), &key(), b"x")), "signature-wrong");
    assert_eq!(code(signed().check(now(), &key(), b"x")), "digest-mismatch");
}

#[test]
fn a_draft_refuses_what_a_server_would() {
    let code = |profile, request: &Request<'_>| {
        Draft::new(profile, request, key()).map_err(|error| error.code())
    };
    let action = request(Profile::Action);
    let faults = vec![
        (
            "signature-nonce",
            Request {
                nonce: None,
                ..action
            },
        ),
        (
            "signature-nonce",
            Request {
                nonce: Some("short"),
                ..action
            },
        ),
        (
            "signature-nonce",
            Request {
                nonce: Some("q83vEjRWeJCrze8SNF\";x=\""),
                ..action
            },
        ),
        (
            "component-malformed",
            Request {
                method: "post",
                ..action
            },
        ),
        (
            "component-malformed",
            Request {
                authority: "EXAMPLE.com",
                ..action
            },
        ),
        (
            "component-malformed",
            Request {
                target: "v1",
                ..action
            },
        ),
        (
            "component-missing",
            Request {
                content: None,
                ..action
            },
        ),
        (
            "component-unexpected",
            Request {
                passport: Some(b"x"),
                ..action
            },
        ),
        (
            "signature-life",
            Request {
                expires_s: CREATED_S,
                ..action
            },
        ),
        (
            "signature-life",
            Request {
                expires_s: CREATED_S + 61,
                ..action
            },
        ),
        (
            "signature-malformed",
            Request {
                created_s: u64::MAX,
                ..action
            },
        ),
    ];
    for (expected, request) in faults {
        // A quotation mark ends the string early: the rest is refused as what it is.
        let found = code(Profile::Action, &request).unwrap_err();
        assert!(
            found == expected || (found == "signature-malformed" && request.nonce.is_some()),
            "{found}, expected {expected}"
        );
    }
    let exec = request(Profile::Exec);
    let with_nonce = Request {
        nonce: Some(NONCE),
        ..exec
    };
    assert_eq!(code(Profile::Exec, &with_nonce), Err("signature-nonce"));
    let draft = Draft::new(Profile::Exec, &exec, key()).unwrap();
    let foreign = signing_key(0x62).sign(draft.base()).to_bytes();
    assert_eq!(draft.sign(&foreign), Err(SignedRequestError::Signature));
}

#[test]
fn rq_4_every_well_formed_signature_input_fits() {
    let longest = Profile::ALL.map(|profile| {
        let nonce = "n".repeat(NONCE_CHARACTERS_MAX);
        let request = Request {
            created_s: UnixMillis::MAX.seconds() - 1,
            expires_s: UnixMillis::MAX.seconds(),
            nonce: profile.has_nonce().then_some(&nonce),
            ..request(profile)
        };
        signed_headers(profile, &request).signature_input.len()
    });
    assert_eq!(longest.into_iter().max(), Some(268));
}

#[test]
fn rq_11_authorities_have_one_form() {
    let judge = |authority: &str| {
        let request = Request {
            authority,
            ..request(Profile::Action)
        };
        Draft::new(Profile::Action, &request, key()).is_ok()
    };
    let longest = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(61));
    for good in [
        "a",
        "localhost",
        "127.0.0.1:8080",
        "a-b.example",
        "[::1]",
        "[2001:db8::1]:80",
        "x:1",
        "x:65535",
        &longest,
        &format!("{longest}:65535"),
    ] {
        assert!(judge(good), "{good}");
    }
    for bad in [
        "",
        ".",
        "a..b",
        "-a",
        "a-",
        "a_b",
        "a b",
        "a,b",
        "a/b",
        "a:0",
        "a:+1",
        "a:1:2",
        "[::1",
        "[::1]8080",
        "[::1]:",
        "[]",
        "[::1%eth0]",
        "[::A]",
        "[fe80::0:1]",
        "\u{e9}.example",
        &format!("{}.example", "a".repeat(64)),
        &format!("{longest}b"),
    ] {
        assert!(!judge(bad), "{bad}");
    }
}

fn any_request() -> impl Strategy<Value = (usize, String, String, String, Vec<u8>, u64, u64, String)>
{
    (
        0..5_usize,
        "[A-Z]{1,16}",
        "[a-z0-9]{1,20}(\\.[a-z0-9]{1,20}){0,2}(:[1-9][0-9]{0,2}0)?",
        "/[a-zA-Z0-9._~!$&'()*+,;=:@/?-]{0,60}(%[0-9a-fA-F]{2}){0,3}",
        prop::collection::vec(any::<u8>(), 1..80),
        0..9_007_199_254_000_u64,
        1..=60_u64,
        "[A-Za-z0-9_-]{22,43}",
    )
}

proptest! {
    #[test]
    fn what_a_draft_signs_a_server_and_an_auditor_accept(
        (profile, method, authority, target, bytes, created_s, life_s, nonce) in any_request()
    ) {
        let profile = Profile::ALL[profile];
        let request = Request {
            method: if profile == Profile::Read { "GET" } else { &method },
            authority: &authority,
            target: &target,
            content: profile.has_content().then_some(Content { kind: "application/json", body: &bytes }),
            passport: profile.has_passport().then_some(&bytes),
            created_s,
            expires_s: created_s + life_s,
            nonce: profile.has_nonce().then_some(&nonce),
        };
        let headers = signed_headers(profile, &request);
        let body = if profile.has_content() { &bytes[..] } else { b"" };
        let now = UnixMillis::new(created_s * 1000).unwrap();
        let authentic = parse(&message(&request, &headers), profile).unwrap()
            .check(now, &key(), body).unwrap();
        let statement = authentic.statement().clone();
        prop_assert_eq!(statement.base(), authentic.signed().base());
        let evidence = authentic.into_evidence(body.to_vec());
        prop_assert_eq!(evidence.check(profile, &key(), Some(&authority)), Ok(statement));
        let elsewhere = evidence.check(profile, &key(), Some("elsewhere.example"));
        prop_assert_eq!(elsewhere.map_err(|error| error.code()), Err("authority-mismatch"));
    }

    /// Whatever is read makes the same bytes again, also when a random edit happens to be well formed.
    #[test]
    fn a_base_that_reads_is_canonical(
        profile in 0..5_usize,
        at in 0..700_usize,
        insert in "[ -~\\n\\r\\t]{0,3}",
        remove in 0..3_usize,
    ) {
        let profile = Profile::ALL[profile];
        let mut evidence = evidence(profile);
        let at = at.min(evidence.base.len());
        let end = (at + remove).min(evidence.base.len());
        evidence.base.splice(at..end, insert.bytes());
        // Signed by the key itself: only form can refuse it.
        evidence.signature = signing_key(0x61).sign(&evidence.base).to_bytes();
        if let Ok(statement) = evidence.check(profile, &key(), None) {
            prop_assert_eq!(statement.base().into_bytes(), evidence.base);
        }
    }

    #[test]
    fn random_text_is_refused_without_panic(
        input in "(as1=)?[ -~\u{e9}]{0,120}",
        signature in "(as1=:)?[A-Za-z0-9+/=:]{0,100}",
        value in "\\PC{0,40}",
    ) {
        let message = Message {
            method: &value,
            authority: &value,
            target: &value,
            content_type: Some(&value),
            content_digest: Some(&value),
            passport: Some(&value),
            signature_input: Some(&input),
            signature: Some(&signature),
        };
        for profile in Profile::ALL {
            prop_assert!(parse(&message, profile).is_err());
            let evidence = Evidence { base: input.clone().into_bytes(), signature: [0; 64], body: vec![] };
            prop_assert!(evidence.check(profile, &key(), None).is_err());
        }
    }
}
