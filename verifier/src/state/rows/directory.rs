//! The rows of agents, target systems and counterparties.

use alloc::{boxed::Box, string::String, vec::Vec};

use super::{Ground, bad, grounds, read_grounds};
use crate::{
    action::Latitude,
    cbor::{CborError, Items, Value},
    digest::Digest,
    id::Id,
    key::PublicKey,
    snapshot::{Approval, Risk, Status, Tier},
    time::UnixMillis,
};

/// How far an enrolment has come, or a rotation (ST-2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// The first key is on its way; nothing may sign yet.
    Enrolling(NewKey),
    /// The key may sign.
    Enrolled(PublicKey),
    /// The key may sign until the one that is on its way is confirmed.
    Rotating {
        /// The enrolled key.
        key: PublicKey,
        /// What is on its way.
        new: Box<NewKey>,
        /// The entries that brought `new` so far: its invitation, its claim.
        entries: Vec<Ground>,
    },
}

/// A key that is on its way: it may sign nothing yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewKey {
    /// A code is out.
    Invited {
        /// Digest of the code.
        code: Digest,
        /// When it dies.
        expires_at: UnixMillis,
    },
    /// The key was shown and waits to be confirmed.
    Claimed(PublicKey),
}

/// What is known of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRow {
    /// How far its enrolment has come.
    pub stage: Stage,
    /// The person who answers for it.
    pub sponsor: Id,
    /// Risk tier.
    pub tier: Tier,
    /// The highest band it may act in unattended.
    pub latitude: Latitude,
    /// Whether it may ask.
    pub status: Status,
    /// Sum of the amounts authorised and not settled, in minor units.
    pub exposure_minor: u64,
    /// The entries that made this row what it is, exposure aside.
    pub entries: Vec<Ground>,
}

/// What is known of a target system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemRow {
    /// How far its enrolment has come.
    pub stage: Stage,
    /// Whether it takes Passports.
    pub status: Status,
    /// The entries that made this row what it is.
    pub entries: Vec<Ground>,
}

/// What is known of a counterparty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterpartyRow {
    /// Its name for people.
    pub name: String,
    /// Whether it may be dealt with.
    pub status: Approval,
    /// Set by hand.
    pub risk: Risk,
    /// Payments made before this log knew it.
    pub payments_before: u64,
    /// When its payment details last changed.
    pub payment_details_changed_at: Option<UnixMillis>,
    /// When it was enrolled.
    pub first_seen_at: UnixMillis,
    /// The entries that made this row what it is.
    pub entries: Vec<Ground>,
}

impl Stage {
    /// The key that may sign, once enrolled.
    #[must_use]
    pub const fn enrolled_key(&self) -> Option<&PublicKey> {
        match self {
            Self::Enrolled(key) | Self::Rotating { key, .. } => Some(key),
            Self::Enrolling(_) => None,
        }
    }

    /// The key that is on its way, if one is: the first, or the next.
    #[must_use]
    pub fn new_key(&self) -> Option<&NewKey> {
        match self {
            Self::Enrolling(new) => Some(new),
            Self::Rotating { new, .. } => Some(new),
            Self::Enrolled(_) => None,
        }
    }

    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::Enrolling(new) => new.to_value(),
            Self::Enrolled(key) => {
                Value::array([Value::from("enrolled"), Value::bytes(key.as_bytes())])
            }
            Self::Rotating { key, new, entries } => Value::array([
                Value::from("rotating"),
                Value::bytes(key.as_bytes()),
                new.to_value(),
                grounds(entries),
            ]),
        }
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut items = value.into_items("stage")?;
        let stage = match items.text("stage")?.as_str() {
            "enrolled" => Self::Enrolled(key(&mut items)?),
            "rotating" => Self::Rotating {
                key: key(&mut items)?,
                new: Box::new(NewKey::from_value(items.value("new key")?)?),
                entries: read_grounds(&mut items)?,
            },
            word => Self::Enrolling(NewKey::read(word, &mut items)?),
        };
        items.finish()?;
        Ok(stage)
    }
}

impl NewKey {
    fn to_value(self) -> Value {
        match self {
            Self::Invited { code, expires_at } => Value::array([
                Value::from("invited"),
                Value::from(code),
                Value::from(expires_at),
            ]),
            Self::Claimed(key) => {
                Value::array([Value::from("claimed"), Value::bytes(key.as_bytes())])
            }
        }
    }

    fn from_value(value: Value) -> Result<Self, CborError> {
        let mut items = value.into_items("new key")?;
        let word = items.text("new key")?;
        let new = Self::read(&word, &mut items)?;
        items.finish()?;
        Ok(new)
    }

    /// What stands behind the word.
    fn read(word: &str, items: &mut Items) -> Result<Self, CborError> {
        match word {
            "invited" => Ok(Self::Invited {
                code: items.digest("code")?,
                expires_at: items.time("expires_at")?,
            }),
            "claimed" => Ok(Self::Claimed(key(items)?)),
            _ => Err(bad("stage", "a stage of `spec/state.md §3`")),
        }
    }
}

impl AgentRow {
    pub(super) fn to_value(&self) -> Value {
        Value::array([
            self.stage.to_value(),
            Value::from(self.sponsor.as_str()),
            Value::from(u64::from(self.tier.number())),
            Value::from(self.latitude.number()),
            Value::from(self.status.name()),
            Value::Uint(self.exposure_minor),
            grounds(&self.entries),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut items = value.into_items("agent row")?;
        let row = Self {
            stage: Stage::from_value(items.value("stage")?)?,
            sponsor: items.text_as("sponsor", "an id", |text| Id::parse(text).ok())?,
            tier: Tier::new(items.uint("tier")?).ok_or_else(|| bad("tier", "1 to 4"))?,
            latitude: Latitude::new(items.int("latitude")?)
                .ok_or_else(|| bad("latitude", "-1 to 15"))?,
            status: items.text_as("status", "a status", Status::parse)?,
            exposure_minor: items.uint("exposure_minor")?,
            entries: read_grounds(&mut items)?,
        };
        items.finish()?;
        Ok(row)
    }
}

impl CounterpartyRow {
    pub(super) fn to_value(&self) -> Value {
        Value::array([
            Value::from(self.name.as_str()),
            Value::from(self.status.name()),
            Value::from(self.risk.name()),
            Value::Uint(self.payments_before),
            Value::or_null(self.payment_details_changed_at),
            Value::from(self.first_seen_at),
            grounds(&self.entries),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut items = value.into_items("counterparty row")?;
        let row = Self {
            name: items.text("name")?,
            status: items.text_as("status", "a status", Approval::parse)?,
            risk: items.text_as("risk", "a risk", Risk::parse)?,
            payments_before: items.uint("payments_before")?,
            payment_details_changed_at: items.time_or_null("payment_details_changed_at")?,
            first_seen_at: items.time("first_seen_at")?,
            entries: read_grounds(&mut items)?,
        };
        items.finish()?;
        Ok(row)
    }
}

fn key(items: &mut Items) -> Result<PublicKey, CborError> {
    PublicKey::from_bytes(&items.bytes("key")?).map_err(|_| bad("key", "an Ed25519 public key"))
}
