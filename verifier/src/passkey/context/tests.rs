//! Goal: a context has one encoding, and each of its rules refuses alone. Method: each member of each context left
//! out, added to and replaced; then the rules one by one.

use std::{string::String, vec, vec::Vec};

use alloc::{format, string::ToString as _};
use core::num::NonZeroU32;

use super::*;
use crate::{
    digest::{Digest, Noun},
    entry::CaseId,
    passkey::{AssertionError, Site, testing::Authenticator},
};

const ORIGIN: &str = "log.example.com/t/0011223344556677";

fn time(ms: u64) -> UnixMillis {
    UnixMillis::new(ms).unwrap()
}

fn life() -> Life {
    Life::new(time(1_795_320_000_000), time(1_795_320_300_000)).unwrap()
}

fn log() -> KeyName {
    KeyName::parse(ORIGIN).unwrap()
}

fn person(text: &str) -> Id {
    Id::parse(text).unwrap()
}

fn site() -> Site {
    Site::parse("https://approve.example.com").unwrap()
}

fn registration() -> RegistrationContext {
    RegistrationContext {
        origin: log(),
        user: person("cfo-1"),
        credential_use: CredentialUse::Approval,
        nonce: Nonce::new([1; 32]),
        expires_at: time(1_795_320_300_000),
    }
}

fn sign_in() -> SignInContext {
    SignInContext {
        site: Site::parse("https://example.com").unwrap(),
        nonce: Nonce::new([2; 32]),
        expires_at: time(1_795_320_300_000),
    }
}

fn act() -> ActContext {
    ActContext {
        origin: log(),
        user: person("cfo-1"),
        credential: Authenticator::new(1).credential(),
        path: ActPath::parse("/v1/policies/activate").unwrap(),
        content: [3; 32],
        nonce: Nonce::new([4; 32]),
        life: life(),
    }
}

fn approval() -> ApprovalContext {
    ApprovalContext {
        origin: log(),
        case: CaseId::from_bytes([5; 16]),
        round: NonZeroU32::MIN,
        choice: Choice::Approve { reason: None },
        request: Digest::from_bytes([6; 32]),
        bundle: Digest::from_bytes([7; 32]),
        rules: RuleIds::new(vec!["builtin.latitude".into(), "esc.amount".into()]).unwrap(),
        sheet: Digest::from_bytes([8; 32]),
        review: Digest::from_bytes([9; 32]),
        approver: person("cfo-1"),
        delegator: None,
        credential: Authenticator::new(1).credential(),
        system: person("erp"),
        nonce: Nonce::new([10; 32]),
        life: life(),
    }
}

/// A context's bytes, how many may be, and what reading them and encoding again gives.
type Subject = (
    Vec<u8>,
    usize,
    fn(&[u8]) -> Result<(Vec<u8>, Digest), CborError>,
    Noun,
);

fn subjects() -> Vec<Subject> {
    vec![
        (
            registration().encode(),
            REGISTRATION_CONTEXT_BYTES_MAX,
            |bytes| RegistrationContext::decode(bytes).map(|c| (c.encode(), c.challenge())),
            Noun::Passkey,
        ),
        (
            sign_in().encode(),
            SIGN_IN_CONTEXT_BYTES_MAX,
            |bytes| SignInContext::decode(bytes).map(|c| (c.encode(), c.challenge())),
            Noun::SignIn,
        ),
        (
            act().encode(),
            ACT_CONTEXT_BYTES_MAX,
            |bytes| ActContext::decode(bytes).map(|c| (c.encode(), c.challenge())),
            Noun::Act,
        ),
        (
            approval().encode(),
            APPROVAL_CONTEXT_BYTES_MAX,
            |bytes| ApprovalContext::decode(bytes).map(|c| (c.encode(), c.challenge())),
            Noun::Approval,
        ),
    ]
}

#[test]
fn wa_15_a_challenge_is_the_digest_of_the_context_under_its_purpose() {
    for (bytes, _, read, noun) in subjects() {
        let (again, challenge) = read(&bytes).unwrap();
        assert_eq!(again, bytes);
        assert_eq!(challenge, Digest::of(noun, &bytes));
        for other in Noun::ALL.into_iter().filter(|other| *other != noun) {
            assert_ne!(challenge, Digest::of(other, &bytes));
        }
    }
}

