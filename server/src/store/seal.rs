//! Values at rest: `version (1) || nonce (24) || XChaCha20-Poly1305 ciphertext || tag (16)`.
//!
//! SO-2: the associated data is `family id || row key || version`, so a value opens only in the family, under the
//! key and as the version it was written. Nonces are random and 192 bits long: rows are rewritten under one
//! long-lived key, and a nonce derived from the row key would repeat (decision 31).

use chacha20poly1305::{
    AeadInOut as _, KeyInit as _, Tag, XChaCha20Poly1305, XNonce, aead::inout::InOutBuf,
};

use super::key::FAMILY_BYTES;

/// The version of the value's layout.
const VERSION: u8 = 1;
/// The bytes of a nonce.
pub(super) const NONCE_BYTES: usize = 24;
/// The bytes before the ciphertext.
const HEADER_BYTES: usize = 1 + NONCE_BYTES;
/// The bytes after the ciphertext.
const TAG_BYTES: usize = 16;

/// The value is damaged, was moved here from another row or family, or was sealed with another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DoesNotOpen;

/// The value is longer than the cipher can seal under one nonce (256 GiB).
#[derive(Debug, thiserror::Error)]
#[error("a value is too long to be sealed")]
pub struct TooLong;

/// Seals and opens the values of one family.
pub(super) struct Sealer {
    cipher: XChaCha20Poly1305,
    family: [u8; FAMILY_BYTES],
}

/// A value on its way to the disk: room for version, nonce and tag around the plaintext.
pub(super) struct Unsealed(Vec<u8>);

impl Unsealed {
    pub(super) fn new(plaintext: &[u8]) -> Self {
        Self::with_prefix(&[], plaintext)
    }

    /// The plaintext is `prefix || rest`.
    pub(super) fn with_prefix(prefix: &[u8], rest: &[u8]) -> Self {
        let len = HEADER_BYTES + prefix.len() + rest.len() + TAG_BYTES;
        let mut buffer = Vec::with_capacity(len);
        buffer.push(VERSION);
        buffer.extend_from_slice(&[0; NONCE_BYTES]);
        buffer.extend_from_slice(prefix);
        buffer.extend_from_slice(rest);
        Self(buffer)
    }

    pub(super) fn plaintext(&self) -> &[u8] {
        self.0.get(HEADER_BYTES..).unwrap_or_default()
    }
}

impl Sealer {
    pub(super) fn new(data_key: &[u8; 32], family: [u8; FAMILY_BYTES]) -> Self {
        Self {
            cipher: XChaCha20Poly1305::new(data_key.into()),
            family,
        }
    }

    /// The bytes to store under `key`. The nonce must be fresh from the operating system.
    ///
    /// # Errors
    /// [`TooLong`].
    pub(super) fn seal(
        &self,
        key: &[u8],
        nonce: [u8; NONCE_BYTES],
        value: Unsealed,
    ) -> Result<Vec<u8>, TooLong> {
        let mut buffer = value.0;
        let (header, text) = buffer.split_at_mut_checked(HEADER_BYTES).ok_or(TooLong)?;
        if let Some((_, room)) = header.split_first_mut() {
            room.copy_from_slice(&nonce);
        }
        let tag = self
            .cipher
            .encrypt_inout_detached(
                &XNonce::from(nonce),
                &self.associated(key, VERSION),
                InOutBuf::from(text),
            )
            .map_err(|_| TooLong)?;
        buffer.extend_from_slice(&tag);
        Ok(buffer)
    }

    /// The plaintext of what was stored under `key`.
    ///
    /// # Errors
    /// [`DoesNotOpen`].
    pub(super) fn open(&self, key: &[u8], stored: &[u8]) -> Result<Vec<u8>, DoesNotOpen> {
        let (&[version, ref nonce @ ..], rest) = stored
            .split_first_chunk::<HEADER_BYTES>()
            .ok_or(DoesNotOpen)?;
        if version != VERSION {
            return Err(DoesNotOpen);
        }
        let (text, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(DoesNotOpen)?;
        let nonce: &[u8; NONCE_BYTES] = nonce;
        let mut text = text.to_vec();
        self.cipher
            .decrypt_inout_detached(
                &XNonce::from(*nonce),
                &self.associated(key, version),
                InOutBuf::from(text.as_mut_slice()),
                &Tag::from(*tag),
            )
            .map_err(|_| DoesNotOpen)?;
        Ok(text)
    }

    /// `family id (16) || row key || version (1)`: the ends have fixed lengths, so it is unambiguous.
    fn associated(&self, key: &[u8], version: u8) -> Vec<u8> {
        let mut data = Vec::with_capacity(FAMILY_BYTES + key.len() + 1);
        data.extend_from_slice(&self.family);
        data.extend_from_slice(key);
        data.push(version);
        data
    }
}

#[cfg(test)]
mod tests {
    //! Goal: a value opens only where it was sealed, unchanged. Method: change everything, one at a time.

    use super::*;

    const NONCE: [u8; NONCE_BYTES] = [9; NONCE_BYTES];

    #[test]
    fn every_changed_byte_is_noticed() {
        let sealer = Sealer::new(&[1; 32], [2; FAMILY_BYTES]);
        let stored = sealer
            .seal(b"key", NONCE, Unsealed::new(b"plaintext"))
            .unwrap();
        assert_eq!(sealer.open(b"key", &stored).unwrap(), b"plaintext");
        for at in 0..stored.len() {
            for bit in 0..8 {
                let mut damaged = stored.clone();
                damaged[at] ^= 1 << bit;
                assert_eq!(
                    sealer.open(b"key", &damaged),
                    Err(DoesNotOpen),
                    "{at}.{bit}"
                );
            }
            assert_eq!(sealer.open(b"key", &stored[..at]), Err(DoesNotOpen));
        }
        let mut long = stored;
        long.push(0);
        assert_eq!(sealer.open(b"key", &long), Err(DoesNotOpen));
    }

    #[test]
    fn a_value_opens_nowhere_else() {
        let sealer = Sealer::new(&[1; 32], [2; FAMILY_BYTES]);
        let stored = sealer.seal(b"key", NONCE, Unsealed::new(b"")).unwrap();
        assert_eq!(sealer.open(b"key", &stored).unwrap(), b"");
        assert_eq!(sealer.open(b"kez", &stored), Err(DoesNotOpen));
        for other in [
            Sealer::new(&[3; 32], [2; FAMILY_BYTES]),
            Sealer::new(&[1; 32], [3; FAMILY_BYTES]),
        ] {
            assert_eq!(other.open(b"key", &stored), Err(DoesNotOpen));
        }
    }
}
