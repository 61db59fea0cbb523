//! The approvals behind a Passport: claim −70010 (`spec/approval.md §3`).
//!
//! Of what each person signed, only what the claims do not say already: the context is built again from both. A
//! forger who holds the seal key can name any key here; that it is the person's only the log says.

use alloc::{string::String, vec::Vec};
use core::num::NonZeroU32;

use crate::{
    cbor::{CborError, Fields, Value},
    digest::Digest,
    entry::CaseId,
    id::Id,
    log::note::KeyName,
    passkey::{
        Assertion, AssertionError, PasskeyKey,
        context::{ApprovalContext, Choice, Life, Nonce, Reason, RuleIds},
    },
    review::sheet::ROUNDS_MAX,
};

const WHAT: &str = "approvals";

/// The people who agreed, and to what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approvals {
    /// The round in which they did, `1..=16`.
    pub round: NonZeroU32,
    /// Digest of the blob that holds exactly what they were shown.
    pub sheet: Digest,
    /// Digest of the event `review.opened`.
    pub review: Digest,
    /// Each of them, in the order in which they agreed.
    pub people: Vec<Approver>,
}

/// One person who agreed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approver {
    /// Who.
    pub approver: Id,
    /// For whom, where it was delegated.
    pub delegator: Option<Id>,
    /// Why, if they said so.
    pub reason: Option<Reason>,
    /// Random.
    pub nonce: Nonce,
    /// From when until when it could be signed.
    pub life: Life,
    /// The key of the approval passkey.
    pub key: PasskeyKey,
    /// What the device signed.
    pub assertion: Assertion,
}

/// What an approval is about, beside what [`Approvals`] says: all of it stands in the other claims.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The log.
    pub origin: &'a KeyName,
    /// The case.
    pub case: CaseId,
    /// Digest of the event `action.requested`.
    pub request: Digest,
    /// The bundle that asked.
    pub bundle: Digest,
    /// The rules that asked.
    pub rules: &'a RuleIds,
    /// The target system.
    pub system: &'a Id,
}

impl Approvals {
    /// The context that this person signed; its challenge is the digest.
    #[must_use]
    pub fn context(&self, person: &Approver, subject: Subject<'_>) -> ApprovalContext {
        ApprovalContext {
            origin: subject.origin.clone(),
            case: subject.case,
            round: self.round,
            choice: Choice::Approve {
                reason: person.reason.clone(),
            },
            request: subject.request,
            bundle: subject.bundle,
            rules: subject.rules.clone(),
            sheet: self.sheet,
            review: self.review,
            approver: person.approver.clone(),
            delegator: person.delegator.clone(),
            credential: person.assertion.credential().clone(),
            system: subject.system.clone(),
            nonce: person.nonce,
            life: person.life,
        }
    }

    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("round", Value::Uint(self.round.get().into())),
            ("sheet", Value::from(self.sheet)),
            ("review", Value::from(self.review)),
            (
                "people",
                Value::array(self.people.iter().map(Approver::to_value)),
            ),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields(WHAT)?;
        let approvals = Self {
            round: u32::try_from(fields.uint("round")?)
                .ok()
                .and_then(NonZeroU32::new)
                .filter(|round| u64::from(round.get()) <= ROUNDS_MAX)
                .ok_or_else(|| fields.unexpected("round", "1 to 16"))?,
            sheet: fields.digest("sheet")?,
            review: fields.digest("review")?,
            people: fields
                .value("people")?
                .into_list("people", Approver::from_value)?,
        };
        if approvals.people.is_empty() {
            return Err(fields.unexpected("people", "one person or more"));
        }
        fields.finish()?;
        Ok(approvals)
    }
}

impl Approver {
    /// As the Passport and the row of the review have it.
    pub(crate) fn to_value(&self) -> Value {
        let reason = self.reason.as_ref().map_or("", Reason::as_str);
        Value::map([
            ("approver", Value::from(self.approver.as_str())),
            (
                "for",
                Value::or_null(self.delegator.as_ref().map(Id::as_str)),
            ),
            ("reason", Value::from(reason)),
            ("nonce", Value::bytes(self.nonce.as_bytes())),
            ("issued_at", Value::from(self.life.issued_at())),
            ("expires_at", Value::from(self.life.expires_at())),
            ("key", Value::bytes(&self.key.to_bytes())),
            ("assertion", self.assertion.to_value()),
        ])
    }

    /// Reads what [`Self::to_value`] writes.
    pub(crate) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("person")?;
        let person = Self {
            approver: fields.id("approver")?,
            delegator: match fields.value("for")? {
                Value::Null => None,
                other => Some(
                    Id::parse(&other.into_text("for")?)
                        .map_err(|_| fields.unexpected("for", "an id, or null"))?,
                ),
            },
            reason: reason(&mut fields)?,
            nonce: Nonce::new(fields.bytes_exact("nonce")?),
            life: {
                let (from, to) = (fields.time("issued_at")?, fields.time("expires_at")?);
                Life::new(from, to).map_err(|_| {
                    fields.unexpected("expires_at", "1 to 600000 ms after `issued_at`")
                })?
            },
            key: PasskeyKey::from_bytes(&fields.bytes("key")?)
                .map_err(|_| fields.unexpected("key", "a point of P-256, compressed"))?,
            assertion: Assertion::from_value(fields.value("assertion")?).map_err(|error| {
                match error {
                    AssertionError::Cbor(error) => error,
                    _ => fields.unexpected("assertion", "an assertion"),
                }
            })?,
        };
        fields.finish()?;
        Ok(person)
    }
}

fn reason(fields: &mut Fields) -> Result<Option<Reason>, CborError> {
    let text: String = fields.text("reason")?;
    if text.is_empty() {
        return Ok(None);
    }
    match Reason::parse(&text) {
        Some(reason) => Ok(Some(reason)),
        None => Err(fields.unexpected("reason", "at most 280 bytes on one line")),
    }
}

/// One line about an approval, for people.
impl core::fmt::Display for Approver {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.approver.as_str())?;
        if let Some(delegator) = &self.delegator {
            write!(f, " for {delegator}")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, ": \"{}\"", reason.as_str())?;
        }
        Ok(())
    }
}
