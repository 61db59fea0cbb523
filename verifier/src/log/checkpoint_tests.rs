use alloc::string::ToString as _;

use data_encoding::BASE64;

use super::*;
use crate::log::{
    note::NoteKeyError,
    signer::{Signer, head},
};

const ORIGIN: &str = "example.com/t/0011223344556677";

#[test]
fn a_checkpoint_reads_back() {
    for (entries, root) in [(1, 0), (8, 7), (TreeSize::MAX.entries(), 255)] {
        let origin = KeyName::parse(ORIGIN).unwrap();
        let checkpoint = Checkpoint::new(origin, head(entries, root)).unwrap();
        assert_eq!(Checkpoint::parse(&checkpoint.text()), Ok(checkpoint));
    }
}

/// CP-1, CP-2, CP-4, CP-5: one fault per text.
#[test]
fn a_broken_checkpoint_names_its_line() {
    let root = BASE64.encode(&[7; 32]);
    let empty = RootHash::empty();
    let lines = |found| CheckpointError::Lines { found };
    let origin = || CheckpointError::Origin(BadName);
    let cases = [
        (String::new(), lines(0)),
        (format!("o\n8\n{root}"), lines(3)),
        (format!("o\n8\n{root}\n\n"), lines(4)),
        (format!("o\n8\n{root}\nextension\n"), lines(4)),
        (format!("o\n8\n{root}\n\nextension\n"), lines(5)),
        ("o\n8\n".into(), lines(2)),
        (format!("\n8\n{root}\n"), origin()),
        (format!("a b\n8\n{root}\n"), origin()),
        (format!("a+b\n8\n{root}\n"), origin()),
        (format!("{}\n8\n{root}\n", "o".repeat(256)), origin()),
        (format!("o\n08\n{root}\n"), CheckpointError::Size),
        (format!("o\n+8\n{root}\n"), CheckpointError::Size),
        (format!("o\n-8\n{root}\n"), CheckpointError::Size),
        (format!("o\n\n{root}\n"), CheckpointError::Size),
        (format!("o\n 8\n{root}\n"), CheckpointError::Size),
        (
            format!("o\n9223372036854775808\n{root}\n"),
            CheckpointError::Size,
        ),
        (format!("o\n8\n{root}=\n"), CheckpointError::Root),
        (
            format!("o\n8\n{}\n", root.replace('=', "")),
            CheckpointError::Root,
        ),
        (
            format!("o\n8\n{}\n", root.replace("Bwc=", "Bwd=")),
            CheckpointError::Root,
        ),
        (
            format!("o\n8\n{}\n", BASE64.encode(&[7; 31])),
            CheckpointError::Root,
        ),
        (
            format!("o\n8\n{}\n", BASE64.encode(&[7; 33])),
            CheckpointError::Root,
        ),
        ("o\n8\n\n".into(), CheckpointError::Root),
        (
            format!("o\n0\n{root}\n"),
            CheckpointError::NotEmptyRoot {
                found: RootHash::from_bytes([7; 32]),
            },
        ),
    ];
    for (text, error) in cases {
        assert_eq!(Checkpoint::parse(&text), Err(error), "{text:?}");
    }
    assert!(Checkpoint::parse(&format!("o\n0\n{empty}\n")).is_ok());
}

/// CP-9, CP-10, CP-11: the pinned key decides.
#[test]
fn only_the_pinned_log_key_opens_a_checkpoint() {
    let log = Signer::log(ORIGIN, 1);
    let note = log.checkpoint(head(8, 7), &[]).encode();
    let signed = open(note.as_bytes(), &log.key).unwrap();
    assert_eq!(signed.head(), head(8, 7));
    assert_eq!(signed.note().encode(), note);
    assert_eq!(signed.log_key(), &log.key);

    let open_with = |key: &NoteKey| open(note.as_bytes(), key).unwrap_err();
    let witness = Signer::witness(ORIGIN, 1);
    assert!(matches!(
        open_with(&witness.key),
        OpenError::NotLogKey { .. }
    ));
    let elsewhere = Signer::log("example.com/t/ffffffffffffffff", 1);
    assert!(matches!(
        open_with(&elsewhere.key),
        OpenError::WrongOrigin { .. }
    ));
    let rotated = Signer::log(ORIGIN, 2);
    let error = open_with(&rotated.key);
    assert_eq!(
        error,
        OpenError::Unsigned {
            key: rotated.key.label()
        }
    );
    assert_eq!(
        error.to_string(),
        format!(
            "checkpoint not signed by the pinned log key `{}`",
            rotated.key.label()
        )
    );
}

