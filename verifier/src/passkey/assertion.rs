//! Assertions: a device's answer to a challenge (`spec/passkeys.md` §4, WebAuthn §7.2).

use alloc::vec::Vec;

use super::{
    AuthenticatorData, AuthenticatorDataError, Backup, BadCredentialId, BadSignature, ClientData,
    ClientDataError, Counter, CredentialId, PasskeyKey, Signature, Site,
};
use crate::{
    cbor::{CborError, Value},
    digest::{self, Digest},
};

const WHAT: &str = "assertion";
/// The largest assertion, in bytes of CBOR: 1 for the map, then name, length and value of `client`, `signature`,
/// `credential`, `authenticator`.
pub const ASSERTION_BYTES_MAX: usize =
    1 + (7 + 3 + 1024) + (10 + 2 + 72) + (11 + 2 + 255) + (14 + 2 + 37);

/// What a browser hands over after `navigator.credentials.get()`: readable, and proof of nothing until checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    credential: CredentialId,
    authenticator: AuthenticatorData,
    client: ClientData,
    signature: Signature,
}

/// An assertion that was checked with key, site and challenge: comes only from a check.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Asserted {
    credential: CredentialId,
    counter: Counter,
    backup: Backup,
}

/// Why an assertion is refused. Variants in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// Not the closed map.
    #[error("assertion")]
    Cbor(#[from] CborError),
    /// The credential id.
    #[error(transparent)]
    Credential(#[from] BadCredentialId),
    /// The authenticator data.
    #[error(transparent)]
    Authenticator(#[from] AuthenticatorDataError),
    /// The client data.
    #[error(transparent)]
    Client(#[from] ClientDataError),
    /// The form of the signature.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// Not the credential that the context names.
    #[error("assertion of credential `{found:?}`, the context names `{expected:?}`")]
    OtherCredential {
        /// Of the assertion.
        found: CredentialId,
        /// Of the context.
        expected: CredentialId,
    },
    /// Another ceremony.
    #[error("client data of type `{found}`, expected `webauthn.get`")]
    Type {
        /// `type`.
        found: alloc::string::String,
    },
    /// Another context, or one of another purpose.
    #[error("challenge `{found}`, the context gives `{expected}`")]
    Challenge {
        /// `challenge`.
        found: Digest,
        /// Digest of the context.
        expected: Digest,
    },
    /// Another site.
    #[error("made at `{found}`, expected `{expected}`")]
    WebOrigin {
        /// `origin`.
        found: alloc::string::String,
        /// Of the site.
        expected: alloc::string::String,
    },
    /// From inside a page of another origin.
    #[error("made inside a page of another origin: open the page by itself")]
    CrossOrigin,
    /// Made for another RP ID.
    #[error("authenticator data are not for the RP ID `{expected}`")]
    RpId {
        /// Of the site.
        expected: alloc::string::String,
    },
    /// UP is zero.
    #[error("nobody touched the authenticator")]
    NotPresent,
    /// UV is zero.
    #[error(
        "the authenticator did not check who touched it: ask with `userVerification` `required`"
    )]
    NotVerified,
    /// BS without BE.
    #[error("the authenticator says that a key which cannot be backed up is backed up")]
    ImpossibleBackup,
    /// Not the key's signature.
    #[error("signature is not made by the key of the credential over this assertion")]
    Forged,
}

impl AssertionError {
    /// The machine code: kebab-case, stable (`spec/passkeys.md` §5).
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Cbor(_) => "assertion-malformed",
            Self::Credential(_) => "credential-malformed",
            Self::Authenticator(error) => error.code(),
            Self::Client(error) => error.code(),
            Self::Signature(_) => "signature-malformed",
            Self::OtherCredential { .. } => "other-credential",
            Self::Type { .. } => "client-type",
            Self::Challenge { .. } => "wrong-challenge",
            Self::WebOrigin { .. } => "wrong-web-origin",
            Self::CrossOrigin => "cross-origin",
            Self::RpId { .. } => "wrong-rp",
            Self::NotPresent => "not-present",
            Self::NotVerified => "not-verified",
            Self::ImpossibleBackup => "impossible-backup",
            Self::Forged => "bad-assertion",
        }
    }
}

impl Assertion {
    /// Reads the four parts as a browser gives them: `rawId`, `authenticatorData`, `clientDataJSON`, `signature`.
    ///
    /// # Errors
    /// [`AssertionError`], in the order of its variants.
    pub fn new(
        credential: Vec<u8>,
        authenticator: &[u8],
        client: &[u8],
        signature: &[u8],
    ) -> Result<Self, AssertionError> {
        Ok(Self {
            credential: CredentialId::new(credential)?,
            authenticator: AuthenticatorData::parse(authenticator)?,
            client: ClientData::parse(client)?,
            signature: Signature::parse(signature)?,
        })
    }

    /// Reads the bytes of [`Self::encode`]. WA-14
    ///
    /// # Errors
    /// [`AssertionError`], in the order of its variants.
    pub fn decode(bytes: &[u8]) -> Result<Self, AssertionError> {
        Self::from_value(Value::decode(bytes, ASSERTION_BYTES_MAX)?)
    }

