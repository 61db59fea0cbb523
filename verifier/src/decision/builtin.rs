//! The rules that no policy can remove (A29, A30, decisions 6 and 7).
//!
//! They are functions of the snapshot alone. There is nothing to pass that switches one off: a tenant can
//! only add rules of its own.

use alloc::collections::BTreeSet;

use crate::{
    action::Category,
    snapshot::{Approval, Snapshot, Status},
};

/// How long changed payment details stay fresh: 30 days, in milliseconds.
pub const DETAILS_FRESH_MS: u64 = 30 * 24 * 60 * 60 * 1000;
/// Amounts authorised and not settled may reach this many tops of the agent's highest band.
pub const EXPOSURE_TOPS: u64 = 4;

/// A rule of the product itself. Its id begins with `builtin.`, which no policy's id may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BuiltinRule {
    /// The bundle evaluated is not the one the snapshot names. Rejects.
    BundleMismatch,
    /// The agent is suspended. Rejects.
    AgentSuspended,
    /// The target system is suspended. Rejects.
    TargetSuspended,
    /// The counterparty is blocked. Rejects.
    CounterpartyBlocked,
    /// No policy was ever activated. Rejects (A28).
    NoPolicy,
    /// A policy could not be evaluated. Rejects.
    EngineError,
    /// No grant matched. Rejects (A28).
    NoAuthority,
    /// The type is one a person always decides. Escalates.
    Always(Category),
    /// The first payment to this counterparty. Escalates.
    FirstPayment,
    /// Payment to details changed within 30 days. Escalates.
    DetailsChanged,
    /// The action's band is above the agent's latitude. Escalates.
    Latitude,
    /// Exposure with this action is above four tops of the agent's highest band. Escalates.
    Exposure,
}

impl BuiltinRule {
    /// Those that reject.
    pub const REJECTING: [Self; 7] = [
        Self::BundleMismatch,
        Self::AgentSuspended,
        Self::TargetSuspended,
        Self::CounterpartyBlocked,
        Self::NoPolicy,
        Self::EngineError,
        Self::NoAuthority,
    ];

    /// The id in ledgers.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::BundleMismatch => "builtin.bundle-mismatch",
            Self::AgentSuspended => "builtin.agent-suspended",
            Self::TargetSuspended => "builtin.target-suspended",
            Self::CounterpartyBlocked => "builtin.counterparty-blocked",
            Self::NoPolicy => "builtin.no-policy",
            Self::EngineError => "builtin.engine-error",
            Self::NoAuthority => "builtin.no-authority",
            Self::Always(category) => match category {
                Category::Procurement => "builtin.always.procurement",
                Category::Finance => "builtin.always.finance",
                Category::Communication => "builtin.always.communication",
                Category::Data => "builtin.always.data",
                Category::Legal => "builtin.always.legal",
                Category::Wire => "builtin.always.wire",
                Category::PaymentDetails => "builtin.always.payment-details",
                Category::Credential => "builtin.always.credential",
                Category::Permission => "builtin.always.permission",
                Category::Policy => "builtin.always.policy",
                Category::Deletion => "builtin.always.deletion",
                Category::Other => "builtin.always.other",
            },
            Self::FirstPayment => "builtin.always.first-payment",
            Self::DetailsChanged => "builtin.always.details-changed",
            Self::Latitude => "builtin.latitude",
            Self::Exposure => "builtin.exposure",
        }
    }

    /// The rule of this id, if it is one.
    #[must_use]
    pub fn named(id: &str) -> Option<Self> {
        let others = [
            Self::BundleMismatch,
            Self::AgentSuspended,
            Self::TargetSuspended,
            Self::CounterpartyBlocked,
            Self::NoPolicy,
            Self::EngineError,
            Self::NoAuthority,
            Self::FirstPayment,
            Self::DetailsChanged,
            Self::Latitude,
            Self::Exposure,
        ];
        let always = Category::ALL.into_iter().map(Self::Always);
        others
            .into_iter()
            .chain(always)
            .find(|rule| rule.id() == id)
    }

    /// What the rule says, for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::BundleMismatch => "The policy evaluated is not the one the decision names",
            Self::AgentSuspended => "The agent is suspended",
            Self::TargetSuspended => "The target system is suspended",
            Self::CounterpartyBlocked => "The counterparty is blocked",
            Self::NoPolicy => "The organisation has no active policy",
            Self::EngineError => "A policy could not be evaluated",
            Self::NoAuthority => "No policy grants this",
            Self::Always(_) => "Actions of this category are always decided by people",
            Self::FirstPayment => "First payment to this counterparty",
            Self::DetailsChanged => "Payment details of the counterparty changed within 30 days",
            Self::Latitude => "Value above what the agent may do unattended",
            Self::Exposure => "Open amounts of the agent reach their cap",
        }
    }
}

