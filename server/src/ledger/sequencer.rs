//! Stage two: from admitted changes to a batch. Hashes only; no signature, no policy, no database write.
//!
//! There is no timer and no least size: while the committer writes one batch, the next grows here, and it goes
//! as soon as the committer is free. Everything that was admitted during one write is in the one after it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::mpsc,
};

use agentsigna_verifier::{
    entry::Entry,
    log::{
        inclusion::InclusionProof,
        prove::prove_inclusion,
        tree::{LeafHash, LeafIndex, TreeHead},
    },
    time::UnixMillis,
};

use super::{
    Inbox, Shared, StopOnPanic, Tenant,
    change::{Admitted, minute_of_use},
    edge::{Edge, EdgeReader, FullTile},
    tenant::ProofError,
    tip::Tip,
    turns::Turns,
};
use crate::store::Key;

/// Changes in one batch.
const CHANGES_MAX: usize = 512;
/// Bytes of entries and blobs in one batch.
const BYTES_MAX: usize = 2 * 1024 * 1024;
/// Entries in one batch; the change that reaches it is the last. Two such batches, each ended by the largest
/// change, complete fewer tiles (48 and one above) than [`super::edge`] keeps.
const ENTRIES_MAX: usize = 2048;
/// Tenants in one batch: each costs a signature.
const TENANTS_MAX: usize = 128;

/// Part of a batch: one tenant's new entries and the head after them.
pub(super) struct Grown {
    pub(super) tenant: Tenant,
    pub(super) head: TreeHead,
    pub(super) edge: Edge,
    pub(super) entries: Vec<(u64, Vec<u8>)>,
    pub(super) tiles: Vec<FullTile>,
    pub(super) changes: Vec<Sequenced>,
    /// Nonces of minutes before this are dead.
    pub(super) nonces_from: Option<u64>,
}

/// A change with its entries and, if asked for, the path of one of them.
pub(super) struct Sequenced {
    pub(super) admitted: Box<Admitted>,
    pub(super) entries: Vec<Entry>,
    pub(super) path: Option<InclusionProof>,
}

/// A batch that still grows.
#[derive(Default)]
struct Open {
    parts: BTreeMap<String, Part>,
    changes: usize,
    bytes: usize,
    entries: usize,
}

/// One tenant's part of it.
struct Part {
    tenant: Tenant,
    entries: Vec<(u64, Vec<u8>)>,
    tiles: Vec<FullTile>,
    changes: Vec<(Box<Admitted>, Vec<Entry>)>,
}

pub(super) fn run(
    shared: &Shared,
    inbox: &mpsc::Receiver<Inbox>,
    built: &mpsc::Sender<Vec<Grown>>,
) {
    let _guard = StopOnPanic(shared);
    if let Err(error) = sequence(shared, inbox, built) {
        shared.stop(&error.to_string());
    }
}

/// Ends when there is nothing left to do after [`Inbox::Close`], or when the committer has ended.
fn sequence(
    shared: &Shared,
    inbox: &mpsc::Receiver<Inbox>,
    built: &mpsc::Sender<Vec<Grown>>,
) -> Result<(), ProofError> {
    let mut turns = Turns::default();
    let mut tips = HashMap::new();
    let mut open = Open::default();
    let mut full: Option<Vec<Grown>> = None;
    let (mut ready, mut closing) = (false, false);
    loop {
        if full.is_none() {
            open.fill(&mut turns, &mut tips, shared.clock.now())?;
            // What cannot grow any more is proven while the write before it goes on.
            if !turns.is_empty() || (ready && !open.parts.is_empty()) {
                full = Some(std::mem::take(&mut open).finish(&tips)?);
            }
        }
        if ready && let Some(batch) = full.take() {
            if built.send(batch).is_err() {
                return Ok(());
            }
            ready = false;
            continue;
        }
        if closing && full.is_none() && open.parts.is_empty() {
            return Ok(());
        }
        let Ok(first) = inbox.recv() else {
            return Ok(());
        };
        for message in std::iter::once(first).chain(inbox.try_iter()) {
            match message {
                Inbox::Change(change) => turns.push(change),
                Inbox::Ready => ready = true,
                Inbox::Close => closing = true,
                Inbox::Ended => return Ok(()),
            }
        }
    }
}

impl Open {
    /// Takes what waits, until the batch is full.
    fn fill(
        &mut self,
        turns: &mut Turns,
        tips: &mut HashMap<String, Tip>,
        now: UnixMillis,
    ) -> Result<(), ProofError> {
        while self.changes < CHANGES_MAX && self.bytes < BYTES_MAX && self.entries < ENTRIES_MAX {
            let takes =
                |origin: &str| self.parts.len() < TENANTS_MAX || self.parts.contains_key(origin);
            let Some(change) = turns.next(takes) else {
                break;
            };
            self.append(tips, change, now)?;
        }
        Ok(())
    }

