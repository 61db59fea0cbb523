//! Whether the people who agreed fill the slots of a demand (`spec/approval.md` §3).
//!
//! A demand gives each group a number of slots. A person fills one slot, of any group that counts for that
//! person. Nobody chooses which: met is whether *any* assignment fills every slot, which is a matching between
//! people and slots. People are added one at a time, each along a shortest augmenting path; what was filled
//! stays filled, so the order of people changes who sits where and never how many sit.

use alloc::{
    collections::{BTreeSet, VecDeque},
    vec,
    vec::Vec,
};

use crate::id::Id;

/// A demand and a largest assignment of people to its slots.
#[derive(Debug, Clone)]
pub struct Quorum<'a> {
    /// Groups and their slots, in the order of the demand.
    demand: &'a [(Id, u8)],
    /// Slots of each group that nobody fills yet.
    open: Vec<u8>,
    /// People who fill a slot.
    seated: Vec<Seated>,
}

/// A person in a slot. Groups by their place in the demand.
#[derive(Debug, Clone)]
struct Seated {
    /// All groups of the demand that count for the person.
    groups: Vec<usize>,
    /// The one whose slot is filled.
    at: usize,
}

/// How a group was reached while a slot was looked for.
#[derive(Debug, Clone, Copy)]
enum Reached {
    /// Not yet.
    Never,
    /// By the new person.
    First,
    /// By moving the person at this place of `seated`, who sits in the group looked at before.
    By(usize),
}

