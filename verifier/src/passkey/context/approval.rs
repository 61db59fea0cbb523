//! The context of an approval or a refusal: one decision of one person about one case, after one sheet.

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};
use core::num::NonZeroU32;

use super::{Life, Nonce, credential, id, nonce, origin, text};
use crate::{
    cbor::{CborError, Fields, Value},
    decision::{RULE_IDS_BYTES_MAX, is_rule_id},
    digest::{Digest, Noun},
    entry::CaseId,
    id::Id,
    log::note::KeyName,
    passkey::{Asserted, Assertion, AssertionError, CredentialId, PasskeyKey, Site},
};

const WHAT: &str = "approval context";
const REASON: &str = "at most 280 bytes without lines, controls and bidirectional formatting, not empty in a refusal";
const RULES: &str =
    "one or more rule ids `[a-z0-9.-]{1,64}`, rising and unique, of at most 16384 bytes altogether";
/// The largest approval context, in bytes: rule ids with their lengths, and 2 KiB for all else.
pub const APPROVAL_CONTEXT_BYTES_MAX: usize = 24 * 1024;
/// The longest reason, in bytes of UTF-8.
pub const REASON_BYTES_MAX: usize = 280;

/// Why somebody decided so, in their words: 1 to 280 bytes of UTF-8 on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

/// The rules that made the decision ask: sorted, each once, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleIds(Vec<String>);

/// What was decided. A refusal has a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The action may be done.
    Approve {
        /// Why, if they said so.
        reason: Option<Reason>,
    },
    /// The action may not be done.
    Refuse {
        /// Why.
        reason: Reason,
    },
}

/// Who decides what about which case, and what they were shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalContext {
    /// The log.
    pub origin: KeyName,
    /// The case.
    pub case: CaseId,
    /// Which review of the case, from 1.
    pub round: NonZeroU32,
    /// What was decided, and why.
    pub choice: Choice,
    /// Digest of the event `action.requested`.
    pub request: Digest,
    /// The policy bundle that asked.
    pub bundle: Digest,
    /// The rules of the decision that asked.
    pub rules: RuleIds,
    /// Digest of the blob that holds exactly what was shown.
    pub sheet: Digest,
    /// Digest of the event `review.opened`.
    pub review: Digest,
    /// Who decides.
    pub approver: Id,
    /// For whom, where it was delegated.
    pub delegator: Option<Id>,
    /// With which credential.
    pub credential: CredentialId,
    /// The target system of the action; with the origin, the audience (WA-20).
    pub system: Id,
    /// Random.
    pub nonce: Nonce,
    /// From when until when it may be signed.
    pub life: Life,
}

