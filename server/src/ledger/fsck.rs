//! Is the derived state what the entries say? Folds all entries into an empty store and compares bytes.

use std::collections::{BTreeMap, BTreeSet};

use agentsigna_verifier::{
    digest::{Digest, Noun},
    entry::{Entry, EntryError, Event},
    event::Signed,
    log::{
        frontier::Frontier,
        tree::{LeafHash, RootHash},
    },
    signed_request::Evidence,
    state::{Blobs, Completeness, MemoryRows, Row, RowName, StateError, apply, check_signed},
    time::UnixMillis,
};

use super::{
    NonceUse, RowError, Tenant, change::minute_of_use, deadlines::deadline, edge::Edge, secrets,
    tenant::ProofError,
};
use crate::store::{Calendar, Key, ReadError};

/// Nonces remembered before those that are dead are let go.
const NONCES_KEPT: usize = 100_000;

/// What was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FsckReport {
    /// Entries folded.
    pub entries: u64,
    /// Rows compared.
    pub rows: u64,
    /// Complete tiles compared.
    pub tiles: u64,
    /// Blobs compared.
    pub blobs: u64,
    /// Nonces compared.
    pub nonces: u64,
    /// Deadlines compared.
    pub deadlines: u64,
    /// Secret records compared.
    pub secrets: u64,
}

/// The first thing that is not as it must be.
#[derive(Debug, thiserror::Error)]
pub enum FsckError {
    /// The store cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] ProofError),
    /// An entry is not one.
    #[error("entry {index} is not an entry")]
    Entry {
        /// Its index.
        index: u64,
        /// What is wrong.
        #[source]
        source: EntryError,
    },
    /// An entry does not follow from those before.
    #[error("entry {index}: {what}")]
    Follows {
        /// Its index.
        index: u64,
        /// What is wrong.
        what: String,
    },
    /// Entries were written meanwhile, so nothing can be said.
    #[error("the log grew from {from} to {to} entries meanwhile: run it on a stopped server")]
    Grew {
        /// Entries at the start.
        from: u64,
        /// Entries now.
        to: u64,
    },
    /// A row, tile, blob, nonce, deadline or secret record is missing, surplus, or has other bytes.
    #[error("{what} is {fault}")]
    Differs {
        /// What.
        what: String,
        /// `missing`, `surplus` or `not what the entries say`.
        fault: &'static str,
    },
}

/// Rebuilds everything that is derived from the entries of `tenant` and compares it with what is on disk
/// (LG-18). Calls `progress` with entries done and entries in all. Judges signatures and order of the events, but
/// neither verdicts nor seals: that is the audit of an export.
///
/// # Errors
/// [`FsckError`]: the first difference.
pub fn fsck(tenant: &Tenant, progress: impl FnMut(u64, u64)) -> Result<FsckReport, FsckError> {
    let before = tenant.head().tree().size().entries();
    let report = compare(tenant, progress);
    let after = tenant.head().tree().size().entries();
    if before == after {
        return report;
    }
    Err(FsckError::Grew {
        from: before,
        to: after,
    })
}

fn compare(tenant: &Tenant, mut progress: impl FnMut(u64, u64)) -> Result<FsckReport, FsckError> {
    let head = tenant.head();
    let total = head.tree().size().entries();
    let mut fold = Fold::new();
    for index in 0..total {
        fold.entry(tenant, index)?;
        if index % 4096 == 0 {
            progress(index, total);
        }
    }
    progress(total, total);
    let root: RootHash = fold.frontier.root();
    if root != head.tree().root() {
        return differs("the root of the signed head", "not what the entries say");
    }
    no_more_tiles(tenant, total)?;
    Ok(FsckReport {
        entries: total,
        rows: compare_rows(tenant, &fold.rows)?,
        tiles: fold.tiles,
        blobs: fold.blobs,
        nonces: compare_nonces(tenant, &fold)?,
        deadlines: compare_deadlines(tenant, &fold.rows)?,
        secrets: compare_secrets(tenant, &fold.rows)?,
    })
}

