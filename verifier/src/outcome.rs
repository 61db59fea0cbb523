//! What may be said of a permission that was given, and by whom (`spec/outcome.md`).

use crate::standing::DAY_MS;

/// How long a person's `completed` waits for somebody to dispute it: 7 days, in milliseconds. OC-4
pub const DISPUTE_WINDOW_MS: u64 = 7 * DAY_MS;
/// How long after its end an unused Passport lapses: 60 s, in milliseconds. OC-6
pub const LAPSE_MS: u64 = 60_000;

/// How long after the end of its Passport a case that was begun may be without outcome: 24 h, in milliseconds. OC-8
pub const SILENCE_MS: u64 = DAY_MS;
/// How long a dispute may be unresolved: 7 days, in milliseconds. OC-8
pub const DISPUTE_MS: u64 = 7 * DAY_MS;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done as permitted.
    Completed,
    /// Undone.
    Reversed,
    /// The target did not do it.
    Rejected,
    /// Somebody says that it was not as permitted.
    Disputed,
}

/// What people found in a dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// There was nothing to it.
    Dismissed,
    /// There was.
    Lost,
    /// It was fraud, or out of scope.
    Fraud,
}

/// Whose fault it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The agent's.
    Agent,
    /// The counterparty's.
    Counterparty,
    /// Nobody's; of a reversal alone.
    Nobody,
}

/// Who spoke, as far as it matters for what may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// The target system of the case.
    Target,
    /// A person, or the founder's file key.
    People,
}

/// Enums that are one word in events and in JSON.
macro_rules! words {
    ($name:ident, $($variant:ident = $word:literal),+) => {
        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Reads the word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
    };
}

words!(
    Outcome,
    Completed = "completed",
    Reversed = "reversed",
    Rejected = "rejected",
    Disputed = "disputed"
);
words!(
    Found,
    Dismissed = "dismissed",
    Lost = "lost",
    Fraud = "fraud"
);
words!(
    Fault,
    Agent = "agent",
    Counterparty = "counterparty",
    Nobody = "none"
);

impl Outcome {
    /// OC-3: whether fault is said of it, and said rightly.
    #[must_use]
    pub const fn takes(self, fault: Option<Fault>) -> bool {
        matches!(self, Self::Reversed) == fault.is_some()
    }
}

impl Found {
    /// OC-3: whether fault is said of it, and said rightly.
    #[must_use]
    pub const fn takes(self, fault: Option<Fault>) -> bool {
        match self {
            Self::Dismissed => fault.is_none(),
            Self::Lost | Self::Fraud => {
                matches!(fault, Some(Fault::Agent | Fault::Counterparty))
            }
        }
    }

    /// The severity of the evidence.
    #[must_use]
    pub const fn severity(self) -> u64 {
        match self {
            Self::Dismissed => 0,
            Self::Lost => crate::standing::LOST,
            Self::Fraud => crate::standing::FRAUD,
        }
    }
}
