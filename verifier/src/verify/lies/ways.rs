//! Sets of holders, none of which holds another: the ways in which something could be a lie.

use alloc::{vec, vec::Vec};

use super::{Holder, LIES_MAX};

/// The ways in which something could be a lie; none: it could not. Each set is sorted, and enough.
///
/// INVARIANT (smallest): sets stand smaller ones first, then in order; none holds another; at most [`LIES_MAX`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::verify) struct Ways {
    sets: Vec<Vec<Holder>>,
    more: bool,
}

impl Ways {
    /// These together, and nobody else.
    pub(super) fn all_of(holders: impl IntoIterator<Item = Holder>) -> Self {
        let mut set: Vec<Holder> = holders.into_iter().collect();
        set.sort();
        set.dedup();
        Self {
            sets: vec![set],
            more: false,
        }
    }

    pub(super) fn one(holder: Holder) -> Self {
        Self::all_of([holder])
    }

    /// WL-2: of any sets, the smallest.
    pub(super) fn smallest(sets: impl IntoIterator<Item = Vec<Holder>>, more: bool) -> Self {
        let mut all: Vec<Vec<Holder>> = sets.into_iter().collect();
        all.sort_by(|one, other| one.len().cmp(&other.len()).then_with(|| one.cmp(other)));
        let mut ways = Self {
            sets: Vec::new(),
            more,
        };
        for set in all {
            let holds = |small: &Vec<Holder>| small.iter().all(|holder| set.contains(holder));
            if ways.sets.iter().any(holds) {
                continue;
            }
            if ways.sets.len() >= LIES_MAX {
                ways.more = true;
                break;
            }
            ways.sets.push(set);
        }
        ways
    }

    /// One way or another.
    pub(super) fn or(&self, other: &Self) -> Self {
        let sets = self.sets.iter().chain(&other.sets).cloned();
        Self::smallest(sets, self.more || other.more)
    }

    /// A way of each.
    pub(super) fn and(&self, other: &Self) -> Self {
        let pairs = self.sets.iter().flat_map(|one| {
            let with = other.sets.iter();
            with.map(move |other| {
                let mut set: Vec<Holder> = one.iter().chain(other).cloned().collect();
                set.sort();
                set.dedup();
                set
            })
        });
        Self::smallest(pairs, self.more || other.more)
    }

    pub(super) fn sets(&self) -> &[Vec<Holder>] {
        &self.sets
    }

    pub(super) const fn more(&self) -> bool {
        self.more
    }

    pub(super) fn into_parts(self) -> (Vec<Vec<Holder>>, bool) {
        (self.sets, self.more)
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn person(at: usize) -> Ways {
        Ways::one(Holder::Witness(format!("w{at:03}")))
    }

    /// WL-2: one way holds what another needs, or two of each: only the smallest stay, at most 64, and that is told.
    #[test]
    fn wl_2_ways_are_the_smallest_and_bounded() {
        let (one, two, three) = (person(1), person(2), person(3));
        let pair = one.and(&two);
        assert_eq!(one.or(&pair), one);
        assert_eq!(pair.or(&one), one);
        assert_eq!(one.and(&one), one);
        assert_eq!(pair.and(&one.or(&three)), pair.or(&pair.and(&three)));
        let either = one.or(&two);
        assert_eq!(either.and(&either.or(&three)), either);
        assert_eq!(Ways::default().and(&one), Ways::default());
        assert_eq!(Ways::default().or(&one), one);
        let many = (0..=LIES_MAX).fold(Ways::default(), |all, at| all.or(&person(at)));
        assert_eq!(many.sets().len(), LIES_MAX);
        assert!(many.more());
        let few = (0..LIES_MAX).fold(Ways::default(), |all, at| all.or(&person(at)));
        assert!(!few.more() && !few.and(&few).more());
        assert!(many.or(&one).more() && many.and(&one).more());
    }
}