/// A tile beyond the tree would keep the log from ever completing it: tiles are written once.
fn no_more_tiles(tenant: &Tenant, entries: u64) -> Result<(), FsckError> {
    let mut index = entries;
    for level in 0_u8..8 {
        index /= 256;
        if tenant.scope().tile(level, index)?.is_some() {
            return differs(format!("tile {level}/{index}"), "surplus");
        }
    }
    Ok(())
}

struct Fold {
    rows: MemoryRows,
    frontier: Frontier,
    edge: Edge,
    previous: LeafHash,
    tiles: u64,
    blobs: u64,
    nonces: Vec<NonceUse>,
    nonces_max: usize,
    sequenced_at: UnixMillis,
}

/// The tenant's blobs, as the judge of signatures wants them.
struct StoredBlobs<'a>(&'a Tenant);

impl Blobs for StoredBlobs<'_> {
    fn blob(&mut self, digest: &Digest) -> Option<Vec<u8>> {
        self.0.blob(digest).ok().flatten()
    }
}

impl Fold {
    fn new() -> Self {
        Self {
            rows: MemoryRows::default(),
            frontier: Frontier::empty(),
            edge: Edge::default(),
            previous: LeafHash::from_bytes([0; 32]),
            tiles: 0,
            blobs: 0,
            nonces: Vec::new(),
            nonces_max: NONCES_KEPT,
            sequenced_at: UnixMillis::new(0).unwrap_or(UnixMillis::MAX),
        }
    }

    fn entry(&mut self, tenant: &Tenant, index: u64) -> Result<(), FsckError> {
        let bytes = tenant.entry_bytes(index)?;
        let fault = |source| FsckError::Entry { index, source };
        let entry = Entry::decode(&bytes).map_err(fault)?;
        let event = Event::decode(&entry.event).map_err(fault)?;
        let follows = |what: String| FsckError::Follows { index, what };
        if entry.index != index
            || entry.origin != tenant.origin()
            || entry.previous != self.previous
        {
            return Err(follows(
                "index, origin or previous hash do not link to the entry before".into(),
            ));
        }
        if entry.sequenced_at < self.sequenced_at {
            return Err(follows(
                "its time is before that of the entry before".into(),
            ));
        }
        self.sequenced_at = entry.sequenced_at;
        check_signed(&mut self.rows, &mut StoredBlobs(tenant), &event)
            .map_err(|error| follows(error.to_string()))?;
        apply(
            &mut self.rows,
            &event,
            Event::digest_of(&entry.event),
            index,
            Completeness::Whole,
        )
        .map_err(|error| {
            follows(match error {
                StateError::Rows(never) => match never {},
                StateError::Broken { what, .. } => what,
            })
        })?;
        self.nonce(&event);
        if let Some(digest) = event.body.blob() {
            let blob = tenant.blob(&digest)?;
            if blob.is_none_or(|blob| Digest::of(Noun::Blob, &blob) != digest) {
                return differs(
                    format!("blob {digest}"),
                    "missing or not what its digest says",
                );
            }
            self.blobs = self.blobs.saturating_add(1);
        }
        self.previous = LeafHash::of(&bytes);
        self.frontier
            .append(self.previous)
            .map_err(|error| follows(error.to_string()))?;
        for tile in self.edge.append(self.previous) {
            if tenant.scope().tile(tile.level, tile.index)?.as_deref() != Some(&*tile.bytes) {
                return differs(
                    format!("tile {}/{}", tile.level, tile.index),
                    "missing or not what the entries say",
                );
            }
            self.tiles = self.tiles.saturating_add(1);
        }
        Ok(())
    }

    /// The nonce of a signed request inside `event`.
    fn nonce(&mut self, event: &Event) {
        let (
            Some(Signed::Http {
                base,
                signature,
                body,
            }),
            Some(profile),
        ) = (event.body.signed(), event.body.profile())
        else {
            return;
        };
        let evidence = Evidence {
            base: base.clone(),
            signature: *signature,
            body: body.clone().unwrap_or_default(),
        };
        let Some(statement) = evidence.read(profile) else {
            return;
        };
        if let Some(nonce) = statement.nonce() {
            self.nonces.push(NonceUse::new(
                statement.keyid(),
                nonce,
                statement.expires_s(),
            ));
        }
        // Only those of the last minutes can still be there.
        if self.nonces.len() > self.nonces_max {
            let alive = self.sequenced_at.seconds() / 60;
            self.nonces.retain(|nonce| nonce.bucket() >= alive);
            self.nonces_max = NONCES_KEPT.max(self.nonces.len().saturating_mul(2));
        }
    }
}

