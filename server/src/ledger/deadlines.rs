//! What falls due: of each case at most one deadline, and which one follows from its row alone.
//!
//! INVARIANT (deadlines follow rows): a deadline is written and removed with the row that it follows from, in one write,
//! and nowhere else; so `fsck` finds exactly those that the entries give.

use agentsigna_verifier::{
    case::CaseState,
    entry::CaseId,
    state::{CaseRow, Row, RowName},
};

use crate::store::{Calendar, Key};

/// Deadlines that a change ends, and those that it sets.
#[derive(Debug, Default)]
pub(super) struct Moved {
    pub(super) ended: Vec<Key>,
    pub(super) set: Vec<Key>,
}

impl Moved {
    /// The row `name` was `before`, and is `after`.
    pub(super) fn note(&mut self, name: &RowName, before: Option<&Row>, after: &Row) {
        let RowName::Case(case) = name else { return };
        let of = |row: &Row| match row {
            Row::Case(row) => deadline(case, row),
            _ => None,
        };
        let (before, after) = (before.and_then(of), of(after));
        if before != after {
            self.ended.extend(before);
            self.set.extend(after);
        }
    }
}

/// When `case` falls due, and for whom: CA-3, OC-4, OC-6, OC-8.
pub(super) fn deadline(case: &CaseId, row: &CaseRow) -> Option<Key> {
    let (calendar, at) = match (row.falls_due_at(), row.overdue_from()) {
        (Some(at), _) if row.state == CaseState::InReview => (Calendar::Reviews, at),
        (Some(at), _) => (Calendar::Endings, at),
        (None, Some(at)) => (Calendar::Overdue, at),
        (None, None) => return None,
    };
    Some(Key::Deadline {
        calendar,
        time_ms: at.millis(),
        case: *case.as_bytes(),
    })
}
