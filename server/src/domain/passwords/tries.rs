//! Who failed how often, and whose passwords rest (TA-9). Knows no store and no cookie; the time comes in.
//!
//! Two sorts of count, so that whoever guesses uses up no tries but their own: all unknown browsers of one person
//! share one, each known browser has its own. In memory alone: a restart begins anew.
//!
//! INVARIANT (counted first): a try counts from its begin on, and is taken back if it succeeds. Whoever begins many at
//! once gets no more of them.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

use agentsigna_verifier::time::UnixMillis;

/// Failures after which passwords rest.
const FAILURES_MAX: usize = 5;
/// How long a failure counts, and how long passwords rest, in milliseconds.
const REST_MS: u64 = 15 * 60 * 1000;
/// Counts at one time. There is one for each person and each mark, so this is reached by nobody in earnest; beyond
/// it, passwords of new ones rest.
const COUNTS_MAX: usize = 100_000;

/// The counts of everybody, by whom they are of.
pub(super) struct Tries<K> {
    counts: Mutex<HashMap<K, Count>>,
}

#[derive(Default)]
struct Count {
    /// When each try began that failed or has not ended; oldest first.
    tries: Vec<UnixMillis>,
    rests_until: Option<UnixMillis>,
}

/// Passwords rest: no try is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rests;

impl<K> Default for Tries<K> {
    fn default() -> Self {
        let counts = Mutex::default();
        Self { counts }
    }
}

impl<K: Eq + Hash> Tries<K> {
    /// A try begins, and counts.
    pub(super) fn begin(&self, of: K, now: UnixMillis) -> Result<(), Rests> {
        let mut counts = self.counts();
        if counts.len() >= COUNTS_MAX && !counts.contains_key(&of) {
            counts.retain(|_, count| count.is_alive(now));
            if counts.len() >= COUNTS_MAX {
                return Err(Rests);
            }
        }
        let count = counts.entry(of).or_default();
        if !count.is_alive(now) {
            *count = Count::default();
        }
        count.tries.retain(|began| now < began.plus(REST_MS));
        let rests = count.rests_until.is_some_and(|until| now < until);
        if rests || count.tries.len() >= FAILURES_MAX {
            return Err(Rests);
        }
        count.tries.push(now);
        Ok(())
    }

    /// The try that began at `began` failed. Until when passwords rest, if it was the last of too many.
    pub(super) fn fail(&self, of: &K, now: UnixMillis) -> Option<UnixMillis> {
        let mut counts = self.counts();
        let count = counts.get_mut(of)?;
        let resting = count.rests_until.is_some_and(|until| now < until);
        if resting || count.tries.len() < FAILURES_MAX {
            return None;
        }
        count.rests_until = Some(now.plus(REST_MS));
        count.rests_until
    }

    /// The try that began at `began` was none that failed.
    pub(super) fn take_back(&self, of: &K, began: UnixMillis) {
        if let Some(count) = self.counts().get_mut(of)
            && let Some(at) = count.tries.iter().rposition(|at| *at == began)
        {
            count.tries.remove(at);
        }
    }

    /// The count of `of` begins anew.
    pub(super) fn forget(&self, of: &K) {
        self.counts().remove(of);
    }

    /// Lets go of what counts no more.
    pub(super) fn tend(&self, now: UnixMillis) {
        self.counts().retain(|_, count| count.is_alive(now));
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<K, Count>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Count {
    /// Whether anything of it counts.
    fn is_alive(&self, now: UnixMillis) -> bool {
        match self.rests_until {
            // What led to the rest is over with it.
            Some(until) => now < until,
            None => self.tries.iter().any(|began| now < began.plus(REST_MS)),
        }
    }
}

#[cfg(test)]
mod tests {
    //! Goal: whoever guesses rests, and nobody else does. Method: a clock that the test moves.

    use super::*;

    const MIN: u64 = 60_000;

    fn at(millis: u64) -> UnixMillis {
        UnixMillis::new(1_800_000_000_000 + millis).unwrap()
    }

    /// One try that fails: whether it was made, and whether it was one too many.
    fn fails(tries: &Tries<&'static str>, of: &'static str, now: u64) -> Option<bool> {
        tries.begin(of, at(now)).ok()?;
        Some(tries.fail(&of, at(now)).is_some())
    }

    #[test]
    fn ta_9_five_failures_in_15_minutes_and_passwords_rest_for_15() {
        let tries = Tries::default();
        for minute in 0..4 {
            assert_eq!(fails(&tries, "finn", minute * MIN), Some(false));
        }
        assert_eq!(fails(&tries, "finn", 14 * MIN), Some(true));
        // Also when the first of them is long over, and however often it is tried.
        for minute in 15..29 {
            assert_eq!(fails(&tries, "finn", minute * MIN), None);
        }
        assert_eq!(fails(&tries, "finn", 29 * MIN - 1), None);
        // Then all begins anew, and it rests again after five.
        for more in 0..4 {
            assert_eq!(fails(&tries, "finn", 29 * MIN + more), Some(false));
        }
        assert_eq!(fails(&tries, "finn", 30 * MIN), Some(true));
    }

    #[test]
    fn ta_9_failures_that_are_over_do_not_count() {
        let tries = Tries::default();
        for fourth in 0..40 {
            // Four in each quarter of an hour, for ever.
            assert_eq!(fails(&tries, "finn", fourth * 15 * MIN / 4), Some(false));
        }
    }

    #[test]
    fn ta_9_nobody_elses_failures_count() {
        let tries = Tries::default();
        for _ in 0..5 {
            assert!(fails(&tries, "strangers of finn", 0).is_some());
        }
        assert_eq!(fails(&tries, "strangers of finn", 1), None);
        assert_eq!(fails(&tries, "strangers of dana", 1), Some(false));
        assert_eq!(fails(&tries, "a mark of finn", 1), Some(false));
    }

    #[test]
    fn ta_9_tries_at_once_are_no_more_tries() {
        let tries = Tries::default();
        for now in 0..5 {
            assert_eq!(tries.begin("finn", at(now)), Ok(()));
        }
        // None has failed yet.
        assert_eq!(tries.begin("finn", at(5)), Err(Rests));
        // One succeeds: its place is free again, and the others rest after one more.
        tries.take_back(&"finn", at(2));
        assert_eq!(tries.fail(&"finn", at(6)), None);
        assert_eq!(fails(&tries, "finn", 7), Some(true));
        // A rest is said once.
        assert_eq!(tries.fail(&"finn", at(8)), None);
    }

    #[test]
    fn counts_take_no_memory_once_they_are_over() {
        let tries = Tries::default();
        for _ in 0..5 {
            let _ = fails(&tries, "finn", 0);
        }
        tries.begin("dana", at(0)).unwrap();
        tries.begin("gerd", at(0)).unwrap();
        tries.take_back(&"gerd", at(0));
        tries.tend(at(1));
        assert_eq!(tries.counts().len(), 2);
        tries.forget(&"dana");
        tries.tend(at(15 * MIN));
        assert_eq!(tries.counts().len(), 0);
    }
}
