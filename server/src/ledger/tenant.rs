//! One tenant's log: the handle that everything above holds.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, RwLock, atomic::AtomicUsize},
};

use agentsigna_verifier::{
    digest::Digest,
    entry::{CaseId, Entry, EntryError},
    event::Genesis,
    key::{JwkThumbprint, PublicKey},
    log::{
        checkpoint::SignedCheckpoint,
        inclusion::{InclusionError, InclusionProof},
        note::{KeyKind, KeyName, NoteKey},
        proof::TlogProof,
        prove::{ProveError, prove_inclusion},
        tree::{LeafIndex, TreeHead},
    },
    passkey::CredentialId,
    passport::Unsealed,
    state::{Row, RowName},
};
use ed25519_dalek::{Signer as _, SigningKey};
use tokio::sync::watch;

use super::{
    admission::{Admission, RowError},
    edge::{Edge, EdgeReader, TileError},
};
use crate::store::{Calendar, Key, ReadError, Seeds, TenantScope};

/// Kinds of row that can be listed (`spec/state.md §3`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowKind {
    /// Agents.
    Agents,
    /// Target systems.
    Systems,
    /// Counterparties.
    Counterparties,
    /// Policy bundles.
    Bundles,
    /// People.
    People,
    /// Passkeys.
    Passkeys,
    /// Proposals.
    Proposals,
    /// Delegations.
    Delegations,
}

/// A tenant's log. Cheap to clone; the only way from above to its entries, rows and keys.
#[derive(Clone)]
pub struct Tenant {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    scope: TenantScope,
    genesis: Genesis,
    log_key: NoteKey,
    log_signer: SigningKey,
    seal_signer: SigningKey,
    pub(super) admission: Mutex<Admission>,
    head: RwLock<Arc<Head>>,
    /// Changes admitted and not durable yet.
    queued: Arc<AtomicUsize>,
    /// The size of the newest durable head, for those who wait for it.
    grown: watch::Sender<u64>,
}

/// A head that is durable, and the open tiles of its tree.
pub struct Head {
    signed: SignedCheckpoint,
    edge: Edge,
}