/// Goal: any flipped bit is refused: in text, name, key id and signature (decision 11, with all keys known).
#[test]
fn any_flipped_bit_of_a_signed_checkpoint_is_refused() {
    let log = Signer::log(ORIGIN, 1);
    let witness = Signer::witness("witness.example", 2);
    let keys = [witness.key.clone()];
    let good = log
        .checkpoint(head(8, 7), &[&witness])
        .encode()
        .into_bytes();
    let accepted = |bytes: &[u8]| {
        let Ok(signed) = open(bytes, &log.key) else {
            return false;
        };
        signed.lines_unknown_to(&keys).next().is_none() && signed.cosigned_by(&keys).is_ok()
    };
    assert!(accepted(&good));
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(!accepted(&bytes), "bit {bit}");
    }
    for length in 0..good.len() {
        let cut = &good[..length];
        // Cut before the last line, the note is whole: the witness is missing, which a quorum decides.
        let lines = core::str::from_utf8(cut).map_or(0, |cut| cut.lines().count());
        assert!(
            !accepted(cut) || (lines == 5 && cut.ends_with(b"\n")),
            "{length}"
        );
    }
}

/// CP-13, CP-14: a known witness must hold, an unknown one is listed.
#[test]
fn a_failing_witness_rejects_the_note_and_a_stranger_does_not() {
    let log = Signer::log(ORIGIN, 1);
    let witness = Signer::witness("witness.example", 2);
    let other = log.checkpoint(head(9, 7), &[&witness]);
    let mut lines = log.checkpoint(head(8, 7), &[]).lines().to_vec();
    lines.push(other.lines()[1].clone());
    let checkpoint = Checkpoint::new(log.key.name().clone(), head(8, 7)).unwrap();
    let note = Note::new(&checkpoint.text(), &lines).unwrap();
    let signed = SignedCheckpoint::check(note, &log.key).unwrap();
    assert!(matches!(
        signed.cosigned_by([&witness.key]),
        Err(CosignatureError::BadSignature { .. })
    ));
    // Without its key the line is a stranger's.
    assert_eq!(signed.cosigned_by([]), Ok(Vec::new()));
    assert_eq!(signed.lines_unknown_to(&[]).count(), 1);
    let keys = [witness.key];
    assert_eq!(signed.lines_unknown_to(&keys).count(), 0);
}

/// The example of `spec/checkpoint.md`, byte for byte, from the seeds named there.
#[test]
fn the_example_in_the_spec_is_what_the_code_makes() {
    let page = include_str!("../../../spec/checkpoint.md");
    let log = Signer::log(ORIGIN, 1);
    let witness = Signer::witness("witness.example.org", 2);
    let leaves: Vec<[u8; 32]> = (0..6_u8)
        .map(|entry| *crate::log::tree::LeafHash::of(&[entry]).as_bytes())
        .collect();
    let head = crate::log::oracle::Oracle::new(&leaves).head(6);
    let note = log.checkpoint(head, &[&witness]).encode();
    assert!(
        page.contains(&note),
        "expected in spec/checkpoint.md:\n{note}"
    );
    for key in [&log.key, &witness.key] {
        assert!(
            page.contains(&key.encode()),
            "expected in spec/checkpoint.md: {key}"
        );
    }
    let error: Result<NoteKey, NoteKeyError> = NoteKey::parse(&log.key.encode());
    assert_eq!(error, Ok(log.key));
}
