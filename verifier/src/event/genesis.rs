//! `log.created`: the entry at index 0, which fixes who speaks for the log (decision 4).

use alloc::{string::String, vec::Vec};

use super::Shown;
use crate::{
    action::{Currency, Exponent},
    cbor::{CborError, Fields, Value},
    id::Id,
    key::{BadKey, JwkThumbprint, PublicKey},
    passkey::{
        BadPasskeyKey, BadSite, CredentialId, PasskeyKey, RegistrationError, Site,
        context::CredentialUse,
    },
    people::PersonName,
};

const WHAT: &str = "log.created";

/// Who founds a log: speaks for the tenant until there are other people.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "lives in a genesis, one for each log"
)]
pub enum Founder {
    /// An Ed25519 key in a file that stays with the tenant. It speaks also when all passkeys are lost.
    File(PublicKey),
    /// A person with a sign-in passkey: the first administrator.
    Passkey(PasskeyFounder),
}

/// A founder who is a person. The registration was checked (PE-4), its time apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyFounder {
    user: Id,
    name: PersonName,
    shown: Shown,
    credential: CredentialId,
    key: PasskeyKey,
}

/// The founder's public key, of either kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FounderKey {
    /// In a file.
    Ed25519(PublicKey),
    /// In a device.
    P256(PasskeyKey),
}

/// Why a text is no key of a founder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFounderKey {
    /// Not the key of a file.
    #[error(transparent)]
    Ed25519(#[from] BadKey),
    /// Of 33 bytes, and not the key of a passkey.
    #[error(transparent)]
    P256(#[from] BadPasskeyKey),
}

/// Why somebody cannot found a log. Variants in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FounderError {
    /// Where no portal is, no passkey is used.
    #[error("a founder with a passkey needs a portal and an approval site")]
    NoSite,
    /// For another log, another person or another use.
    #[error("the passkey was registered for another log, person or use")]
    Elsewhere,
    /// Not a registration at the portal.
    #[error(transparent)]
    Registration(#[from] RegistrationError),
}

/// The two sites of a log with people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sites {
    portal: Site,
    approval: Site,
}

/// Why two web origins are not the sites of a log. Variants in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSites {
    /// One of them is none.
    #[error(transparent)]
    Site(#[from] BadSite),
    /// A page of one could use the passkeys of the other.
    #[error(
        "portal and approval site have one host, `{0}`: passkeys of one would be those of the other"
    )]
    SameHost(String),
}

/// The body of `log.created`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    /// `<host>/t/<16 hex>`, permanent; the note key name of the log.
    pub origin: String,
    /// Who runs the log: the `iss` of its Passports, and the host of its origin.
    pub platform: String,
    /// The key that signs tree heads.
    pub log_key: PublicKey,
    /// The key that seals Passports.
    pub seal_key: PublicKey,
    /// Who founds it.
    pub founder: Founder,
    /// The one currency of the log.
    pub currency: Currency,
    /// Digits after the decimal point of that currency, `0..=4`: an amount counts units of 10^-exponent.
    pub exponent: Exponent,
    /// Where its people sign in and judge; `None` in a log without people.
    pub sites: Option<Sites>,
}

impl Sites {
    /// PE-1: two origins whose hosts differ; the RP IDs are the hosts.
    ///
    /// # Errors
    /// [`BadSites`], in the order of its variants.
    pub fn new(portal: &str, approval: &str) -> Result<Self, BadSites> {
        let (portal, approval) = (Site::parse(portal)?, Site::parse(approval)?);
        if portal.rp_id() == approval.rp_id() {
            return Err(BadSites::SameHost(String::from(portal.rp_id())));
        }
        Ok(Self { portal, approval })
    }

    /// Where people sign in and sign acts.
    #[must_use]
    pub const fn portal(&self) -> &Site {
        &self.portal
    }

    /// Where people judge cases.
    #[must_use]
    pub const fn approval(&self) -> &Site {
        &self.approval
    }

    /// The site of passkeys for this use.
    #[must_use]
    pub const fn of(&self, credential_use: CredentialUse) -> &Site {
        match credential_use {
            CredentialUse::SignIn => &self.portal,
            CredentialUse::Approval => &self.approval,
        }
    }
}

