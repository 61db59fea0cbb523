//! Registrations: a device made a key (`spec/passkeys.md` §4, WebAuthn §7.1).
//!
//! Nothing in one is signed: no attestation is asked for, and none is read (`spec/passkeys.md` §6).

use alloc::{string::String, vec::Vec};

use super::{
    Attested, AuthenticatorData, AuthenticatorDataError, Backup, BadPasskeyKey, ClientData,
    ClientDataError, Counter, CredentialId, PasskeyKey, Site,
};
use crate::{
    cbor::{CborError, Value},
    digest::{self, Digest},
};

const WHAT: &str = "registration";
/// The largest registration, in bytes of CBOR: 1 for the map, then name, length and value of `client` and
/// `authenticator`.
pub const REGISTRATION_BYTES_MAX: usize = 1 + (7 + 3 + 1024) + (14 + 3 + 37 + 16 + 2 + 255 + 77);

/// What a browser hands over after `navigator.credentials.create()`, without the attestation statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// As received: head, AAGUID, id and key.
    bytes: Vec<u8>,
    authenticator: AuthenticatorData,
    attested: Attested,
    client: ClientData,
}

/// A credential, of a registration that was checked with site and challenge: comes only from a check.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Credential {
    id: CredentialId,
    key: PasskeyKey,
    aaguid: [u8; 16],
    counter: Counter,
    backup: Backup,
}

