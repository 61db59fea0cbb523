//! Where a tenant's log stands, of what was sequenced (not yet of what is durable).

use agentsigna_verifier::{
    log::{
        frontier::Frontier,
        prove::{HashReader as _, Subtree},
        tree::{LeafHash, RootHash, TreeSize},
    },
    time::UnixMillis,
};

use super::{Head, Tenant, edge::Edge, tenant::ProofError};

/// The end of a log. Two counts of the same tree, kept apart: the root that is signed is the frontier's, the
/// proofs are made from the edge, and a batch is only signed where a proof leads to the root.
pub(super) struct Tip {
    pub(super) edge: Edge,
    pub(super) frontier: Frontier,
    /// Leaf hash of the last entry.
    pub(super) previous: LeafHash,
    /// When the last entry got its position.
    pub(super) sequenced_at: UnixMillis,
}

impl Tip {
    /// Where the durable log of a tenant ends. Only right while nothing of it is on its way to the disk: the
    /// sequencer asks once per tenant, before its first change.
    pub(super) fn of(tenant: &Tenant) -> Result<Self, ProofError> {
        let head = tenant.head();
        let size = head.tree().size();
        let last = size
            .entries()
            .checked_sub(1)
            .ok_or(ProofError::NoEntry(0))?;
        let bytes = tenant.entry_bytes(last)?;
        Ok(Self {
            edge: head.edge().clone(),
            frontier: frontier(&head, tenant)?,
            previous: LeafHash::of(&bytes),
            sequenced_at: tenant.entry(last)?.sequenced_at,
        })
    }
}

/// The frontier of a durable head: the roots of the complete subtrees of its size, largest first.
fn frontier(head: &Head, tenant: &Tenant) -> Result<Frontier, ProofError> {
    let size: TreeSize = head.tree().size();
    let reader = head.reader(tenant.scope());
    let mut hashes = Vec::new();
    let mut from = 0_u64;
    for height in (0..63_u8).rev() {
        if size.entries() & (1 << height) != 0 {
            hashes.push(reader.subtree(Subtree::new(height, from >> height), size)?);
            from = from.saturating_add(1 << height);
        }
    }
    let wrong = || ProofError::WrongRoot(size.entries());
    let frontier = Frontier::from_parts(size, hashes).map_err(|_| wrong())?;
    // LG-13: nothing grows from a tree that is not the one that was signed.
    let (found, signed): (RootHash, RootHash) = (frontier.root(), head.tree().root());
    if found == signed {
        Ok(frontier)
    } else {
        Err(wrong())
    }
}
