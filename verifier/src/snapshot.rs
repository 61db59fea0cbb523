//! Everything one decision was made on, recorded so that anybody can make it again (`spec/policy.md` §4).
//!
//! A snapshot is put together from the ledger's own rows, never from what an agent says about itself; only
//! the action in it is the agent's. The decision reads nothing else: no clock, no second look-up.

use alloc::string::String;

use crate::{
    action::{Action, Currency, Exponent, Latitude},
    cbor::{CborError, Fields, Value},
    digest::{Digest, Noun},
    id::Id,
    key::JwkThumbprint,
    limits,
    time::UnixMillis,
};

/// A snapshot, in bytes: an action of at most 8 KiB and 2 KiB around it.
pub const SNAPSHOT_BYTES_MAX: usize = limits::ACTION_BODY_BYTES_MAX + 2 * 1024;
/// Amounts authorised and not settled, in minor units: a thousand of the largest amounts. Any two sums of
/// exposure and amount fit a signed 64-bit integer.
pub const EXPOSURE_MINOR_MAX: u64 = 1_000 * limits::AMOUNT_MINOR_MAX;

/// The recorded inputs of one decision. Cross-checked: the action names this counterparty, target and currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    origin: String,
    currency: Currency,
    exponent: Exponent,
    agent: Agent,
    target: Target,
    counterparty: Counterparty,
    action: Action,
    bundle: Option<Digest>,
    decided_at: UnixMillis,
    standing_at: u64,
}

/// Who the log belongs to and what its money is: facts of the tenant's first entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// The origin of the tenant's log: 1 to 255 printable ASCII characters without space and `+`.
    pub origin: String,
    /// The one currency of the tenant.
    pub currency: Currency,
    /// Digits of its minor unit.
    pub exponent: Exponent,
}

/// When a decision was made, and on what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The digest of the active bundle; `None` where none was ever activated.
    pub bundle: Option<Digest>,
    /// The time of the decision.
    pub decided_at: UnixMillis,
    /// The size of the tree whose state was read, `0..2^63`.
    pub standing_at: u64,
}

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

/// Why parts do not make a snapshot. Variants in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// A member is out of range.
    #[error("`{field}` of the snapshot is not {expected}")]
    Range {
        /// The member.
        field: &'static str,
        /// What the format wants there.
        expected: &'static str,
    },
    /// The action names something else than the snapshot holds.
    #[error("the action names {found} `{action}`, the snapshot holds `{snapshot}`")]
    Other {
        /// `currency`, `target` or `counterparty`.
        found: &'static str,
        /// What the action names.
        action: String,
        /// What the snapshot holds.
        snapshot: String,
    },
}

const ORIGIN: &str = "1 to 255 printable ASCII characters without space and `+`";
const EXPOSURE: &str = "an integer from 0 to 10^18";
const COUNT: &str = "an integer below 2^53";
const SIZE: &str = "a tree size below 2^63";

impl Snapshot {
    /// Puts the inputs of a decision together.
    ///
    /// # Errors
    /// [`SnapshotError`], in the order of its variants.
    pub fn new(
        tenant: Tenant,
        agent: Agent,
        target: Target,
        counterparty: Counterparty,
        action: Action,
        moment: Moment,
    ) -> Result<Self, SnapshotError> {
        let origin_good = (1..=255).contains(&tenant.origin.len())
            && tenant
                .origin
                .bytes()
                .all(|b| matches!(b, 0x21..=0x7e) && b != b'+');
        if !origin_good {
            return Err(range("origin", ORIGIN));
        }
        if moment.standing_at > i64::MAX.unsigned_abs() {
            return Err(range("standing_at", SIZE));
        }
        // PO-12: one action, one target, one counterparty, one currency.
        for (found, asked, held) in [
            (
                "currency",
                action.currency().as_str(),
                tenant.currency.as_str(),
            ),
            ("target", action.target().as_str(), target.id.as_str()),
            (
                "counterparty",
                action.counterparty().as_str(),
                counterparty.id.as_str(),
            ),
        ] {
            if asked != held {
                return Err(SnapshotError::Other {
                    found,
                    action: String::from(asked),
                    snapshot: String::from(held),
                });
            }
        }
        Ok(Self {
            origin: tenant.origin,
            currency: tenant.currency,
            exponent: tenant.exponent,
            agent,
            target,
            counterparty,
            action,
            bundle: moment.bundle,
            decided_at: moment.decided_at,
            standing_at: moment.standing_at,
        })
    }

