use alloc::{format, string::ToString as _, vec};

use super::*;
use crate::log::signer::Signer;

/// The verifier key and the note printed in C2SP signed-note.
const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

fn line(name: &str, id: u8) -> SignatureLine {
    SignatureLine::new(
        KeyName::parse(name).unwrap(),
        KeyId::from_bytes([id; 4]),
        vec![id; 64],
    )
    .unwrap()
}

fn refused(note: &str) -> NoteError {
    Note::parse(note.as_bytes()).unwrap_err()
}

#[test]
fn the_key_of_the_standard_reads_back() {
    let key = NoteKey::parse(VKEY).unwrap();
    assert_eq!(key.encode(), VKEY);
    assert_eq!(key.to_string(), VKEY);
    assert_eq!(key.name().as_str(), "example.com/foo");
    assert_eq!(key.id().to_string(), "530d903a");
    assert_eq!(key.kind(), KeyKind::Ed25519);
}

/// CP-2, CP-3: each part of a verifier key is broken in turn.
#[test]
fn a_broken_verifier_key_names_its_part() {
    let log = Signer::log("example.com/log", 1).key.encode();
    let parts: Vec<&str> = log.splitn(3, '+').collect();
    let [name, id, key] = parts.as_slice() else {
        panic!("{log}")
    };
    let cases = [
        (String::new(), NoteKeyError::Shape),
        (format!("{name}+{id}"), NoteKeyError::Shape),
        (format!("+{id}+{key}"), BadName.into()),
        (format!("a b+{id}+{key}"), BadName.into()),
        (
            format!("{name}+{}+{key}", id.to_uppercase()),
            NoteKeyError::Id,
        ),
        (format!("{name}+{id}00+{key}"), NoteKeyError::Id),
        (format!("{name}+{id}+{key}="), NoteKeyError::Base64),
        (format!("{name}+{id}+"), NoteKeyError::Base64),
        (format!("{name}+{id}+{key}\n"), NoteKeyError::Base64),
        (
            format!("{name}+{id}+{}", BASE64.encode(&[6; 33])),
            NoteKeyError::Kind(6),
        ),
        (
            format!("{name}+{id}+{}", BASE64.encode(&[1; 32])),
            BadKey::Malformed.into(),
        ),
        (
            format!(
                "{name}+{id}+{}",
                BASE64.encode(&[&[1], [0; 32].as_slice()].concat())
            ),
            BadKey::SmallOrder.into(),
        ),
    ];
    for (text, error) in cases {
        assert_eq!(NoteKey::parse(&text), Err(error), "{text}");
    }
    let other = log.replacen("log", "lag", 1);
    let error = NoteKey::parse(&other).unwrap_err();
    assert!(matches!(error, NoteKeyError::WrongId { .. }), "{error}");
    // Every bit of the id.
    for bit in 0..32 {
        let mut id = *NoteKey::parse(&log).unwrap().id().as_bytes();
        id[bit / 8] ^= 1 << (bit % 8);
        let text = format!("{name}+{}+{key}", HEXLOWER.encode(&id));
        let error = NoteKey::parse(&text).unwrap_err();
        assert!(matches!(error, NoteKeyError::WrongId { .. }), "{error}");
    }
}

/// CP-2.
#[test]
fn a_name_has_no_room_for_tricks() {
    let longest = "x".repeat(255);
    for good in [
        "a",
        "example.com/t/0011223344556677",
        "日本",
        longest.as_str(),
    ] {
        assert_eq!(KeyName::parse(good).unwrap().as_str(), good);
    }
    let long = "x".repeat(256);
    for bad in [
        "",
        " ",
        "a b",
        "a+b",
        "a\n",
        "\ta",
        "a\u{a0}b",
        "a\u{2028}b",
        "a\u{7f}",
        "a\u{85}",
        long.as_str(),
    ] {
        assert_eq!(KeyName::parse(bad), Err(BadName), "{bad:?}");
    }
}

#[test]
fn a_note_reads_back() {
    let lines = [line("example.com/log", 1), line("witness.example", 2)];
    for text in ["one\n", "a\n\nb\n", "\n\na\n", "ünïcode — x y\n"] {
        let note = Note::new(text, &lines).unwrap();
        assert_eq!((note.text(), note.lines()), (text, lines.as_slice()));
        assert_eq!(Note::parse(note.encode().as_bytes()), Ok(note));
    }
}

#[test]
fn a_text_that_would_read_back_otherwise_is_not_encoded() {
    let lines = [line("a", 1)];
    for text in ["", "\n", "a", "a\n\nb", "a\n\n— b AQEBAQE="] {
        assert!(Note::new(text, &lines).is_err(), "{text:?}");
    }
    assert_eq!(Note::new("a\n", &[]), Err(NoteError::NoSignatures));
}

