//! Trust, computed: `bes-1` (`spec/standing.md`). Integers in, integers out; no clock, no rows.
//!
//! A [`Standing`] is what evidence says of one agent or counterparty, a [`Dealings`] what two of them have given each
//! other. Which event is evidence is judged in [`crate::state`]; here is the arithmetic alone, so that it can be read
//! and implemented again without the rest. Nothing here can fail or overflow: sums stop at the ends of `u64`.

mod dealings;
mod decay;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod tests;

pub use dealings::{CREDITS_MAX, Credit, Dealings};
pub use decay::{BAD_DAILY, GOOD_DAILY};

use crate::{
    action::{Band, Latitude},
    id::Id,
    limits,
    snapshot::{Risk, Tier},
    time::UnixMillis,
};

/// The version of the arithmetic.
pub const ENGINE: &str = "bes-1";
/// Bands of value.
pub const BANDS: usize = 16;
/// A ledger day, in milliseconds.
pub const DAY_MS: u64 = 86_400_000;
/// How long somebody has no latitude after grave evidence: 30 days, in milliseconds.
pub const PROBATION_MS: u64 = 30 * DAY_MS;
/// Evidence from this severity on is grave.
pub const PROBATION_FROM: u64 = 8_000;
/// The severity of a reversal by own fault.
pub const REVERSED: u64 = 2_000;
/// The severity of a dispute lost.
pub const LOST: u64 = 8_000;
/// The severity of fraud, or of an execution out of scope.
pub const FRAUD: u64 = 32_000;
/// What a score is divided by where nothing is known.
const UNKNOWN: u128 = 4_000;
/// The highest score: the dividend is smaller than a thousand divisors.
pub const SCORE_MAX: u64 = 999;
/// How much more bad evidence weighs than good.
const BAD_WEIGHT: u128 = 4;
/// Bad evidence from here on makes a counterparty a medium risk.
const MEDIUM_RISK_FROM: u64 = 1_000;
/// The bands below this one need fewer partners.
const MANY_PARTNERS_FROM: u8 = 3;

/// One number for each band.
pub type PerBand = [u64; BANDS];

/// Who has a standing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rated {
    /// An agent.
    Agent(Id),
    /// A counterparty.
    Counterparty(Id),
}

/// What evidence says of one agent or counterparty. The default is that of somebody new: nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// The day up to which it has decayed, counted from the epoch.
    pub day: u64,
    /// Good evidence for each band.
    pub good: PerBand,
    /// Bad evidence, which counts in every band.
    pub bad: u64,
    /// How many partners stand behind evidence in this band or above.
    pub partners: PerBand,
    /// Until before when there is no latitude.
    pub probation_until: Option<UnixMillis>,
    /// Whether there ever was bad evidence.
    pub adverse: bool,
    /// Of a counterparty, completed payments that stand.
    pub payments: u64,
}

impl Rated {
    /// `agent` or `counterparty`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Agent(_) => "agent",
            Self::Counterparty(_) => "counterparty",
        }
    }

    /// Which.
    #[must_use]
    pub const fn id(&self) -> &Id {
        match self {
            Self::Agent(id) | Self::Counterparty(id) => id,
        }
    }

    /// Reads kind and id.
    #[must_use]
    pub fn parse(kind: &str, id: Id) -> Option<Self> {
        match kind {
            "agent" => Some(Self::Agent(id)),
            "counterparty" => Some(Self::Counterparty(id)),
            _ => None,
        }
    }
}

impl core::fmt::Display for Rated {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} `{}`", self.kind(), self.id())
    }
}

/// The day of a time.
#[must_use]
pub const fn day_of(at: UnixMillis) -> u64 {
    at.millis() / DAY_MS
}

impl Standing {
    /// The same on the day of `at`, or on its own day, if that is later. SD-2
    #[must_use]
    pub fn on(&self, at: UnixMillis) -> Self {
        let day = day_of(at).max(self.day);
        let days = day - self.day;
        Self {
            day,
            good: self.good.map(|good| decay::good(good, days)),
            bad: decay::bad(self.bad, days),
            ..*self
        }
    }

    /// The score of each band, `0..=999`. SD-1
    #[must_use]
    pub fn scores(&self) -> PerBand {
        self.good.map(|good| score(good, self.bad))
    }

