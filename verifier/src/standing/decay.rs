//! What time does to evidence: a half in 90 days, a half in 365, taken day by day (SD-2).

/// `floor(2^32 · 2^(−1/90))`: what is left of 2^32 of good evidence after a day.
pub const GOOD_DAILY: u64 = 4_262_016_076;
/// `floor(2^32 · 2^(−1/365))`: what is left of 2^32 of bad evidence after a day.
pub const BAD_DAILY: u64 = 4_286_818_749;

pub(super) fn good(evidence: u64, days: u64) -> u64 {
    daily(evidence, GOOD_DAILY, days)
}

pub(super) fn bad(evidence: u64, days: u64) -> u64 {
    daily(evidence, BAD_DAILY, days)
}

/// `x = (x · c) >> 32`, once for each day. Each step takes 1 at least, so that it ends at 0 after some 24,000 days,
/// however many there are.
fn daily(mut evidence: u64, factor: u64, days: u64) -> u64 {
    for _ in 0..days {
        if evidence == 0 {
            break;
        }
        let product = u128::from(evidence) * u128::from(factor);
        // Below 2^64, for the factor is below 2^32.
        evidence = u64::try_from(product >> 32).unwrap_or(u64::MAX);
    }
    evidence
}
