//! Which witnesses make a quorum, and which must sign for two logs before two quorums can be shown two (WL-6 of
//! `spec/lies.md`).
//!
//! A member is in one group (TR-7), so a policy is a tree, and no witness is counted in two places: sets of different
//! members never meet, and what is put together of smallest sets is a smallest set again.

use alloc::{vec, vec::Vec};

use super::{Member, PolicyWitness, Quorum, WitnessPolicy};

/// Sets of witnesses, none of which holds another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessSets<'a> {
    /// The sets, each in the order of the policy. A policy that asks for no witness has one, which is empty.
    pub sets: Vec<Vec<&'a PolicyWitness>>,
    /// Whether there are more than were asked for.
    pub more: bool,
}

/// One witness, or as many of these.
#[derive(Debug, Clone)]
enum Tree {
    Witness(usize),
    Of(usize, Vec<Tree>),
}

impl WitnessPolicy {
    /// The smallest sets of witnesses that meet the quorum: at most `max`, the first in the order of the policy.
    #[must_use]
    pub fn quorums(&self, max: usize) -> WitnessSets<'_> {
        self.named(self.tree().as_ref(), max)
    }

    /// The smallest sets of witnesses such that the others fall into two groups, each a quorum together with the set: who
    /// must have signed two heads that do not extend each other before both can be shown with a quorum.
    #[must_use]
    pub fn splits(&self, max: usize) -> WitnessSets<'_> {
        let shared = self.tree().and_then(shared);
        self.named(shared.as_ref(), max)
    }

    fn tree(&self) -> Option<Tree> {
        match &self.quorum {
            Quorum::None => None,
            Quorum::Of(member) => Some(self.under(member)),
        }
    }

    /// INVARIANT (members come first): this ends.
    fn under(&self, member: &Member) -> Tree {
        match member {
            Member::Witness(at) => Tree::Witness(*at),
            Member::Group(at) => {
                let (threshold, members) = self.groups.get(*at).map_or((0, &[][..]), |group| {
                    (group.threshold, group.members.as_slice())
                });
                Tree::Of(
                    threshold,
                    members.iter().map(|member| self.under(member)).collect(),
                )
            }
        }
    }

    fn named(&self, tree: Option<&Tree>, max: usize) -> WitnessSets<'_> {
        let (sets, more) = tree.map_or_else(|| (vec![Vec::new()], false), |tree| sets(tree, max));
        let named = |mut set: Vec<usize>| {
            set.sort_unstable();
            let witnesses = set.into_iter();
            witnesses.filter_map(|at| self.witnesses.get(at)).collect()
        };
        WitnessSets {
            sets: sets.into_iter().map(named).collect(),
            more,
        }
    }
}

/// What two quorums must share at least; nothing, where none of it must be.
///
/// Of k out of n members two quorums share at least 2k − n. Those in which two quorums need not share a witness are
/// shared first, for that costs nobody.
fn shared(tree: Tree) -> Option<Tree> {
    let Tree::Of(threshold, members) = tree else {
        return Some(tree);
    };
    let all = members.len();
    let costly: Vec<Tree> = members.into_iter().filter_map(shared).collect();
    let both = threshold.saturating_mul(2).saturating_sub(all);
    let free = all.saturating_sub(costly.len());
    match both.saturating_sub(free) {
        0 => None,
        needed => Some(Tree::Of(needed, costly)),
    }
}

/// The smallest sets that meet a tree: at most `max`, and whether there are more.
fn sets(tree: &Tree, max: usize) -> (Vec<Vec<usize>>, bool) {
    let (threshold, members) = match tree {
        Tree::Witness(at) => return (vec![vec![*at]], false),
        Tree::Of(threshold, members) => (*threshold, members),
    };
    let mut more = false;
    // How many members were taken, and which witnesses that makes. Each becomes at least one set in the end, and no two
    // the same: so nothing is said to be left out that is not there.
    let mut begun: Vec<(usize, Vec<usize>)> = vec![(0, Vec::new())];
    for (at, member) in members.iter().enumerate() {
        let left = members.len().saturating_sub(at).saturating_sub(1);
        let (own, cut) = sets(member, max);
        more |= cut;
        let mut next = Vec::new();
        for (taken, set) in begun {
            if taken < threshold {
                next.extend(own.iter().map(|own| {
                    let with = set.iter().chain(own).copied().collect();
                    (taken.saturating_add(1), with)
                }));
            }
            if taken.saturating_add(left) >= threshold {
                next.push((taken, set));
            }
        }
        more |= next.len() > max;
        next.truncate(max);
        begun = next;
    }
    (begun.into_iter().map(|(_, set)| set).collect(), more)
}
