//! Whose change comes next: each tenant's changes in their order, the tenants in turn (decision 71).

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
};

use super::change::Admitted;

/// Bytes of one tenant before the next one has its turn (deficit round robin).
const QUANTUM_BYTES: usize = 64 * 1024;

/// Changes that wait for a batch.
#[derive(Default)]
pub(super) struct Turns {
    queues: BTreeMap<String, VecDeque<Box<Admitted>>>,
    /// Whose turn it is, and the bytes it has left. It goes on in the next batch where this one ended, so a busy
    /// tenant cannot keep the others out (LG-8).
    turn: String,
    left: usize,
}

impl Turns {
    pub(super) fn push(&mut self, change: Box<Admitted>) {
        let origin = change.tenant.origin();
        match self.queues.get_mut(origin) {
            Some(queue) => queue.push_back(change),
            None => drop(
                self.queues
                    .insert(origin.to_owned(), VecDeque::from([change])),
            ),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// Takes the next change, if `takes` says that there is room for one of its tenant.
    pub(super) fn next(&mut self, takes: impl Fn(&str) -> bool) -> Option<Box<Admitted>> {
        if self.left == 0 || !self.queues.contains_key(&self.turn) {
            let later = (Bound::Excluded(self.turn.as_str()), Bound::Unbounded);
            let mut later = self.queues.range::<str, _>(later).map(|(origin, _)| origin);
            let next = later.next().or_else(|| self.queues.keys().next())?.clone();
            self.turn = next;
            self.left = QUANTUM_BYTES;
        }
        if !takes(&self.turn) {
            return None;
        }
        let queue = self.queues.get_mut(&self.turn)?;
        let change = queue.pop_front()?;
        if queue.is_empty() {
            self.queues.remove(&self.turn);
        }
        self.left = self.left.saturating_sub(change.change.weight().max(1));
        Some(change)
    }
}
