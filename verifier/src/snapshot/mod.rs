//! Everything one decision was made on, recorded so that anybody can make it again (`spec/policy.md` §4).
//!
//! A snapshot is put together from the ledger's own rows, never from what an agent says about itself; only
//! the action in it is the agent's. The decision reads nothing else: no clock, no second look-up.

mod parties;

use alloc::string::String;

pub use parties::{Agent, Approval, Counterparty, EXPOSURE_MINOR_MAX, Risk, Status, Target, Tier};

use crate::{
    action::{Action, Currency, Exponent},
    cbor::{CborError, Value},
    digest::{Digest, Noun},
    limits,
    time::UnixMillis,
};

/// A snapshot, in bytes: an action of at most 8 KiB and 2 KiB around it.
pub const SNAPSHOT_BYTES_MAX: usize = limits::ACTION_BODY_BYTES_MAX + 2 * 1024;

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
            ("target", action.target().as_str(), target.id().as_str()),
            (
                "counterparty",
                action.counterparty().as_str(),
                counterparty.id().as_str(),
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