impl PasskeyFounder {
    /// PE-4: a sign-in passkey, registered at the portal for this log and this person.
    ///
    /// # Errors
    /// [`FounderError`], in the order of its variants.
    pub fn new(
        origin: &str,
        sites: Option<&Sites>,
        user: Id,
        name: PersonName,
        shown: Shown,
    ) -> Result<Self, FounderError> {
        let Some(sites) = sites else {
            return Err(FounderError::NoSite);
        };
        let context = &shown.context;
        if context.origin.as_str() != origin
            || context.user != user
            || context.credential_use != CredentialUse::SignIn
        {
            return Err(FounderError::Elsewhere);
        }
        let credential = context.check(&shown.registration, sites.portal())?;
        Ok(Self {
            user,
            name,
            credential: credential.id().clone(),
            key: *credential.key(),
            shown,
        })
    }

    /// The person.
    #[must_use]
    pub const fn user(&self) -> &Id {
        &self.user
    }

    /// For other people.
    #[must_use]
    pub const fn name(&self) -> &PersonName {
        &self.name
    }

    /// The passkey as it was shown.
    #[must_use]
    pub const fn shown(&self) -> &Shown {
        &self.shown
    }

    /// The id of the credential.
    #[must_use]
    pub const fn credential(&self) -> &CredentialId {
        &self.credential
    }

    /// The public key.
    #[must_use]
    pub const fn key(&self) -> &PasskeyKey {
        &self.key
    }
}

impl Founder {
    /// The public key.
    #[must_use]
    pub const fn key(&self) -> FounderKey {
        match self {
            Self::File(key) => FounderKey::Ed25519(*key),
            Self::Passkey(founder) => FounderKey::P256(founder.key),
        }
    }

    /// The key in a file, if it is one.
    #[must_use]
    pub const fn file_key(&self) -> Option<&PublicKey> {
        match self {
            Self::File(key) => Some(key),
            Self::Passkey(_) => None,
        }
    }

    fn to_value(&self) -> Value {
        match self {
            Self::File(key) => Value::map([
                ("kind", Value::from("ed25519-file")),
                ("key", Value::bytes(key.as_bytes())),
            ]),
            Self::Passkey(founder) => Value::map([
                ("kind", Value::from("passkey")),
                ("user", Value::from(founder.user.as_str())),
                ("name", Value::from(founder.name.as_str())),
                ("shown", founder.shown.to_value()),
            ]),
        }
    }

    fn from_value(value: Value, origin: &str, sites: Option<&Sites>) -> Result<Self, CborError> {
        let mut fields = value.into_fields("founder")?;
        let founder = match fields.text("kind")?.as_str() {
            "ed25519-file" => Self::File(public_key(&fields.bytes("key")?, WHAT, "founder")?),
            "passkey" => {
                let user = fields.id("user")?;
                let name = fields.person_name()?;
                let shown = Shown::from_value(fields.value("shown")?)?;
                Self::Passkey(
                    PasskeyFounder::new(origin, sites, user, name, shown).map_err(|_| {
                        fields.unexpected("shown", "a sign-in passkey registered at the portal")
                    })?,
                )
            }
            _ => return Err(fields.unexpected("kind", "`ed25519-file` or `passkey`")),
        };
        fields.finish()?;
        Ok(founder)
    }
}

impl FounderKey {
    /// Reads base64url of 32 bytes (Ed25519) or of 33 (P-256, compressed).
    ///
    /// # Errors
    /// [`BadFounderKey`], of the kind that the length says.
    pub fn from_base64url(text: &str) -> Result<Self, BadFounderKey> {
        let bytes = data_encoding::BASE64URL_NOPAD
            .decode(text.as_bytes())
            .map_err(|_| BadKey::Malformed)?;
        Ok(if bytes.len() == 33 {
            Self::P256(PasskeyKey::from_bytes(&bytes)?)
        } else {
            Self::Ed25519(PublicKey::from_bytes(&bytes)?)
        })
    }

    /// 43 or 44 base64url characters.
    #[must_use]
    pub fn to_base64url(&self) -> String {
        match self {
            Self::Ed25519(key) => key.to_base64url(),
            Self::P256(key) => data_encoding::BASE64URL_NOPAD.encode(&key.to_bytes()),
        }
    }

