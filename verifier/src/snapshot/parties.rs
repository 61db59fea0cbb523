//! The three parties of an action, and their standing in the ledger.

use super::{SnapshotError, range, unexpected};
use crate::{
    action::Latitude,
    cbor::{CborError, Fields, Value},
    id::Id,
    key::JwkThumbprint,
    limits,
    time::UnixMillis,
};

/// Amounts authorised and not settled, in minor units: a thousand of the largest amounts. Any two sums of
/// exposure and amount fit a signed 64-bit integer.
pub const EXPOSURE_MINOR_MAX: u64 = 1_000 * limits::AMOUNT_MINOR_MAX;

const EXPOSURE: &str = "an integer from 0 to 10^18";
const COUNT: &str = "an integer below 2^53";

/// Whether an agent or a target system takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It does.
    Active,
    /// A person stopped it.
    Suspended,
}

/// What the tenant says about a counterparty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// Business as usual.
    Approved,
    /// Under watch: for policies to weigh.
    Watch,
    /// No business at all.
    Blocked,
}

/// The risk class of a counterparty, set by people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    /// `low`
    Low,
    /// `medium`
    Medium,
    /// `high`
    High,
}

/// The risk tier of an agent: `1..=4`; tier 4 never acts without a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tier(u8);

/// The agent that asks, and its standing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    id: Id,
    sponsor: Id,
    tier: Tier,
    status: Status,
    latitude: Latitude,
    exposure_minor: u64,
    key: JwkThumbprint,
}

/// The target system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    id: Id,
    status: Status,
}

/// The counterparty and its standing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counterparty {
    id: Id,
    status: Approval,
    risk: Risk,
    payments_before: u64,
    payment_details_changed_at: Option<UnixMillis>,
}

impl Agent {
    /// Puts an agent's standing together. `latitude` is the highest band it may act in unattended: earned, or granted
    /// by its signed enrolment (SD-6, [`crate::state::weighed_agent`]). `exposure_minor` is the
    /// sum of amounts authorised and not settled, before this action, `0..=10^18` minor units.
    ///
    /// # Errors
    /// [`SnapshotError::Range`] for the exposure.
    pub fn new(
        id: Id,
        sponsor: Id,
        tier: Tier,
        status: Status,
        latitude: Latitude,
        exposure_minor: u64,
        key: JwkThumbprint,
    ) -> Result<Self, SnapshotError> {
        if exposure_minor > EXPOSURE_MINOR_MAX {
            return Err(range("exposure_minor", EXPOSURE));
        }
        Ok(Self {
            id,
            sponsor,
            tier,
            status,
            latitude,
            exposure_minor,
            key,
        })
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("agent")?;
        let id = read_id(&mut fields, "id")?;
        let sponsor = read_id(&mut fields, "sponsor")?;
        let tier = Tier::new(fields.uint("tier")?)
            .ok_or_else(|| fields.unexpected("tier", "an integer from 1 to 4"))?;
        let status = fields.text_as("status", STATUS, Status::parse)?;
        let latitude = Latitude::new(fields.int("latitude")?)
            .ok_or_else(|| fields.unexpected("latitude", "an integer from -1 to 15"))?;
        let exposure_minor = fields.uint("exposure_minor")?;
        let key = JwkThumbprint::from_bytes(fields.bytes_exact("key")?);
        fields.finish()?;
        Self::new(id, sponsor, tier, status, latitude, exposure_minor, key)
            .map_err(|_| unexpected("agent", "exposure_minor", EXPOSURE))
    }

    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("id", Value::from(self.id.as_str())),
            ("sponsor", Value::from(self.sponsor.as_str())),
            ("tier", Value::from(u64::from(self.tier.number()))),
            ("status", Value::from(self.status.name())),
            ("latitude", Value::from(self.latitude.number())),
            ("exposure_minor", Value::from(self.exposure_minor)),
            ("key", Value::bytes(self.key.as_bytes())),
        ])
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &Id {
        &self.id
    }

    /// The person who answers for it.
    #[must_use]
    pub const fn sponsor(&self) -> &Id {
        &self.sponsor
    }

    /// Its risk tier.
    #[must_use]
    pub const fn tier(&self) -> Tier {
        self.tier
    }

    /// Whether it takes part.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }

    /// The latitude as recorded.
    #[must_use]
    pub const fn latitude(&self) -> Latitude {
        self.latitude
    }

    /// The latitude that counts: none in tier 4, whatever is recorded. PO-24
    #[must_use]
    pub fn unattended(&self) -> Latitude {
        if self.tier == Tier::SUPERVISED {
            Latitude::NONE
        } else {
            self.latitude
        }
    }

    /// Amounts authorised and not settled, before this action, in minor units.
    #[must_use]
    pub const fn exposure_minor(&self) -> u64 {
        self.exposure_minor
    }

    /// The key that was enrolled for it; in the first decision of a case, the one that signed the request.
    #[must_use]
    pub const fn key(&self) -> JwkThumbprint {
        self.key
    }
}

