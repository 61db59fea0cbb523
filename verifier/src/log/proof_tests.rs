use alloc::string::ToString as _;

use super::*;
use crate::log::{oracle::Oracle, signer::Signer};

const ORIGIN: &str = "example.com/t/0011223344556677";

fn leaves(count: u8) -> Vec<[u8; 32]> {
    (0..count)
        .map(|entry| *LeafHash::of(&[entry]).as_bytes())
        .collect()
}

fn proof(index: u64, count: u8) -> TlogProof {
    let leaves = leaves(count);
    let oracle = Oracle::new(&leaves);
    let log = Signer::log(ORIGIN, 1);
    let witness = Signer::witness("witness.example.org", 2);
    let note = log.checkpoint(oracle.head(leaves.len()), &[&witness]);
    let signed = SignedCheckpoint::check(note, &log.key).unwrap();
    let path = oracle.path(usize::try_from(index).unwrap(), leaves.len());
    TlogProof::new(InclusionProof::new(LeafIndex::new(index), path), &signed).unwrap()
}

#[test]
fn every_proof_reads_back_and_proves() {
    let log = Signer::log(ORIGIN, 1);
    for count in 1..=20 {
        for index in 0..u64::from(count) {
            let proof = proof(index, count);
            let text = proof.encode();
            assert_eq!(TlogProof::parse(text.as_bytes()).as_ref(), Ok(&proof));
            let leaf = LeafHash::from_bytes(leaves(count)[usize::try_from(index).unwrap()]);
            let (signed, included) = proof.check(leaf, &log.key).unwrap();
            assert_eq!(included.index().position(), index);
            assert_eq!(included.head(), signed.head());
            assert_eq!(signed.checkpoint(), proof.checkpoint());
            assert_eq!(signed.note(), proof.note());
        }
    }
}