    /// Reads the encoding of a snapshot.
    ///
    /// # Errors
    /// [`CborError`]: not deterministic CBOR, or not a snapshot.
    pub fn decode(bytes: &[u8]) -> Result<Self, CborError> {
        Self::from_value(Value::decode(bytes, SNAPSHOT_BYTES_MAX)?)
    }

    /// Reads a snapshot inside something larger. PO-11
    ///
    /// # Errors
    /// [`CborError`] naming the member.
    pub fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields(WHAT)?;
        let tenant = Tenant {
            origin: fields.text("origin")?,
            currency: fields.text_as("currency", "three letters `A-Z`", Currency::parse)?,
            exponent: Exponent::new(fields.uint("exponent")?)
                .ok_or_else(|| fields.unexpected("exponent", "an integer from 0 to 4"))?,
        };
        let agent = Agent::from_value(fields.value("agent")?)?;
        let target = Target::from_value(fields.value("target")?)?;
        let counterparty = Counterparty::from_value(fields.value("counterparty")?)?;
        let action = Action::from_value(fields.value("action")?)?;
        let moment = Moment {
            bundle: fields.digest_or_null("bundle")?,
            decided_at: fields.time("decided_at")?,
            standing_at: fields.uint("standing_at")?,
        };
        fields.finish()?;
        Self::new(tenant, agent, target, counterparty, action, moment).map_err(
            |error| match error {
                SnapshotError::Range { field, expected } => unexpected(WHAT, field, expected),
                SnapshotError::Other { found, .. } => {
                    unexpected(WHAT, found, "what the action in it names")
                }
            },
        )
    }

    /// The closed map of `spec/policy.md` §4.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::map([
            ("origin", Value::from(self.origin.as_str())),
            ("currency", Value::from(self.currency.as_str())),
            ("exponent", Value::from(u64::from(self.exponent.digits()))),
            ("agent", self.agent.to_value()),
            ("target", self.target.to_value()),
            ("counterparty", self.counterparty.to_value()),
            ("action", self.action.to_value()),
            ("bundle", Value::or_null(self.bundle)),
            ("decided_at", Value::from(self.decided_at)),
            ("standing_at", Value::from(self.standing_at)),
        ])
    }

    /// `SHA-256("agentsigna/snapshot/v1\n" || encoding)`.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(Noun::Snapshot, &self.to_value().encode())
    }

    /// The same inputs under another bundle: the question a rehearsal asks. The digest differs, so no answer
    /// to it can be taken for the decision that was made.
    #[must_use]
    pub fn under_bundle(self, bundle: Option<Digest>) -> Self {
        Self { bundle, ..self }
    }

    /// The origin of the tenant's log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The tenant's currency.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// Digits of its minor unit.
    #[must_use]
    pub const fn exponent(&self) -> Exponent {
        self.exponent
    }

    /// The agent that asks.
    #[must_use]
    pub const fn agent(&self) -> &Agent {
        &self.agent
    }

    /// The target system.
    #[must_use]
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// The counterparty.
    #[must_use]
    pub const fn counterparty(&self) -> &Counterparty {
        &self.counterparty
    }

    /// What is asked.
    #[must_use]
    pub const fn action(&self) -> &Action {
        &self.action
    }

    /// The digest of the active bundle, if there is one.
    #[must_use]
    pub const fn bundle(&self) -> Option<Digest> {
        self.bundle
    }

    /// The time of the decision.
    #[must_use]
    pub const fn decided_at(&self) -> UnixMillis {
        self.decided_at
    }

    /// The size of the tree whose state was read.
    #[must_use]
    pub const fn standing_at(&self) -> u64 {
        self.standing_at
    }
}

const WHAT: &str = "snapshot";

impl Agent {
    /// Puts an agent's standing together. `latitude` is the highest band it may act in unattended: granted by
    /// its sponsor's signed enrolment, [`Latitude::NONE`] where nothing was granted. `exposure_minor` is the
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

    fn from_value(value: Value) -> Result<Self, CborError> {
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

    fn to_value(&self) -> Value {
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

    /// The key that signed the request.
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

    fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("target")?;
        let id = read_id(&mut fields, "id")?;
        let status = fields.text_as("status", STATUS, Status::parse)?;
        fields.finish()?;
        Ok(Self { id, status })
    }

    fn to_value(&self) -> Value {
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

    fn from_value(value: Value) -> Result<Self, CborError> {
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

    fn to_value(&self) -> Value {
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

const fn range(field: &'static str, expected: &'static str) -> SnapshotError {
    SnapshotError::Range { field, expected }
}

const fn unexpected(what: &'static str, field: &'static str, expected: &'static str) -> CborError {
    CborError::Unexpected {
        what,
        field,
        expected,
    }
}

#[cfg(test)]
pub(crate) mod tests;
