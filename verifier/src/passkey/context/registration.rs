//! The context in which a passkey is registered.

use alloc::vec::Vec;

use super::{Nonce, id, nonce, origin, text};
use crate::{
    cbor::{CborError, Value},
    digest::{Digest, Noun},
    id::Id,
    log::note::KeyName,
    passkey::{Credential, Registration, RegistrationError, Site},
    time::UnixMillis,
};

const WHAT: &str = "registration context";
/// The largest registration context, in bytes.
pub const REGISTRATION_CONTEXT_BYTES_MAX: usize = 512;

/// What a credential may sign. Each has a site of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CredentialUse {
    /// Sign-ins.
    SignIn,
    /// Approvals, refusals and administrative acts.
    Approval,
}

/// For whom, in which log and for what use a credential is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationContext {
    /// The log.
    pub origin: KeyName,
    /// Whose credential it will be.
    pub user: Id,
    /// What it may sign.
    pub credential_use: CredentialUse,
    /// Random.
    pub nonce: Nonce,
    /// From when on the registration comes too late.
    pub expires_at: UnixMillis,
}

impl CredentialUse {
    /// `sign-in`, `approval`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::Approval => "approval",
        }
    }

    /// Reads a [`Self::name`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::SignIn, Self::Approval]
            .into_iter()
            .find(|purpose| purpose.name() == name)
    }
}

impl RegistrationContext {
    /// Reads deterministic CBOR of at most 512 bytes. WA-16
    ///
    /// # Errors
    /// [`CborError`], in the order of its variants.
    pub fn decode(bytes: &[u8]) -> Result<Self, CborError> {
        let value = Value::decode(bytes, REGISTRATION_CONTEXT_BYTES_MAX)?;
        let mut fields = value.into_fields(WHAT)?;
        let context = Self {
            origin: origin(&mut fields)?,
            user: id(&mut fields, "user")?,
            credential_use: fields.text_as(
                "use",
                "`sign-in` or `approval`",
                CredentialUse::parse,
            )?,
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
            ("origin", text(self.origin.as_str())),
            ("user", text(self.user.as_str())),
            ("use", text(self.credential_use.name())),
            ("nonce", Value::bytes(self.nonce.as_bytes())),
            ("expires_at", Value::from(self.expires_at)),
        ])
        .encode()
    }

    /// What the browser is given: `SHA-256("agentsigna/passkey/v1\n" || context)`. WA-15
    #[must_use]
    pub fn challenge(&self) -> Digest {
        Digest::of(Noun::Passkey, &self.encode())
    }

    /// Checks the browser's answer (`spec/passkeys.md` §4).
    ///
    /// # Errors
    /// [`RegistrationError`], in the order of its variants.
    pub fn check(
        &self,
        registration: &Registration,
        site: &Site,
    ) -> Result<Credential, RegistrationError> {
        registration.check(site, self.challenge())
    }
}
