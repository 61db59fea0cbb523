//! Authenticator data: what the device says about itself (`spec/passkeys.md` §3.3, WebAuthn §6.1).

use super::{BadCredentialId, BadPasskeyKey, CredentialId, PasskeyKey};
use crate::cbor::{CborError, Value};

/// RP ID hash, flags and counter, in bytes.
const HEAD_BYTES: usize = 37;
/// Bound on the COSE key before it is read, in bytes. One for ES256 has 77; longer ones are of another algorithm,
/// and are refused as such.
const COSE_KEY_BYTES_MAX: usize = 1024;

/// WebAuthn §6.1, "flags".
const UP: u8 = 0x01;
const UV: u8 = 0x04;
const BE: u8 = 0x08;
const BS: u8 = 0x10;
const AT: u8 = 0x40;
const ED: u8 = 0x80;
const RESERVED: u8 = 0x02 | 0x20;

/// RP ID hash, flags and counter. 37 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthenticatorData {
    bytes: [u8; HEAD_BYTES],
    rp_id_hash: [u8; 32],
    flags: Flags,
    counter: Counter,
}

/// What the device says it did and is. Reserved bits are zero (WA-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(u8);

/// How many signatures the credential made, or 0 always where the device does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter(u32);

/// Where the private key may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backup {
    /// BE 0, BS 0: in one device, for ever.
    SingleDevice,
    /// BE 1, BS 0: may be copied to others, and is not now.
    Eligible,
    /// BE 1, BS 1: copied to others, or to somebody's cloud.
    BackedUp,
}

/// What a registration has besides: the new credential, in the words of the device. Nothing signs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attested {
    aaguid: [u8; 16],
    credential: CredentialId,
    key: PasskeyKey,
}

/// Why bytes are no authenticator data. Variants in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticatorDataError {
    /// Shorter than RP ID hash, flags and counter.
    #[error("authenticator data of {found} bytes, expected at least {HEAD_BYTES}")]
    Short {
        /// Bytes given.
        found: usize,
    },
    /// A reserved bit is one.
    #[error(
        "flags {flags:#04x} of the authenticator data: a reserved bit is set, which means something not known here"
    )]
    Reserved {
        /// The byte.
        flags: u8,
    },
    /// Extensions.
    #[error(
        "authenticator data with extensions, expected none: ask for none, or use another authenticator"
    )]
    Extensions,
    /// A new credential where none can be, or none where one must be.
    #[error("authenticator data {} a new credential", if *.found { "with" } else { "without" })]
    Attested {
        /// Whether there is one.
        found: bool,
    },
    /// More or fewer bytes than the flags and lengths give.
    #[error("authenticator data of {found} bytes, which is not what their flags and lengths give")]
    Length {
        /// Bytes given.
        found: usize,
    },
    /// The credential id.
    #[error(transparent)]
    Credential(#[from] BadCredentialId),
    /// What follows the credential id is not one CBOR item to the end.
    #[error("COSE key of the authenticator data")]
    Cose(#[source] CborError),
    /// The key.
    #[error("key of the authenticator data")]
    Key(#[source] BadPasskeyKey),
}

impl AuthenticatorDataError {
    /// The machine code: kebab-case, stable.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Credential(_) => "credential-malformed",
            Self::Key(_) => "bad-key",
            Self::Short { .. }
            | Self::Reserved { .. }
            | Self::Extensions
            | Self::Attested { .. }
            | Self::Length { .. }
            | Self::Cose(_) => "authenticator-malformed",
        }
    }
}

impl AuthenticatorData {
    /// Reads those of an assertion: 37 bytes, no credential, no extensions. WA-6
    ///
    /// # Errors
    /// [`AuthenticatorDataError`], in the order of its variants.
    pub fn parse(bytes: &[u8]) -> Result<Self, AuthenticatorDataError> {
        let (head, rest) = Self::head(bytes)?;
        if head.flags.0 & AT != 0 {
            return Err(AuthenticatorDataError::Attested { found: true });
        }
        if !rest.is_empty() {
            return Err(AuthenticatorDataError::Length { found: bytes.len() });
        }
        Ok(head)
    }

