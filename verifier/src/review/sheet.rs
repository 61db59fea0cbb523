//! The review sheet: exactly what a person is shown before judging (`spec/sheet.md`).
//!
//! A [`Sheet`] is drawn from what the log says, or read from bytes; both ways it went through the same checks
//! (SH-4), so whatever holds one can render it. It holds nothing that changes while people look at it: no
//! countdown, no slots filled.
//!
//! What a forger could do with it: the agent's statement and the counterparty's name are the only words in it
//! that somebody else chose. They are data; [`Sheet::words`] escapes them.

use alloc::{string::String, vec::Vec};

use super::facts::{Fact, HistoryCase, Pair};
use crate::{
    action::{Action, Exponent, Latitude},
    case::CaseState,
    digest::Digest,
    entry::CaseId,
    id::Id,
    key::JwkThumbprint,
    snapshot::{Approval, Risk, Tier},
    standing::PerBand,
    time::UnixMillis,
};

/// A sheet, in bytes: 200,000 of policy text, of which titles and reasons are shown twice, 256 comparisons of
/// four texts, 4,096 digests, and what is around them.
pub const SHEET_BYTES_MAX: usize = 1_048_576;
/// Rounds of one case.
pub const ROUNDS_MAX: u64 = 16;
/// Cases shown of the agent's others.
pub const RECENT_CASES_MAX: usize = 10;
/// Comparisons shown of one rule.
pub const RULE_VALUES_MAX: usize = 16;
/// Comparisons shown of all rules.
pub const SHEET_VALUES_MAX: usize = 256;
/// A side of a comparison or its value, in bytes.
pub const VALUE_BYTES_MAX: usize = 256;
/// The agent's own words, in characters.
pub const STATEMENT_CHARS_MAX: usize = 280;
/// Events of a case on a sheet: 16 rounds of at most 256 slots.
pub const CHAIN_MAX: usize = 4_096;

/// A review sheet, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    pub(super) origin: String,
    pub(super) case: CaseId,
    pub(super) round: u64,
    pub(super) asked_at: UnixMillis,
    pub(super) decided_at: UnixMillis,
    pub(super) deadline: UnixMillis,
    pub(super) rules: Vec<RuleShown>,
    pub(super) action: Action,
    pub(super) exponent: Exponent,
    pub(super) agent: AgentShown,
    pub(super) counterparty: CounterpartyShown,
    pub(super) policy: PolicyShown,
    pub(super) unusual: Vec<Fact>,
    pub(super) demand: Vec<(Id, u8)>,
    pub(super) excluded: Vec<(Id, Exclusion)>,
    pub(super) statement: Option<String>,
    pub(super) chain: Vec<Digest>,
}

/// One rule of the decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleShown {
    /// Its id, as recorded.
    pub id: String,
    /// What it says, 1 to 120 characters.
    pub title: String,
    /// Why people are asked, 1 to 120 characters.
    pub reason: String,
    /// The policy as written; `None` of a built-in rule.
    pub source: Option<String>,
    /// What was compared, at most 16.
    pub values: Vec<Comparison>,
}

/// One comparison that made a rule hold. Texts of at most 256 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The left side.
    pub left: String,
    /// How it is compared.
    pub operator: Operator,
    /// The right side.
    pub right: String,
    /// What the left side was.
    pub left_value: String,
    /// What the right side was.
    pub right_value: String,
}

/// The agent that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentShown {
    /// Its id.
    pub id: Id,
    /// The person who answers for it.
    pub sponsor: Id,
    /// Its risk tier.
    pub tier: Tier,
    /// Its key, as weighed.
    pub key: JwkThumbprint,
    /// The highest band it may act in unattended, as recorded.
    pub latitude: Latitude,
    /// Its score in each band, band 0 first: `0..=999`.
    pub scores: PerBand,
    /// Amounts authorised and not settled, before this action, in minor units.
    pub exposure_minor: u64,
    /// The last ten of its other cases, newest first.
    pub recent: Vec<RecentCase>,
}