/// What rejects before any policy is asked. PO-20
#[must_use]
pub fn refusals(snapshot: &Snapshot) -> BTreeSet<BuiltinRule> {
    let tests = [
        (
            BuiltinRule::AgentSuspended,
            snapshot.agent().status() == Status::Suspended,
        ),
        (
            BuiltinRule::TargetSuspended,
            snapshot.target().status() == Status::Suspended,
        ),
        (
            BuiltinRule::CounterpartyBlocked,
            snapshot.counterparty().status() == Approval::Blocked,
        ),
    ];
    hits(tests)
}

/// What a person decides whatever policy and trust say. PO-22
#[must_use]
pub fn always_escalates(snapshot: &Snapshot) -> BTreeSet<BuiltinRule> {
    let kind = snapshot.action().kind();
    let counterparty = snapshot.counterparty();
    // A change later than the decision (clocks of two writers) is as fresh as can be.
    let fresh = counterparty
        .payment_details_changed_at()
        .is_some_and(|changed_at| {
            snapshot
                .decided_at()
                .millis()
                .saturating_sub(changed_at.millis())
                <= DETAILS_FRESH_MS
        });
    let tests = [
        (
            BuiltinRule::Always(kind.category()),
            kind.always_escalates(),
        ),
        (
            BuiltinRule::FirstPayment,
            kind.pays() && counterparty.payments_before() == 0,
        ),
        (BuiltinRule::DetailsChanged, kind.pays() && fresh),
    ];
    hits(tests)
}

/// All built-in oversight: [`always_escalates`], latitude and exposure. PO-23
#[must_use]
pub fn oversight(snapshot: &Snapshot) -> BTreeSet<BuiltinRule> {
    let exponent = snapshot.exponent();
    let latitude = snapshot.agent().unattended();
    // At most 10^18 + 10^15, and 4 · 2^51: neither sum can overflow.
    let exposure_after = exposure_after_minor(snapshot);
    let over_cap = latitude.band().is_some_and(|highest| {
        exposure_after > EXPOSURE_TOPS.saturating_mul(highest.top_minor(exponent))
    });
    let tests = [
        (
            BuiltinRule::Latitude,
            !latitude.covers(snapshot.action().band(exponent)),
        ),
        (BuiltinRule::Exposure, over_cap),
    ];
    let mut rules = always_escalates(snapshot);
    rules.append(&mut hits(tests));
    rules
}

/// Exposure with this action, in minor units.
#[must_use]
pub fn exposure_after_minor(snapshot: &Snapshot) -> u64 {
    snapshot
        .agent()
        .exposure_minor()
        .saturating_add(snapshot.action().amount_minor())
}

fn hits<const N: usize>(tests: [(BuiltinRule, bool); N]) -> BTreeSet<BuiltinRule> {
    tests
        .into_iter()
        .filter(|(_, hit)| *hit)
        .map(|(rule, _)| rule)
        .collect()
}