/// Why a proof could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// A tile is missing or of the wrong length.
    #[error(transparent)]
    Prove(#[from] ProveError<TileError>),
    /// The finished proof does not lead to the head: memory or disk is damaged.
    #[error("a proof of our own does not lead to our own head")]
    Wrong(#[from] InclusionError),
    /// The store's error.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The tree on disk is not the one that was signed.
    #[error("entries and tiles of the first {0} entries do not give the root that was signed")]
    WrongRoot(u64),
    /// The entry is not in the log.
    #[error("no entry {0}")]
    NoEntry(u64),
    /// The entry on disk is not one.
    #[error("entry {index} on disk is not what was written: run `agentsigna fsck`")]
    Damaged {
        /// Its index.
        index: u64,
        /// What is wrong.
        #[source]
        source: EntryError,
    },
}

impl Tenant {
    pub(super) fn new(
        scope: TenantScope,
        genesis: Genesis,
        log_key: NoteKey,
        seeds: &Seeds,
        next_index: u64,
        head: Head,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                scope,
                genesis,
                log_key,
                log_signer: SigningKey::from_bytes(&seeds.log),
                seal_signer: SigningKey::from_bytes(&seeds.seal),
                admission: Mutex::new(Admission::new(next_index)),
                queued: Arc::default(),
                grown: watch::Sender::new(next_index),
                head: RwLock::new(Arc::new(head)),
            }),
        }
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.inner
    }

    pub(super) fn queued(&self) -> &Arc<AtomicUsize> {
        &self.inner.queued
    }

    /// The genesis of the log.
    #[must_use]
    pub fn genesis(&self) -> &Genesis {
        &self.inner.genesis
    }

    /// The name of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.inner.genesis.origin
    }

    /// The key of the log's heads.
    #[must_use]
    pub fn log_key(&self) -> &NoteKey {
        &self.inner.log_key
    }

    /// The newest durable head.
    #[must_use]
    pub fn head(&self) -> Arc<Head> {
        Arc::clone(
            &self
                .inner
                .head
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Tells whenever a newer head is durable.
    #[must_use]
    pub fn grown(&self) -> watch::Receiver<u64> {
        self.inner.grown.subscribe()
    }

    /// Seals a Passport: only from claims that a permit stands behind.
    #[must_use]
    pub fn seal(&self, unsealed: Unsealed) -> Vec<u8> {
        let signature = self.inner.seal_signer.sign(&unsealed.to_be_signed());
        unsealed.seal(signature.to_bytes())
    }

    /// The bytes of an entry.
    ///
    /// # Errors
    /// [`ProofError::NoEntry`], [`ProofError::Read`].
    pub fn entry_bytes(&self, index: u64) -> Result<Vec<u8>, ProofError> {
        self.inner
            .scope
            .get(Key::Entry(index))?
            .ok_or(ProofError::NoEntry(index))
    }

    /// An entry.
    ///
    /// # Errors
    /// [`ProofError::NoEntry`], [`ProofError::Read`], [`ProofError::Damaged`].
    pub fn entry(&self, index: u64) -> Result<Entry, ProofError> {
        Entry::decode(&self.entry_bytes(index)?)
            .map_err(|source| ProofError::Damaged { index, source })
    }

    /// The path of entry `index` under `head`.
    ///
    /// # Errors
    /// [`ProofError::Prove`].
    pub fn inclusion(&self, index: u64, head: &Head) -> Result<InclusionProof, ProofError> {
        let reader = head.reader(&self.inner.scope);
        Ok(prove_inclusion(
            LeafIndex::new(index),
            head.tree().size(),
            &reader,
        )?)
    }

    /// The tlog-proof of entry `index` under `head`.
    ///
    /// # Errors
    /// [`ProofError::Prove`].
    pub fn proof(&self, index: u64, head: &Head) -> Result<Vec<u8>, ProofError> {
        let inclusion = self.inclusion(index, head)?;
        Ok(TlogProof::new(inclusion, &head.signed)?
            .encode()
            .into_bytes())
    }

    /// A blob, if the tenant has it.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, ReadError> {
        self.inner.scope.get(Key::Blob(*digest.as_bytes()))
    }

    /// A row as the last durable change left it: for questions that lead to no change.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn durable_row(&self, name: &RowName) -> Result<Option<Row>, RowError> {
        let stored = self
            .inner
            .scope
            .get(self.inner.scope.row_key(name.kind(), &name.encode()))?;
        stored
            .map(|bytes| Row::decode(name.kind(), &bytes).map_err(RowError::Damaged))
            .transpose()
    }

    /// The first cases of `calendar`, at most `max`, that fall due at or before `time_ms`: each with its time, the
    /// earliest first.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn due(
        &self,
        calendar: Calendar,
        time_ms: u64,
        max: usize,
    ) -> Result<Vec<(u64, CaseId)>, ReadError> {
        let found = self.inner.scope.deadlines(calendar, time_ms)?;
        found
            .take(max)
            .map(|item| {
                Ok(match item?.0 {
                    Key::Deadline { time_ms, case, .. } => {
                        Some((time_ms, CaseId::from_bytes(case)))
                    }
                    _ => None,
                })
            })
            .filter_map(Result::transpose)
            .collect()
    }

    pub(super) fn scope(&self) -> &TenantScope {
        &self.inner.scope
    }

    pub(super) fn sign(&self, text: &str) -> [u8; 64] {
        self.inner.log_signer.sign(text.as_bytes()).to_bytes()
    }

    pub(super) fn publish(&self, head: Arc<Head>) {
        let size = head.tree().size().entries();
        *self
            .inner
            .head
            .write()
            .unwrap_or_else(PoisonError::into_inner) = head;
        self.inner.grown.send_replace(size);
    }

    /// Whether both handles lead to one tenant.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Every row of a kind, in no order, as the last durable change left it.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn rows(&self, kind: RowKind) -> Result<Vec<Row>, RowError> {
        let number = kind.number();
        let stored = self.inner.scope.rows(number)?;
        stored
            .map(|row| Row::decode(number, &row?.1).map_err(RowError::Damaged))
            .collect()
    }

    /// The ids of all credentials that were ever confirmed.
    pub(super) fn credentials(&self) -> Result<Vec<CredentialId>, RowError> {
        let mut credentials = Vec::new();
        for row in self.rows(RowKind::Passkeys)? {
            if let Row::Passkey(row) = row {
                credentials.push(row.credential);
            }
        }
        Ok(credentials)
    }

    /// The founder's key and every enrolled one.
    pub(super) fn keys(&self) -> Result<Vec<JwkThumbprint>, RowError> {
        let mut keys = vec![self.inner.genesis.founder.key().jwk_thumbprint()];
        for kind in [RowKind::Agents, RowKind::Systems] {
            for row in self.rows(kind)? {
                let stage = match row {
                    Row::Agent(row) => row.stage,
                    Row::System(row) => row.stage,
                    _ => continue,
                };
                keys.extend(stage.enrolled_key().map(PublicKey::jwk_thumbprint));
            }
        }
        Ok(keys)
    }
}

impl RowKind {
    const fn number(self) -> u8 {
        match self {
            Self::Agents => 2,
            Self::Systems => 3,
            Self::Counterparties => 4,
            Self::Bundles => 6,
            Self::People => 10,
            Self::Passkeys => 11,
            Self::Proposals => 14,
            Self::Delegations => 15,
        }
    }
}

impl Head {
    pub(super) const fn new(signed: SignedCheckpoint, edge: Edge) -> Self {
        Self { signed, edge }
    }

    /// Size and root.
    #[must_use]
    pub const fn tree(&self) -> TreeHead {
        self.signed.head()
    }

    /// The signed checkpoint.
    #[must_use]
    pub const fn signed(&self) -> &SignedCheckpoint {
        &self.signed
    }

    /// The bytes of the signed note.
    #[must_use]
    pub fn note(&self) -> String {
        self.signed.note().encode()
    }

    pub(super) const fn edge(&self) -> &Edge {
        &self.edge
    }

    pub(super) const fn reader<'a>(&'a self, scope: &'a TenantScope) -> EdgeReader<'a> {
        EdgeReader {
            edge: &self.edge,
            scope,
        }
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("tree", &self.tree())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenant")
            .field("origin", &self.origin())
            .finish_non_exhaustive()
    }
}

/// The note key of a log: its name is the origin.
pub(super) fn log_key(origin: &str, genesis: &Genesis) -> Option<NoteKey> {
    Some(NoteKey::new(
        KeyName::parse(origin).ok()?,
        KeyKind::Ed25519,
        genesis.log_key,
    ))
}