/// Another case of the agent, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentCase {
    /// What was asked for.
    pub asked: HistoryCase,
    /// What became of it: a state that rests.
    pub state: CaseState,
}

/// The counterparty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterpartyShown {
    /// Its id.
    pub id: Id,
    /// Its name for people, 1 to 120 characters of any kind.
    pub name: String,
    /// What the tenant says about it.
    pub status: Approval,
    /// Its risk class.
    pub risk: Risk,
    /// Payments completed to it before this action.
    pub payments_before: u64,
    /// When it was enrolled.
    pub first_seen_at: UnixMillis,
    /// When its payment details last changed.
    pub details_changed_at: Option<UnixMillis>,
    /// What this agent asked for with it before; `None` if nothing.
    pub pair: Option<Pair>,
}

/// The policy that decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyShown {
    /// The blob digest of the bundle.
    pub bundle: Digest,
    /// When it was activated.
    pub activated_at: UnixMillis,
    /// The people who signed that, rising; none where the founder's file key did.
    pub activated_by: Vec<Id>,
}

/// Why a person may not judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exclusion {
    /// Signed the activation of the policy less than a day before.
    Activated,
    /// Answers for the agent.
    Sponsor,
}

/// Getters that hand out a reference.
macro_rules! members {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)+) => {
        impl Sheet {
            $($(#[$doc])* #[must_use] pub fn $name(&self) -> &$type { &self.$name })+
        }
    };
}

members! {
    /// The log.
    origin: str;
    /// The rules of the decision, rising by id.
    rules: [RuleShown];
    /// What is asked for.
    action: Action;
    /// The agent that asks.
    agent: AgentShown;
    /// With whom.
    counterparty: CounterpartyShown;
    /// The policy that decided.
    policy: PolicyShown;
    /// What differs from what is usual.
    unusual: [Fact];
    /// Whom the round asks: groups, rising, with a number of people each.
    demand: [(Id, u8)];
    /// Who may not judge, rising.
    excluded: [(Id, Exclusion)];
    /// Event digests of the case so far.
    chain: [Digest];
}

impl Sheet {
    /// The case.
    #[must_use]
    pub const fn case(&self) -> CaseId {
        self.case
    }

    /// The round, `1..=16`.
    #[must_use]
    pub const fn round(&self) -> u64 {
        self.round
    }

    /// When the agent asked.
    #[must_use]
    pub const fn asked_at(&self) -> UnixMillis {
        self.asked_at
    }

    /// When policy asked for people.
    #[must_use]
    pub const fn decided_at(&self) -> UnixMillis {
        self.decided_at
    }

    /// When the round ends.
    #[must_use]
    pub const fn deadline(&self) -> UnixMillis {
        self.deadline
    }

    /// Digits of the currency's minor unit.
    #[must_use]
    pub const fn exponent(&self) -> Exponent {
        self.exponent
    }

    /// The agent's own words: text that nobody vouches for, never a fact. SH-3
    #[must_use]
    pub fn statement(&self) -> Option<&str> {
        self.statement.as_deref()
    }
}

impl Comparison {
    /// The five texts, in the order of the page.
    #[must_use]
    pub fn texts(&self) -> [&str; 5] {
        [
            &self.left,
            self.operator.as_str(),
            &self.right,
            &self.left_value,
            &self.right_value,
        ]
    }
}

/// Enums that are one word in CBOR.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $($variant:ident = $word:literal),+) => {
        impl $name {
            /// Reads the word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The word for it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
    };
}

/// How two sides are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the policy language, below")]
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Like,
    Has,
    Contains,
    ContainsAll,
    ContainsAny,
}

words!(
    Operator,
    Equal = "==",
    NotEqual = "!=",
    Less = "<",
    LessOrEqual = "<=",
    Greater = ">",
    GreaterOrEqual = ">=",
    In = "in",
    Like = "like",
    Has = "has",
    Contains = "contains",
    ContainsAll = "containsAll",
    ContainsAny = "containsAny"
);
words!(Exclusion, Activated = "activated", Sponsor = "sponsor");
