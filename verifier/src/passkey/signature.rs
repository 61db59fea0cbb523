//! An ECDSA signature in the one DER form (`spec/passkeys.md` §3.5).

use alloc::vec::Vec;

use p256::ecdsa;

/// The shortest signature, in bytes: two integers of one byte.
pub const SIGNATURE_BYTES_MIN: usize = 8;
/// The longest signature, in bytes: two integers of 32 bytes and a sign byte each.
pub const SIGNATURE_BYTES_MAX: usize = 72;

/// `SEQUENCE { r INTEGER, s INTEGER }` in DER. Not an identity: the same key has another one for the same
/// message, with −s (WA-13), so nothing here hashes or orders it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    bytes: Vec<u8>,
    value: ecdsa::Signature,
}

/// Why bytes are no signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a signature: expected {SIGNATURE_BYTES_MIN} to {SIGNATURE_BYTES_MAX} bytes of DER, two integers from 1 to the order of P-256 less 1, in their one form"
)]
pub struct BadSignature;

impl Signature {
    /// Reads DER. High s is accepted: devices do not normalise it. WA-12
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn parse(bytes: &[u8]) -> Result<Self, BadSignature> {
        if !(SIGNATURE_BYTES_MIN..=SIGNATURE_BYTES_MAX).contains(&bytes.len()) {
            return Err(BadSignature);
        }
        let value = ecdsa::Signature::from_der(bytes).map_err(|_| BadSignature)?;
        // Whatever the reader below may tolerate: one value, one encoding.
        if value.to_der().as_bytes() != bytes {
            return Err(BadSignature);
        }
        Ok(Self {
            bytes: bytes.to_vec(),
            value,
        })
    }

    /// The DER bytes, as received.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) const fn value(&self) -> &ecdsa::Signature {
        &self.value
    }
}
