//! C2SP tlog-cosignature, type 0x04: a witness says when it saw a checkpoint, and that it extends all that the
//! witness saw of that log before.
//!
//! The message does not hold the witness's name: one key stands for one witness only.

use alloc::{format, vec::Vec};

use super::{
    checkpoint::Checkpoint,
    note::{KeyKind, KeyLabel, KeyName, NoteKey, SignatureLine},
};

/// When a witness cosigned: seconds since 1970-01-01T00:00:00Z, `1..=2^63 − 1`. The witness's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CosignedAt(u64);

/// The fact that a witness cosigned a checkpoint. Comes only from [`check`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    key: NoteKey,
    at: CosignedAt,
    checkpoint: Checkpoint,
}

/// Why a line is not the cosignature of a witness. In the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CosignatureError {
    /// The key given is for logs.
    #[error("`{key}` is the key of a log, expected the key of a witness (type 0x04)")]
    NotWitnessKey {
        /// The key given.
        key: KeyLabel,
    },
    /// The line names another key.
    #[error("signature line of `{found}`, expected witness key `{expected}`")]
    OtherKey {
        /// The name in the line.
        found: KeyLabel,
        /// The key given.
        expected: KeyLabel,
    },
    /// Not 8 bytes of time and 64 of signature.
    #[error("cosignature of `{name}` with {found} bytes after the key id, expected 72")]
    Length {
        /// The witness.
        name: KeyName,
        /// Bytes found.
        found: usize,
    },
    /// A time of 0 or above 2^63 − 1.
    #[error("cosignature of `{name}` at second {found}, expected 1 to 2^63 − 1")]
    Time {
        /// The witness.
        name: KeyName,
        /// Seconds found.
        found: u64,
    },
    /// The signature does not hold for this checkpoint and time.
    #[error("the cosignature of witness key `{key}` does not verify")]
    BadSignature {
        /// The key given.
        key: KeyLabel,
    },
}

impl CosignedAt {
    /// Accepts `1..=2^63 − 1` seconds.
    #[must_use]
    pub const fn new(seconds: u64) -> Option<Self> {
        if seconds >= 1 && seconds <= i64::MAX.unsigned_abs() {
            Some(Self(seconds))
        } else {
            None
        }
    }

    /// Seconds since the epoch.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0
    }
}

/// What a witness signs: `cosignature/v1\ntime <seconds>\n<checkpoint text>`.
#[must_use]
pub fn message(checkpoint: &Checkpoint, at: CosignedAt) -> Vec<u8> {
    format!("cosignature/v1\ntime {}\n{}", at.0, checkpoint.text()).into_bytes()
}

/// The line a witness puts under the checkpoint. `signature`: Ed25519 over [`message`]. `None` if the key is
/// not one of a witness.
#[must_use]
pub fn line(key: &NoteKey, at: CosignedAt, signature: &[u8; 64]) -> Option<SignatureLine> {
    if key.kind() != KeyKind::Cosignature {
        return None;
    }
    let mut bytes = at.0.to_be_bytes().to_vec();
    bytes.extend_from_slice(signature);
    SignatureLine::new(key.name().clone(), key.id(), bytes)
}

/// Accepts a line only if this witness key signed this checkpoint at the time in the line.
///
/// # Errors
/// [`CosignatureError`], in the order of its variants.
pub fn check(
    line: &SignatureLine,
    key: &NoteKey,
    checkpoint: &Checkpoint,
) -> Result<Cosigned, CosignatureError> {
    if key.kind() != KeyKind::Cosignature {
        return Err(CosignatureError::NotWitnessKey { key: key.label() });
    }
    if !key.is_named_in(line) {
        return Err(CosignatureError::OtherKey {
            found: line.label(),
            expected: key.label(),
        });
    }
    // CP-12.
    let length = || CosignatureError::Length {
        name: key.name().clone(),
        found: line.signature().len(),
    };
    let (time, signature) = line.signature().split_first_chunk().ok_or_else(length)?;
    if signature.len() != 64 {
        return Err(length());
    }
    let seconds = u64::from_be_bytes(*time);
    let at = CosignedAt::new(seconds).ok_or_else(|| CosignatureError::Time {
        name: key.name().clone(),
        found: seconds,
    })?;
    if !key
        .public_key()
        .verifies(&message(checkpoint, at), signature)
    {
        return Err(CosignatureError::BadSignature { key: key.label() });
    }
    Ok(Cosigned {
        key: key.clone(),
        at,
        checkpoint: checkpoint.clone(),
    })
}

impl Cosigned {
    /// The witness.
    #[must_use]
    pub const fn key(&self) -> &NoteKey {
        &self.key
    }

    /// When, by the witness's clock.
    #[must_use]
    pub const fn at(&self) -> CosignedAt {
        self.at
    }

    /// What was cosigned.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }
}

#[cfg(test)]
#[path = "cosignature_tests.rs"]
mod tests;