#[test]
fn wa_16_contexts_are_closed_maps() {
    for (bytes, max, read, _) in subjects() {
        let Value::Map(members) = Value::decode(&bytes, max).unwrap() else {
            panic!("a context is a map");
        };
        for (at, (name, _)) in members.iter().enumerate() {
            let mut fewer = members.clone();
            fewer.remove(at);
            let refused = read(&Value::map(fewer).encode());
            assert!(
                matches!(refused, Err(CborError::Missing { .. })),
                "{name:?}"
            );
            let mut other = members.clone();
            other[at].1 = Value::Bool(true);
            let refused = read(&Value::map(other).encode());
            assert!(
                matches!(refused, Err(CborError::Unexpected { .. })),
                "{name:?}"
            );
        }
        let mut more = members.clone();
        more.push((Value::from("version"), Value::Uint(1)));
        let refused = read(&Value::map(more).encode());
        assert!(matches!(refused, Err(CborError::Unknown { .. })));
        let refused = read(&[&bytes[..], &[0]].concat());
        assert_eq!(refused, Err(CborError::NotDeterministic));
        // The limit, before anything is read.
        let found = max + 1;
        assert_eq!(
            read(&vec![0xff; found]),
            Err(CborError::TooLong { found, max })
        );
    }
}

/// Goal: whatever can be encoded can be read. Method: every member as long as its type lets it be.
#[test]
fn wa_16_the_largest_contexts_fit_their_limits() {
    let origin = KeyName::parse(&"o".repeat(255)).unwrap();
    let longest = person(&"p".repeat(63));
    let credential = CredentialId::new(vec![0xff; 255]).unwrap();
    let late = Life::new(time((1 << 53) - 2), UnixMillis::MAX).unwrap();
    let registration = RegistrationContext {
        origin: origin.clone(),
        user: longest.clone(),
        credential_use: CredentialUse::Approval,
        expires_at: UnixMillis::MAX,
        ..registration()
    };
    let read = RegistrationContext::decode(&registration.encode());
    assert_eq!(read, Ok(registration));
    let host = format!("{}.a", ["a"; 126].join("."));
    let sign_in = SignInContext {
        site: Site::parse(&format!("https://{host}:65535")).unwrap(),
        expires_at: UnixMillis::MAX,
        ..sign_in()
    };
    assert_eq!(SignInContext::decode(&sign_in.encode()), Ok(sign_in));
    let act = ActContext {
        origin: origin.clone(),
        user: longest.clone(),
        credential: credential.clone(),
        path: ActPath::parse(&format!("/{}", "a".repeat(255))).unwrap(),
        life: late,
        ..act()
    };
    assert_eq!(ActContext::decode(&act.encode()), Ok(act));
    // The most rules in 16,384 bytes: every id of one and of two characters, then of three.
    let letters: Vec<char> = "abcdefghijklmnopqrstuvwxyz0123456789.-".chars().collect();
    let one = letters.iter().map(char::to_string);
    let two = letters
        .iter()
        .flat_map(|a| letters.iter().map(move |b| format!("{a}{b}")));
    let three = (0..(16_384 - 38 - 2 * 38 * 38) / 3).map(|n| {
        format!(
            "{}{}{}",
            letters[n / 1444],
            letters[n / 38 % 38],
            letters[n % 38]
        )
    });
    let mut rules: Vec<String> = one.chain(two).chain(three).collect();
    rules.sort();
    let approval = ApprovalContext {
        origin,
        round: NonZeroU32::MAX,
        choice: Choice::Refuse {
            reason: Reason::parse(&"r".repeat(280)).unwrap(),
        },
        rules: RuleIds::new(rules).unwrap(),
        approver: longest.clone(),
        delegator: Some(longest.clone()),
        credential,
        system: longest,
        life: late,
        ..approval()
    };
    let bytes = approval.encode();
    assert!(bytes.len() > 23 * 1024, "{}", bytes.len());
    assert_eq!(ApprovalContext::decode(&bytes), Ok(approval));
}

/// Whether no context can be read from `bytes` with another value for the member `name`.
fn refused(bytes: &[u8], name: &str, value: Value) -> bool {
    let Value::Map(mut members) = Value::decode(bytes, APPROVAL_CONTEXT_BYTES_MAX).unwrap() else {
        panic!("a context is a map");
    };
    let at = members
        .iter()
        .position(|(found, _)| *found == Value::from(name))
        .unwrap();
    members[at].1 = value;
    let bytes = Value::map(members).encode();
    subjects()
        .iter()
        .all(|(_, _, read, _)| read(&bytes).is_err())
}

