use alloc::{format, string::ToString as _, vec};

use super::*;
use crate::log::{
    checkpoint::SignedCheckpoint,
    signer::{Signer, head},
};

const ORIGIN: &str = "example.com/t/0011223344556677";

fn log() -> Signer {
    Signer::log(ORIGIN, 1)
}

fn witness(at: u8) -> Signer {
    Signer::witness(&format!("w{at}.example"), 10 + at)
}

/// Six witnesses of two organisations, as in the example of C2SP tlog-policy.
fn two_organisations() -> String {
    let mut text = format!("# who may sign\nlog {} https://log.example/\n\n", log().key);
    for at in 0..6 {
        text += &format!(
            "witness {}{at}\t {}\n",
            if at < 3 { 'X' } else { 'Y' },
            witness(at).key
        );
    }
    text + "  # X is harder to convince\n group X-witnesses 2 X0 X1 X2 \ngroup Y-witnesses any Y3 Y4 Y5\n\
            group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n"
}

/// Goal: over all 64 sets of witnesses, the quorum says what its definition says.
#[test]
fn nested_groups_are_met_as_defined() {
    let policy = WitnessPolicy::parse(&two_organisations()).unwrap();
    assert_eq!((policy.logs().len(), policy.witnesses().len()), (1, 6));
    assert_eq!(policy.logs()[0].url(), Some("https://log.example/"));
    assert_eq!(policy.witnesses()[3].name(), "Y3");
    assert_eq!(policy.witnesses()[3].url(), None);
    assert!(!policy.asks_for_no_witness());
    for set in 0..64_u8 {
        let keys: Vec<NoteKey> = (0..6)
            .filter(|at| set & (1 << at) != 0)
            .map(|at| witness(at).key)
            .collect();
        let expected = (set & 0b111).count_ones() >= 2 && set & 0b11_1000 != 0;
        assert_eq!(policy.is_met_by(&keys), expected, "{set:06b}");
        // Twice the same key is one witness.
        let twice: Vec<&NoteKey> = keys.iter().chain(&keys).collect();
        assert_eq!(policy.is_met_by(twice), expected, "{set:06b}");
    }
    let strangers: Vec<NoteKey> = (10..30).map(|at| witness(at).key).collect();
    assert!(!policy.is_met_by(&strangers));
}

#[test]
fn thresholds_count_to_their_number() {
    for (threshold, enough) in [("any", 1), ("all", 3), ("1", 1), ("2", 2), ("3", 3)] {
        let mut text = String::new();
        for at in 0..3 {
            text += &format!("witness w{at} {}\n", witness(at).key);
        }
        text += &format!("group g {threshold} w0 w1 w2\nquorum g\n");
        let policy = WitnessPolicy::parse(&text).unwrap();
        for count in 0..=3 {
            let keys: Vec<NoteKey> = (0..count).map(|at| witness(at).key).collect();
            assert_eq!(
                policy.is_met_by(&keys),
                count >= enough,
                "{threshold} {count}"
            );
        }
    }
}

/// WL-6. Goal: quorums and splits are exactly what their definitions say. Method: over all sets of the witnesses, those
/// that meet the definition, less those that hold another.
#[test]
fn wl_6_quorums_and_splits_are_all_the_smallest_and_no_others() {
    let flat = |threshold: usize, of: u8| {
        let mut text = String::new();
        let mut names = String::new();
        for at in 0..of {
            text += &format!("witness w{at} {}\n", witness(at).key);
            names += &format!(" w{at}");
        }
        format!("{text}group g {threshold}{names}\nquorum g\n")
    };
    let nested = {
        let mut text = String::new();
        for at in 0..7 {
            text += &format!("witness w{at} {}\n", witness(at).key);
        }
        text + "group a 2 w0 w1 w2\ngroup b all w3 w4\ngroup c 2 a b w5\ngroup d all c w6\nquorum d\n"
    };
    let mut policies = vec![two_organisations(), nested];
    for of in 1..=5 {
        policies.extend((1..=usize::from(of)).map(|threshold| flat(threshold, of)));
    }
    for text in policies {
        let policy = WitnessPolicy::parse(&text).unwrap();
        let all: Vec<&NoteKey> = policy.witnesses().iter().map(PolicyWitness::key).collect();
        let met = |set: u32| {
            let keys = all.iter().enumerate();
            policy.is_met_by(
                keys.filter(|(at, _)| set & (1 << at) != 0)
                    .map(|(_, key)| *key),
            )
        };
        let every = 0..1_u32 << all.len();
        let splits = |set: u32| {
            // One group, the other, and the set, which is in both.
            let rest = !set & ((1 << all.len()) - 1);
            every
                .clone()
                .any(|one| one & !rest == 0 && met(set | one) && met(set | (rest & !one)))
        };
        let smallest = |holds: &dyn Fn(u32) -> bool| {
            let sets: Vec<u32> = every.clone().filter(|set| holds(*set)).collect();
            let holds_another =
                |set: u32| sets.iter().any(|other| *other != set && other & !set == 0);
            sets.iter()
                .copied()
                .filter(|set| !holds_another(*set))
                .collect::<Vec<u32>>()
        };
        let numbers = |found: WitnessSets<'_>| {
            assert!(!found.more);
            let number = |set: &Vec<&PolicyWitness>| {
                let at =
                    |witness: &&PolicyWitness| all.iter().position(|key| *key == witness.key());
                set.iter()
                    .map(|witness| 1 << at(witness).unwrap())
                    .sum::<u32>()
            };
            let mut sets: Vec<u32> = found.sets.iter().map(number).collect();
            sets.sort_unstable();
            sets
        };
        assert_eq!(numbers(policy.quorums(64)), smallest(&met), "{text}");
        assert_eq!(numbers(policy.splits(64)), smallest(&splits), "{text}");
    }
    // As many as asked for, the first in the order of the policy; and a word that there are more.
    let policy = WitnessPolicy::parse(&flat(2, 5)).unwrap();
    let found = policy.quorums(3);
    let names = |set: &Vec<&PolicyWitness>| {
        set.iter()
            .map(|one| one.name().to_string())
            .collect::<String>()
    };
    assert_eq!(
        found.sets.iter().map(names).collect::<Vec<String>>(),
        ["w0w1", "w0w2", "w0w3"]
    );
    assert!(found.more);
    assert!(!policy.quorums(10).more && policy.quorums(9).more);
    let none = WitnessPolicy::parse("quorum none\n").unwrap();
    assert_eq!(none.quorums(64).sets, [Vec::<&PolicyWitness>::new()]);
    assert_eq!(none.splits(64).sets, [Vec::<&PolicyWitness>::new()]);
}

