//! What was decided, and why: a value that events hold and anybody can read.
//!
//! Making one is not deciding: a [`Decision`] read from a ledger is a claim, until it is made again from its
//! snapshot and bundle (feature `rules`). Only a decision that was made, not read, gives a permit.

mod builtin;

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};

pub use builtin::{
    BuiltinRule, DETAILS_FRESH_MS, EXPOSURE_TOPS, always_escalates, exposure_after_minor,
    oversight, refusals,
};

use crate::{
    cbor::{CborError, Value},
    id::Id,
};

/// The group that approves where a rule names none.
pub const APPROVERS: &str = "approvers";
/// People one rule may ask for in one group.
pub const APPROVERS_MAX: u8 = 8;
/// How long a review may take where a rule says nothing: 24 h, in milliseconds.
pub const REVIEW_MS: u64 = 24 * 60 * 60 * 1000;
/// The longest review: `PT999H`, in milliseconds.
pub const REVIEW_MS_MAX: u64 = 999 * 60 * 60 * 1000;
/// Rule ids of one decision, in bytes altogether; a policy bundle keeps below it.
pub const RULE_IDS_BYTES_MAX: usize = 16 * 1024;
/// Groups one decision may ask for; a policy bundle keeps below it.
pub const GROUPS_MAX: usize = 32;

/// The three outcomes (L9). There is no fourth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The agent may act.
    Authorized,
    /// People decide.
    Escalated,
    /// The agent may not act.
    Rejected,
}

impl Verdict {
    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "authorized" => Some(Self::Authorized),
            "escalated" => Some(Self::Escalated),
            "rejected" => Some(Self::Rejected),
            _ => None,
        }
    }

    /// The word in ledgers and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authorized => "authorized",
            Self::Escalated => "escalated",
            Self::Rejected => "rejected",
        }
    }
}

/// One decision: verdict, the rules that made it, whom it asks and for how long, and the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    verdict: Verdict,
    rules: Vec<String>,
    demand: Vec<(Id, u8)>,
    review_ms: Option<u64>,
    engine: String,
}

/// Why parts are not a decision. Variants in the order of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecisionError {
    /// No rule, or rule ids that are not sorted, unique ids of at most 16 KiB.
    #[error("`rules` is not {RULES}")]
    Rules,
    /// Groups that are not sorted, unique, with 1 to 8 people each; none though escalated; or any though not.
    #[error("`demand` is not {DEMAND}")]
    Demand,
    /// A time of zero or above the longest; none though escalated; or one though not.
    #[error("`review_ms` is not {REVIEW}")]
    Review,
    /// An engine stamp that is not 1 to 128 printable ASCII characters.
    #[error("`engine` is not {ENGINE}")]
    Engine,
}

const RULES: &str =
    "one or more rule ids `[a-z0-9.-]{1,64}`, rising and unique, of at most 16384 bytes altogether";
const DEMAND: &str = "pairs of a group and 1 to 8 people, groups rising and unique, at most 32, some exactly where escalated";
const REVIEW: &str = "1 to 3596400000 milliseconds where escalated, null elsewhere";
const ENGINE: &str = "1 to 128 printable ASCII characters";
const WHAT: &str = "decision";

/// Whether `id` can name a rule: `[a-z0-9.-]{1,64}`.
#[must_use]
pub fn is_rule_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'))
}

impl Decision {
    /// Puts a decision together. PO-13
    ///
    /// # Errors
    /// [`DecisionError`], in the order of its variants.
    pub fn new(
        verdict: Verdict,
        rules: Vec<String>,
        demand: Vec<(Id, u8)>,
        review_ms: Option<u64>,
        engine: String,
    ) -> Result<Self, DecisionError> {
        let rising = rules.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
        let bytes: usize = rules.iter().map(String::len).sum();
        if rules.is_empty()
            || !rising
            || bytes > RULE_IDS_BYTES_MAX
            || !rules.iter().all(|id| is_rule_id(id))
        {
            return Err(DecisionError::Rules);
        }
        let escalated = verdict == Verdict::Escalated;
        let rising = demand
            .windows(2)
            .all(|pair| matches!(pair, [(a, _), (b, _)] if a < b));
        if !rising
            || demand.is_empty() == escalated
            || demand.len() > GROUPS_MAX
            || !demand.iter().all(|(_, n)| (1..=APPROVERS_MAX).contains(n))
        {
            return Err(DecisionError::Demand);
        }
        let review_good = match review_ms {
            Some(ms) => escalated && (1..=REVIEW_MS_MAX).contains(&ms),
            None => !escalated,
        };
        if !review_good {
            return Err(DecisionError::Review);
        }
        if !(1..=128).contains(&engine.len()) || !engine.bytes().all(|b| matches!(b, 0x20..=0x7e)) {
            return Err(DecisionError::Engine);
        }
        Ok(Self {
            verdict,
            rules,
            demand,
            review_ms,
            engine,
        })
    }

