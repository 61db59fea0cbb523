//! Stage two: from admitted changes to a batch. Hashes only; no signature, no policy, no database write.
//!
//! While the committer syncs one batch, the next is built here. There is no timer: a batch is whatever waited
//! while the one before it was written.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{atomic::Ordering, mpsc},
};

use agentsigna_verifier::{
    entry::Entry,
    log::frontier::Frontier,
    log::{
        inclusion::InclusionProof,
        prove::prove_inclusion,
        tree::{LeafHash, LeafIndex, RootHash, TreeHead, TreeSize},
    },
    time::UnixMillis,
};

use super::{
    Shared, Tenant,
    change::Admitted,
    edge::{Edge, EdgeReader, FullTile},
    tenant::ProofError,
};

/// Changes in one batch.
const CHANGES_MAX: usize = 512;
/// Bytes of entries and blobs in one batch.
const BYTES_MAX: usize = 2 * 1024 * 1024;
/// Tenants in one batch: each costs a signature.
const TENANTS_MAX: usize = 128;
/// Bytes of one tenant before the next one has its turn (deficit round robin).
const QUANTUM_BYTES: usize = 64 * 1024;

/// Part of a batch: one tenant's new entries and the head after them.
pub(super) struct Grown {
    pub(super) tenant: Tenant,
    pub(super) head: TreeHead,
    pub(super) edge: Edge,
    pub(super) entries: Vec<(u64, Vec<u8>)>,
    pub(super) tiles: Vec<FullTile>,
    pub(super) changes: Vec<Sequenced>,
}

/// A change with its entries and, if asked for, the path of one of them.
pub(super) struct Sequenced {
    pub(super) admitted: Admitted,
    pub(super) entries: Vec<Entry>,
    pub(super) path: Option<InclusionProof>,
}

/// Where a tenant's log stands, of what was sequenced (not yet of what is durable).
struct Tip {
    edge: Edge,
    frontier: Frontier,
    previous: LeafHash,
    sequenced_at: UnixMillis,
}

/// Changes that wait, by tenant, each tenant in its own order.
#[derive(Default)]
struct Waiting {
    queues: BTreeMap<String, VecDeque<Admitted>>,
    /// Whose turn comes first in the next batch.
    next: String,
}

pub(super) fn run(
    shared: &Shared,
    admitted: &mpsc::Receiver<Admitted>,
    built: &mpsc::SyncSender<Vec<Grown>>,
) {
    let mut waiting = Waiting::default();
    let mut tips = HashMap::new();
    loop {
        if waiting.is_empty() {
            match admitted.recv() {
                Ok(change) => waiting.push(change),
                Err(_) => return,
            }
        }
        admitted.try_iter().for_each(|change| waiting.push(change));
        let batch = waiting.take();
        let changes: usize = batch.iter().map(|(_, changes)| changes.len()).sum();
        shared.queued.fetch_sub(changes, Ordering::Relaxed);
        let grown = batch
            .into_iter()
            .map(|(tenant, changes)| grow(&mut tips, tenant, changes, shared.clock.now()))
            .collect::<Result<Vec<_>, _>>();
        match grown {
            Ok(grown) => {
                if built.send(grown).is_err() {
                    return;
                }
            }
            Err(error) => {
                shared.stop(&error.to_string());
                return;
            }
        }
    }
}

impl Waiting {
    fn push(&mut self, change: Admitted) {
        self.queues
            .entry(change.tenant.origin().to_owned())
            .or_default()
            .push_back(change);
    }

    fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// Takes a batch: each tenant gets a quantum of bytes in turn, until the batch is full. The turn goes on
    /// where the batch before ended, so a busy tenant cannot keep the others out.
    fn take(&mut self) -> Vec<(Tenant, Vec<Admitted>)> {
        let mut taken: BTreeMap<String, (Tenant, Vec<Admitted>)> = BTreeMap::new();
        let (mut changes, mut bytes) = (0_usize, 0_usize);
        while !self.queues.is_empty() && changes < CHANGES_MAX && bytes < BYTES_MAX {
            let turn = self
                .queues
                .range(self.next.clone()..)
                .next()
                .or_else(|| self.queues.iter().next());
            let Some(origin) = turn.map(|(origin, _)| origin.clone()) else {
                break;
            };
            if !taken.contains_key(&origin) && taken.len() >= TENANTS_MAX {
                break;
            }
            let mut quantum = QUANTUM_BYTES;
            if let Some(queue) = self.queues.get_mut(&origin) {
                while quantum > 0 && changes < CHANGES_MAX && bytes < BYTES_MAX {
                    let Some(change) = queue.pop_front() else {
                        break;
                    };
                    let weight = change.change.weight().max(1);
                    quantum = quantum.saturating_sub(weight);
                    bytes = bytes.saturating_add(weight);
                    changes = changes.saturating_add(1);
                    taken
                        .entry(origin.clone())
                        .or_insert_with(|| (change.tenant.clone(), Vec::new()))
                        .1
                        .push(change);
                }
                if queue.is_empty() {
                    self.queues.remove(&origin);
                }
            }
            self.next = origin;
            // The smallest origin after this one.
            self.next.push('\0');
        }
        taken.into_values().collect()
    }
}

