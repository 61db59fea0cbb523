//! The founder's acts, and the claim of a new key.

use alloc::{format, string::String};

use super::Act;
use crate::{
    action::Latitude,
    digest::Digest,
    id::Id,
    json::{self, JsonError, Members},
    key::{JwkThumbprint, PublicKey},
    limits,
    snapshot::{Approval, Risk, Status, Tier},
};

/// The longest name of a counterparty, in characters.
pub(crate) const NAME_CHARS_MAX: usize = 120;

/// `POST /v1/agents`: name an agent and get a code for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentInvitation {
    /// The log.
    pub origin: String,
    /// The agent.
    pub agent: Id,
    /// The person who answers for it.
    pub sponsor: Id,
    /// Risk tier.
    pub tier: Tier,
    /// The highest band it may act in unattended; absent in JSON is none.
    pub latitude: Latitude,
}

/// `POST /v1/agents/{agent}/confirm`: this key is the agent's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentConfirmation {
    /// The log.
    pub origin: String,
    /// The agent.
    pub agent: Id,
    /// As invited.
    pub sponsor: Id,
    /// As invited.
    pub tier: Tier,
    /// As invited.
    pub latitude: Latitude,
    /// The thumbprint of the key shown.
    pub key: JwkThumbprint,
}

/// `POST /v1/systems`: name a target system and get a code for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemInvitation {
    /// The log.
    pub origin: String,
    /// The target system.
    pub system: Id,
}

/// `POST /v1/systems/{system}/confirm`: this key is the target system's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemConfirmation {
    /// The log.
    pub origin: String,
    /// The target system.
    pub system: Id,
    /// The thumbprint of the key shown.
    pub key: JwkThumbprint,
}

/// Who claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimant {
    /// An agent.
    Agent(Id),
    /// A target system.
    System(Id),
}

/// `POST /v1/claims`: this is my key, and I know the code. Signed with the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The log.
    pub origin: String,
    /// Who claims.
    pub claimant: Claimant,
    /// The one-time code, as it was given out.
    pub code: String,
    /// The key.
    pub key: PublicKey,
}

/// `POST /v1/agents/{agent}/status` or `POST /v1/systems/{system}/status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusChange {
    /// The log.
    pub origin: String,
    /// Who changes.
    pub who: Claimant,
    /// The new status.
    pub status: Status,
}

/// `POST /v1/counterparties`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterpartyEnrolment {
    /// The log.
    pub origin: String,
    /// The counterparty.
    pub counterparty: Id,
    /// Its name for people.
    pub name: String,
    /// Whether it may be dealt with.
    pub status: Approval,
    /// Set by hand.
    pub risk: Risk,
    /// Payments made to it before.
    pub payments_before: u64,
}

/// `POST /v1/counterparties/{counterparty}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterpartyChange {
    /// The log.
    pub origin: String,
    /// The counterparty.
    pub counterparty: Id,
    /// The new status.
    pub status: Approval,
    /// The new risk.
    pub risk: Risk,
    /// Whether its payment details are new.
    pub payment_details_changed: bool,
}

/// `POST /v1/policies/activate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activation {
    /// The log.
    pub origin: String,
    /// The bundle that shall decide.
    pub bundle: Digest,
}

