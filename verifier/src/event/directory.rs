//! Who there is: agents, target systems, counterparties.
//!
//! Agents and target systems come in by three steps, so that no key is trusted because somebody knew a code:
//! *invited* (the founder names them), *claimed* (they show a key and that they hold it), *enrolled* (the founder
//! confirms the key's thumbprint). The founder signs the first and the last; the new key signs the second.

use alloc::string::String;

use super::{Signed, genesis::public_key};
use crate::{
    act::NAME_CHARS_MAX,
    action::Latitude,
    cbor::{CborError, Fields, Value},
    digest::Digest,
    id::Id,
    key::PublicKey,
    limits,
    snapshot::{Approval, Risk, Status, Tier},
    time::UnixMillis,
};

/// The body of `agent.invited`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentInvited {
    /// The founder's request.
    pub signed: Signed,
    /// The agent named.
    pub agent: Id,
    /// The person who answers for it.
    pub sponsor: Id,
    /// Risk tier, `1..=4`.
    pub tier: Tier,
    /// The highest value band it may act in unattended; −1 is none.
    pub latitude: Latitude,
    /// Digest of the one-time code.
    pub code: Digest,
    /// When the code dies.
    pub expires_at: UnixMillis,
}

/// The body of `agent.claimed` and `system.claimed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The request signed with the key shown, its body holding the code.
    pub signed: Signed,
    /// Who claims.
    pub id: Id,
    /// The key shown.
    pub key: PublicKey,
}

/// The body of `agent.enrolled`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentEnrolled {
    /// The founder's request, over all that follows.
    pub signed: Signed,
    /// The agent.
    pub agent: Id,
    /// The person who answers for it.
    pub sponsor: Id,
    /// Risk tier, `1..=4`.
    pub tier: Tier,
    /// The highest value band it may act in unattended; −1 is none.
    pub latitude: Latitude,
    /// The key confirmed.
    pub key: PublicKey,
}

/// The body of `agent.changed` and `system.changed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusChanged {
    /// The founder's request.
    pub signed: Signed,
    /// Who changes.
    pub id: Id,
    /// The new status.
    pub status: Status,
}

/// The body of `system.invited`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemInvited {
    /// The founder's request.
    pub signed: Signed,
    /// The target system named.
    pub system: Id,
    /// Digest of the one-time code.
    pub code: Digest,
    /// When the code dies.
    pub expires_at: UnixMillis,
}

/// The body of `system.enrolled`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemEnrolled {
    /// The founder's request.
    pub signed: Signed,
    /// The target system.
    pub system: Id,
    /// The key confirmed.
    pub key: PublicKey,
}

/// The body of `counterparty.enrolled`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterpartyEnrolled {
    /// The founder's request.
    pub signed: Signed,
    /// The counterparty.
    pub counterparty: Id,
    /// Its name for people, 1 to 120 characters.
    pub name: String,
    /// Whether it may be dealt with.
    pub status: Approval,
    /// Set by hand.
    pub risk: Risk,
    /// Payments made before this log knew it, as the founder states.
    pub payments_before: u64,
}

/// The body of `counterparty.changed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterpartyChanged {
    /// The founder's request.
    pub signed: Signed,
    /// The counterparty.
    pub counterparty: Id,
    /// Whether it may be dealt with, from now on.
    pub status: Approval,
    /// Set by hand.
    pub risk: Risk,
    /// Whether its payment details are new with this event.
    pub payment_details_changed: bool,
}

impl AgentInvited {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("signed", self.signed.to_value()),
            ("agent", Value::from(self.agent.as_str())),
            ("sponsor", Value::from(self.sponsor.as_str())),
            ("tier", Value::from(u64::from(self.tier.number()))),
            ("latitude", Value::from(self.latitude.number())),
            ("code", Value::from(self.code)),
            ("expires_at", Value::from(self.expires_at)),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("agent.invited")?;
        let body = Self {
            signed: signed(&mut fields)?,
            agent: id(&mut fields, "agent")?,
            sponsor: id(&mut fields, "sponsor")?,
            tier: tier(&mut fields)?,
            latitude: latitude(&mut fields)?,
            code: fields.digest("code")?,
            expires_at: fields.time("expires_at")?,
        };
        fields.finish()?;
        Ok(body)
    }
}

impl Claimed {
    pub(super) fn agent_to_value(&self) -> Value {
        self.to_value("agent")
    }

    pub(super) fn system_to_value(&self) -> Value {
        self.to_value("system")
    }

    pub(super) fn agent_from_value(value: Value) -> Result<Self, CborError> {
        Self::from_value(value, "agent.claimed", "agent")
    }

    pub(super) fn system_from_value(value: Value) -> Result<Self, CborError> {
        Self::from_value(value, "system.claimed", "system")
    }

    fn to_value(&self, who: &'static str) -> Value {
        Value::map([
            ("signed", self.signed.to_value()),
            (who, Value::from(self.id.as_str())),
            ("key", Value::bytes(self.key.as_bytes())),
        ])
    }

    fn from_value(value: Value, what: &'static str, who: &'static str) -> Result<Self, CborError> {
        let mut fields = value.into_fields(what)?;
        let body = Self {
            signed: Signed::by_key_from_value(fields.value("signed")?)?,
            id: id(&mut fields, who)?,
            key: public_key(&fields.bytes("key")?, what, "key")?,
        };
        fields.finish()?;
        Ok(body)
    }
}