#[test]
fn none_is_met_by_nobody_and_one_by_that_one() {
    let none = WitnessPolicy::parse("quorum none\n").unwrap();
    assert!(none.asks_for_no_witness());
    assert!(none.is_met_by([]));
    let one = format!("witness w {}\nquorum w\n", witness(0).key);
    let one = WitnessPolicy::parse(&one).unwrap();
    assert!(!one.is_met_by([]));
    assert!(one.is_met_by([&witness(0).key]));
}

/// Goal: a signed note is judged as a whole: log listed, cosignatures good, enough of them.
#[test]
fn a_checkpoint_needs_a_listed_log_and_enough_witnesses() {
    let policy = WitnessPolicy::parse(&two_organisations()).unwrap();
    let signed = |log: &Signer, witnesses: &[u8]| {
        let witnesses: Vec<Signer> = witnesses.iter().map(|at| witness(*at)).collect();
        let note = log.checkpoint(head(8, 7), &witnesses.iter().collect::<Vec<_>>());
        SignedCheckpoint::check(note, &log.key).unwrap()
    };
    let met = policy.check(&signed(&log(), &[0, 2, 5, 40])).unwrap();
    let keys: Vec<&NoteKey> = met.cosigned().iter().map(Cosigned::key).collect();
    assert_eq!(keys, [&witness(0).key, &witness(2).key, &witness(5).key]);
    assert_eq!(
        policy.check(&signed(&log(), &[0, 1, 2])),
        Err(QuorumError::NotMet { found: 3 })
    );
    assert_eq!(
        policy.check(&signed(&log(), &[])),
        Err(QuorumError::NotMet { found: 0 })
    );
    let stranger = Signer::log(ORIGIN, 9);
    let by_stranger = signed(&stranger, &[0, 1, 3]);
    assert_eq!(
        policy.check(&by_stranger),
        Err(QuorumError::UnknownLog {
            key: stranger.key.label()
        })
    );
    assert!(policy.check_witnesses(&by_stranger).is_ok());
    assert_eq!(policy.log_keys(log().key.name()).count(), 1);
    assert_eq!(policy.log_keys(witness(0).key.name()).count(), 0);
}

/// Goal: one witness whose line does not hold spoils the note, though enough others are good.
#[test]
fn a_forged_cosignature_is_not_simply_left_out() {
    let policy = WitnessPolicy::parse(&two_organisations()).unwrap();
    let witnesses: Vec<Signer> = (0..4).map(witness).collect();
    let witnesses: Vec<&Signer> = witnesses.iter().collect();
    let note = log().checkpoint(head(8, 7), &witnesses);
    let other = log().checkpoint(head(9, 7), &witnesses);
    let mut lines = note.lines().to_vec();
    lines[2] = other.lines()[2].clone();
    let note = crate::log::note::Note::new(note.text(), &lines).unwrap();
    let signed = SignedCheckpoint::check(note, &log().key).unwrap();
    assert!(matches!(
        policy.check(&signed),
        Err(QuorumError::Cosignature(_))
    ));
}