parse! {
    AgentInvitation: |members| Self {
        origin: members.text("origin")?,
        agent: members.id("agent")?,
        sponsor: members.id("sponsor")?,
        tier: tier(&mut members)?,
        latitude: latitude(&mut members)?,
    };
    AgentConfirmation: |members| Self {
        origin: members.text("origin")?,
        agent: members.id("agent")?,
        sponsor: members.id("sponsor")?,
        tier: tier(&mut members)?,
        latitude: latitude(&mut members)?,
        key: thumbprint(&mut members)?,
    };
    SystemInvitation: |members| Self {
        origin: members.text("origin")?,
        system: members.id("system")?,
    };
    SystemConfirmation: |members| Self {
        origin: members.text("origin")?,
        system: members.id("system")?,
        key: thumbprint(&mut members)?,
    };
    Claim: |members| Self {
        origin: members.text("origin")?,
        claimant: claimant(&mut members)?,
        code: members.parsed("code", code)?,
        key: members.parsed("key", PublicKey::from_base64url)?,
    };
    StatusChange: |members| Self {
        origin: members.text("origin")?,
        who: claimant(&mut members)?,
        status: members.parsed("status", |text| Status::parse(text).ok_or("expected `active` or `suspended`"))?,
    };
    CounterpartyEnrolment: |members| Self {
        origin: members.text("origin")?,
        counterparty: members.id("counterparty")?,
        name: members.parsed("name", name)?,
        status: counterparty_status(&mut members)?,
        risk: risk(&mut members)?,
        payments_before: members.integer("payments_before", 0..=limits::JSON_INTEGER_MAX)?,
    };
    CounterpartyChange: |members| Self {
        origin: members.text("origin")?,
        counterparty: members.id("counterparty")?,
        status: counterparty_status(&mut members)?,
        risk: risk(&mut members)?,
        payment_details_changed: members.boolean("payment_details_changed")?,
    };
    Activation: |members| Self {
        origin: members.text("origin")?,
        bundle: members.parsed("bundle", |text| Digest::from_hex(text).ok_or("expected 64 lower-case hex digits"))?,
    };
}

impl Claimant {
    /// The id.
    #[must_use]
    pub const fn id(&self) -> &Id {
        match self {
            Self::Agent(id) | Self::System(id) => id,
        }
    }

    fn path(&self) -> String {
        match self {
            Self::Agent(id) => format!("/v1/agents/{id}"),
            Self::System(id) => format!("/v1/systems/{id}"),
        }
    }
}

acts! {
    AgentInvitation: |_act| String::from("/v1/agents");
    AgentConfirmation: |act| format!("/v1/agents/{}/confirm", act.agent);
    SystemInvitation: |_act| String::from("/v1/systems");
    SystemConfirmation: |act| format!("/v1/systems/{}/confirm", act.system);
    Claim: |_act| String::from("/v1/claims");
    StatusChange: |act| format!("{}/status", act.who.path());
    CounterpartyEnrolment: |_act| String::from("/v1/counterparties");
    CounterpartyChange: |act| format!("/v1/counterparties/{}", act.counterparty);
    Activation: |_act| String::from("/v1/policies/activate");
}

/// Exactly one of `agent` and `system`.
fn claimant(members: &mut Members) -> Result<Claimant, JsonError> {
    match members.optional("system") {
        Some(place) => Ok(Claimant::System(place.parsed(Id::parse)?)),
        None => Ok(Claimant::Agent(members.id("agent")?)),
    }
}

fn tier(members: &mut Members) -> Result<Tier, JsonError> {
    let number = members.integer("tier", 1..=4)?;
    Ok(Tier::new(number).unwrap_or(Tier::SUPERVISED))
}

fn latitude(members: &mut Members) -> Result<Latitude, JsonError> {
    let band = members.optional_integer("latitude", 0..=15)?;
    Ok(band
        .and_then(|band| Latitude::new(i64::try_from(band).ok()?))
        .unwrap_or(Latitude::NONE))
}

fn thumbprint(members: &mut Members) -> Result<JwkThumbprint, JsonError> {
    members.parsed("key", |text| {
        JwkThumbprint::from_base64url(text)
            .ok_or("expected the key's RFC 7638 thumbprint, 43 base64url characters")
    })
}

fn counterparty_status(members: &mut Members) -> Result<Approval, JsonError> {
    members.parsed("status", |text| {
        Approval::parse(text).ok_or("expected `approved`, `watch` or `blocked`")
    })
}

fn risk(members: &mut Members) -> Result<Risk, JsonError> {
    members.parsed("risk", |text| {
        Risk::parse(text).ok_or("expected `low`, `medium` or `high`")
    })
}

fn name(text: &str) -> Result<String, &'static str> {
    let good = (1..=NAME_CHARS_MAX).contains(&text.chars().count());
    if good {
        Ok(String::from(text))
    } else {
        Err("expected 1 to 120 characters")
    }
}

/// Whether `text` has the form of a one-time code: 22 characters of base64url.
pub(crate) fn is_code(text: &str) -> bool {
    text.len() == 22
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn code(text: &str) -> Result<String, &'static str> {
    if is_code(text) {
        Ok(String::from(text))
    } else {
        Err("expected the 22 characters of the one-time code")
    }
}
