//! The two files of a key (CL-11, CL-12).
//!
//! | File | Holds |
//! |---|---|
//! | `*.key` | PKCS#8 version 1 (RFC 8410 §7) in PEM (RFC 7468): what `openssl genpkey -algorithm ed25519` writes |
//! | `*.pub` | one line: the public key, 43 characters of base64url; a space; a comment |
//!
//! A thief of the first is the key's holder. A forger of the second puts another key in its place wherever it is
//! handed on: compare the thumbprint by another way.

use std::path::Path;

use agentsigna_verifier::key::PublicKey;
use data_encoding::BASE64;
use ed25519_dalek::{Signer as _, SigningKey};
use zeroize::Zeroizing;

use crate::{failure::Failure, files};

/// A key file has 119 bytes.
const KEY_BYTES_MAX: usize = 1024;
/// `PrivateKeyInfo { version 0, algorithm 1.3.101.112, privateKey OCTET STRING (OCTET STRING 32) }` up to the
/// seed: RFC 8410 §7 has no other encoding in DER.
const PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
/// Of a comment, in characters.
pub(crate) const COMMENT_CHARACTERS_MAX: usize = 120;

/// A private key. Wiped from memory when dropped; never shown.
pub(crate) struct Key {
    signing: SigningKey,
    public: PublicKey,
}

impl Key {
    /// The key of a seed (RFC 8032 §5.1.5).
    pub(crate) fn from_seed(seed: &[u8; 32]) -> Result<Self, Failure> {
        let signing = SigningKey::from_bytes(seed);
        let public = PublicKey::from_bytes(signing.verifying_key().as_bytes())
            .map_err(|error| Failure::new(error.to_string()))?;
        Ok(Self { signing, public })
    }

    /// A new one, from the system's randomness.
    pub(crate) fn generate() -> Result<Self, Failure> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice())
            .map_err(|error| Failure::of("randomness of the system", &error))?;
        Self::from_seed(&seed)
    }

    /// Reads a key file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = Zeroizing::new(files::read(path, KEY_BYTES_MAX)?);
        Self::parse(&text).map_err(|failure| Failure::of(format!("`{}`", path.display()), &failure))
    }

    /// Reads the text of a key file.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Failure> {
        let seed = parse(text).ok_or_else(|| {
            Failure::new(
                "not a private Ed25519 key (PKCS#8 version 1 in PEM): make one with `agentsigna-verify keygen`",
            )
        })?;
        Self::from_seed(&seed)
    }

    pub(crate) const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// RFC 8032 §5.1.6.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.signing.sign(message).to_bytes()
    }

    /// The text of a key file.
    pub(crate) fn encode(&self) -> Zeroizing<String> {
        let mut der = Zeroizing::new([0; 48]);
        let (head, seed) = der.split_at_mut(PKCS8.len());
        head.copy_from_slice(&PKCS8);
        seed.copy_from_slice(self.signing.as_bytes());
        let body = Zeroizing::new(BASE64.encode(der.as_slice()));
        Zeroizing::new(format!("{BEGIN}\n{}\n{END}\n", *body))
    }
}

/// The seed in the text of a key file. The one form of RFC 7468 §3 "strict": three lines.
fn parse(text: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let text = core::str::from_utf8(text).ok()?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let mut lines = text.split('\n');
    let (begin, body, end) = (lines.next()?, lines.next()?, lines.next()?);
    if begin != BEGIN || end != END || lines.next().is_some() {
        return None;
    }
    let der = Zeroizing::new(BASE64.decode(body.as_bytes()).ok()?);
    let seed = der.strip_prefix(&PKCS8)?;
    let mut copy = Zeroizing::new([0; 32]);
    if seed.len() != copy.len() {
        return None;
    }
    copy.copy_from_slice(seed);
    Some(copy)
}

/// The line of a public key file.
pub(crate) fn encode_public(key: &PublicKey, comment: &str) -> String {
    format!("{} {comment}\n", key.to_base64url())
}

/// Key and comment of a public key file.
pub(crate) fn parse_public(text: &[u8]) -> Option<(PublicKey, &str)> {
    let line = core::str::from_utf8(text).ok()?;
    let line = line.strip_suffix('\n').unwrap_or(line);
    let (key, comment) = line.split_once(' ').unwrap_or((line, ""));
    let key = PublicKey::from_base64url(key).ok()?;
    is_comment(comment).then_some((key, comment))
}

/// Whether a public key file may say it.
pub(crate) fn is_comment(text: &str) -> bool {
    text.len() <= COMMENT_CHARACTERS_MAX && text.chars().all(|c| matches!(c, ' '..='~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `openssl genpkey -algorithm ed25519`; its public half with `openssl pkey -pubout`.
    const OPENSSL: &str = concat!(
        "-----BEGIN PRIVATE KEY-----\n",
        "MC4CAQAwBQYDK2VwBCIEIFupKqZg4MaWdWPMzzXWV0jFlM43A/3fZ+YFrmBKSs+e\n",
        "-----END PRIVATE KEY-----\n",
    );
    const OPENSSL_PUBLIC: &str = "btI1fVQOPJPjSznAaS-Bq1BB3iw4NGtDLoItWKQOAb8";

    #[test]
    fn a_key_of_openssl_is_read_and_written_the_same() {
        // CL-11
        let seed = parse(OPENSSL.as_bytes()).unwrap();
        let key = Key::from_seed(&seed).unwrap();
        assert_eq!(key.public().to_base64url(), OPENSSL_PUBLIC);
        assert_eq!(*key.encode(), OPENSSL);
    }

    #[test]
    fn every_other_text_is_no_key() {
        // CL-11
        let last = OPENSSL.len() - 1;
        assert!(parse(&OPENSSL.as_bytes()[..last]).is_some(), "no line feed");
        for end in 0..last {
            assert!(parse(&OPENSSL.as_bytes()[..end]).is_none(), "{end} bytes");
        }
        for other in [
            format!("{OPENSSL}\n"),
            format!("{OPENSSL}x"),
            format!(" {OPENSSL}"),
            OPENSSL.replace('\n', "\r\n"),
            OPENSSL.replace("PRIVATE", "PUBLIC"),
            OPENSSL.replace("MC4C", "MC4D"),
        ] {
            assert!(parse(other.as_bytes()).is_none(), "{other}");
        }
    }

    #[test]
    fn a_public_key_file_is_one_line() {
        // CL-12
        let key = PublicKey::from_base64url(OPENSSL_PUBLIC).unwrap();
        let line = encode_public(&key, "founder of acme");
        assert_eq!(line, format!("{OPENSSL_PUBLIC} founder of acme\n"));
        assert_eq!(
            parse_public(line.as_bytes()).unwrap(),
            (key, "founder of acme")
        );
        let bare = OPENSSL_PUBLIC.as_bytes();
        assert_eq!(parse_public(bare).unwrap(), (key, ""));
        for other in [
            format!("{OPENSSL_PUBLIC} a\nb"),
            format!("{OPENSSL_PUBLIC}  \u{202e}"),
            format!(" {OPENSSL_PUBLIC}"),
            format!("{OPENSSL_PUBLIC} {}", "a".repeat(121)),
            OPENSSL_PUBLIC.replace("=", "") + "A",
        ] {
            assert!(parse_public(other.as_bytes()).is_none(), "{other}");
        }
    }
}
