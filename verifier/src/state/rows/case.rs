//! The row of a case.

use alloc::vec::Vec;

use super::{Ending, bad, indices, read_indices};
use crate::{
    action::ActionType,
    case::CaseState,
    cbor::{CborError, Value},
    decision::Verdict,
    digest::Digest,
    entry::CaseId,
    id::{Id, RequestId},
    key::JwkThumbprint,
    outcome::{DISPUTE_MS, DISPUTE_WINDOW_MS, LAPSE_MS, SILENCE_MS},
    review::HistoryCase,
    time::UnixMillis,
};

/// One event of a case, by position and digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaseEvent {
    /// Position in the log.
    pub index: u64,
    /// The event digest.
    pub digest: Digest,
}

/// What is known of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseRow {
    /// Where it stands.
    pub state: CaseState,
    /// Who asked.
    pub agent: Id,
    /// Under which name.
    pub request_id: RequestId,
    /// SHA-256 of the request's content: a retry must carry the same.
    pub content: Digest,
    /// The target system named.
    pub target: Id,
    /// The amount asked for, in minor units.
    pub amount_minor: u64,
    /// The action digest of all that was asked for.
    pub action: Digest,
    /// The key that asked.
    pub key: JwkThumbprint,
    /// The verdict, once there is one.
    pub verdict: Option<Verdict>,
    /// The bundle that decided; `None` if there was none, or no decision yet.
    pub bundle: Option<Digest>,
    /// The digest of what was weighed, once it was.
    pub snapshot: Option<Digest>,
    /// The deadline of the last review.
    pub deadline: Option<UnixMillis>,
    /// Every event so far, in order.
    pub events: Vec<CaseEvent>,
    /// The entries on which the case rests: who asked, where, with whom, under which policy, who judged, and who
    /// signed for all of them. Rising.
    pub grounds: Vec<u64>,
    /// What became of the permission; `None` before there is one.
    pub ending: Option<Ending>,
}

impl CaseRow {
    /// From when on the log itself says what nobody else said: that a review, a Passport or a dispute window is over.
    /// `None` where it says nothing. CA-3, OC-4, OC-6
    #[must_use]
    pub fn falls_due_at(&self) -> Option<UnixMillis> {
        let ending = self.ending.as_ref();
        match self.state {
            CaseState::InReview => self.deadline,
            CaseState::Issued => Some(ending?.expires_at.plus(LAPSE_MS)),
            CaseState::Reported | CaseState::Dismissed => {
                Some(ending?.said?.at.plus(DISPUTE_WINDOW_MS))
            }
            _ => None,
        }
    }

    /// From when on the case is past its time: somebody should have spoken, and nobody has. `None` while nobody has
    /// to. OC-8
    #[must_use]
    pub fn overdue_from(&self) -> Option<UnixMillis> {
        let ending = self.ending.as_ref()?;
        match self.state {
            CaseState::Executing => Some(ending.expires_at.plus(SILENCE_MS)),
            CaseState::Disputed => Some(ending.disputed_at?.plus(DISPUTE_MS)),
            _ => None,
        }
    }

    /// The case rests on these entries too.
    pub(crate) fn add_grounds(&mut self, grounds: Vec<u64>) {
        self.grounds.extend(grounds);
        self.grounds.sort_unstable();
        self.grounds.dedup();
    }

    pub(super) fn to_value(&self) -> Value {
        Value::array([
            Value::from(self.state.as_str()),
            Value::from(self.agent.as_str()),
            Value::from(self.request_id.as_str()),
            Value::from(self.content),
            Value::from(self.target.as_str()),
            Value::Uint(self.amount_minor),
            Value::from(self.action),
            Value::bytes(self.key.as_bytes()),
            Value::or_null(self.verdict.map(Verdict::name)),
            Value::or_null(self.bundle),
            Value::or_null(self.snapshot),
            Value::or_null(self.deadline),
            Value::array(
                self.events.iter().map(|event| {
                    Value::array([Value::Uint(event.index), Value::from(event.digest)])
                }),
            ),
            indices(&self.grounds),
            self.ending.as_ref().map_or(Value::Null, Ending::to_value),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut items = value.into_items("case row")?;
        let row = Self {
            state: items.text_as("state", "a state", CaseState::parse)?,
            agent: items.text_as("agent", "an id", |text| Id::parse(text).ok())?,
            request_id: items.text_as("request_id", "a request id", |text| {
                RequestId::parse(text).ok()
            })?,
            content: items.digest("content")?,
            target: items.text_as("target", "an id", |text| Id::parse(text).ok())?,
            amount_minor: items.uint("amount_minor")?,
            action: items.digest("action")?,
            key: JwkThumbprint::from_bytes(items.bytes_exact("key")?),
            verdict: match items.value("verdict")? {
                Value::Null => None,
                other => Some(
                    Verdict::parse(&other.into_text("verdict")?)
                        .ok_or_else(|| bad("verdict", "a verdict"))?,
                ),
            },
            bundle: items.digest_or_null("bundle")?,
            snapshot: items.digest_or_null("snapshot")?,
            deadline: items.time_or_null("deadline")?,
            events: items.value("events")?.into_list("events", |event| {
                let mut items = event.into_items("case event")?;
                let event = CaseEvent {
                    index: items.uint("index")?,
                    digest: items.digest("digest")?,
                };
                items.finish()?;
                Ok(event)
            })?,
            grounds: read_indices(&mut items)?,
            ending: Ending::from_value(items.value("ending")?)?,
        };
        items.finish()?;
        Ok(row)
    }
}

impl HistoryCase {
    pub(super) fn to_row(&self) -> Value {
        Value::array([
            Value::bytes(self.case.as_bytes()),
            Value::from(self.kind.name()),
            Value::from(self.counterparty.as_str()),
            Value::Uint(self.amount_minor),
            Value::from(self.asked_at),
        ])
    }

    pub(super) fn from_row(value: Value) -> Result<Self, CborError> {
        let mut items = value.into_items("history item")?;
        let item = Self {
            case: CaseId::from_bytes(items.bytes_exact("case")?),
            kind: items.text_as("type", "a type of action", ActionType::parse)?,
            counterparty: items.id("counterparty")?,
            amount_minor: items.uint("amount_minor")?,
            asked_at: items.time("asked_at")?,
        };
        items.finish()?;
        Ok(item)
    }
}
