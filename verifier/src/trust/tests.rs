use alloc::{format, string::String};

use super::*;
use crate::{
    entry::Event,
    event::Body,
    verify::testing::{NamedWitness, Person, Role, Tenant, trust_text},
};

fn text() -> String {
    let (one, two) = (Tenant::found(1), Tenant::found(2));
    let target = format!("{}#erp", one.origin());
    trust_text(
        &[&one, &two],
        &NamedWitness::new("w.example", 7).policy(),
        &[&target],
    )
}

fn refused(text: &str) -> String {
    Trust::parse(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn tr_1_a_trust_file_reads_back() {
    let trust = Trust::parse(text().as_bytes()).unwrap();
    assert_eq!(trust.encode(), text().as_bytes());
    assert_eq!(trust.logs().len(), 2);
    assert_eq!(trust.skew_s(), 30);
    assert!(trust.log("agentsigna.test/t/0000000000000002").is_some());
    // Optional members too.
    let full = text()
        .replacen("\"from_size\":0", "\"from_size\":0,\"to_size\":9", 1)
        .replacen("\"not_before\":0", "\"not_before\":5,\"not_after\":9", 1)
        .replacen(
            "\"web_origins\":[]",
            "\"rp_id\":\"approve.test\",\"web_origins\":[\"https://a.test\"]",
            1,
        );
    assert_eq!(
        Trust::parse(full.as_bytes()).unwrap().encode(),
        full.as_bytes()
    );
}

#[test]
fn tr_1_nothing_is_missing_and_nothing_is_added() {
    let text = text();
    for member in [
        "version",
        "platform",
        "logs",
        "policy",
        "targets",
        "skew_s",
        "origin",
        "genesis_leaf",
        "founder",
        "log_keys",
        "seal_keys",
        "web_origins",
        "currency",
        "exponent",
        "vkey",
        "from_size",
        "key",
        "not_before",
    ] {
        let other = text.replacen(&format!("\"{member}\":"), "\"other\":", 1);
        assert_ne!(other, text, "{member}");
        assert!(refused(&other).contains("missing"), "{member}");
        let more = text.replacen(
            &format!("\"{member}\":"),
            &format!("\"other\":0,\"{member}\":"),
            1,
        );
        assert!(refused(&more).contains("unknown member"), "{member}");
    }
    for (from, to) in [
        ("\"version\":1", "\"version\":2"),
        ("\"skew_s\":30", "\"skew_s\":61"),
        ("\"exponent\":2", "\"exponent\":5"),
        ("\"EUR\"", "\"eur\""),
        ("\"from_size\":0", "\"from_size\":0.0"),
        ("\"from_size\":0", "\"from_size\":-0"),
        ("\"from_size\":0", "\"from_size\":0e0"),
    ] {
        refused(&text.replacen(from, to, 1));
    }
}

#[test]
fn tr_2_an_origin_stands_once() {
    let one = Tenant::found(1);
    assert!(refused(&trust_text(&[&one, &one], NO_WITNESSES, &[])).contains("twice: keep one"));
}

#[test]
fn tr_3_a_log_key_is_named_after_its_log() {
    let (one, two) = (Tenant::found(1), Tenant::found(2));
    let text = trust_text(&[&one], NO_WITNESSES, &[]);
    let foreign = text.replace(&one.log_key().encode(), &two.log_key().encode());
    assert!(refused(&foreign).contains("is not a key of log"));
    let witness = NamedWitness::new(one.origin(), 7).key().encode();
    assert!(
        refused(&text.replace(&one.log_key().encode(), &witness)).contains("is not a key of log")
    );
}

#[test]
fn tr_4_windows_do_not_overlap_or_end_before_they_begin() {
    let one = Tenant::found(1);
    let text = trust_text(&[&one], NO_WITNESSES, &[]);
    let second = NoteKey::new(
        one.log_key().name().clone(),
        KeyKind::Ed25519,
        one.public(Role::Stranger),
    )
    .encode();
    let first = one.log_key().encode();
    let old = format!(r#"{{"vkey":"{first}","from_size":0}}"#);
    let windows = |a: &str, b: &str| {
        text.replace(
            &old,
            &format!(r#"{{"vkey":"{first}",{a}}},{{"vkey":"{second}",{b}}}"#),
        )
    };
    let good = windows(r#""from_size":0,"to_size":9"#, r#""from_size":10"#);
    let trust = Trust::parse(good.as_bytes()).unwrap();
    let log = &trust.logs()[0];
    for (size, key) in [(0, &first), (9, &first), (10, &second), (1 << 62, &second)] {
        assert_eq!(
            log.log_key_at(TreeSize::new(size).unwrap())
                .unwrap()
                .encode(),
            *key
        );
    }
    for (a, b) in [
        (r#""from_size":0,"to_size":9"#, r#""from_size":9"#),
        (r#""from_size":0"#, r#""from_size":10"#),
        (r#""from_size":5,"to_size":4"#, r#""from_size":10"#),
        (r#""from_size":10"#, r#""from_size":0,"to_size":9"#),
    ] {
        assert!(
            refused(&windows(a, b)).contains("overlap or end"),
            "{a} {b}"
        );
    }
    let times = text.replace("\"not_before\":0", "\"not_before\":5,\"not_after\":4");
    assert!(refused(&times).contains("ends before it begins"));
    for list in ["log_keys", "seal_keys"] {
        let (before, after) = text.split_once(&format!("\"{list}\":[")).unwrap();
        let (_, after) = after.split_once(']').unwrap();
        assert!(refused(&format!("{before}\"{list}\":[]{after}")).contains("trust file lists no"));
    }
}

#[test]
fn tr_5_one_key_has_one_role_and_one_log() {
    let (one, two) = (Tenant::found(1), Tenant::found(2));
    let text = trust_text(&[&one, &two], NO_WITNESSES, &[]);
    let [seal, founder, other] = [
        one.public(Role::Seal),
        one.public(Role::Founder),
        two.public(Role::Seal),
    ]
    .map(|key| key.to_base64url());
    for (from, to) in [(&other, &seal), (&founder, &seal), (&founder, &other)] {
        assert!(refused(&text.replace(from.as_str(), to)).contains("stands twice"));
    }
    // A witness with the seal key of the log.
    let witness = NoteKey::new(
        KeyName::parse("w").unwrap(),
        KeyKind::Cosignature,
        one.public(Role::Seal),
    );
    let policy = format!("witness w {}\nquorum w\n", witness.encode());
    assert!(refused(&trust_text(&[&one], &policy, &[])).contains("stands twice"));
    // A founder with a passkey, in one log and in two.
    let passkey = Person::administrator("dana", 1).sign_in.key().to_bytes();
    let passkey = data_encoding::BASE64URL_NOPAD.encode(&passkey);
    assert_eq!(passkey.len(), 44);
    let text_of_person = text.replace(&founder, &passkey);
    assert!(Trust::parse(text_of_person.as_bytes()).is_ok());
    let second = two.public(Role::Founder).to_base64url();
    assert!(refused(&text_of_person.replace(&second, &passkey)).contains("stands twice"));
    let off_curve = data_encoding::BASE64URL_NOPAD.encode(&[5; 33]);
    assert!(refused(&text.replace(&founder, &off_curve)).contains("begin with 0x02 or 0x03"));
    // A key anybody can sign for.
    let weak = data_encoding::BASE64URL_NOPAD.encode(&[0; 32]);
    assert!(refused(&text.replace(&founder, &weak)).contains("small order"));
}

#[test]
fn tr_6_targets_are_of_listed_logs() {
    let one = Tenant::found(1);
    assert!(
        refused(&trust_text(&[&one], NO_WITNESSES, &["elsewhere#erp"])).contains("does not list")
    );
    assert!(refused(&trust_text(&[&one], NO_WITNESSES, &["erp"])).contains("expected"));
}

#[test]
fn tr_7_the_witness_policy_is_read() {
    let one = Tenant::found(1);
    for policy in ["", "quorum w\n", "quorum none"] {
        assert!(
            refused(&trust_text(&[&one], policy, &[])).contains("witness policy"),
            "{policy}"
        );
    }
    // Lines of logs are read and not asked: not even whether their keys stand elsewhere.
    let with = |key: String| format!("log {key} https://log.example\nquorum none\n");
    let own = trust_text(&[&one], &with(one.log_key().encode()), &[]);
    let trust = Trust::parse(own.as_bytes()).unwrap();
    assert_eq!(trust.policy().logs().len(), 1);
    assert_eq!(trust.logs().len(), 1);
    let witness = NamedWitness::new("w.example", 9).key().encode();
    for key in ["w.example".into(), witness] {
        assert!(refused(&trust_text(&[&one], &with(key), &[])).contains("witness policy"));
    }
}

#[test]
fn tr_8_a_genesis_entry_makes_one_trust_file() {
    let one = Tenant::found(1);
    let made = one.trust();
    assert_eq!(
        made.encode(),
        trust_text(&[&one], NO_WITNESSES, &[]).as_bytes()
    );
    assert_eq!(Trust::parse(&made.encode()).unwrap(), made);
    let mut genesis = one.genesis();
    genesis.origin = "two words".into();
    assert!(Trust::from_genesis(&genesis, made.logs()[0].genesis_leaf()).is_err());
    let mut genesis = one.genesis();
    genesis.seal_key = genesis.log_key;
    assert!(Trust::from_genesis(&genesis, made.logs()[0].genesis_leaf()).is_err());
}

#[test]
fn the_example_of_the_page_is_a_trust_file() {
    let page = include_str!("../../../spec/trust.md");
    let example = page.split("<!-- trust example -->").nth(1).unwrap();
    let json: String = example
        .lines()
        .filter(|line| !line.starts_with("```"))
        .collect();
    let trust = Trust::parse(json.as_bytes()).unwrap();
    assert_eq!(trust, Tenant::ready(1).trust());
}

/// Goal: what a genesis entry amounts to can always be read again (TR-8). Method: texts that CBOR can hold and a trust
/// file cannot, in each place.
#[test]
fn tr_8_a_genesis_that_makes_no_trust_file_is_refused() {
    let tenant = Tenant::found(1);
    let leaf = LeafHash::of(&tenant.entries[0]);
    let forge = |change: fn(&mut Genesis)| {
        let mut genesis = tenant.genesis();
        change(&mut genesis);
        Trust::from_genesis(&genesis, leaf)
    };
    let good = forge(|genesis| genesis.platform.push('é')).unwrap();
    assert_eq!(Trust::parse(&good.encode()), Ok(good));
    let refused = forge(|genesis| genesis.platform.push('\u{1}'));
    assert!(matches!(refused, Err(TrustError::Json(_))));
}

/// TR-8: the founder's passkey is in the genesis, so the trust file still follows from nothing else.
#[test]
fn tr_8_a_founder_with_a_passkey_makes_a_trust_file() {
    let dana = Person::administrator("dana", 1);
    let tenant = Tenant::found_by_person(1, &dana);
    let leaf = LeafHash::of(&tenant.entries[0]);
    let trust = Trust::from_genesis(&tenant.genesis(), leaf).unwrap();
    let founder = trust.logs()[0].founder();
    assert_eq!(*founder, FounderKey::P256(dana.sign_in.key()));
    assert_eq!(founder.jwk_thumbprint(), dana.sign_in_thumbprint());
    assert_eq!(Trust::parse(&trust.encode()).as_ref(), Ok(&trust));
    assert!(trust.logs()[0].agrees_with(&tenant.genesis()));
    let erin = Tenant::found_by_person(1, &Person::administrator("dana", 2));
    assert!(!trust.logs()[0].agrees_with(&erin.genesis()));
}

#[test]
fn a_genesis_entry_with_a_control_character_makes_no_trust_file() {
    let bytes = include_bytes!("../../../testdata/events/genesis-control-character.event");
    let Body::LogCreated(genesis) = Event::decode(bytes).unwrap().body else {
        panic!("not a genesis");
    };
    let found = Trust::from_genesis(&genesis, LeafHash::of(bytes));
    assert!(matches!(found, Err(TrustError::Json(_))));
}