    /// Reads an item of [`Self::to_value`]. WA-14
    ///
    /// # Errors
    /// [`AssertionError`], in the order of its variants.
    pub fn from_value(value: Value) -> Result<Self, AssertionError> {
        let mut fields = value.into_fields(WHAT)?;
        let credential = fields.bytes("credential")?;
        let authenticator = fields.bytes("authenticator")?;
        let client = fields.bytes("client")?;
        let signature = fields.bytes("signature")?;
        fields.finish()?;
        Self::new(credential, &authenticator, &client, &signature)
    }

    /// `{"client", "signature", "credential", "authenticator"}`, each as received. WA-14
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::map([
            ("credential", Value::bytes(self.credential.as_bytes())),
            ("authenticator", Value::bytes(self.authenticator.as_bytes())),
            ("client", Value::bytes(self.client.as_bytes())),
            ("signature", Value::bytes(self.signature.as_bytes())),
        ])
    }

    /// Deterministic CBOR of [`Self::to_value`].
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.to_value().encode()
    }

    /// Which credential signed, as the browser says: look its key up, then check.
    #[must_use]
    pub const fn credential(&self) -> &CredentialId {
        &self.credential
    }

    /// What the device says.
    #[must_use]
    pub const fn authenticator(&self) -> &AuthenticatorData {
        &self.authenticator
    }

    /// What the browser says.
    #[must_use]
    pub const fn client(&self) -> &ClientData {
        &self.client
    }

    /// The signature. WA-13: not to be used as a name for anything.
    #[must_use]
    pub const fn signature(&self) -> &Signature {
        &self.signature
    }

    /// WebAuthn §7.2, steps 10 to 21, with the numbers of its editor's draft of 30 July 2026. Prefer the `check`
    /// of a context, which also compares the credential that it names.
    ///
    /// # Errors
    /// [`AssertionError`], in the order of its variants.
    pub fn check(
        &self,
        key: &PasskeyKey,
        site: &Site,
        challenge: Digest,
    ) -> Result<Asserted, AssertionError> {
        // Step 10, WA-23.
        if self.client.kind() != "webauthn.get" {
            return Err(AssertionError::Type {
                found: self.client.kind().into(),
            });
        }
        // Step 11, WA-24: by value; its base64url has one form (WA-5).
        if self.client.challenge() != challenge {
            return Err(AssertionError::Challenge {
                found: self.client.challenge(),
                expected: challenge,
            });
        }
        // Step 12, WA-25.
        if self.client.origin() != site.origin() {
            return Err(AssertionError::WebOrigin {
                found: self.client.origin().into(),
                expected: site.origin().into(),
            });
        }
        // Steps 13 and 14, WA-26: nobody may put our pages into theirs.
        if self.client.cross_origin() || self.client.has_top_origin() {
            return Err(AssertionError::CrossOrigin);
        }
        // Step 15, WA-27.
        if *self.authenticator.rp_id_hash() != digest::webauthn_rp_id(site.rp_id()) {
            return Err(AssertionError::RpId {
                expected: site.rp_id().into(),
            });
        }
        let flags = self.authenticator.flags();
        // Step 16, WA-28.
        if !flags.present() {
            return Err(AssertionError::NotPresent);
        }
        // Step 17, WA-29: always required.
        if !flags.verified() {
            return Err(AssertionError::NotVerified);
        }
        // Step 18, WA-30. Step 19, the comparison with the registration, is policy: see `Asserted::backup`.
        let backup = flags.backup().ok_or(AssertionError::ImpossibleBackup)?;
        // Steps 20 and 21, WA-31.
        let signed = digest::webauthn_signed(self.authenticator.as_bytes(), self.client.as_bytes());
        if !key.verifies(&signed, &self.signature) {
            return Err(AssertionError::Forged);
        }
        // Step 22, the counter, is a warning: `Counter::follows`.
        Ok(Asserted {
            credential: self.credential.clone(),
            counter: self.authenticator.counter(),
            backup,
        })
    }

    /// As [`Self::check`], after WebAuthn §7.2, steps 5 and 6: it is the credential that the context names. WA-22
    pub(super) fn check_of(
        &self,
        credential: &CredentialId,
        key: &PasskeyKey,
        site: &Site,
        challenge: Digest,
    ) -> Result<Asserted, AssertionError> {
        if self.credential != *credential {
            return Err(AssertionError::OtherCredential {
                found: self.credential.clone(),
                expected: credential.clone(),
            });
        }
        self.check(key, site, challenge)
    }
}

impl Asserted {
    /// Which credential signed.
    #[must_use]
    pub const fn credential(&self) -> &CredentialId {
        &self.credential
    }

    /// The signature counter: compare it with the one before by [`Counter::follows`] (WA-32).
    #[must_use]
    pub const fn counter(&self) -> Counter {
        self.counter
    }

    /// Where the private key may be now. [`Backup::is_eligible`] should be as when it was registered
    /// (WebAuthn §7.2, step 19).
    #[must_use]
    pub const fn backup(&self) -> Backup {
        self.backup
    }
}