    /// Reads those of a registration: a credential, no extensions, nothing after. WA-6
    ///
    /// # Errors
    /// [`AuthenticatorDataError`], in the order of its variants.
    pub fn parse_registration(bytes: &[u8]) -> Result<(Self, Attested), AuthenticatorDataError> {
        let (head, rest) = Self::head(bytes)?;
        if head.flags.0 & AT == 0 {
            return Err(AuthenticatorDataError::Attested { found: false });
        }
        let length = || AuthenticatorDataError::Length { found: bytes.len() };
        // WebAuthn §6.5.1.
        let (aaguid, rest) = rest.split_first_chunk::<16>().ok_or_else(length)?;
        let (id_length, rest) = rest.split_first_chunk::<2>().ok_or_else(length)?;
        let id_length = usize::from(u16::from_be_bytes(*id_length));
        let (id, key) = rest.split_at_checked(id_length).ok_or_else(length)?;
        let credential = CredentialId::new(id.to_vec())?;
        let key = Value::decode(key, COSE_KEY_BYTES_MAX).map_err(AuthenticatorDataError::Cose)?;
        let key = PasskeyKey::from_any_cose(key).map_err(AuthenticatorDataError::Key)?;
        let attested = Attested {
            aaguid: *aaguid,
            credential,
            key,
        };
        Ok((head, attested))
    }

    fn head(bytes: &[u8]) -> Result<(Self, &[u8]), AuthenticatorDataError> {
        let short = || AuthenticatorDataError::Short { found: bytes.len() };
        let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>().ok_or_else(short)?;
        let (rp_id_hash, after) = head.split_first_chunk::<32>().ok_or_else(short)?;
        let (flags, after) = after.split_first().ok_or_else(short)?;
        let counter = after.first_chunk::<4>().ok_or_else(short)?;
        // WA-7
        if flags & RESERVED != 0 {
            return Err(AuthenticatorDataError::Reserved { flags: *flags });
        }
        if flags & ED != 0 {
            return Err(AuthenticatorDataError::Extensions);
        }
        let data = Self {
            bytes: *head,
            rp_id_hash: *rp_id_hash,
            flags: Flags(*flags),
            counter: Counter(u32::from_be_bytes(*counter)),
        };
        Ok((data, rest))
    }

    /// The first 37 bytes, as received: all of them in an assertion.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; HEAD_BYTES] {
        &self.bytes
    }

    /// SHA-256 of the RP ID that the device was given.
    #[must_use]
    pub const fn rp_id_hash(&self) -> &[u8; 32] {
        &self.rp_id_hash
    }

    /// What the device says it did and is.
    #[must_use]
    pub const fn flags(&self) -> Flags {
        self.flags
    }

    /// The signature counter.
    #[must_use]
    pub const fn counter(&self) -> Counter {
        self.counter
    }
}

impl Flags {
    /// UP: somebody touched the device.
    #[must_use]
    pub const fn present(self) -> bool {
        self.0 & UP != 0
    }

    /// UV: the device checked who, by finger, face or PIN.
    #[must_use]
    pub const fn verified(self) -> bool {
        self.0 & UV != 0
    }

    /// BE and BS; `None` for the pair that cannot be, BS without BE. WA-30
    #[must_use]
    pub const fn backup(self) -> Option<Backup> {
        match (self.0 & BE != 0, self.0 & BS != 0) {
            (false, false) => Some(Backup::SingleDevice),
            (true, false) => Some(Backup::Eligible),
            (true, true) => Some(Backup::BackedUp),
            (false, true) => None,
        }
    }
}

impl Counter {
    /// Takes the number of an earlier registration or assertion.
    #[must_use]
    pub const fn new(count: u32) -> Self {
        Self(count)
    }