    /// The RFC 7638 thumbprint.
    #[must_use]
    pub fn jwk_thumbprint(&self) -> JwkThumbprint {
        match self {
            Self::Ed25519(key) => key.jwk_thumbprint(),
            Self::P256(key) => key.jwk_thumbprint(),
        }
    }
}

impl Genesis {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("version", Value::Uint(1)),
            ("origin", Value::from(self.origin.as_str())),
            ("platform", Value::from(self.platform.as_str())),
            ("log_key", Value::bytes(self.log_key.as_bytes())),
            ("seal_key", Value::bytes(self.seal_key.as_bytes())),
            ("founder", self.founder.to_value()),
            ("currency", Value::from(self.currency.as_str())),
            ("exponent", Value::Uint(self.exponent.digits().into())),
            ("rp_id", Value::or_null(self.rp_id())),
            (
                "web_origins",
                Value::array(self.web_origins().into_iter().map(Value::from)),
            ),
            ("approval_rules", Value::Uint(1)),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields(WHAT)?;
        if fields.uint("version")? != 1 {
            return Err(fields.unexpected("version", "1"));
        }
        if fields.uint("approval_rules")? != 1 {
            return Err(fields.unexpected("approval_rules", "1"));
        }
        let origin = fields.text_as(
            "origin",
            "1 to 255 printable ASCII characters without space and `+`",
            origin,
        )?;
        let sites = sites(&mut fields)?;
        let founder = Founder::from_value(fields.value("founder")?, &origin, sites.as_ref())?;
        let genesis = Self {
            origin,
            platform: fields.text("platform")?,
            log_key: public_key(&fields.bytes("log_key")?, WHAT, "log_key")?,
            seal_key: public_key(&fields.bytes("seal_key")?, WHAT, "seal_key")?,
            founder,
            currency: fields.text_as("currency", "three capital letters", Currency::parse)?,
            exponent: Exponent::new(fields.uint("exponent")?)
                .ok_or_else(|| fields.unexpected("exponent", "0 to 4"))?,
            sites,
        };
        fields.finish()?;
        Ok(genesis)
    }

    /// The RP ID of approval passkeys: the host of the approval site.
    #[must_use]
    pub fn rp_id(&self) -> Option<&str> {
        self.sites.as_ref().map(|sites| sites.approval.rp_id())
    }

    /// Portal and approval site, or nothing.
    #[must_use]
    pub fn web_origins(&self) -> Vec<&str> {
        self.sites.as_ref().map_or_else(Vec::new, |sites| {
            Vec::from([sites.portal.origin(), sites.approval.origin()])
        })
    }
}

/// PE-1: no site, or two and the host of the second.
fn sites(fields: &mut Fields) -> Result<Option<Sites>, CborError> {
    let rp_id = match fields.value("rp_id")? {
        Value::Null => None,
        other => Some(other.into_text("rp_id")?),
    };
    let origins = fields
        .value("web_origins")?
        .into_list("web_origins", |origin| origin.into_text("web_origins"))?;
    match (rp_id, origins.as_slice()) {
        (None, []) => Ok(None),
        (Some(rp_id), [portal, approval]) => {
            let sites = Sites::new(portal, approval).map_err(|_| {
                fields.unexpected("web_origins", "two web origins with different hosts")
            })?;
            if sites.approval.rp_id() != rp_id {
                return Err(fields.unexpected("rp_id", "the host of the second web origin"));
            }
            Ok(Some(sites))
        }
        (None, _) => Err(fields.unexpected("rp_id", "the host of the second web origin")),
        (Some(_), _) => Err(fields.unexpected("web_origins", "portal and approval site")),
    }
}

/// What can name a log in checkpoints and snapshots.
fn origin(text: &str) -> Option<String> {
    let good = (1..=255).contains(&text.len())
        && text
            .bytes()
            .all(|byte| matches!(byte, 0x21..=0x7e) && byte != b'+');
    good.then(|| String::from(text))
}

/// DG-3: no event brings in a key that nobody should trust.
pub(super) fn public_key(
    bytes: &[u8],
    what: &'static str,
    field: &'static str,
) -> Result<PublicKey, CborError> {
    PublicKey::from_bytes(bytes).map_err(|_| CborError::Unexpected {
        what,
        field,
        expected: "an Ed25519 public key of large order",
    })
}