/// Appends the events of `changes` to the tenant's log, and proves what is to be proven under the new head.
fn grow(
    tips: &mut HashMap<String, Tip>,
    tenant: Tenant,
    changes: Vec<Admitted>,
    now: UnixMillis,
) -> Result<Grown, ProofError> {
    if !tips.contains_key(tenant.origin()) {
        tips.insert(tenant.origin().to_owned(), Tip::of(&tenant)?);
    }
    let Some(tip) = tips.get_mut(tenant.origin()) else {
        return Err(ProofError::NoEntry(0));
    };
    tip.sequenced_at = tip.sequenced_at.max(now);
    let (mut entries, mut tiles, mut sequenced) = (Vec::new(), Vec::new(), Vec::new());
    for admitted in changes {
        let mut own = Vec::with_capacity(admitted.change.events.len());
        for (index, event) in (admitted.first_index..).zip(&admitted.change.events) {
            let entry = Entry {
                origin: tenant.origin().to_owned(),
                index,
                sequenced_at: tip.sequenced_at,
                previous: tip.previous,
                event: event.bytes().to_vec(),
            };
            let bytes = entry.encode();
            let leaf = LeafHash::of(&bytes);
            tiles.extend(tip.edge.append(leaf));
            // Hashed a second time, from the bytes as they go to disk: a bit that flips between the two never
            // gets signed (the root below is the frontier's, the proofs are made from the edge).
            tip.frontier
                .append(LeafHash::of(&bytes))
                .map_err(|_| ProofError::NoEntry(index))?;
            tip.previous = leaf;
            entries.push((index, bytes));
            own.push(entry);
        }
        sequenced.push((admitted, own));
    }
    let head = tip.frontier.head();
    let scope = tenant.scope().clone();
    let reader = EdgeReader {
        edge: &tip.edge,
        scope: &scope,
    };
    let changes = sequenced
        .into_iter()
        .map(|(admitted, own)| prove(admitted, own, &head, &reader))
        .collect::<Result<Vec<_>, _>>()?;
    check_last(&entries, &head, &reader)?;
    Ok(Grown {
        tenant,
        head,
        edge: tip.edge.clone(),
        entries,
        tiles,
        changes,
    })
}

fn prove(
    admitted: Admitted,
    entries: Vec<Entry>,
    head: &TreeHead,
    reader: &EdgeReader<'_>,
) -> Result<Sequenced, ProofError> {
    let path = match admitted.change.prove.and_then(|at| entries.get(at)) {
        None => None,
        Some(entry) => {
            let path = prove_inclusion(LeafIndex::new(entry.index), head.size(), reader)?;
            // Our own proof, judged by the verifier before anybody else sees it.
            path.check(LeafHash::of(&entry.encode()), head)?;
            Some(path)
        }
    };
    Ok(Sequenced {
        admitted,
        entries,
        path,
    })
}

/// One proof per batch even where nobody asked: edge and frontier must agree before a head is signed.
fn check_last(
    entries: &[(u64, Vec<u8>)],
    head: &TreeHead,
    reader: &EdgeReader<'_>,
) -> Result<(), ProofError> {
    let Some((index, bytes)) = entries.last() else {
        return Ok(());
    };
    let path = prove_inclusion(LeafIndex::new(*index), head.size(), reader)?;
    path.check(LeafHash::of(bytes), head)?;
    Ok(())
}

impl Tip {
    /// Where the durable log of a tenant ends.
    fn of(tenant: &Tenant) -> Result<Self, ProofError> {
        let head = tenant.head();
        let size = head.tree().size();
        let Some(last) = size.entries().checked_sub(1) else {
            return Ok(Self {
                edge: Edge::default(),
                frontier: Frontier::empty(),
                previous: LeafHash::from_bytes([0; 32]),
                sequenced_at: UnixMillis::new(0).unwrap_or(UnixMillis::MAX),
            });
        };
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
fn frontier(head: &super::Head, tenant: &Tenant) -> Result<Frontier, ProofError> {
    use agentsigna_verifier::log::prove::{HashReader as _, Subtree};
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
    let frontier =
        Frontier::from_parts(size, hashes).map_err(|_| ProofError::NoEntry(size.entries()))?;
    // Nothing grows from a tree that is not the one that was signed.
    let (found, signed): (RootHash, RootHash) = (frontier.root(), head.tree().root());
    if found == signed {
        Ok(frontier)
    } else {
        Err(ProofError::NoEntry(size.entries()))
    }
}
