//! The steps of a case: asked, decided, reviewed, judged, expired. (`passport.issued` is the bytes of the Passport.)

use super::{Signed, people::assertion};
use crate::{
    action::Action,
    cbor::{CborError, Fields, Value},
    decision::Decision,
    digest::Digest,
    id::{Id, RequestId},
    passkey::{Assertion, context::ApprovalContext},
    review::sheet::ROUNDS_MAX,
    snapshot::Snapshot,
    time::UnixMillis,
};

/// The body of `action.requested`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionRequested {
    /// The agent's request, byte for byte.
    pub signed: Signed,
    /// Who asked; as in the request.
    pub agent: Id,
    /// The agent's name for the request; as in the request.
    pub request_id: RequestId,
    /// What is asked for; as in the request.
    pub action: Action,
}

/// The body of `decision.made`: inputs and answer, enough to run it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionMade {
    /// All that was weighed.
    pub snapshot: Snapshot,
    /// The answer.
    pub decision: Decision,
}

/// The body of `review.opened`. Who must agree stands in the `decision.made` before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewOpened {
    /// 1 for the first review of the case, at most 16.
    pub round: u64,
    /// Nobody may agree after this time.
    pub deadline: UnixMillis,
    /// Digest of the review sheet; `None` in a log without people.
    pub sheet: Option<Digest>,
}

/// The body of `approval.given` and of `approval.refused`: one word of one person, signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The round it was said in, `1..=16`.
    pub round: u64,
    /// What was judged, how and by whom: the challenge is its digest.
    pub context: ApprovalContext,
    /// The device's answer.
    pub assertion: Assertion,
}

/// The body of `case.expired`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseExpired {
    /// The round that nobody closed.
    pub round: u64,
    /// Its deadline, as in `review.opened`.
    pub deadline: UnixMillis,
}

impl ActionRequested {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("signed", self.signed.to_value()),
            ("agent", Value::from(self.agent.as_str())),
            ("request_id", Value::from(self.request_id.as_str())),
            ("action", self.action.to_value()),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("action.requested")?;
        let body = Self {
            signed: Signed::by_key_from_value(fields.value("signed")?)?,
            agent: fields.text_as("agent", "an id", |text| Id::parse(text).ok())?,
            request_id: fields.text_as("request_id", "a request id", |text| {
                RequestId::parse(text).ok()
            })?,
            action: Action::from_value(fields.value("action")?)?,
        };
        fields.finish()?;
        Ok(body)
    }
}

impl DecisionMade {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("snapshot", self.snapshot.to_value()),
            ("decision", self.decision.to_value()),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("decision.made")?;
        let body = Self {
            snapshot: Snapshot::from_value(fields.value("snapshot")?)?,
            decision: Decision::from_value(fields.value("decision")?)?,
        };
        fields.finish()?;
        Ok(body)
    }
}

impl ReviewOpened {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("round", Value::Uint(self.round)),
            ("deadline", Value::from(self.deadline)),
            ("sheet", Value::or_null(self.sheet)),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("review.opened")?;
        let body = Self {
            round: round(&mut fields)?,
            deadline: fields.time("deadline")?,
            sheet: fields.digest_or_null("sheet")?,
        };
        fields.finish()?;
        Ok(body)
    }
}

impl Judged {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("round", Value::Uint(self.round)),
            ("context", Value::bytes(&self.context.encode())),
            ("assertion", self.assertion.to_value()),
        ])
    }

    pub(super) fn given_from_value(value: Value) -> Result<Self, CborError> {
        Self::from_value(value, "approval.given")
    }

    pub(super) fn refused_from_value(value: Value) -> Result<Self, CborError> {
        Self::from_value(value, "approval.refused")
    }

    fn from_value(value: Value, what: &'static str) -> Result<Self, CborError> {
        let mut fields = value.into_fields(what)?;
        let body = Self {
            round: round(&mut fields)?,
            context: ApprovalContext::decode(&fields.bytes("context")?)
                .map_err(|_| fields.unexpected("context", "the context of an approval"))?,
            assertion: assertion(fields.value("assertion")?, what)?,
        };
        fields.finish()?;
        Ok(body)
    }
}

/// AV-15: a case has 16 rounds at most.
fn round(fields: &mut Fields) -> Result<u64, CborError> {
    let round = fields.uint("round")?;
    if (1..=ROUNDS_MAX).contains(&round) {
        Ok(round)
    } else {
        Err(fields.unexpected("round", "1 to 16"))
    }
}

impl CaseExpired {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("round", Value::Uint(self.round)),
            ("deadline", Value::from(self.deadline)),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("case.expired")?;
        let body = Self {
            round: round(&mut fields)?,
            deadline: fields.time("deadline")?,
        };
        fields.finish()?;
        Ok(body)
    }
}