    /// The number.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.0
    }

    /// WebAuthn §7.2, step 22: whether this counter may stand after `before`. Where not, the key may have been
    /// copied, or assertions arrived in another order: a warning, never a refusal (WA-32).
    #[must_use]
    pub const fn follows(self, before: Self) -> bool {
        (self.0 == 0 && before.0 == 0) || self.0 > before.0
    }
}

impl Backup {
    /// BE: the private key may leave the device. Fixed when the credential is made.
    #[must_use]
    pub const fn is_eligible(self) -> bool {
        matches!(self, Self::Eligible | Self::BackedUp)
    }

    /// `single-device`, `eligible`, `backed-up`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SingleDevice => "single-device",
            Self::Eligible => "eligible",
            Self::BackedUp => "backed-up",
        }
    }

    /// Reads a [`Self::name`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::SingleDevice, Self::Eligible, Self::BackedUp]
            .into_iter()
            .find(|backup| backup.name() == name)
    }
}

impl Attested {
    /// The model of the device, as it says. Zeros where it does not say.
    #[must_use]
    pub const fn aaguid(&self) -> &[u8; 16] {
        &self.aaguid
    }

    /// The id of the new credential.
    #[must_use]
    pub const fn credential(&self) -> &CredentialId {
        &self.credential
    }

    /// Its key, which may be a published one until the registration is checked.
    pub(super) const fn key(&self) -> &PasskeyKey {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wa_32_a_counter_warns_unless_it_rises_or_is_not_kept() {
        let follows = |before, now| Counter::new(now).follows(Counter::new(before));
        assert!(follows(0, 0) && follows(0, 1) && follows(1, 2) && follows(1, u32::MAX));
        assert!(!follows(1, 1) && !follows(2, 1) && !follows(1, 0) && !follows(u32::MAX, 0));
    }

    #[test]
    fn flags_are_read_one_by_one() {
        for byte in 0..=u8::MAX {
            let mut bytes = [7; HEAD_BYTES];
            bytes[32] = byte;
            let found = AuthenticatorData::parse(&bytes);
            let expected = if byte & 0x22 != 0 {
                // WA-7
                Err(AuthenticatorDataError::Reserved { flags: byte })
            } else if byte & 0x80 != 0 {
                Err(AuthenticatorDataError::Extensions)
            } else if byte & 0x40 != 0 {
                Err(AuthenticatorDataError::Attested { found: true })
            } else {
                let backup = match byte & 0x18 {
                    0x00 => Some(Backup::SingleDevice),
                    0x08 => Some(Backup::Eligible),
                    0x18 => Some(Backup::BackedUp),
                    _ => None,
                };
                Ok((byte & 1 != 0, byte & 4 != 0, backup))
            };
            let found = found.map(|data| {
                (
                    data.flags.present(),
                    data.flags.verified(),
                    data.flags.backup(),
                )
            });
            assert_eq!(found, expected, "{byte:#x}");
        }
        for backup in [Backup::SingleDevice, Backup::Eligible, Backup::BackedUp] {
            assert_eq!(Backup::parse(backup.name()), Some(backup));
            assert_eq!(backup.is_eligible(), backup != Backup::SingleDevice);
        }
        assert_eq!(Backup::parse("none"), None);
    }

    #[test]
    fn wa_6_an_assertion_has_37_bytes() {
        for found in 0..80 {
            let mut bytes = alloc::vec![0; found];
            if let Some(counter) = bytes.get_mut(33..37) {
                counter.copy_from_slice(&[1, 2, 3, 4]);
            }
            let read = AuthenticatorData::parse(&bytes);
            match found {
                0..37 => assert_eq!(read, Err(AuthenticatorDataError::Short { found })),
                37 => {
                    let read = read.unwrap();
                    assert_eq!(read.as_bytes()[..], bytes);
                    assert_eq!(read.rp_id_hash(), &[0; 32]);
                    assert_eq!(read.counter().count(), 0x0102_0304);
                }
                _ => assert_eq!(read, Err(AuthenticatorDataError::Length { found })),
            }
        }
    }
}
