//! Signed notes and what is made of them: names, verifier keys, signature lines, checkpoints, tlog-proofs. Whatever is
//! read is written again as it was read; no change to a text keeps its signature.
#![no_main]

use std::sync::LazyLock;

use agentsigna_fuzz::{changed, known};
use agentsigna_verifier::{
    limits::{NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX, PROOF_HASHES_MAX},
    log::{
        checkpoint::{self, Checkpoint, SignedCheckpoint},
        cosignature::{self, CosignedAt},
        note::{KeyName, Note, NoteKey, SignatureLine},
        proof::TlogProof,
        tree::LeafHash,
    },
    verify::testing::NamedWitness,
};
use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

struct Known {
    signed: SignedCheckpoint,
    log_key: NoteKey,
    witness_key: NoteKey,
    at: CosignedAt,
    proof: String,
    leaf: LeafHash,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let (tenant, _) = known::tenant();
    let witness = NamedWitness::new("w.example", 9);
    let signed = tenant.signed_head(&[&witness]);
    let line = witness.line(signed.checkpoint());
    let cosigned = cosignature::check(&line, &witness.key(), signed.checkpoint());
    Known {
        at: cosigned.expect("the witness signed").at(),
        proof: tenant.proof(3, &signed),
        leaf: LeafHash::of(&tenant.entries[3]),
        log_key: tenant.log_key(),
        witness_key: witness.key(),
        signed,
    }
});

fuzz_target!(|data: &[u8]| {
    let known = &*KNOWN;
    read(data);
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let mut input = Unstructured::new(rest);
    match first % 4 {
        0 => read(&changed(
            known.signed.note().encode().as_bytes(),
            &mut input,
        )),
        1 => read(&changed(known.proof.as_bytes(), &mut input)),
        2 => read(&changed(known.log_key.encode().as_bytes(), &mut input)),
        _ => read(&changed(
            known.signed.note().lines()[1].to_string().as_bytes(),
            &mut input,
        )),
    }
});

fn read(data: &[u8]) {
    let known = &*KNOWN;
    if let Ok(note) = Note::parse(data) {
        assert_eq!(note.encode().as_bytes(), data);
        assert_eq!(Note::new(note.text(), note.lines()).as_ref(), Ok(&note));
        assert!(data.len() <= NOTE_BYTES_MAX && note.lines().len() <= NOTE_SIGNATURES_MAX);
        opened(&note);
    } else {
        assert!(checkpoint::open(data, &known.log_key).is_err());
    }
    if let Ok(proof) = TlogProof::parse(data) {
        assert_eq!(proof.encode().as_bytes(), data);
        assert!(proof.inclusion().hashes().len() <= PROOF_HASHES_MAX);
        // Lines that the log key did not make may change: who counts them is another question.
        let text = data.split(|byte| *byte == 0xe2).next();
        let same = text == known.proof.as_bytes().split(|byte| *byte == 0xe2).next()
            && proof.note().line_of(&known.log_key) == known.signed.note().line_of(&known.log_key);
        assert_eq!(proof.check(known.leaf, &known.log_key).is_ok(), same);
    }
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.text(), text);
    }
    if let Ok(name) = KeyName::parse(text) {
        assert_eq!(name.as_str(), text);
    }
    if let Ok(key) = NoteKey::parse(text) {
        assert_eq!(key.encode(), text);
        assert_eq!(
            NoteKey::new(key.name().clone(), key.kind(), *key.public_key()),
            key
        );
    }
    if let Ok(line) = SignatureLine::parse(text) {
        assert_eq!(line.to_string(), text);
        cosigned(&line, known.signed.checkpoint());
    }
}

/// CP-9 to CP-13.
fn opened(note: &Note) {
    let known = &*KNOWN;
    let text = known.signed.note().text();
    match SignedCheckpoint::check(note.clone(), &known.log_key) {
        Ok(signed) => {
            assert_eq!(note.text(), text);
            let own = note.line_of(&known.log_key);
            assert_eq!(own, known.signed.note().line_of(&known.log_key));
            assert_eq!(signed.head(), known.signed.head());
            let keys = [known.witness_key.clone()];
            let unknown = signed.lines_unknown_to(&keys).count();
            let named = note.line_of(&known.witness_key);
            assert_eq!(
                unknown + usize::from(named.is_some()) + 1,
                note.lines().len()
            );
            let cosigned = signed.cosigned_by(&keys);
            assert_eq!(
                cosigned.is_ok(),
                named.is_none_or(|line| known.signed.note().lines().contains(line))
            );
        }
        Err(_) => assert_ne!(note.encode(), known.signed.note().encode()),
    }
    if let Ok(checkpoint) = Checkpoint::parse(note.text()) {
        note.lines()
            .iter()
            .for_each(|line| cosigned(line, &checkpoint));
    }
}

/// CP-12.
fn cosigned(line: &SignatureLine, checkpoint: &Checkpoint) {
    let known = &*KNOWN;
    if let Ok(cosigned) = cosignature::check(line, &known.witness_key, checkpoint) {
        assert!(known.signed.note().lines().contains(line));
        assert_eq!(cosigned.at(), known.at);
        assert_eq!(cosigned.checkpoint(), known.signed.checkpoint());
    }
    assert!(cosignature::check(line, &known.log_key, checkpoint).is_err());
}