/// CP-6, CP-7, CP-8: one fault per note.
#[test]
fn a_broken_note_names_its_fault() {
    let good = format!("text\n\n{}\n", line("a", 1));
    assert!(Note::parse(good.as_bytes()).is_ok());
    let signature = BASE64.encode(&[1; 68]);
    let cases = [
        (String::new(), NoteError::NoBlankLine),
        ("text\n".into(), NoteError::NoBlankLine),
        (good.replace("\n\n", "\n"), NoteError::NoBlankLine),
        (format!("\n\n{}\n", line("a", 1)), NoteError::NoText),
        ("text\n\n".into(), NoteError::NoSignatures),
        (good.replace("text", "te\rxt"), NoteError::Characters),
        (good.replace("text", "te\txt"), NoteError::Characters),
        (good.replace("text", "te\0xt"), NoteError::Characters),
        (good.trim_end().into(), NoteError::Line { line: 1 }),
        (format!("{good}x\n"), NoteError::Line { line: 2 }),
        (
            format!("{good} {}\n", line("b", 1)),
            NoteError::Line { line: 2 },
        ),
        (good.replace('—', "-"), NoteError::Line { line: 1 }),
        (good.replace("— ", "—"), NoteError::Line { line: 1 }),
        ("text\n\n— a\n".into(), NoteError::Line { line: 1 }),
        (
            format!("text\n\n—  a {signature}\n"),
            NoteError::LineName {
                line: 1,
                source: BadName,
            },
        ),
        (
            format!("text\n\n— a+b {signature}\n"),
            NoteError::LineName {
                line: 1,
                source: BadName,
            },
        ),
        (
            format!("text\n\n— a  {signature}\n"),
            NoteError::LineSignature { line: 1 },
        ),
        (
            format!("text\n\n— a {signature} \n"),
            NoteError::LineSignature { line: 1 },
        ),
        (
            "text\n\n— a \n".into(),
            NoteError::LineSignature { line: 1 },
        ),
        // Four bytes of key id and nothing.
        (
            "text\n\n— a AAAAAA==\n".into(),
            NoteError::LineSignature { line: 1 },
        ),
        // Padded pieces, spare bits, missing padding, the other alphabet.
        (
            "text\n\n— a AAAAAA==AAAAAA==\n".into(),
            NoteError::LineSignature { line: 1 },
        ),
        (
            "text\n\n— a AAAAAAB=\n".into(),
            NoteError::LineSignature { line: 1 },
        ),
        (
            "text\n\n— a AAAAAAA\n".into(),
            NoteError::LineSignature { line: 1 },
        ),
        (
            "text\n\n— a AAAAAA_-\n".into(),
            NoteError::LineSignature { line: 1 },
        ),
    ];
    for (note, error) in cases {
        assert_eq!(refused(&note), error, "{note:?}");
    }
    assert_eq!(Note::parse(b"text\xff\n\n"), Err(NoteError::Characters));
    let repeated = format!("{good}{}\n", line("a", 1));
    assert_eq!(
        refused(&repeated).to_string(),
        "signature line 2 repeats the key `a+01010101`"
    );
    // Half a match is another key.
    for other in [line("a", 2), line("b", 1)] {
        assert!(Note::parse(format!("{good}{other}\n").as_bytes()).is_ok());
    }
}

/// CP-7: 64 lines are read, 65 are not; 65,536 bytes are read, 65,537 are not.
#[test]
fn limits_are_where_they_are_said_to_be() {
    let lines: Vec<SignatureLine> = (0..65).map(|id| line("a", id)).collect();
    assert!(Note::new("text\n", &lines[..64]).is_ok());
    assert_eq!(
        Note::new("text\n", &lines),
        Err(NoteError::TooManySignatures)
    );
    let rest = encode("", &lines[..1]).len() + 1;
    let text = format!("{}\n", "x".repeat(NOTE_BYTES_MAX - rest));
    assert_eq!(
        Note::new(&text, &lines[..1]).unwrap().encode().len(),
        NOTE_BYTES_MAX
    );
    assert_eq!(
        Note::new(&format!("x{text}"), &lines[..1]),
        Err(NoteError::TooLong {
            found: NOTE_BYTES_MAX + 1
        })
    );
}

/// Goal: what parses encodes to the same bytes, whatever was done to it.
#[test]
fn a_changed_byte_is_refused_or_kept() {
    let note = Note::new("a\n\nb\n", &[line("a", 1), line("b", 2)]).unwrap();
    let good = note.encode().into_bytes();
    let mut kept = 0;
    for at in 0..good.len() {
        for byte in 0..=255 {
            let mut bytes = good.clone();
            bytes[at] = byte;
            if let Ok(note) = Note::parse(&bytes) {
                assert_eq!(note.encode().as_bytes(), bytes);
                kept += 1;
            }
        }
        let cut = &good[..at];
        assert!(Note::parse(cut).map_or(true, |note| note.encode().as_bytes() == cut));
    }
    assert!(kept > good.len());
}

/// CP-14.
#[test]
fn lines_of_strangers_are_listed() {
    let (log, witness) = (Signer::log("log", 1), Signer::witness("log", 2));
    let note = Note::new(
        "text\n",
        &[log.sign("text\n"), line("x", 9), line("log", 9)],
    )
    .unwrap();
    let unknown = |keys: &[NoteKey]| -> Vec<String> {
        note.lines_unknown_to(keys)
            .map(|line| line.label().to_string())
            .collect()
    };
    let strangers = vec!["x+09090909".to_string(), "log+09090909".to_string()];
    assert_eq!(unknown(&[log.key.clone(), witness.key.clone()]), strangers);
    assert_eq!(unknown(&[witness.key]).len(), 3);
    assert_eq!(unknown(&[]).len(), 3);
}

#[test]
fn a_line_as_a_witness_answers_it_reads_back() {
    let good = line("witness.example", 3);
    assert_eq!(SignatureLine::parse(&good.to_string()), Ok(good));
    assert!(SignatureLine::parse("— a AAAA\n").is_err());
    assert!(
        SignatureLine::new(
            KeyName::parse("a").unwrap(),
            KeyId::from_bytes([0; 4]),
            vec![]
        )
        .is_none()
    );
}
