//! The id of a credential: bytes that the authenticator chose.

use alloc::vec::Vec;

/// The longest credential id, in bytes (`spec/passkeys.md` §6; WebAuthn §6.5.1 allows 1,023).
pub const CREDENTIAL_ID_BYTES_MAX: usize = 255;

/// Names a credential: 1 to 255 bytes. Says nothing about who has it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CredentialId(Vec<u8>);

/// Why bytes cannot name a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("credential id of {found} bytes, expected 1 to {CREDENTIAL_ID_BYTES_MAX}")]
pub struct BadCredentialId {
    /// Bytes given.
    pub found: usize,
}

impl CredentialId {
    /// Accepts 1 to 255 bytes. WA-8
    ///
    /// # Errors
    /// [`BadCredentialId`].
    pub fn new(bytes: Vec<u8>) -> Result<Self, BadCredentialId> {
        if (1..=CREDENTIAL_ID_BYTES_MAX).contains(&bytes.len()) {
            Ok(Self(bytes))
        } else {
            Err(BadCredentialId { found: bytes.len() })
        }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// base64url without padding: the `id` of WebAuthn's JSON.
    #[must_use]
    pub fn to_base64url(&self) -> alloc::string::String {
        data_encoding::BASE64URL_NOPAD.encode(&self.0)
    }
}

impl core::fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.to_base64url())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wa_8_ids_have_1_to_255_bytes() {
        for length in [1, 16, 255] {
            let id = CredentialId::new(alloc::vec![7; length]).unwrap();
            assert_eq!(id.as_bytes().len(), length);
        }
        for found in [0, 256, 1023] {
            let refused = CredentialId::new(alloc::vec![7; found]);
            assert_eq!(refused, Err(BadCredentialId { found }));
        }
    }
}
