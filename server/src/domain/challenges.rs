//! Challenges that were given out and not answered yet (TA-7): each is answered once, in time, by whom it was made for.
//!
//! In memory alone: a restart forgets them, and whoever waited asks again. What a stranger may fill is bounded, and
//! the oldest gives way.

use std::collections::{HashMap, VecDeque};

use agentsigna_verifier::{digest::Digest, time::UnixMillis};

/// What was asked, by its challenge.
pub(super) struct Challenges<T> {
    kept_max: usize,
    open: HashMap<Digest, (UnixMillis, T)>,
    /// The challenges in the order they were given out; some are answered already.
    order: VecDeque<Digest>,
}

impl<T> Challenges<T> {
    /// No challenge yet; never more than `kept_max`.
    pub(super) fn new(kept_max: usize) -> Self {
        Self {
            kept_max,
            open: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    /// Remembers `what` until it is answered or `until` has come.
    pub(super) fn give(&mut self, challenge: Digest, until: UnixMillis, what: T, now: UnixMillis) {
        while let Some(oldest) = self.order.front() {
            let alive = self.open.get(oldest).is_some_and(|(until, _)| now < *until);
            if alive && self.order.len() < self.kept_max {
                break;
            }
            self.open.remove(oldest);
            self.order.pop_front();
        }
        self.open.insert(challenge, (until, what));
        self.order.push_back(challenge);
    }

    /// How many of those that wait are `like` this.
    pub(super) fn count(&self, like: impl Fn(&T) -> bool) -> usize {
        self.open.values().filter(|(_, what)| like(what)).count()
    }

    /// What was given out with `challenge`, which stays open.
    pub(super) fn look(&self, challenge: &Digest, now: UnixMillis) -> Option<&T> {
        let (until, what) = self.open.get(challenge)?;
        (now < *until).then_some(what)
    }

    /// The same, to be changed.
    pub(super) fn look_mut(&mut self, challenge: &Digest, now: UnixMillis) -> Option<&mut T> {
        let (until, what) = self.open.get_mut(challenge)?;
        (now < *until).then_some(what)
    }

    /// What was asked with `challenge`, if `is_theirs` says that it was asked of whoever answers now. Never twice.
    pub(super) fn take(
        &mut self,
        challenge: &Digest,
        now: UnixMillis,
        is_theirs: impl FnOnce(&T) -> bool,
    ) -> Option<T> {
        if !is_theirs(&self.open.get(challenge)?.1) {
            return None;
        }
        let (until, what) = self.open.remove(challenge)?;
        (now < until).then_some(what)
    }
}

#[cfg(test)]
mod tests {
    //! Goal: a challenge is answered once, in time, by whom it was made for, and strangers fill no memory.

    use agentsigna_verifier::digest::Noun;

    use super::*;

    fn at(millis: u64) -> UnixMillis {
        UnixMillis::new(millis).unwrap()
    }

    fn challenge(number: u64) -> Digest {
        Digest::of(Noun::Act, &number.to_be_bytes())
    }

    #[test]
    fn ta_7_a_challenge_is_answered_once_in_time_by_whom_it_was_made_for() {
        let mut open = Challenges::new(8);
        open.give(challenge(1), at(100), "dana", at(0));
        assert_eq!(open.take(&challenge(2), at(1), |_| true), None);
        assert_eq!(open.take(&challenge(1), at(1), |who| *who == "finn"), None);
        // Whoever was not meant has not used it up.
        assert_eq!(
            open.take(&challenge(1), at(99), |who| *who == "dana"),
            Some("dana")
        );
        assert_eq!(open.take(&challenge(1), at(99), |_| true), None);
        open.give(challenge(3), at(100), "dana", at(0));
        assert_eq!(open.take(&challenge(3), at(100), |_| true), None);
        assert_eq!(open.take(&challenge(3), at(50), |_| true), None);
    }

    #[test]
    fn ta_7_the_oldest_gives_way_and_the_dead_take_no_place() {
        let mut open = Challenges::new(4);
        for number in 0..100 {
            open.give(challenge(number), at(1000), number, at(0));
            assert!(open.open.len() <= 4 && open.order.len() <= 4);
        }
        assert_eq!(open.take(&challenge(95), at(1), |_| true), None);
        assert_eq!(open.take(&challenge(96), at(1), |_| true), Some(96));
        open.give(challenge(200), at(3000), 200, at(2000));
        assert_eq!(open.open.len(), 1);
        assert_eq!(open.order.len(), 1);
    }
}
