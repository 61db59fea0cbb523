//! C2SP tlog-proof: index, path and signed checkpoint in one file (`spec/proof.md`).
//!
//! The leaf is not in it: who checks has to build the leaf from what was shown to them. The line `extra` of the
//! standard is refused: nobody signs it, and we have nothing to say there.

use alloc::{format, string::String, vec::Vec};

use data_encoding::BASE64;

use super::{
    base64,
    checkpoint::{Checkpoint, CheckpointError, OpenError, SignedCheckpoint},
    decimal,
    inclusion::{Included, InclusionError, InclusionProof},
    note::{Note, NoteError, NoteKey},
    tree::{LeafHash, LeafIndex},
};
use crate::limits::{NOTE_BYTES_MAX, PROOF_HASHES_MAX};

/// The first line.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// A proof that some entry is in the tree of a checkpoint. Its shape is right; nothing is checked until
/// [`TlogProof::check`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    inclusion: InclusionProof,
    checkpoint: Checkpoint,
    note: Note,
}

/// Why bytes are not a tlog-proof of our profile. In the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// More than 64 KiB.
    #[error("proof of {found} bytes, more than {NOTE_BYTES_MAX}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// Not UTF-8.
    #[error("not the text of a proof: expected UTF-8")]
    Characters,
    /// Another first line.
    #[error("not a tlog-proof: expected the first line `{HEADER}`")]
    Header,
    /// A line `extra`.
    #[error("proof with a line `extra`, which nobody signs: leave it out")]
    Extra,
    /// No line `index`, or not a plain decimal.
    #[error("proof without index: expected `index` and a decimal without sign or leading zero")]
    Index,
    /// A line that is not the base64 of 32 bytes.
    #[error("proof hash {hash}: expected canonical base64 of 32 bytes")]
    Hash {
        /// Counted from 1.
        hash: usize,
    },
    /// More than 63 hashes.
    #[error("proof with more than {PROOF_HASHES_MAX} hashes")]
    TooManyHashes,
    /// No blank line after the hashes.
    #[error("proof without checkpoint: expected a blank line and a signed note")]
    NoCheckpoint,
    /// What follows the blank line is not a note.
    #[error("proof with a malformed note")]
    Note(#[from] NoteError),
    /// The text of the note is not a checkpoint.
    #[error("proof with a malformed checkpoint")]
    Checkpoint(#[from] CheckpointError),
    /// Another number of hashes than index and size ask for, or an index outside the tree.
    #[error(transparent)]
    Length(#[from] InclusionError),
}

/// Why a proof does not prove. In the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofCheckError {
    /// The pinned log key has not signed the checkpoint.
    #[error("the checkpoint of the proof is not good")]
    Checkpoint(#[from] OpenError),
    /// The leaf is not where the proof says.
    #[error(transparent)]
    Inclusion(#[from] InclusionError),
}

impl TlogProof {
    /// Puts a path and the signed checkpoint it leads to together.
    ///
    /// # Errors
    /// [`InclusionError`], save for its last variant: the path does not have the length that index and size ask
    /// for.
    pub fn new(
        inclusion: InclusionProof,
        signed: &SignedCheckpoint,
    ) -> Result<Self, InclusionError> {
        inclusion.check_length(signed.head().size())?;
        Ok(Self {
            inclusion,
            checkpoint: signed.checkpoint().clone(),
            note: signed.note().clone(),
        })
    }

    /// Reads a proof: its shape only, no hash and no signature is checked.
    ///
    /// # Errors
    /// [`TlogProofError`], in the order of its variants.
    pub fn parse(bytes: &[u8]) -> Result<Self, TlogProofError> {
        // PR-1.
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(TlogProofError::TooLong { found: bytes.len() });
        }
        let text = core::str::from_utf8(bytes).map_err(|_| TlogProofError::Characters)?;
        // PR-2.
        let rest = text
            .strip_prefix(HEADER)
            .and_then(|rest| rest.strip_prefix('\n'))
            .ok_or(TlogProofError::Header)?;
        // PR-3.
        if rest.starts_with("extra") {
            return Err(TlogProofError::Extra);
        }
        // PR-4.
        let (index, mut rest) = rest
            .strip_prefix("index ")
            .and_then(|rest| rest.split_once('\n'))
            .ok_or(TlogProofError::Index)?;
        let index = decimal::parse(index).ok_or(TlogProofError::Index)?;
        // PR-5.
        let mut hashes: Vec<[u8; 32]> = Vec::new();
        let note = loop {
            let (line, after) = rest.split_once('\n').ok_or(TlogProofError::NoCheckpoint)?;
            if line.is_empty() {
                break after;
            }
            if hashes.len() == PROOF_HASHES_MAX {
                return Err(TlogProofError::TooManyHashes);
            }
            let hash = base64::decode_hash(line).ok_or_else(|| TlogProofError::Hash {
                hash: hashes.len().saturating_add(1),
            })?;
            hashes.push(hash);
            rest = after;
        };
        // PR-6.
        let note = Note::parse(note.as_bytes())?;
        let checkpoint = Checkpoint::parse(note.text())?;
        // PR-8.
        let inclusion = InclusionProof::new(LeafIndex::new(index), hashes);
        inclusion.check_length(checkpoint.head().size())?;
        Ok(Self {
            inclusion,
            checkpoint,
            note,
        })
    }

    /// The bytes that [`Self::parse`] reads, as text. A proof that was read encodes to the bytes it was read
    /// from.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = format!("{HEADER}\nindex {}\n", self.inclusion.index());
        for hash in self.inclusion.hashes() {
            text.push_str(&BASE64.encode(hash));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.note.encode());
        text
    }

    /// Index and path: a claim.
    #[must_use]
    pub const fn inclusion(&self) -> &InclusionProof {
        &self.inclusion
    }

    /// The position that the proof claims for its leaf.
    #[must_use]
    pub const fn index(&self) -> LeafIndex {
        self.inclusion.index()
    }

    /// What the note says: a claim, for choosing the key to check with.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note with its signature lines.
    #[must_use]
    pub const fn note(&self) -> &Note {
        &self.note
    }

    /// Accepts the proof only if the pinned log key signed the checkpoint and the path leads from this leaf to
    /// its root. Witnesses are another question: see [`super::witness_policy`].
    ///
    /// # Errors
    /// [`ProofCheckError`], in the order of its variants.
    pub fn check(
        &self,
        leaf: LeafHash,
        log_key: &NoteKey,
    ) -> Result<(SignedCheckpoint, Included), ProofCheckError> {
        // PR-7, then PR-8 and PR-9.
        let signed = SignedCheckpoint::check(self.note.clone(), log_key)?;
        let included = self.inclusion.check(leaf, &signed.head())?;
        Ok((signed, included))
    }
}

#[cfg(test)]
#[path = "proof_tests.rs"]
mod tests;