/// Why a registration is refused. Variants in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationError {
    /// Not the closed map.
    #[error("registration")]
    Cbor(#[from] CborError),
    /// The authenticator data, with credential id and key.
    #[error(transparent)]
    Authenticator(#[from] AuthenticatorDataError),
    /// The client data.
    #[error(transparent)]
    Client(#[from] ClientDataError),
    /// Another ceremony.
    #[error("client data of type `{found}`, expected `webauthn.create`")]
    Type {
        /// `type`.
        found: String,
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
        found: String,
        /// Of the site.
        expected: String,
    },
    /// From inside a page of another origin.
    #[error("made inside a page of another origin: open the page by itself")]
    CrossOrigin,
    /// Made for another RP ID.
    #[error("authenticator data are not for the RP ID `{expected}`")]
    RpId {
        /// Of the site.
        expected: String,
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
    /// A key that everybody has.
    #[error("key of the new credential")]
    Published(#[source] BadPasskeyKey),
}

impl RegistrationError {
    /// The machine code: kebab-case, stable (`spec/passkeys.md` §5).
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Cbor(_) => "registration-malformed",
            Self::Authenticator(error) => error.code(),
            Self::Client(error) => error.code(),
            Self::Type { .. } => "client-type",
            Self::Challenge { .. } => "wrong-challenge",
            Self::WebOrigin { .. } => "wrong-web-origin",
            Self::CrossOrigin => "cross-origin",
            Self::RpId { .. } => "wrong-rp",
            Self::NotPresent => "not-present",
            Self::NotVerified => "not-verified",
            Self::ImpossibleBackup => "impossible-backup",
            Self::Published(_) => "published-key",
        }
    }
}

impl Registration {
    /// Reads the two parts as a browser gives them: `getAuthenticatorData()` and `clientDataJSON`.
    ///
    /// # Errors
    /// [`RegistrationError`], in the order of its variants.
    pub fn new(authenticator: Vec<u8>, client: &[u8]) -> Result<Self, RegistrationError> {
        let (head, attested) = AuthenticatorData::parse_registration(&authenticator)?;
        Ok(Self {
            bytes: authenticator,
            authenticator: head,
            attested,
            client: ClientData::parse(client)?,
        })
    }

    /// Reads the bytes of [`Self::encode`]. WA-14
    ///
    /// # Errors
    /// [`RegistrationError`], in the order of its variants.
    pub fn decode(bytes: &[u8]) -> Result<Self, RegistrationError> {
        Self::from_value(Value::decode(bytes, REGISTRATION_BYTES_MAX)?)
    }

    /// Reads an item of [`Self::to_value`]. WA-14
    ///
    /// # Errors
    /// [`RegistrationError`], in the order of its variants.
    pub fn from_value(value: Value) -> Result<Self, RegistrationError> {
        let mut fields = value.into_fields(WHAT)?;
        let authenticator = fields.bytes("authenticator")?;
        let client = fields.bytes("client")?;
        fields.finish()?;
        Self::new(authenticator, &client)
    }

    /// `{"client", "authenticator"}`, both as received. WA-14
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::map([
            ("authenticator", Value::bytes(&self.bytes)),
            ("client", Value::bytes(self.client.as_bytes())),
        ])
    }

    /// Deterministic CBOR of [`Self::to_value`].
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.to_value().encode()
    }

    /// The id of the new credential, not checked yet.
    #[must_use]
    pub const fn credential(&self) -> &CredentialId {
        self.attested.credential()
    }

    /// What the browser says.
    #[must_use]
    pub const fn client(&self) -> &ClientData {
        &self.client
    }

    /// WebAuthn §7.1, steps 7 to 17, with the numbers of its editor's draft of 30 July 2026. Prefer the `check` of
    /// a registration context. That the id is new (step 26) is for the directory to say.
    ///
    /// # Errors
    /// [`RegistrationError`], in the order of its variants.
    pub fn check(&self, site: &Site, challenge: Digest) -> Result<Credential, RegistrationError> {
        // Step 7, WA-23.
        if self.client.kind() != "webauthn.create" {
            return Err(RegistrationError::Type {
                found: self.client.kind().into(),
            });
        }
        // Step 8, WA-24.
        if self.client.challenge() != challenge {
            return Err(RegistrationError::Challenge {
                found: self.client.challenge(),
                expected: challenge,
            });
        }
        // Step 9, WA-25.
        if self.client.origin() != site.origin() {
            return Err(RegistrationError::WebOrigin {
                found: self.client.origin().into(),
                expected: site.origin().into(),
            });
        }
        // Steps 10 and 11, WA-26.
        if self.client.cross_origin() || self.client.has_top_origin() {
            return Err(RegistrationError::CrossOrigin);
        }
        // Step 14, WA-27. Steps 12 and 13 are about an attestation, which is not read.
        if *self.authenticator.rp_id_hash() != digest::webauthn_rp_id(site.rp_id()) {
            return Err(RegistrationError::RpId {
                expected: site.rp_id().into(),
            });
        }
        let flags = self.authenticator.flags();
        // Step 15, WA-28.
        if !flags.present() {
            return Err(RegistrationError::NotPresent);
        }
        // Step 16, WA-29.
        if !flags.verified() {
            return Err(RegistrationError::NotVerified);
        }
        // Step 17, WA-30.
        let backup = flags.backup().ok_or(RegistrationError::ImpossibleBackup)?;
        // Steps 20 (algorithm) and 25 (length of the id) were made when it was read. WA-11
        let key = self
            .attested
            .key()
            .unpublished()
            .map_err(RegistrationError::Published)?;
        Ok(Credential {
            id: self.attested.credential().clone(),
            key,
            aaguid: *self.attested.aaguid(),
            counter: self.authenticator.counter(),
            backup,
        })
    }
}

impl Credential {
    /// Its id. Whether it is new, the directory knows.
    #[must_use]
    pub const fn id(&self) -> &CredentialId {
        &self.id
    }

    /// Its public key.
    #[must_use]
    pub const fn key(&self) -> &PasskeyKey {
        &self.key
    }

    /// The model of the device, in its own unproven words. Zeros where it does not say.
    #[must_use]
    pub const fn aaguid(&self) -> &[u8; 16] {
        &self.aaguid
    }

    /// Where its counter begins.
    #[must_use]
    pub const fn counter(&self) -> Counter {
        self.counter
    }

    /// Where the private key may be.
    #[must_use]
    pub const fn backup(&self) -> Backup {
        self.backup
    }
}