#[test]
fn wa_17_a_life_has_1_to_600_000_ms() {
    let issued = 1_795_320_000_000;
    for (expires, good) in [
        (issued - 1, false),
        (issued, false),
        (issued + 1, true),
        (issued + 600_000, true),
        (issued + 600_001, false),
        ((1 << 53) - 1, false),
    ] {
        assert_eq!(Life::new(time(issued), time(expires)).is_ok(), good);
        for bytes in [act().encode(), approval().encode()] {
            assert_eq!(!refused(&bytes, "expires_at", Value::Uint(expires)), good);
        }
    }
    let life = life();
    assert!(!life.holds(time(issued - 1)) && life.holds(time(issued)));
    assert!(life.holds(time(issued + 299_999)) && !life.holds(time(issued + 300_000)));
    assert_eq!(life.issued_at(), time(issued));
    let error = Life::new(time(2), time(2)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "life from `2` to `2` ms, expected 1 to 600000 ms"
    );
}

#[test]
fn wa_18_a_path_is_segments() {
    for path in ["/a", "/v1/agents/ap-bot/confirm", "/A_0"] {
        assert_eq!(ActPath::parse(path).unwrap().as_str(), path);
        assert!(!refused(&act().encode(), "path", Value::from(path)));
    }
    let long = format!("/{}", "a".repeat(256));
    for path in [
        "", "/", "a", "v1/a", "//a", "/a/", "/a//b", "/..", "/a.b", "/a?b", "/a#b", "/%61", "/a b",
        "/\u{e4}", &long,
    ] {
        assert_eq!(ActPath::parse(path), None, "{path}");
        assert!(refused(&act().encode(), "path", Value::from(path)));
    }
}

#[test]
fn wa_19_rules_rise() {
    let list = |ids: &[&str]| -> Vec<String> { ids.iter().map(|id| (*id).into()).collect() };
    let longest = "r".repeat(64);
    for ids in [list(&["a"]), list(&["a", "a.b", "b"]), list(&[&longest])] {
        assert_eq!(RuleIds::new(ids.clone()).unwrap().as_slice(), ids);
    }
    let long = "r".repeat(65);
    let many: Vec<String> = (0..257).map(|n| format!("{n:064}")).collect();
    assert!(RuleIds::new(many[..256].to_vec()).is_some());
    for ids in [
        list(&[]),
        list(&["b", "a"]),
        list(&["a", "a"]),
        list(&[""]),
        list(&["A"]),
        list(&["a b"]),
        list(&[&long]),
        many,
    ] {
        let value = Value::array(ids.iter().map(|id| Value::from(id.as_str())));
        assert!(refused(&approval().encode(), "rules", value));
        assert_eq!(RuleIds::new(ids), None);
    }
}

#[test]
fn wa_20_the_audience_is_of_the_same_log() {
    assert_eq!(approval().audience(), format!("{ORIGIN}#erp"));
    for audience in [
        "",
        "erp",
        "#erp",
        ORIGIN,
        &format!("{ORIGIN}#"),
        &format!("{ORIGIN}#ERP"),
        &format!("{ORIGIN}#erp#erp"),
        &format!("{ORIGIN}8#erp"),
        "log.example.com/t/8899aabbccddeeff#erp",
    ] {
        let value = Value::from(audience);
        assert!(
            refused(&approval().encode(), "audience", value),
            "{audience}"
        );
    }
}

#[test]
fn wa_21_a_reason_is_one_line_and_a_refusal_has_one() {
    let with = |choice: Choice| ApprovalContext {
        choice,
        ..approval()
    };
    for reason in [
        "x",
        "too much \u{2014} split it",
        "\u{5e74}",
        &"r".repeat(280),
    ] {
        for name in ["approve", "refuse"] {
            let choice = Choice::parse(name, reason).unwrap();
            assert_eq!((choice.name(), choice.reason()), (name, reason));
            let context = with(choice);
            assert_eq!(ApprovalContext::decode(&context.encode()), Ok(context));
        }
    }
    let refusal = with(Choice::parse("refuse", "x").unwrap()).encode();
    let long = "\u{e4}".repeat(141);
    for reason in [
        "a\nb",
        "a\rb",
        "\t",
        "\0",
        "\u{7f}",
        "\u{85}",
        "\u{2028}",
        "\u{2029}",
        "\u{202a}",
        "\u{202e}x",
        "\u{2066}",
        "\u{2069}",
        &long,
    ] {
        assert_eq!(Reason::parse(reason), None, "{reason:?}");
        for bytes in [&refusal, &approval().encode()] {
            assert!(refused(bytes, "reason", Value::from(reason)));
        }
    }
    assert!(refused(&refusal, "reason", Value::from("")));
    assert!(refused(
        &approval().encode(),
        "decision",
        Value::from("refuse")
    ));
    assert!(refused(&refusal, "decision", Value::from("Refuse")));
    assert_eq!(Choice::parse("approved", "x"), None);
}

