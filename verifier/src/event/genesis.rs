//! `log.created`: the entry at index 0, which fixes who speaks for the log (decision 4).

use alloc::{string::String, vec::Vec};

use crate::{
    action::{Currency, Exponent},
    cbor::{CborError, Value},
    key::PublicKey,
};

const WHAT: &str = "log.created";

/// How the founder key is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FounderKind {
    /// An Ed25519 key in a file that stays with the tenant.
    Ed25519File,
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
    /// How the founder key is held.
    pub founder_kind: FounderKind,
    /// The key that speaks for the tenant until people are enrolled, and when all their keys are lost.
    pub founder: PublicKey,
    /// The one currency of the log.
    pub currency: Currency,
    /// Digits after the decimal point of that currency, `0..=4`: an amount counts units of 10^-exponent.
    pub exponent: Exponent,
    /// Where approval passkeys will be registered; `None` until a portal exists.
    pub rp_id: Option<String>,
    /// The web origins whose approvals count.
    pub web_origins: Vec<String>,
}

impl Genesis {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("version", Value::Uint(1)),
            ("origin", Value::from(self.origin.as_str())),
            ("platform", Value::from(self.platform.as_str())),
            ("log_key", Value::bytes(self.log_key.as_bytes())),
            ("seal_key", Value::bytes(self.seal_key.as_bytes())),
            (
                "founder",
                Value::map([
                    ("kind", Value::from("ed25519-file")),
                    ("key", Value::bytes(self.founder.as_bytes())),
                ]),
            ),
            ("currency", Value::from(self.currency.as_str())),
            ("exponent", Value::Uint(self.exponent.digits().into())),
            ("rp_id", Value::or_null(self.rp_id.as_deref())),
            (
                "web_origins",
                Value::array(
                    self.web_origins
                        .iter()
                        .map(|origin| Value::from(origin.as_str())),
                ),
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
        let mut founder = fields.value("founder")?.into_fields("founder")?;
        if founder.text("kind")? != "ed25519-file" {
            return Err(founder.unexpected("kind", "`ed25519-file`"));
        }
        let genesis = Self {
            origin: fields.text_as(
                "origin",
                "1 to 255 printable ASCII characters without space and `+`",
                origin,
            )?,
            platform: fields.text("platform")?,
            log_key: public_key(&fields.bytes("log_key")?, WHAT, "log_key")?,
            seal_key: public_key(&fields.bytes("seal_key")?, WHAT, "seal_key")?,
            founder_kind: FounderKind::Ed25519File,
            founder: public_key(&founder.bytes("key")?, WHAT, "founder")?,
            currency: fields.text_as("currency", "three capital letters", Currency::parse)?,
            exponent: Exponent::new(fields.uint("exponent")?)
                .ok_or_else(|| fields.unexpected("exponent", "0 to 4"))?,
            rp_id: match fields.value("rp_id")? {
                Value::Null => None,
                other => Some(other.into_text("rp_id")?),
            },
            web_origins: fields
                .value("web_origins")?
                .into_list("web_origins", |origin| origin.into_text("web_origins"))?,
        };
        founder.finish()?;
        fields.finish()?;
        Ok(genesis)
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
