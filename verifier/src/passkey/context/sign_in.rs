//! The context of a sign-in. It names no user: the credential that answers says who it is.

use alloc::vec::Vec;

use super::{Nonce, nonce, text};
use crate::{
    cbor::{CborError, Value},
    digest::{Digest, Noun},
    passkey::{Asserted, Assertion, AssertionError, PasskeyKey, Site},
    time::UnixMillis,
};

const WHAT: &str = "sign-in context";
/// The largest sign-in context, in bytes.
pub const SIGN_IN_CONTEXT_BYTES_MAX: usize = 512;

/// Where somebody signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInContext {
    /// The page.
    pub site: Site,
    /// Random.
    pub nonce: Nonce,
    /// From when on the assertion comes too late.
    pub expires_at: UnixMillis,
}

impl SignInContext {
    /// Reads deterministic CBOR of at most 512 bytes. WA-16
    ///
    /// # Errors
    /// [`CborError`], in the order of its variants.
    pub fn decode(bytes: &[u8]) -> Result<Self, CborError> {
        let value = Value::decode(bytes, SIGN_IN_CONTEXT_BYTES_MAX)?;
        let mut fields = value.into_fields(WHAT)?;
        let context = Self {
            site: fields.text_as("site", "a web origin", |text| Site::parse(text).ok())?,
            nonce: nonce(&mut fields)?,
            expires_at: fields.time("expires_at")?,
        };
        fields.finish()?;
        Ok(context)
    }

    /// Deterministic CBOR, which [`Self::decode`] reads.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Value::map([
            ("site", text(self.site.origin())),
            ("nonce", Value::bytes(self.nonce.as_bytes())),
            ("expires_at", Value::from(self.expires_at)),
        ])
        .encode()
    }

    /// What the browser is given: `SHA-256("agentsigna/sign-in/v1\n" || context)`. WA-15
    #[must_use]
    pub fn challenge(&self) -> Digest {
        Digest::of(Noun::SignIn, &self.encode())
    }

    /// Checks the browser's answer with the key of its credential, at the context's own site (WA-25). That this site
    /// is one of ours is for the caller to say.
    ///
    /// # Errors
    /// [`AssertionError`], in the order of its variants.
    pub fn check(
        &self,
        assertion: &Assertion,
        key: &PasskeyKey,
    ) -> Result<Asserted, AssertionError> {
        assertion.check(key, &self.site, self.challenge())
    }
}