#[test]
fn each_member_has_its_range() {
    let wrong = |name: &str, value: Value| {
        assert!(refused(&approval().encode(), name, value), "{name}");
    };
    wrong("round", Value::Uint(0));
    wrong("round", Value::Uint(1 << 32));
    wrong("case", Value::bytes(&[0; 15]));
    wrong("sheet", Value::bytes(&[0; 31]));
    wrong("nonce", Value::bytes(&[0; 31]));
    wrong("approver", Value::from("CFO"));
    wrong("for", Value::from(""));
    wrong("for", Value::Bool(false));
    wrong("credential", Value::bytes(&[]));
    wrong("credential", Value::bytes(&[0; 256]));
    wrong("origin", Value::from("a b"));
    wrong("issued_at", Value::Uint(1 << 53));
    assert!(!refused(&approval().encode(), "for", Value::from("cfo-2")));
    assert!(refused(&registration().encode(), "use", Value::from("act")));
    assert!(refused(
        &sign_in().encode(),
        "site",
        Value::from("https://example.com/")
    ));
    for name in ["sign-in", "approval"] {
        assert_eq!(CredentialUse::parse(name).unwrap().name(), name);
    }
}

/// Goal: no assertion passes for another context. Method: each pair of a context that was signed and one that is
/// checked.
#[test]
fn wa_24_an_assertion_is_good_for_its_own_context_only() {
    let mut device = Authenticator::new(1);
    let key = device.key();
    let other_round = ApprovalContext {
        round: NonZeroU32::MAX,
        ..approval()
    };
    let here = SignInContext {
        site: site(),
        ..sign_in()
    };
    let challenges = [
        registration().challenge(),
        here.challenge(),
        act().challenge(),
        approval().challenge(),
        other_round.challenge(),
    ];
    for (signed, challenge) in challenges.into_iter().enumerate() {
        let assertion = device.assert(&site(), challenge);
        let results = [
            here.check(&assertion, &key),
            act().check(&assertion, &key, &site()),
            approval().check(&assertion, &key, &site()),
            other_round.check(&assertion, &key, &site()),
        ];
        for (at, result) in results.into_iter().enumerate() {
            if at + 1 == signed {
                let asserted = result.unwrap();
                assert_eq!(asserted.credential(), &device.credential());
                assert_eq!(
                    asserted.counter().count(),
                    u32::try_from(signed + 1).unwrap()
                );
            } else {
                assert_eq!(result.unwrap_err().code(), "wrong-challenge");
            }
        }
    }
    let made = device.register(&site(), registration().challenge());
    let credential = registration().check(&made, &site()).unwrap();
    assert_eq!(
        (credential.id(), credential.key()),
        (&device.credential(), &key)
    );
    let for_sign_in = RegistrationContext {
        credential_use: CredentialUse::SignIn,
        ..registration()
    };
    let refused = for_sign_in.check(&made, &site()).unwrap_err();
    assert_eq!(refused.code(), "wrong-challenge");
}

#[test]
fn wa_22_a_context_names_its_credential() {
    // The very same key under another id, as two registrations of it would be.
    let mut device = Authenticator::new(1).with_credential(b"another");
    let key = device.key();
    let assertion = device.assert(&site(), act().challenge());
    let refused = act().check(&assertion, &key, &site()).unwrap_err();
    let expected = AssertionError::OtherCredential {
        found: device.credential(),
        expected: Authenticator::new(1).credential(),
    };
    assert_eq!(refused, expected);
    let assertion = device.assert(&site(), approval().challenge());
    let refused = approval().check(&assertion, &key, &site()).unwrap_err();
    assert_eq!(refused, expected);
}

#[test]
fn wa_25_a_sign_in_is_checked_at_the_site_of_its_context() {
    let mut device = Authenticator::new(1);
    let assertion = device.assert(&site(), sign_in().challenge());
    let refused = sign_in().check(&assertion, &device.key()).unwrap_err();
    assert_eq!(refused.code(), "wrong-web-origin");
}