impl Target {
    /// A target system.
    #[must_use]
    pub const fn new(id: Id, status: Status) -> Self {
        Self { id, status }
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("target")?;
        let id = read_id(&mut fields, "id")?;
        let status = fields.text_as("status", STATUS, Status::parse)?;
        fields.finish()?;
        Ok(Self { id, status })
    }

    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("id", Value::from(self.id.as_str())),
            ("status", Value::from(self.status.name())),
        ])
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &Id {
        &self.id
    }

    /// Whether it takes part.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }
}

impl Counterparty {
    /// A counterparty's standing. `payments_before` counts the payments completed to it, `0..2^53`;
    /// `payment_details_changed_at` is `None` where they never changed since enrolment.
    ///
    /// # Errors
    /// [`SnapshotError::Range`] for the count.
    pub fn new(
        id: Id,
        status: Approval,
        risk: Risk,
        payments_before: u64,
        payment_details_changed_at: Option<UnixMillis>,
    ) -> Result<Self, SnapshotError> {
        if payments_before > limits::JSON_INTEGER_MAX {
            return Err(range("payments_before", COUNT));
        }
        Ok(Self {
            id,
            status,
            risk,
            payments_before,
            payment_details_changed_at,
        })
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("counterparty")?;
        let id = read_id(&mut fields, "id")?;
        let status = fields.text_as(
            "status",
            "`approved`, `watch` or `blocked`",
            Approval::parse,
        )?;
        let risk = fields.text_as("risk", "`low`, `medium` or `high`", Risk::parse)?;
        let payments_before = fields.uint("payments_before")?;
        let changed_at = fields.time_or_null("payment_details_changed_at")?;
        fields.finish()?;
        Self::new(id, status, risk, payments_before, changed_at)
            .map_err(|_| unexpected("counterparty", "payments_before", COUNT))
    }

    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("id", Value::from(self.id.as_str())),
            ("status", Value::from(self.status.name())),
            ("risk", Value::from(self.risk.name())),
            ("payments_before", Value::from(self.payments_before)),
            (
                "payment_details_changed_at",
                Value::or_null(self.payment_details_changed_at),
            ),
        ])
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &Id {
        &self.id
    }

    /// What the tenant says about it.
    #[must_use]
    pub const fn status(&self) -> Approval {
        self.status
    }

    /// Its risk class.
    #[must_use]
    pub const fn risk(&self) -> Risk {
        self.risk
    }

    /// Payments completed to it before this action.
    #[must_use]
    pub const fn payments_before(&self) -> u64 {
        self.payments_before
    }

    /// When its payment details last changed, if they ever did.
    #[must_use]
    pub const fn payment_details_changed_at(&self) -> Option<UnixMillis> {
        self.payment_details_changed_at
    }
}

impl Tier {
    /// Never acts without a person (decision 39).
    pub const SUPERVISED: Self = Self(4);

    /// Accepts `1..=4`.
    #[must_use]
    pub fn new(number: u64) -> Option<Self> {
        u8::try_from(number)
            .ok()
            .filter(|number| (1..=4).contains(number))
            .map(Self)
    }

    /// `1..=4`.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// Enums that are one word in CBOR.
macro_rules! words {
    ($name:ident, $($variant:ident = $word:literal),+) => {
        impl $name {
            /// Reads the word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The word in ledgers and policies.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
    };
}

words!(Status, Active = "active", Suspended = "suspended");
words!(
    Approval,
    Approved = "approved",
    Watch = "watch",
    Blocked = "blocked"
);
words!(Risk, Low = "low", Medium = "medium", High = "high");

const STATUS: &str = "`active` or `suspended`";

fn read_id(fields: &mut Fields, field: &'static str) -> Result<Id, CborError> {
    fields.text_as(field, "an id", |text| Id::parse(text).ok())
}
