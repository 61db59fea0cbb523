//! The row of a review (`spec/approval.md §3`).

use alloc::{string::String, vec::Vec};
use core::num::NonZeroU32;

use super::{CaseEvent, bad};
use crate::{
    cbor::{CborError, Value},
    digest::Digest,
    id::Id,
    passport::Approver,
    review::sheet::ROUNDS_MAX,
    snapshot::Approval,
    time::UnixMillis,
};

/// What people are asked in the last round of a case, and who agreed so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewRow {
    /// Which round, `1..=16`.
    pub round: NonZeroU32,
    /// The event `review.opened`; `None` until then, which is the same write.
    pub opened: Option<CaseEvent>,
    /// Digest of the sheet; `None` in a log without people.
    pub sheet: Option<Digest>,
    /// Nobody may judge from here on.
    pub deadline: UnixMillis,
    /// Groups, rising, with a number of people each.
    pub demand: Vec<(Id, u8)>,
    /// The rules that asked, rising.
    pub rules: Vec<String>,
    /// The bundle that asked.
    pub bundle: Option<Digest>,
    /// What the counterparty was when they did: standing, and when its payment details last changed.
    pub counterparty: (Approval, Option<UnixMillis>),
    /// Who agreed, in order.
    pub approvals: Vec<GivenApproval>,
}

/// One person who agreed, and the event that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenApproval {
    /// Position and digest of `approval.given`.
    pub event: CaseEvent,
    /// What a Passport says of it.
    pub person: Approver,
}

impl ReviewRow {
    pub(super) fn to_value(&self) -> Value {
        let event =
            |event: &CaseEvent| Value::array([Value::Uint(event.index), Value::from(event.digest)]);
        let demand = self.demand.iter().map(|(group, people)| {
            Value::array([Value::from(group.as_str()), Value::from(u64::from(*people))])
        });
        let (status, changed_at) = self.counterparty;
        let approvals = self.approvals.iter().map(|given| {
            Value::array([
                Value::Uint(given.event.index),
                Value::from(given.event.digest),
                given.person.to_value(),
            ])
        });
        Value::array([
            Value::Uint(self.round.get().into()),
            self.opened.as_ref().map_or(Value::Null, event),
            Value::or_null(self.sheet),
            Value::from(self.deadline),
            Value::array(demand),
            Value::array(self.rules.iter().map(|rule| Value::from(rule.as_str()))),
            Value::or_null(self.bundle),
            Value::array([Value::from(status.name()), Value::or_null(changed_at)]),
            Value::array(approvals),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut items = value.into_items("review row")?;
        let row = Self {
            round: u32::try_from(items.uint("round")?)
                .ok()
                .and_then(NonZeroU32::new)
                .filter(|round| u64::from(round.get()) <= ROUNDS_MAX)
                .ok_or_else(|| bad("round", "1 to 16"))?,
            opened: match items.value("opened")? {
                Value::Null => None,
                event => Some(event_of(event)?),
            },
            sheet: items.digest_or_null("sheet")?,
            deadline: items.time("deadline")?,
            demand: items.value("demand")?.into_list("demand", |demand| {
                let mut items = demand.into_items("demand")?;
                let group = items.id("group")?;
                let people =
                    u8::try_from(items.uint("people")?).map_err(|_| bad("people", "1 to 8"))?;
                items.finish()?;
                Ok((group, people))
            })?,
            rules: items
                .value("rules")?
                .into_list("rules", |rule| rule.into_text("rules"))?,
            bundle: items.digest_or_null("bundle")?,
            counterparty: {
                let mut items = items.value("counterparty")?.into_items("counterparty")?;
                let weighed = (
                    items.text_as("status", "a status", Approval::parse)?,
                    items.time_or_null("payment_details_changed_at")?,
                );
                items.finish()?;
                weighed
            },
            approvals: items
                .value("approvals")?
                .into_list("approvals", GivenApproval::from_value)?,
        };
        items.finish()?;
        Ok(row)
    }
}

impl GivenApproval {
    fn from_value(value: Value) -> Result<Self, CborError> {
        let mut items = value.into_items("approval")?;
        let given = Self {
            event: CaseEvent {
                index: items.uint("index")?,
                digest: items.digest("digest")?,
            },
            person: Approver::from_value(items.value("person")?)?,
        };
        items.finish()?;
        Ok(given)
    }
}

fn event_of(value: Value) -> Result<CaseEvent, CborError> {
    let mut items = value.into_items("case event")?;
    let event = CaseEvent {
        index: items.uint("index")?,
        digest: items.digest("digest")?,
    };
    items.finish()?;
    Ok(event)
}