impl AgentEnrolled {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("signed", self.signed.to_value()),
            ("agent", Value::from(self.agent.as_str())),
            ("sponsor", Value::from(self.sponsor.as_str())),
            ("tier", Value::from(u64::from(self.tier.number()))),
            ("latitude", Value::from(self.latitude.number())),
            ("key", Value::bytes(self.key.as_bytes())),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("agent.enrolled")?;
        let body = Self {
            signed: signed(&mut fields)?,
            agent: id(&mut fields, "agent")?,
            sponsor: id(&mut fields, "sponsor")?,
            tier: tier(&mut fields)?,
            latitude: latitude(&mut fields)?,
            key: public_key(&fields.bytes("key")?, "agent.enrolled", "key")?,
        };
        fields.finish()?;
        Ok(body)
    }
}

impl StatusChanged {
    pub(super) fn agent_to_value(&self) -> Value {
        self.to_value("agent")
    }

    pub(super) fn system_to_value(&self) -> Value {
        self.to_value("system")
    }

    pub(super) fn agent_from_value(value: Value) -> Result<Self, CborError> {
        Self::from_value(value, "agent.changed", "agent")
    }

    pub(super) fn system_from_value(value: Value) -> Result<Self, CborError> {
        Self::from_value(value, "system.changed", "system")
    }

    fn to_value(&self, who: &'static str) -> Value {
        Value::map([
            ("signed", self.signed.to_value()),
            (who, Value::from(self.id.as_str())),
            ("status", Value::from(self.status.name())),
        ])
    }

    fn from_value(value: Value, what: &'static str, who: &'static str) -> Result<Self, CborError> {
        let mut fields = value.into_fields(what)?;
        let body = Self {
            signed: signed(&mut fields)?,
            id: id(&mut fields, who)?,
            status: fields.text_as("status", "`active` or `suspended`", Status::parse)?,
        };
        fields.finish()?;
        Ok(body)
    }
}

impl SystemInvited {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("signed", self.signed.to_value()),
            ("system", Value::from(self.system.as_str())),
            ("code", Value::from(self.code)),
            ("expires_at", Value::from(self.expires_at)),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("system.invited")?;
        let body = Self {
            signed: signed(&mut fields)?,
            system: id(&mut fields, "system")?,
            code: fields.digest("code")?,
            expires_at: fields.time("expires_at")?,
        };
        fields.finish()?;
        Ok(body)
    }
}

impl SystemEnrolled {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("signed", self.signed.to_value()),
            ("system", Value::from(self.system.as_str())),
            ("key", Value::bytes(self.key.as_bytes())),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("system.enrolled")?;
        let body = Self {
            signed: signed(&mut fields)?,
            system: id(&mut fields, "system")?,
            key: public_key(&fields.bytes("key")?, "system.enrolled", "key")?,
        };
        fields.finish()?;
        Ok(body)
    }
}

impl CounterpartyEnrolled {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("signed", self.signed.to_value()),
            ("counterparty", Value::from(self.counterparty.as_str())),
            ("name", Value::from(self.name.as_str())),
            ("status", Value::from(self.status.name())),
            ("risk", Value::from(self.risk.name())),
            ("payments_before", Value::Uint(self.payments_before)),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("counterparty.enrolled")?;
        let body = Self {
            signed: signed(&mut fields)?,
            counterparty: id(&mut fields, "counterparty")?,
            name: fields.text_as("name", "1 to 120 characters", |text| {
                (1..=NAME_CHARS_MAX)
                    .contains(&text.chars().count())
                    .then(|| String::from(text))
            })?,
            status: counterparty_status(&mut fields)?,
            risk: risk(&mut fields)?,
            payments_before: fields.uint("payments_before")?,
        };
        if body.payments_before > limits::JSON_INTEGER_MAX {
            return Err(fields.unexpected("payments_before", "an integer below 2^53"));
        }
        fields.finish()?;
        Ok(body)
    }
}

impl CounterpartyChanged {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("signed", self.signed.to_value()),
            ("counterparty", Value::from(self.counterparty.as_str())),
            ("status", Value::from(self.status.name())),
            ("risk", Value::from(self.risk.name())),
            (
                "payment_details_changed",
                Value::from(self.payment_details_changed),
            ),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("counterparty.changed")?;
        let body = Self {
            signed: signed(&mut fields)?,
            counterparty: id(&mut fields, "counterparty")?,
            status: counterparty_status(&mut fields)?,
            risk: risk(&mut fields)?,
            payment_details_changed: match fields.value("payment_details_changed")? {
                Value::Bool(changed) => changed,
                _ => return Err(fields.unexpected("payment_details_changed", "true or false")),
            },
        };
        fields.finish()?;
        Ok(body)
    }
}

fn signed(fields: &mut Fields) -> Result<Signed, CborError> {
    Signed::from_value(fields.value("signed")?)
}

fn id(fields: &mut Fields, field: &'static str) -> Result<Id, CborError> {
    fields.text_as(field, "an id", |text| Id::parse(text).ok())
}

fn tier(fields: &mut Fields) -> Result<Tier, CborError> {
    let number = fields.uint("tier")?;
    Tier::new(number).ok_or_else(|| fields.unexpected("tier", "1 to 4"))
}

fn latitude(fields: &mut Fields) -> Result<Latitude, CborError> {
    let band = fields.int("latitude")?;
    Latitude::new(band).ok_or_else(|| fields.unexpected("latitude", "-1 to 15"))
}

fn counterparty_status(fields: &mut Fields) -> Result<Approval, CborError> {
    fields.text_as(
        "status",
        "`approved`, `watch` or `blocked`",
        Approval::parse,
    )
}

fn risk(fields: &mut Fields) -> Result<Risk, CborError> {
    fields.text_as("risk", "`low`, `medium` or `high`", Risk::parse)
}
