//! Test help: logs and witnesses that sign, with keys made from one seed byte.

use alloc::vec::Vec;

use ed25519_dalek::{Signer as _, SigningKey};

use super::{
    checkpoint::Checkpoint,
    cosignature::{self, CosignedAt},
    note::{KeyKind, KeyName, Note, NoteKey, SignatureLine},
    tree::{RootHash, TreeHead, TreeSize},
};
use crate::key::PublicKey;

pub(super) struct Signer {
    secret: SigningKey,
    pub(super) key: NoteKey,
}

impl Signer {
    pub(super) fn log(origin: &str, seed: u8) -> Self {
        Self::new(origin, KeyKind::Ed25519, [seed; 32])
    }

    pub(super) fn witness(name: &str, seed: u8) -> Self {
        Self::new(name, KeyKind::Cosignature, [seed; 32])
    }

    pub(super) fn new(name: &str, kind: KeyKind, seed: [u8; 32]) -> Self {
        let secret = SigningKey::from_bytes(&seed);
        let public = PublicKey::from_bytes(secret.verifying_key().as_bytes()).unwrap();
        Self {
            secret,
            key: NoteKey::new(KeyName::parse(name).unwrap(), kind, public),
        }
    }

    pub(super) fn sign(&self, text: &str) -> SignatureLine {
        self.key.line(&self.secret.sign(text.as_bytes()).to_bytes())
    }

    pub(super) fn cosign(&self, checkpoint: &Checkpoint, seconds: u64) -> SignatureLine {
        let at = CosignedAt::new(seconds).unwrap();
        let message = cosignature::message(checkpoint, at);
        cosignature::line(&self.key, at, &self.secret.sign(&message).to_bytes()).unwrap()
    }

    /// A signed checkpoint of this log with cosignatures at second 1,700,000,000.
    pub(super) fn checkpoint(&self, head: TreeHead, witnesses: &[&Self]) -> Note {
        let checkpoint = Checkpoint::new(self.key.name().clone(), head).unwrap();
        let mut lines: Vec<SignatureLine> = [self.sign(&checkpoint.text())].into();
        lines.extend(
            witnesses
                .iter()
                .map(|witness| witness.cosign(&checkpoint, 1_700_000_000)),
        );
        Note::new(&checkpoint.text(), &lines).unwrap()
    }
}

pub(super) fn head(entries: u64, root: u8) -> TreeHead {
    TreeHead::new(
        TreeSize::new(entries).unwrap(),
        RootHash::from_bytes([root; 32]),
    )
}