impl Reason {
    /// Reads 1 to 280 bytes on one line. WA-21
    #[must_use]
    pub fn parse(reason: &str) -> Option<Self> {
        // Line and paragraph separators; embeddings, overrides and isolates, which let a text be seen as another.
        let refused = |c: char| {
            c.is_control()
                || matches!(c, '\u{2028}'..='\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        let good = (1..=REASON_BYTES_MAX).contains(&reason.len()) && !reason.contains(refused);
        good.then(|| Self(reason.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RuleIds {
    /// Takes the rules of a decision. WA-19
    #[must_use]
    pub fn new(ids: Vec<String>) -> Option<Self> {
        let rising = ids.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
        let bytes: usize = ids.iter().map(String::len).sum();
        let good = !ids.is_empty()
            && rising
            && bytes <= RULE_IDS_BYTES_MAX
            && ids.iter().all(|id| is_rule_id(id));
        good.then_some(Self(ids))
    }

    /// The ids, rising.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

impl Choice {
    /// `approve`, `refuse`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Approve { .. } => "approve",
            Self::Refuse { .. } => "refuse",
        }
    }

    /// Reads a [`Self::name`] with its reason, empty for none. WA-21
    #[must_use]
    pub fn parse(name: &str, reason: &str) -> Option<Self> {
        match (name, reason) {
            ("approve", "") => Some(Self::Approve { reason: None }),
            ("approve", reason) => Some(Self::Approve {
                reason: Some(Reason::parse(reason)?),
            }),
            ("refuse", reason) => Some(Self::Refuse {
                reason: Reason::parse(reason)?,
            }),
            _ => None,
        }
    }

    /// The reason; empty for none.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Approve { reason } => reason.as_ref().map_or("", Reason::as_str),
            Self::Refuse { reason } => reason.as_str(),
        }
    }

    fn read(fields: &mut Fields) -> Result<Self, CborError> {
        const DECISION: &str = "`approve` or `refuse`";
        let name = fields.text_as("decision", DECISION, |name| {
            matches!(name, "approve" | "refuse").then(|| name.to_string())
        })?;
        fields.text_as("reason", REASON, |reason| Self::parse(&name, reason))
    }
}

impl ApprovalContext {
    /// Reads deterministic CBOR of at most 24 KiB. WA-16
    ///
    /// # Errors
    /// [`CborError`], in the order of its variants.
    pub fn decode(bytes: &[u8]) -> Result<Self, CborError> {
        let value = Value::decode(bytes, APPROVAL_CONTEXT_BYTES_MAX)?;
        let mut fields = value.into_fields(WHAT)?;
        let origin = origin(&mut fields)?;
        let context = Self {
            case: CaseId::from_bytes(fields.bytes_exact("case")?),
            round: u32::try_from(fields.uint("round")?)
                .ok()
                .and_then(NonZeroU32::new)
                .ok_or_else(|| fields.unexpected("round", "1 to 4294967295"))?,
            choice: Choice::read(&mut fields)?,
            request: fields.digest("request")?,
            bundle: fields.digest("bundle")?,
            rules: rules(&mut fields)?,
            sheet: fields.digest("sheet")?,
            review: fields.digest("review")?,
            approver: id(&mut fields, "approver")?,
            delegator: delegator(&mut fields)?,
            credential: credential(&mut fields)?,
            system: system(&mut fields, &origin)?,
            nonce: nonce(&mut fields)?,
            life: Life::read(&mut fields)?,
            origin,
        };
        fields.finish()?;
        Ok(context)
    }

    /// Deterministic CBOR, which [`Self::decode`] reads.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let rules = self.rules.0.iter().map(|id| text(id));
        Value::map([
            ("origin", text(self.origin.as_str())),
            ("case", Value::bytes(self.case.as_bytes())),
            ("round", Value::Uint(self.round.get().into())),
            ("decision", text(self.choice.name())),
            ("reason", text(self.choice.reason())),
            ("request", Value::from(self.request)),
            ("bundle", Value::from(self.bundle)),
            ("rules", Value::array(rules)),
            ("sheet", Value::from(self.sheet)),
            ("review", Value::from(self.review)),
            ("approver", text(self.approver.as_str())),
            (
                "for",
                Value::or_null(self.delegator.as_ref().map(Id::as_str)),
            ),
            ("credential", Value::bytes(self.credential.as_bytes())),
            ("audience", text(&self.audience())),
            ("nonce", Value::bytes(self.nonce.as_bytes())),
            ("issued_at", Value::from(self.life.issued_at())),
            ("expires_at", Value::from(self.life.expires_at())),
        ])
        .encode()
    }

    /// Where a Passport of this case would be good: `<origin>#<system id>`. WA-20
    #[must_use]
    pub fn audience(&self) -> String {
        format!("{}#{}", self.origin.as_str(), self.system)
    }

    /// What the browser is given: `SHA-256("agentsigna/approval/v1\n" || context)`. WA-15
    #[must_use]
    pub fn challenge(&self) -> Digest {
        Digest::of(Noun::Approval, &self.encode())
    }

    /// Checks the browser's answer with the key of the credential that the context names. WA-22
    ///
    /// # Errors
    /// [`AssertionError`], in the order of its variants.
    pub fn check(
        &self,
        assertion: &Assertion,
        key: &PasskeyKey,
        site: &Site,
    ) -> Result<Asserted, AssertionError> {
        assertion.check_of(&self.credential, key, site, self.challenge())
    }
}

fn rules(fields: &mut Fields) -> Result<RuleIds, CborError> {
    let ids = fields
        .value("rules")?
        .into_list("rules", |id| id.into_text("rules"))?;
    RuleIds::new(ids).ok_or_else(|| fields.unexpected("rules", RULES))
}

fn delegator(fields: &mut Fields) -> Result<Option<Id>, CborError> {
    let found = match fields.value("for")? {
        Value::Null => return Ok(None),
        Value::Text(text) => Id::parse(&text).ok(),
        _ => None,
    };
    match found {
        Some(id) => Ok(Some(id)),
        None => Err(fields.unexpected("for", "an id `[a-z0-9][a-z0-9-]{0,62}`, or null")),
    }
}

fn system(fields: &mut Fields, origin: &KeyName) -> Result<Id, CborError> {
    const EXPECTED: &str = "`<origin>#<system id>` with the origin of the context";
    fields.text_as("audience", EXPECTED, |audience| {
        let system = audience.strip_prefix(origin.as_str())?.strip_prefix('#')?;
        Id::parse(system).ok()
    })
}