impl<'a> Quorum<'a> {
    /// Assigns people, each with the groups that count for that person, to the slots of `demand`
    /// ([`crate::decision::Decision::demand`]). Groups that nobody asks for count for nothing; a person who finds
    /// no slot fills none. The answers do not depend on the order of `people`.
    #[must_use]
    pub fn of<'p>(
        demand: &'a [(Id, u8)],
        people: impl IntoIterator<Item = &'p BTreeSet<Id>>,
    ) -> Self {
        let mut quorum = Self {
            demand,
            open: demand.iter().map(|(_, slots)| *slots).collect(),
            seated: Vec::new(),
        };
        // Sorted, so that `open` too is the same for every order.
        let mut people: Vec<&BTreeSet<Id>> = people.into_iter().collect();
        people.sort();
        for groups in people {
            quorum.seat(groups);
        }
        quorum
    }

    /// Whether every slot of every group is filled.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.open.iter().all(|slots| *slots == 0)
    }

    /// AV-10: whether one more person, with these groups, would fill a slot that is not filled yet; others may
    /// move to make room.
    #[must_use]
    pub fn fills(&self, groups: &BTreeSet<Id>) -> bool {
        self.search(&self.places(groups)).is_some()
    }

    /// How many people each group of the demand still lacks, in its order: one largest assignment of several,
    /// the same for every order of people. For display; who can fill what is [`Self::fills`].
    pub fn open(&self) -> impl Iterator<Item = (&'a Id, u8)> + '_ {
        self.demand
            .iter()
            .zip(&self.open)
            .map(|((group, _), open)| (group, *open))
    }

    fn places(&self, groups: &BTreeSet<Id>) -> Vec<usize> {
        self.demand
            .iter()
            .enumerate()
            .filter(|(_, (group, _))| groups.contains(group))
            .map(|(place, _)| place)
            .collect()
    }

    fn seat(&mut self, groups: &BTreeSet<Id>) {
        let groups = self.places(groups);
        let Some((mut free, reached)) = self.search(&groups) else {
            return;
        };
        if let Some(open) = self.open.get_mut(free) {
            *open = open.saturating_sub(1);
        }
        // Backwards along the path: each person moves into the slot that the next one left.
        while let Some(Reached::By(person)) = reached.get(free) {
            let Some(person) = self.seated.get_mut(*person) else {
                break;
            };
            core::mem::swap(&mut person.at, &mut free);
        }
        self.seated.push(Seated { groups, at: free });
    }

    /// Looks for a group with an open slot, breadth first from `groups`: the group, and how each was reached.
    fn search(&self, groups: &[usize]) -> Option<(usize, Vec<Reached>)> {
        let mut reached = vec![Reached::Never; self.demand.len()];
        let mut next: VecDeque<usize> = VecDeque::new();
        let mut visit = |group: usize, how, next: &mut VecDeque<usize>| {
            if let Some(seen @ Reached::Never) = reached.get_mut(group) {
                *seen = how;
                next.push_back(group);
            }
        };
        for group in groups {
            visit(*group, Reached::First, &mut next);
        }
        while let Some(group) = next.pop_front() {
            if self.open.get(group).is_some_and(|open| *open > 0) {
                return Some((group, reached));
            }
            for (person, seated) in self.seated.iter().enumerate() {
                if seated.at == group {
                    for other in &seated.groups {
                        visit(*other, Reached::By(person), &mut next);
                    }
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(text: &str) -> Id {
        Id::parse(text).unwrap()
    }

    fn demand(groups: &[(&str, u8)]) -> Vec<(Id, u8)> {
        groups.iter().map(|(group, n)| (id(group), *n)).collect()
    }

    fn person(groups: &[&str]) -> BTreeSet<Id> {
        groups.iter().map(|group| id(group)).collect()
    }

    fn open(quorum: &Quorum<'_>) -> Vec<(Id, u8)> {
        quorum.open().map(|(id, n)| (id.clone(), n)).collect()
    }

    #[test]
    fn the_example_of_the_page_is_met_by_two_people_of_finance() {
        // AV-10, AV-12
        let demand = demand(&[("finance", 2)]);
        let finn = person(&["finance"]);
        let none: [&BTreeSet<Id>; 0] = [];
        let quorum = Quorum::of(&demand, none);
        assert!(!quorum.is_met() && quorum.fills(&finn));
        let quorum = Quorum::of(&demand, [&finn]);
        assert!(!quorum.is_met() && quorum.fills(&finn));
        assert!(!quorum.fills(&person(&["legal"])) && !quorum.fills(&person(&[])));
        assert_eq!(open(&quorum), [(id("finance"), 1)]);
        let quorum = Quorum::of(&demand, [&finn, &finn]);
        assert!(quorum.is_met() && !quorum.fills(&finn));
        // A third finds no slot, and takes none away.
        let quorum = Quorum::of(&demand, [&finn, &finn, &finn]);
        assert!(quorum.is_met());
        assert_eq!(open(&quorum), [(id("finance"), 0)]);
    }

    #[test]
    fn people_move_so_that_another_finds_a_slot() {
        // Goal: an assignment that a first-come rule would miss. Each of a chain of people could sit in two
        // groups; the last has one only, and all before have to move by one.
        let names = ["a", "b", "c", "d", "e"];
        let demand = demand(&names.map(|name| (name, 1)));
        let chain: Vec<BTreeSet<Id>> = names
            .windows(2)
            .map(|pair| person(&[pair[0], pair[1]]))
            .collect();
        for last in names {
            let all = || chain.iter().chain([]);
            let quorum = Quorum::of(&demand, all());
            assert!(!quorum.is_met() && quorum.fills(&person(&[last])), "{last}");
            let last = person(&[last]);
            assert!(Quorum::of(&demand, all().chain([&last])).is_met());
        }
    }

    #[test]
    fn the_largest_demand_is_met_by_as_many_people_and_no_fewer() {
        // 32 groups with 8 slots each. Everybody counts for two neighbouring groups.
        let demand: Vec<(Id, u8)> = (0..32).map(|n| (id(&std::format!("g{n:02}")), 8)).collect();
        let people: Vec<BTreeSet<Id>> = (0..256)
            .map(|n| {
                let (a, b) = (n % 32, (n + 1) % 32);
                [&demand[a].0, &demand[b].0].into_iter().cloned().collect()
            })
            .collect();
        assert!(Quorum::of(&demand, &people).is_met());
        let fewer = Quorum::of(&demand, &people[1..]);
        assert!(!fewer.is_met());
        assert_eq!(fewer.open().map(|(_, n)| u32::from(n)).sum::<u32>(), 1);
        // Whoever comes from anywhere fills the last slot.
        for (group, _) in &demand {
            assert!(fewer.fills(&BTreeSet::from([group.clone()])));
        }
    }

    /// The most slots that people can fill: every choice of every person tried.
    fn exhaustive(open: &mut [u8], people: &[BTreeSet<usize>]) -> u32 {
        let Some((first, rest)) = people.split_first() else {
            return 0;
        };
        let mut most = exhaustive(open, rest);
        for group in first {
            if open[*group] > 0 {
                open[*group] -= 1;
                most = most.max(1 + exhaustive(open, rest));
                open[*group] += 1;
            }
        }
        most
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        /// AV-10, AV-12: against every assignment there is, in two orders of people.
        #[test]
        fn met_and_fills_are_what_trying_everything_finds(
            slots in prop::collection::vec(1..=3_u8, 1..=4),
            people in prop::collection::vec(prop::collection::btree_set(0..5_usize, 0..=4), 0..=6),
            one_more in prop::collection::btree_set(0..5_usize, 0..=4),
            turn in 0..6_usize,
        ) {
            let name = |n: &usize| id(&std::format!("g{n}"));
            let demand: Vec<(Id, u8)> = slots.iter().enumerate().map(|(n, slots)| (name(&n), *slots)).collect();
            // Group 4, and any beyond the demand, is one that nobody asks for.
            let asked = |groups: &BTreeSet<usize>| groups.iter().copied().filter(|n| *n < slots.len()).collect::<BTreeSet<_>>();
            let mut named: Vec<BTreeSet<Id>> = people.iter().map(|groups| groups.iter().map(name).collect()).collect();
            let mut known: Vec<BTreeSet<usize>> = people.iter().map(asked).collect();
            let most = exhaustive(&mut slots.clone(), &known);
            let wanted: u32 = slots.iter().copied().map(u32::from).sum();
            let quorum = Quorum::of(&demand, &named);
            let lacking: u32 = quorum.open().map(|(_, n)| u32::from(n)).sum();
            prop_assert_eq!(lacking, wanted - most);
            prop_assert_eq!(quorum.is_met(), most == wanted);
            known.push(asked(&one_more));
            let more = exhaustive(&mut slots.clone(), &known);
            prop_assert_eq!(quorum.fills(&one_more.iter().map(name).collect()), more > most);
            let before: Vec<_> = quorum.open().collect();
            if !named.is_empty() {
                let turn = turn % named.len();
                named.rotate_left(turn);
                named.reverse();
            }
            let turned = Quorum::of(&demand, &named);
            prop_assert_eq!(turned.open().collect::<Vec<_>>(), before);
        }
    }
}