    /// The latitude that evidence gives, whatever was granted, probation aside. None in tier 4.
    #[must_use]
    pub fn earned(&self, tier: Tier) -> Latitude {
        if tier == Tier::SUPERVISED {
            return Latitude::NONE;
        }
        let threshold = threshold(tier);
        let mut latitude = Latitude::NONE;
        let bands = (0..).map_while(Band::new);
        for ((band, score), partners) in bands.zip(self.scores()).zip(self.partners) {
            if score < threshold || partners < partners_min(band) {
                break;
            }
            latitude = Latitude::up_to(band);
        }
        latitude
    }

    /// Whether latitude is none at `at`, whatever the scores are. SD-4
    #[must_use]
    pub fn is_on_probation(&self, at: UnixMillis) -> bool {
        self.probation_until.is_some_and(|until| at < until)
    }

    /// What a decision at `at` weighs of an agent to whom `granted` was granted. SD-6
    #[must_use]
    pub fn latitude(&self, tier: Tier, granted: Latitude, at: UnixMillis) -> Latitude {
        if tier == Tier::SUPERVISED || self.is_on_probation(at) {
            return Latitude::NONE;
        }
        let earned = self.on(at).earned(tier);
        if self.adverse {
            earned
        } else {
            earned.max(granted)
        }
    }

    /// What a decision at `at` weighs of a counterparty whose risk people set to `by_hand`. SD-7
    #[must_use]
    pub fn risk(&self, by_hand: Risk, at: UnixMillis) -> Risk {
        let earned = if self.is_on_probation(at) {
            Risk::High
        } else if self.on(at).bad >= MEDIUM_RISK_FROM {
            Risk::Medium
        } else {
            Risk::Low
        };
        earned.max(by_hand)
    }

    /// The payments that a decision weighs, with those stated at enrolment: `0..2^53`. SD-7
    #[must_use]
    pub fn payments_before(&self, stated: u64) -> u64 {
        let all = stated.saturating_add(self.payments);
        all.min(limits::JSON_INTEGER_MAX)
    }

    /// Good evidence in `band` and below. SD-3
    pub(crate) fn credit(&mut self, band: Band, value: u64) {
        for good in up_to(&mut self.good, band) {
            *good = good.saturating_add(value);
        }
    }

    /// Takes back what is left of `value`, which was credited on `given_on`. SD-5
    pub(crate) fn withdraw(&mut self, band: Band, value: u64, given_on: u64) {
        let left = decay::good(value, self.day.saturating_sub(given_on));
        for good in up_to(&mut self.good, band) {
            *good = good.saturating_sub(left);
        }
    }

    /// Bad evidence, in every band. SD-4
    pub(crate) fn debit(&mut self, severity: u64, at: UnixMillis) {
        *self = self.on(at);
        self.bad = self.bad.saturating_add(severity);
        self.adverse = true;
        if severity >= PROBATION_FROM {
            self.probation_until = self.probation_until.max(Some(at.plus(PROBATION_MS)));
        }
    }

    /// The highest band of what stands between this one and a partner went from `before` to `after`.
    pub(crate) fn partner(&mut self, before: Option<Band>, after: Option<Band>) {
        let bands = (0..).map_while(Band::new);
        for (band, partners) in bands.zip(&mut self.partners) {
            let (was, is) = (before >= Some(band), after >= Some(band));
            *partners = match (was, is) {
                (false, true) => partners.saturating_add(1),
                (true, false) => partners.saturating_sub(1),
                _ => *partners,
            };
        }
    }
}

/// `1000 · G / (G + 4 · B + 4000)`. SD-1
fn score(good: u64, bad: u64) -> u64 {
    let (good, bad) = (u128::from(good), u128::from(bad));
    let score = 1_000 * good / (good + BAD_WEIGHT * bad + UNKNOWN);
    u64::try_from(score).unwrap_or(u64::MAX)
}

/// The score from which on a band is open. That of tier 4 opens nothing: it never acts without people.
const fn threshold(tier: Tier) -> u64 {
    match tier.number() {
        1 => 700,
        2 => 750,
        3 => 800,
        _ => 850,
    }
}

const fn partners_min(band: Band) -> u64 {
    if band.number() < MANY_PARTNERS_FROM {
        3
    } else {
        6
    }
}

fn up_to(bands: &mut PerBand, band: Band) -> impl Iterator<Item = &mut u64> {
    bands
        .iter_mut()
        .take(usize::from(band.number()).saturating_add(1))
}