    /// The decision that `decide` made: in form by construction, and a test reads every one back.
    #[cfg(feature = "rules")]
    pub(crate) fn made(
        verdict: Verdict,
        rules: Vec<String>,
        demand: Vec<(Id, u8)>,
        review_ms: Option<u64>,
        engine: &str,
    ) -> Self {
        Self {
            verdict,
            rules,
            demand,
            review_ms,
            engine: engine.to_string(),
        }
    }

    /// Reads a decision inside something larger.
    ///
    /// # Errors
    /// [`CborError`] naming the member.
    pub fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields(WHAT)?;
        let verdict = fields.text_as(
            "verdict",
            "`authorized`, `escalated` or `rejected`",
            Verdict::parse,
        )?;
        let rules = fields
            .value("rules")?
            .into_list("rules", |rule| rule.into_text("rules"))?;
        let demand = fields.value("demand")?.into_list("demand", |pair| {
            let mut items = pair.into_items("demand")?;
            let group = items.text_as("group", "an id", |text| Id::parse(text).ok())?;
            let people = u8::try_from(items.uint("people")?)
                .map_err(|_| items.unexpected("people", "an integer from 1 to 8"))?;
            items.finish()?;
            Ok((group, people))
        })?;
        let review_ms = fields.uint_or_null("review_ms")?;
        let engine = fields.text("engine")?;
        fields.finish()?;
        Self::new(verdict, rules, demand, review_ms, engine).map_err(|error| {
            let (field, expected) = match error {
                DecisionError::Rules => ("rules", RULES),
                DecisionError::Demand => ("demand", DEMAND),
                DecisionError::Review => ("review_ms", REVIEW),
                DecisionError::Engine => ("engine", ENGINE),
            };
            CborError::Unexpected {
                what: WHAT,
                field,
                expected,
            }
        })
    }

    /// The closed map of `spec/policy.md` §5.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let rules = self.rules.iter().map(|id| Value::from(id.as_str()));
        let demand = self.demand.iter().map(|(group, people)| {
            Value::array([Value::from(group.as_str()), Value::from(u64::from(*people))])
        });
        Value::map([
            ("verdict", Value::from(self.verdict.name())),
            ("rules", Value::array(rules)),
            ("demand", Value::array(demand)),
            ("review_ms", Value::or_null(self.review_ms)),
            ("engine", Value::from(self.engine.as_str())),
        ])
    }

    /// What was decided.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The ids of the rules that made the verdict, sorted: grants where authorized, oversight where
    /// escalated, stops where rejected.
    #[must_use]
    pub fn rules(&self) -> &[String] {
        &self.rules
    }

    /// Whom an escalation asks: groups, rising, and how many people of each.
    #[must_use]
    pub fn demand(&self) -> &[(Id, u8)] {
        &self.demand
    }

    /// How long people have, in milliseconds; only where escalated.
    #[must_use]
    pub const fn review_ms(&self) -> Option<u64> {
        self.review_ms
    }

    /// The stamp of the engine that decided.
    #[must_use]
    pub fn engine(&self) -> &str {
        &self.engine
    }
}

impl core::fmt::Display for Verdict {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// The rule ids of a set, sorted, as [`Decision::new`] wants them.
#[must_use]
pub fn rule_ids<'a>(ids: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let sorted: alloc::collections::BTreeSet<&str> = ids.into_iter().collect();
    sorted.into_iter().map(str::to_string).collect()
}

#[cfg(test)]
mod tests;