    /// Appends the events of a change to its tenant's log.
    fn append(
        &mut self,
        tips: &mut HashMap<String, Tip>,
        admitted: Box<Admitted>,
        now: UnixMillis,
    ) -> Result<(), ProofError> {
        let tenant = admitted.tenant.clone();
        let origin = tenant.origin();
        if !tips.contains_key(origin) {
            tips.insert(origin.to_owned(), Tip::of(&tenant)?);
        }
        let tip = tips.get_mut(origin).ok_or(ProofError::NoEntry(0))?;
        // LG-11: an index is given out once, and in order.
        let next = tip.frontier.size().entries();
        if admitted.first_index != next {
            return Err(ProofError::NoEntry(next));
        }
        tip.sequenced_at = tip.sequenced_at.max(now);
        self.changes = self.changes.saturating_add(1);
        self.bytes = self.bytes.saturating_add(admitted.change.weight());
        self.entries = self.entries.saturating_add(admitted.change.events.len());
        if !self.parts.contains_key(origin) {
            self.parts
                .insert(origin.to_owned(), Part::new(tenant.clone()));
        }
        let part = self.parts.get_mut(origin).ok_or(ProofError::NoEntry(0))?;
        part.append(tip, admitted)
    }

    /// Gives each part its head, and proves what is to be proven under it.
    fn finish(self, tips: &HashMap<String, Tip>) -> Result<Vec<Grown>, ProofError> {
        self.parts
            .into_iter()
            .map(|(origin, part)| {
                let tip = tips.get(&origin).ok_or(ProofError::NoEntry(0))?;
                part.finish(tip)
            })
            .collect()
    }
}

impl Part {
    const fn new(tenant: Tenant) -> Self {
        Self {
            tenant,
            entries: Vec::new(),
            tiles: Vec::new(),
            changes: Vec::new(),
        }
    }

    fn append(&mut self, tip: &mut Tip, admitted: Box<Admitted>) -> Result<(), ProofError> {
        let mut own = Vec::with_capacity(admitted.change.events.len());
        for (index, event) in (admitted.first_index..).zip(&admitted.change.events) {
            let entry = Entry {
                origin: self.tenant.origin().to_owned(),
                index,
                sequenced_at: tip.sequenced_at,
                previous: tip.previous,
                event: event.bytes().to_vec(),
            };
            let bytes = entry.encode();
            let leaf = LeafHash::of(&bytes);
            self.tiles.extend(tip.edge.append(leaf));
            // Hashed a second time, from the bytes as they go to disk: a bit that flips between the two never
            // gets signed.
            tip.frontier
                .append(LeafHash::of(&bytes))
                .map_err(|_| ProofError::NoEntry(index))?;
            tip.previous = leaf;
            self.entries.push((index, bytes));
            own.push(entry);
        }
        self.changes.push((admitted, own));
        Ok(())
    }

    fn finish(self, tip: &Tip) -> Result<Grown, ProofError> {
        let head = tip.frontier.head();
        let nonces_from = self.nonces_from(tip);
        let scope = self.tenant.scope().clone();
        let reader = EdgeReader {
            edge: &tip.edge,
            scope: &scope,
        };
        let changes = self
            .changes
            .into_iter()
            .map(|(admitted, own)| prove(admitted, own, &head, &reader))
            .collect::<Result<Vec<_>, _>>()?;
        check_last(&self.entries, &head, &reader)?;
        Ok(Grown {
            tenant: self.tenant,
            head,
            edge: tip.edge.clone(),
            entries: self.entries,
            tiles: self.tiles,
            changes,
            nonces_from,
        })
    }

    /// LG-7: the minute that has surely begun, by what this batch makes durable. Never by the clock alone: after
    /// a restart the clock may be behind it, and what was forgotten would be good again.
    fn nonces_from(&self, tip: &Tip) -> Option<u64> {
        let by_entries = (!self.entries.is_empty()).then(|| tip.sequenced_at.seconds() / 60);
        let by_nonces = self.changes.iter().filter_map(|(admitted, _)| {
            let Some(Key::Nonce { bucket, .. }) = admitted.nonce else {
                return None;
            };
            Some(minute_of_use(bucket))
        });
        by_nonces.chain(by_entries).max()
    }
}

fn prove(
    admitted: Box<Admitted>,
    entries: Vec<Entry>,
    head: &TreeHead,
    reader: &EdgeReader<'_>,
) -> Result<Sequenced, ProofError> {
    let path = match admitted.change.prove.and_then(|at| entries.get(at)) {
        None => None,
        Some(entry) => {
            let path = prove_inclusion(LeafIndex::new(entry.index), head.size(), reader)?;
            // LG-14: our own proof, judged by the verifier before anybody else sees it.
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

/// LG-14: one proof per batch even where nobody asked; edge and frontier must agree before a head is signed.
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