fn compare_rows(tenant: &Tenant, expected: &MemoryRows) -> Result<u64, FsckError> {
    let scope = tenant.scope();
    let mut names: BTreeMap<Key, (&RowName, Vec<u8>)> = BTreeMap::new();
    for (name, row) in expected.iter() {
        names.insert(
            scope.row_key(name.kind(), &name.encode()),
            (name, row.encode()),
        );
    }
    let mut seen = BTreeSet::new();
    for kind in 0..=u8::MAX {
        for found in scope.rows(kind)? {
            let (key, bytes) = found?;
            match names.get(&key) {
                None => return differs(format!("a row of kind {kind}"), "surplus"),
                Some((name, row)) if *row != bytes => {
                    return differs(name.describe(), "not what the entries say");
                }
                Some(_) => seen.insert(key),
            };
        }
    }
    match names.iter().find(|(key, _)| !seen.contains(key)) {
        Some((_, (name, _))) => differs(name.describe(), "missing"),
        None => Ok(u64::try_from(names.len()).unwrap_or(u64::MAX)),
    }
}

/// Every nonce of an entry that may still be replayed is on disk. More may be: a retry uses one without an entry.
fn compare_nonces(tenant: &Tenant, fold: &Fold) -> Result<u64, FsckError> {
    let scope = tenant.scope();
    let mut found = BTreeSet::new();
    // What was forgotten lies before the minute that had begun, by the last entry or the newest nonce (LG-7).
    let mut kept_from = fold.sequenced_at.seconds() / 60;
    for nonce in scope.nonces()? {
        let key = nonce?.0;
        if let Key::Nonce { bucket, .. } = key {
            kept_from = kept_from.max(minute_of_use(bucket));
        }
        found.insert(key);
    }
    let mut compared = 0_u64;
    for nonce in &fold.nonces {
        if nonce.bucket() < kept_from {
            continue;
        }
        if !found.contains(&scope.nonce_key(nonce.bucket(), nonce.value())) {
            return differs("a nonce that may still be replayed", "missing");
        }
        compared = compared.saturating_add(1);
    }
    Ok(compared)
}

/// What the rows say falls due, and nothing else.
fn compare_deadlines(tenant: &Tenant, expected: &MemoryRows) -> Result<u64, FsckError> {
    let open = expected.iter().filter_map(|(name, row)| match (name, row) {
        (RowName::Case(case), Row::Case(row)) => deadline(case, row),
        _ => None,
    });
    let open: BTreeSet<Key> = open.collect();
    let mut found = BTreeSet::new();
    for calendar in Calendar::ALL {
        for deadline in tenant.scope().deadlines(calendar, u64::MAX)? {
            found.insert(deadline?.0);
        }
    }
    if found.difference(&open).next().is_some() {
        return differs("a deadline", "surplus");
    }
    if open.difference(&found).next().is_some() {
        return differs("a deadline", "missing");
    }
    Ok(u64::try_from(open.len()).unwrap_or(u64::MAX))
}

/// SO-19: a record for each password that is set, with the digest that the entries name, and no others.
fn compare_secrets(tenant: &Tenant, expected: &MemoryRows) -> Result<u64, FsckError> {
    let named = expected.iter().filter_map(|(name, row)| match (name, row) {
        (RowName::Password(user), Row::Password(row)) => Some((user, row.secret?)),
        _ => None,
    });
    match secrets::compare(tenant.scope(), named) {
        Ok(Ok(compared)) => Ok(compared),
        Ok(Err((what, fault))) => differs(what, fault),
        Err(RowError::Read(error)) => Err(error.into()),
        Err(RowError::Damaged(_)) => differs("a secret record", "not what was written"),
    }
}

fn differs<T>(what: impl Into<String>, fault: &'static str) -> Result<T, FsckError> {
    Err(FsckError::Differs {
        what: what.into(),
        fault,
    })
}