/// Goal: one fault per file.
#[test]
fn a_broken_policy_names_its_line() {
    use WitnessPolicyError as E;
    let (log, w0, w1) = (log().key, witness(0).key, witness(1).key);
    let name = |text: &str| text.to_string();
    let two = format!("witness a {w0}\nwitness b {w1}\n");
    let renamed = Signer::witness("other.example", 10).key;
    let cases = [
        (String::new(), E::Characters),
        ("quorum none".into(), E::Characters),
        ("quorum none\r\n".into(), E::Characters),
        ("quorum\u{7f} none\n".into(), E::Characters),
        ("\n".into(), E::NoQuorum),
        ("# quorum none\n".into(), E::NoQuorum),
        ("quorum\n".into(), E::Line { line: 1 }),
        ("quorum none none\n".into(), E::Line { line: 1 }),
        ("\nQuorum none\n".into(), E::Line { line: 2 }),
        ("log\n".into(), E::Line { line: 1 }),
        (format!("log {log} url more\n"), E::Line { line: 1 }),
        (format!("witness {w0}\n"), E::Line { line: 1 }),
        (format!("{two}group g any\n"), E::Line { line: 3 }),
        (
            "quorum none\nquorum none\n".into(),
            E::SecondQuorum { line: 2 },
        ),
        (
            "log x\n".into(),
            E::Key {
                line: 1,
                source: NoteKeyError::Shape,
            },
        ),
        (
            format!("log {w0}\n"),
            E::WrongKind {
                line: 1,
                key: w0.label(),
            },
        ),
        (
            format!("witness a {log}\n"),
            E::WrongKind {
                line: 1,
                key: log.label(),
            },
        ),
        (
            format!("log {log}\nlog {log} url\n"),
            E::RepeatedKey {
                line: 2,
                key: log.label(),
            },
        ),
        (
            format!("{two}witness c {renamed}\n"),
            E::RepeatedKey {
                line: 3,
                key: renamed.label(),
            },
        ),
        (
            format!("witness a {w0}\nwitness a {w1}\n"),
            E::RepeatedName {
                line: 2,
                name: name("a"),
            },
        ),
        (
            format!("witness none {w0}\n"),
            E::RepeatedName {
                line: 1,
                name: name("none"),
            },
        ),
        (
            format!("{two}group a any b\n"),
            E::RepeatedName {
                line: 3,
                name: name("a"),
            },
        ),
        (
            format!("{two}group none any b\n"),
            E::RepeatedName {
                line: 3,
                name: name("none"),
            },
        ),
        (
            format!("{two}group g any g\n"),
            E::UnknownName {
                line: 3,
                name: name("g"),
            },
        ),
        (
            format!("{two}group g any none\n"),
            E::UnknownName {
                line: 3,
                name: name("none"),
            },
        ),
        (
            format!("{two}group g any c\n"),
            E::UnknownName {
                line: 3,
                name: name("c"),
            },
        ),
        (
            format!("quorum a\n{two}"),
            E::UnknownName {
                line: 1,
                name: name("a"),
            },
        ),
        (
            format!("{two}group g any a a\n"),
            E::RepeatedMember {
                line: 3,
                name: name("a"),
            },
        ),
        (
            format!("{two}group g any a\ngroup h all a b\n"),
            E::RepeatedMember {
                line: 4,
                name: name("a"),
            },
        ),
        (
            format!("{two}group g 0 a b\n"),
            E::Threshold {
                line: 3,
                members: 2,
            },
        ),
        (
            format!("{two}group g 3 a b\n"),
            E::Threshold {
                line: 3,
                members: 2,
            },
        ),
        (
            format!("{two}group g 01 a b\n"),
            E::Threshold {
                line: 3,
                members: 2,
            },
        ),
        (
            format!("{two}group g most a b\n"),
            E::Threshold {
                line: 3,
                members: 2,
            },
        ),
    ];
    for (text, error) in cases {
        assert_eq!(WitnessPolicy::parse(&text), Err(error), "{text}");
    }
}

#[test]
fn a_policy_has_at_most_64_of_a_kind() {
    let witnesses = |count: u8| -> String {
        (0..count)
            .map(|at| format!("witness w{at} {}\n", witness(at).key))
            .collect()
    };
    assert!(WitnessPolicy::parse(&format!("{}quorum w63\n", witnesses(64))).is_ok());
    assert_eq!(
        WitnessPolicy::parse(&witnesses(65)),
        Err(WitnessPolicyError::TooMany { line: 65 })
    );
    let groups: String = (0..65)
        .map(|at| format!("group g{at} any w{at}\n"))
        .collect();
    let both = format!("{}{groups}", witnesses(64));
    assert_eq!(
        WitnessPolicy::parse(&both.replace("any w64", "any g0")),
        Err(WitnessPolicyError::TooMany { line: 129 })
    );
    let long = vec!["#\n"; WITNESS_POLICY_BYTES_MAX / 2 + 1].concat();
    let found = WITNESS_POLICY_BYTES_MAX + 2;
    assert_eq!(
        WitnessPolicy::parse(&long),
        Err(WitnessPolicyError::TooLong { found })
    );
}
