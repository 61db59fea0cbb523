//! What a candidate bundle would have decided on what was recorded (`spec/replay.md` §4).
//!
//! Nothing follows from it: the permit that a decision may give is dropped here, and what came after a different
//! verdict is not played through. The snapshot under another bundle has another digest, so no answer can pass for a
//! decision that was made.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use super::{compile::CompiledBundle, decide::decide, stack::BigStack};
use crate::{
    decision::{Decision, Verdict},
    entry::CaseId,
    event::DecisionMade,
};

/// The verdicts in the order of [`Comparison::counts`].
pub const VERDICTS: [Verdict; 3] = [Verdict::Authorized, Verdict::Escalated, Verdict::Rejected];

/// Recorded cases decided by a candidate, each by its last decision. RP-3
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    cases: BTreeMap<CaseId, Compared>,
}

/// One case: as recorded, and by the candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Compared {
    /// The entry of its last decision.
    index: u64,
    before: Verdict,
    after: Verdict,
    /// The candidate's rules, where its verdict is another.
    rules: Vec<String>,
    /// Whether the verdict is the same, and the reasons or the people asked are not.
    otherwise: bool,
}

/// A case whose verdict would have been another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The case.
    pub case: CaseId,
    /// The entry of its last decision.
    pub index: u64,
    /// As recorded.
    pub before: Verdict,
    /// By the candidate.
    pub after: Verdict,
    /// The candidate's rules, sorted.
    pub rules: Vec<String>,
}

impl Comparison {
    /// Decides by `candidate` what was decided in entry `index`. Decisions come in the order of the log: a later one
    /// of the same case takes the place of the one before. RP-3, RP-4, RP-6
    pub fn add(
        &mut self,
        stack: &BigStack,
        candidate: &CompiledBundle,
        case: CaseId,
        index: u64,
        made: &DecisionMade,
    ) {
        let snapshot = made.snapshot.clone();
        let asked = snapshot.under_bundle(Some(candidate.digest()));
        // RP-6: the permit ends here.
        let (after, _) = decide(stack, Some(candidate), &asked).into_parts();
        let before = &made.decision;
        let moved = before.verdict() != after.verdict();
        let compared = Compared {
            index,
            before: before.verdict(),
            after: after.verdict(),
            rules: if moved {
                after.rules().to_vec()
            } else {
                Vec::new()
            },
            otherwise: !moved && !same_reasons(before, &after),
        };
        self.cases.insert(case, compared);
    }

    /// Forgets all but the `most` cases that were decided last.
    pub fn keep_last(&mut self, most: usize) {
        let mut indices: Vec<u64> = self.cases.values().map(|case| case.index).collect();
        indices.sort_unstable_by(|one, other| other.cmp(one));
        if let Some(beyond) = indices.get(most) {
            self.cases.retain(|_, case| case.index > *beyond);
        }
    }

    /// How many cases were decided again.
    #[must_use]
    pub fn cases(&self) -> usize {
        self.cases.len()
    }

    /// Rows: the verdict as recorded; columns: the candidate's; both in the order of [`VERDICTS`]. RP-5
    #[must_use]
    pub fn counts(&self) -> [[u64; 3]; 3] {
        let count = |before, after| {
            let cases = self.cases.values();
            let found = cases.filter(|case| case.before == before && case.after == after);
            u64::try_from(found.count()).unwrap_or(u64::MAX)
        };
        VERDICTS.map(|before| VERDICTS.map(|after| count(before, after)))
    }

    /// The cases with another verdict, the one decided last first. RP-5
    #[must_use]
    pub fn moved(&self) -> Vec<Moved> {
        let cases = self.cases.iter();
        let mut moved: Vec<Moved> = cases
            .filter(|(_, compared)| compared.before != compared.after)
            .map(|(case, compared)| Moved {
                case: *case,
                index: compared.index,
                before: compared.before,
                after: compared.after,
                rules: compared.rules.clone(),
            })
            .collect();
        moved.sort_by_key(|moved| core::cmp::Reverse(moved.index));
        moved
    }

    /// How many cases have the same verdict by other rules, or asking other people. RP-5
    #[must_use]
    pub fn otherwise(&self) -> usize {
        self.cases.values().filter(|case| case.otherwise).count()
    }
}

/// All of a decision but the engine's stamp, which an older engine's decision does not share.
fn same_reasons(one: &Decision, other: &Decision) -> bool {
    one.rules() == other.rules()
        && one.demand() == other.demand()
        && one.review_ms() == other.review_ms()
}
