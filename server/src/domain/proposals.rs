//! Acts that one administrator signed and that wait for another (PE-9), as people look at them.

use agentsigna_verifier::{
    entry::Event,
    event::Body,
    id::Id,
    people::PROPOSAL_LIFE_MS,
    state::{ProposalRow, Row},
    time::UnixMillis,
};

use super::{Act, Follows, Office, Refusal, Visitor, Words, signing::follows};
use crate::ledger::{Reading, RowKind};

/// An act that one administrator proposed, and nobody signed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Who.
    pub by: Id,
    /// When.
    pub at: UnixMillis,
    /// Until when another may sign.
    pub until: UnixMillis,
    /// The path of the act.
    pub path: String,
    /// Its body, byte for byte: whoever signs signs the same.
    pub body: Vec<u8>,
    /// What it does.
    pub words: Words,
    /// Whether the one who asks may be the second.
    pub may_second: bool,
}

impl Office {
    /// What other administrators proposed and nobody signed yet, newest first.
    ///
    /// # Errors
    /// What is our own fault.
    pub fn proposals(&self, visitor: &Visitor) -> Result<Vec<Proposal>, Refusal> {
        let tenant = &visitor.tenant;
        let now = self.inner.ledger.clock().now();
        let rows = tenant
            .rows(RowKind::Proposals)
            .map_err(|error| Refusal::broken(&error))?;
        let mut rows: Vec<_> = rows
            .into_iter()
            .filter_map(|row| match row {
                Row::Proposal(row) => Some(row),
                _ => None,
            })
            .filter(|row| row.open && now <= row.decided_at.plus(PROPOSAL_LIFE_MS))
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.index));
        rows.into_iter()
            .map(|row| proposal(visitor, row, now))
            .collect()
    }
}

fn proposal(visitor: &Visitor, row: ProposalRow, now: UnixMillis) -> Result<Proposal, Refusal> {
    let entry = visitor
        .tenant
        .entry(row.index)
        .map_err(|error| Refusal::broken(&error))?;
    let event = Event::decode(&entry.event).map_err(|error| Refusal::broken(&error))?;
    let Body::ActProposed(proposed) = event.body else {
        return Err(Refusal::broken(&"a proposal row names another entry"));
    };
    let body = proposed.signed.body().unwrap_or_default().to_vec();
    let mut reading = Reading::of(&visitor.tenant);
    let act = Act::at(&proposed.path).ok_or_else(|| Refusal::broken(&"a proposal of no act"))?;
    let asked = act.read(&mut reading, &proposed.path, &body)?;
    let may_second = visitor.may_sign()
        && matches!(
            follows(&mut reading, &asked, visitor, &proposed.path, &body, now),
            Ok(Follows::Second(_))
        );
    Ok(Proposal {
        by: row.user,
        at: row.decided_at,
        until: row.decided_at.plus(PROPOSAL_LIFE_MS),
        words: asked.words(),
        may_second,
        body,
        path: proposed.path,
    })
}
