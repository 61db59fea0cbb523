//! Ed25519 private keys and the two files of each: those of `agentsigna-verify keygen`.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use agentsigna_verifier::key::PublicKey;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use ed25519_dalek::{Signer as _, SigningKey};

/// PKCS#8 version 1 of an Ed25519 key up to its seed (RFC 8410 §7).
const PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// A private key. Clones are the same key.
#[derive(Clone)]
pub struct Key(SigningKey);

impl Key {
    /// A new one, from the system's randomness.
    #[must_use]
    pub fn generate() -> Self {
        Self::from_seed(&random())
    }

    /// The key of a seed (RFC 8032 §5.1.5).
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The public half.
    ///
    /// # Panics
    /// If the seed is that of a published test key.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey::from_bytes(self.0.verifying_key().as_bytes()).expect("a key of our own")
    }

    /// The RFC 7638 thumbprint, 43 characters: `keyid`, and `key` of a confirmation.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        self.public().jwk_thumbprint().to_base64url()
    }

    /// RFC 8032 §5.1.6.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    /// Writes `NAME.key` (PKCS#8 in PEM) and `NAME.pub` (base64url, a space, the name) into `folder`.
    ///
    /// # Panics
    /// If they cannot be written.
    #[must_use]
    pub fn write(&self, folder: &Path, name: &str) -> KeyFiles {
        let files = KeyFiles {
            private: folder.join(format!("{name}.key")),
            public: folder.join(format!("{name}.pub")),
        };
        let mut der = PKCS8.to_vec();
        der.extend_from_slice(self.0.as_bytes());
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            BASE64.encode(&der)
        );
        fs::write(&files.private, pem).expect("a key file");
        let line = format!("{} {name}\n", self.public().to_base64url());
        fs::write(&files.public, line).expect("a public key file");
        files
    }

    /// Reads `NAME.key`, whoever wrote it.
    ///
    /// # Panics
    /// If it is no such file.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path)
            .unwrap_or_else(|error| panic!("`{}`: {error}", path.display()));
        let line = text.lines().nth(1).expect("three lines of PEM");
        let der = BASE64.decode(line.as_bytes()).expect("base64");
        let seed = der.strip_prefix(&PKCS8).expect("an Ed25519 key");
        Self::from_seed(seed.try_into().expect("32 bytes"))
    }
}

/// The two files of a key.
#[derive(Debug, Clone)]
pub struct KeyFiles {
    /// The private key, in PEM.
    pub private: PathBuf,
    /// The public key, one line.
    pub public: PathBuf,
}

impl fmt::Debug for Key {
    /// The public half alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.thumbprint())
    }
}

/// A nonce that was never used before: 128 random bits, 22 characters.
#[must_use]
pub fn nonce() -> String {
    BASE64URL_NOPAD.encode(&random::<16>())
}

/// Random bytes of the system.
///
/// # Panics
/// If it has none.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("random bytes");
    bytes
}