/// Goal: any flipped bit of the file is refused, given that all keys are known (decision 11).
#[test]
fn any_flipped_bit_of_a_proof_is_refused() {
    let log = Signer::log(ORIGIN, 1);
    let keys = [Signer::witness("witness.example.org", 2).key];
    let leaf = LeafHash::of(&[3]);
    let good = proof(3, 6).encode().into_bytes();
    let accepted = |bytes: &[u8]| {
        let Ok((signed, _)) = TlogProof::parse(bytes)
            .map_err(|error| error.to_string())
            .and_then(|proof| {
                proof
                    .check(leaf, &log.key)
                    .map_err(|error| error.to_string())
            })
        else {
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
}

/// PR-1, PR-2, PR-3, PR-4, PR-5, PR-6, PR-8: one fault per file.
#[test]
fn a_broken_proof_names_its_fault() {
    use TlogProofError as E;
    let good = proof(3, 6).encode();
    let lines: Vec<&str> = good.lines().collect();
    let (hash, last) = (lines[2], lines[4]);
    let hash_error = |hash| E::Hash { hash };
    let long = InclusionError::Surplus {
        found: 4,
        expected: 3,
    };
    let short = InclusionError::Missing {
        found: 2,
        expected: 3,
    };
    let cases = [
        (String::new(), E::Header),
        (good.replace("@v1", "@v2"), E::Header),
        (good.replace("@v1\n", "@v1\r\n"), E::Header),
        (good.replace("@v1\n", "@v1 \n"), E::Header),
        (format!("\n{good}"), E::Header),
        (good.replace("index", "extra QUJD\nindex"), E::Extra),
        (good.replace("index", "extra \nindex"), E::Extra),
        (good.replace("index ", "index"), E::Index),
        (good.replace("index 3", "index 03"), E::Index),
        (good.replace("index 3", "index +3"), E::Index),
        (good.replace("index 3", "index 3 "), E::Index),
        (good.replace("index 3", "index "), E::Index),
        (good.replace("index 3", "Index 3"), E::Index),
        (good.replace("index 3\n", ""), E::Index),
        (
            good.replace("index 3", "index 18446744073709551616"),
            E::Index,
        ),
        (
            good.replace(hash, &hash.replacen('/', "", 1)),
            hash_error(1),
        ),
        (good.replace(last, &format!("{last} ")), hash_error(3)),
        (good.replace(last, &BASE64.encode(&[1; 31])), hash_error(3)),
        (good.replace(last, &BASE64.encode(&[1; 33])), hash_error(3)),
        (good.replace("\n\nexample", "\nexample"), hash_error(4)),
        (good.replace(hash, &[hash; 64].join("\n")), E::TooManyHashes),
        (lines[..5].join("\n"), E::NoCheckpoint),
        (format!("{}\n", lines[..5].join("\n")), E::NoCheckpoint),
        (
            format!("{}\n\n", lines[..5].join("\n")),
            NoteError::NoBlankLine.into(),
        ),
        (format!("{good}\n"), NoteError::NoSignatures.into()),
        (format!("{good}x"), NoteError::Line { line: 3 }.into()),
        (
            good.replace("\n6\n", "\n06\n"),
            CheckpointError::Size.into(),
        ),
        (good.replace(hash, &[hash; 2].join("\n")), long.into()),
        (good.replace(&format!("{hash}\n"), ""), short.into()),
    ];
    for (text, error) in cases {
        assert_eq!(TlogProof::parse(text.as_bytes()), Err(error), "{text}");
    }
    for index in ["6", "7", "18446744073709551615"] {
        let text = good.replace("index 3", &format!("index {index}"));
        let error = TlogProof::parse(text.as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("leaf index {index} is outside a tree of 6 entries")
        );
    }
    let mut bytes = good.clone().into_bytes();
    bytes[0] = 0xff;
    assert_eq!(TlogProof::parse(&bytes), Err(E::Characters));
    let long = "x".repeat(NOTE_BYTES_MAX + 1);
    let found = NOTE_BYTES_MAX + 1;
    assert_eq!(TlogProof::parse(long.as_bytes()), Err(E::TooLong { found }));
}

/// PR-7, PR-9: the right proof for the wrong log, key or leaf.
#[test]
fn a_proof_holds_for_one_log_and_one_leaf() {
    let proof = proof(3, 6);
    let good = Signer::log(ORIGIN, 1);
    assert!(matches!(
        proof.check(LeafHash::of(&[2]), &good.key),
        Err(ProofCheckError::Inclusion(
            InclusionError::RootMismatch { .. }
        ))
    ));
    for other in [
        Signer::log(ORIGIN, 9),
        Signer::log("example.com/t/ffff", 1),
        Signer::witness(ORIGIN, 1),
    ] {
        assert!(matches!(
            proof.check(LeafHash::of(&[3]), &other.key),
            Err(ProofCheckError::Checkpoint(_))
        ));
    }
}

#[test]
fn a_path_of_another_tree_makes_no_proof() {
    let leaves = leaves(6);
    let oracle = Oracle::new(&leaves);
    let log = Signer::log(ORIGIN, 1);
    let signed = SignedCheckpoint::check(log.checkpoint(oracle.head(6), &[]), &log.key).unwrap();
    let path = InclusionProof::new(LeafIndex::new(3), oracle.path(3, 4));
    assert!(TlogProof::new(path, &signed).is_err());
}

/// Goal: what parses encodes to the same bytes, whatever was done to it.
#[test]
fn a_changed_byte_is_refused_or_kept() {
    let good = proof(3, 6).encode().into_bytes();
    let mut kept = 0;
    for at in 0..good.len() {
        for byte in 0..=127 {
            let mut bytes = good.clone();
            bytes[at] = byte;
            if let Ok(proof) = TlogProof::parse(&bytes) {
                assert_eq!(proof.encode().as_bytes(), bytes);
                kept += 1;
            }
        }
        let cut = &good[..at];
        assert!(TlogProof::parse(cut).map_or(true, |proof| proof.encode().as_bytes() == cut));
    }
    assert!(kept > good.len());
}

/// The example of `spec/proof.md`, byte for byte, from the seeds named there.
#[test]
fn the_example_in_the_spec_is_what_the_code_makes() {
    let page = include_str!("../../../spec/proof.md");
    let text = proof(3, 6).encode();
    assert!(page.contains(&text), "expected in spec/proof.md:\n{text}");
    let leaf = LeafHash::of(&[3]).to_string();
    assert!(page.contains(&leaf), "expected in spec/proof.md: {leaf}");
}
