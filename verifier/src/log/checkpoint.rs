//! C2SP tlog-checkpoint: the head of a log, signed (`spec/checkpoint.md`).
//!
//! Three lines and nothing else: origin, size, root. The key that signs is an Ed25519 key (type 0x01) whose
//! name is the origin, pinned by the reader beforehand; a key found in the artefact proves nothing.

use alloc::{format, string::String, vec::Vec};

use super::{
    base64,
    cosignature::{self, CosignatureError, Cosigned},
    decimal,
    note::{BadName, KeyKind, KeyLabel, KeyName, Note, NoteError, NoteKey, SignatureLine},
    tree::{RootHash, TreeHead, TreeSize},
};

/// A log's statement of how many entries it has, and their root. A claim, until [`open`]ed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: KeyName,
    head: TreeHead,
}

/// A checkpoint whose pinned log key has signed it. Comes only from [`open`] and [`SignedCheckpoint::check`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
    log_key: NoteKey,
}

/// Why text is not a checkpoint. In the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not three lines that each end in a newline.
    #[error(
        "checkpoint with {found} lines, expected 3: origin, size, root, and no extension lines"
    )]
    Lines {
        /// Lines found, empty ones counted.
        found: usize,
    },
    /// The first line.
    #[error("checkpoint origin")]
    Origin(#[source] BadName),
    /// The second line.
    #[error("checkpoint size: expected a decimal below 2^63 without sign or leading zero")]
    Size,
    /// The third line.
    #[error("checkpoint root: expected canonical base64 of 32 bytes")]
    Root,
    /// Size 0 with another root than `SHA-256("")`.
    #[error(
        "checkpoint of 0 entries with root `{found}`, expected `{}`",
        RootHash::empty()
    )]
    NotEmptyRoot {
        /// The root in the third line.
        found: RootHash,
    },
}

/// Why a note is not a checkpoint signed by the pinned log key. In the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The bytes are not a note.
    #[error("not a signed note")]
    Note(#[from] NoteError),
    /// The pinned key is for witnesses.
    #[error("`{key}` is the key of a witness, expected the key of a log (type 0x01)")]
    NotLogKey {
        /// The key given.
        key: KeyLabel,
    },
    /// The text is not a checkpoint.
    #[error("not a checkpoint")]
    Checkpoint(#[from] CheckpointError),
    /// A checkpoint of another log.
    #[error("checkpoint of log `{found}`, expected `{expected}`")]
    WrongOrigin {
        /// The origin in the checkpoint.
        found: KeyName,
        /// The name of the pinned key.
        expected: KeyName,
    },
    /// No line names the pinned key.
    #[error("checkpoint not signed by the pinned log key `{key}`")]
    Unsigned {
        /// The pinned key.
        key: KeyLabel,
    },
    /// A line names the pinned key, and its signature does not hold.
    #[error("the signature of log key `{key}` does not verify")]
    BadSignature {
        /// The pinned key.
        key: KeyLabel,
    },
}

impl Checkpoint {
    /// What a log with this origin and head has to sign.
    ///
    /// # Errors
    /// [`CheckpointError::NotEmptyRoot`] if the size is 0 and the root is not `SHA-256("")`.
    pub fn new(origin: KeyName, head: TreeHead) -> Result<Self, CheckpointError> {
        // CP-5.
        if head.size() == TreeSize::EMPTY && head.root() != RootHash::empty() {
            return Err(CheckpointError::NotEmptyRoot { found: head.root() });
        }
        Ok(Self { origin, head })
    }

    /// Reads the text of a note, without its blank line and signatures.
    ///
    /// # Errors
    /// [`CheckpointError`], in the order of its variants.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        // CP-1, CP-4: three lines, each with its newline. A missing last newline leaves a fourth part.
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root), Some(""), None) = (
            lines.next(),
            lines.next(),
            lines.next(),
            lines.next(),
            lines.next(),
        ) else {
            let found = text.split_terminator('\n').count();
            return Err(CheckpointError::Lines { found });
        };
        let origin = KeyName::parse(origin).map_err(CheckpointError::Origin)?;
        let size = decimal::parse(size)
            .and_then(TreeSize::new)
            .ok_or(CheckpointError::Size)?;
        let root = base64::decode_hash(root)
            .map(RootHash::from_bytes)
            .ok_or(CheckpointError::Root)?;
        Self::new(origin, TreeHead::new(size, root))
    }

    /// The permanent name of the log.
    #[must_use]
    pub const fn origin(&self) -> &KeyName {
        &self.origin
    }

    /// Size and root.
    #[must_use]
    pub const fn head(&self) -> TreeHead {
        self.head
    }

    /// What the log key signs: `<origin>\n<size>\n<base64(root)>\n`.
    #[must_use]
    pub fn text(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.head.size(),
            self.head.root()
        )
    }
}

