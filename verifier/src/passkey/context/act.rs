//! The context of an administrative act: one request, by one person, with one credential.

use alloc::{string::String, vec::Vec};

use super::{Life, Nonce, credential, id, nonce, origin, text};
use crate::{
    cbor::{CborError, Value},
    digest::{Digest, Noun},
    id::Id,
    log::note::KeyName,
    passkey::{Asserted, Assertion, AssertionError, CredentialId, PasskeyKey, Site},
};

const WHAT: &str = "act context";
const PATH: &str = "2 to 256 characters, segments of `[A-Za-z0-9_-]` with a `/` before each";
/// The largest act context, in bytes.
pub const ACT_CONTEXT_BYTES_MAX: usize = 1024;
/// The longest path of an act, in bytes.
pub const ACT_PATH_BYTES_MAX: usize = 256;

/// The path of an act: `/v1/policies/activate`. Without query, dots, escapes and a final `/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActPath(String);

/// Who does what, by which request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActContext {
    /// The log.
    pub origin: KeyName,
    /// Who acts.
    pub user: Id,
    /// With which credential.
    pub credential: CredentialId,
    /// What is asked for.
    pub path: ActPath,
    /// SHA-256 of the request's body (RFC 9530).
    pub content: [u8; 32],
    /// Random.
    pub nonce: Nonce,
    /// From when until when it may be signed.
    pub life: Life,
}

impl ActPath {
    /// Reads a path. WA-18
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let is_segment = |segment: &str| {
            !segment.is_empty()
                && segment
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        };
        let good =
            path.len() <= ACT_PATH_BYTES_MAX && path.strip_prefix('/')?.split('/').all(is_segment);
        good.then(|| Self(path.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ActContext {
    /// Reads deterministic CBOR of at most 1,024 bytes. WA-16
    ///
    /// # Errors
    /// [`CborError`], in the order of its variants.
    pub fn decode(bytes: &[u8]) -> Result<Self, CborError> {
        let value = Value::decode(bytes, ACT_CONTEXT_BYTES_MAX)?;
        let mut fields = value.into_fields(WHAT)?;
        let context = Self {
            origin: origin(&mut fields)?,
            user: id(&mut fields, "user")?,
            credential: credential(&mut fields)?,
            path: fields.text_as("path", PATH, ActPath::parse)?,
            content: fields.bytes_exact("content")?,
            nonce: nonce(&mut fields)?,
            life: Life::read(&mut fields)?,
        };
        fields.finish()?;
        Ok(context)
    }

    /// Deterministic CBOR, which [`Self::decode`] reads.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Value::map([
            ("origin", text(self.origin.as_str())),
            ("user", text(self.user.as_str())),
            ("credential", Value::bytes(self.credential.as_bytes())),
            ("path", text(self.path.as_str())),
            ("content", Value::bytes(&self.content)),
            ("nonce", Value::bytes(self.nonce.as_bytes())),
            ("issued_at", Value::from(self.life.issued_at())),
            ("expires_at", Value::from(self.life.expires_at())),
        ])
        .encode()
    }

    /// What the browser is given: `SHA-256("agentsigna/act/v1\n" || context)`. WA-15
    #[must_use]
    pub fn challenge(&self) -> Digest {
        Digest::of(Noun::Act, &self.encode())
    }

    /// Checks the browser's answer with the key of the credential that the context names. WA-22
    ///
    /// # Errors
    /// [`AssertionError`], in the order of its variants.
    pub fn check(
        &self,
        assertion: &Assertion,
        key: &PasskeyKey,
        site: &Site,
    ) -> Result<Asserted, AssertionError> {
        assertion.check_of(&self.credential, key, site, self.challenge())
    }
}