/// Reads a note as a checkpoint signed by the pinned key of the log whose origin is the key's name.
///
/// Lines of other keys are neither checked nor refused here; see [`Note::lines_unknown_to`] and
/// [`SignedCheckpoint::cosigned_by`].
///
/// # Errors
/// [`OpenError`], in the order of its variants.
pub fn open(note: &[u8], log_key: &NoteKey) -> Result<SignedCheckpoint, OpenError> {
    SignedCheckpoint::check(Note::parse(note)?, log_key)
}

impl SignedCheckpoint {
    /// As [`open`], for a note that is already taken apart.
    ///
    /// # Errors
    /// [`OpenError`], in the order of its variants.
    pub fn check(note: Note, log_key: &NoteKey) -> Result<Self, OpenError> {
        let key = || log_key.label();
        // CP-9.
        if log_key.kind() != KeyKind::Ed25519 {
            return Err(OpenError::NotLogKey { key: key() });
        }
        let checkpoint = Checkpoint::parse(note.text())?;
        // CP-10.
        if checkpoint.origin != *log_key.name() {
            return Err(OpenError::WrongOrigin {
                found: checkpoint.origin,
                expected: log_key.name().clone(),
            });
        }
        // CP-11.
        let line = note
            .line_of(log_key)
            .ok_or_else(|| OpenError::Unsigned { key: key() })?;
        if !log_key
            .public_key()
            .verifies(note.text().as_bytes(), line.signature())
        {
            return Err(OpenError::BadSignature { key: key() });
        }
        Ok(Self {
            checkpoint,
            note,
            log_key: log_key.clone(),
        })
    }

    /// What was signed.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Size and root.
    #[must_use]
    pub const fn head(&self) -> TreeHead {
        self.checkpoint.head
    }

    /// The note with all its lines, also those that nobody has checked.
    #[must_use]
    pub const fn note(&self) -> &Note {
        &self.note
    }

    /// The key that signed.
    #[must_use]
    pub const fn log_key(&self) -> &NoteKey {
        &self.log_key
    }

    /// The cosignatures of these witnesses, in the order of the keys; a witness without a line is left out.
    ///
    /// # Errors
    /// [`CosignatureError`] if a line names one of the keys and its signature does not hold: C2SP signed-note
    /// asks to reject the whole note then (**CP-13**).
    pub fn cosigned_by<'a>(
        &self,
        witnesses: impl IntoIterator<Item = &'a NoteKey>,
    ) -> Result<Vec<Cosigned>, CosignatureError> {
        let mut cosigned = Vec::new();
        for key in witnesses {
            if let Some(line) = self.note.line_of(key) {
                cosigned.push(cosignature::check(line, key, &self.checkpoint)?);
            }
        }
        Ok(cosigned)
    }

    /// The lines of neither the log key nor one of these keys (**CP-14**).
    pub fn lines_unknown_to<'a>(
        &'a self,
        keys: &'a [NoteKey],
    ) -> impl Iterator<Item = &'a SignatureLine> {
        self.note
            .lines_unknown_to(keys)
            .filter(|line| !self.log_key.is_named_in(line))
    }
}

#[cfg(test)]
#[path = "checkpoint_tests.rs"]
mod tests;
