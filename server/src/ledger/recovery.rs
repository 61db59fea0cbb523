//! From disk to a running log, and from nothing to a first entry.

use std::io;

use agentsigna_verifier::{
    entry::{Entry, EntryError, Event},
    event::{Body, Genesis},
    key::{JwkThumbprint, PublicKey},
    log::{
        checkpoint::{self, Checkpoint, OpenError, SignedCheckpoint},
        note::Note,
        prove::read_head,
        tree::LeafHash,
    },
    state::{Completeness, MemoryRows, apply},
    time::UnixMillis,
    trust::Trust,
};
use ed25519_dalek::SigningKey;

use super::{
    CreateTenantError, Founding, Head, LedgerClock, Tenant,
    admission::RowError,
    change::minute_of_use,
    edge::{Edge, EdgeReader, TileError},
    tenant::log_key,
};
use crate::store::{
    Batch, GlobalKey, Key, NewTenant, ReadError, Seeds, Store, Tenant as StoredTenant, TenantScope,
    WriteError, Writing,
};

/// Why a log on disk is not the one that was signed. The server does not start then.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The store cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A tile cannot be read.
    #[error(transparent)]
    Tile(#[from] TileError),
    /// A row cannot be read.
    #[error(transparent)]
    Row(#[from] RowError),
    /// An entry on disk is not one.
    #[error("entry {index} on disk is not an entry")]
    Entry {
        /// Its index.
        index: u64,
        /// What is wrong.
        #[source]
        source: EntryError,
    },
    /// The signed head on disk is not one.
    #[error("the head on disk is not signed by the key of its log")]
    Head(#[from] OpenError),
    /// Something that must be there is not.
    #[error(
        "tenant `{tenant}`: {what}: restore the data folder, or run `agentsigna fsck` to see what is left"
    )]
    Damaged {
        /// The tenant's name.
        tenant: String,
        /// What is wrong.
        what: String,
    },
    /// The database is behind what was signed before: an older copy was put in its place.
    #[error(
        "log `{origin}` has {found} entries on disk, but a head of {anchored} was signed before (anchor file): an older copy of the data folder was put in place; restore the newest one"
    )]
    RolledBack {
        /// The log.
        origin: String,
        /// Entries on disk.
        found: u64,
        /// Entries in the newest head of the anchor file.
        anchored: u64,
    },
    /// An anchor file cannot be used.
    #[error("anchor file: {0}")]
    Anchor(String),
    /// A thread cannot be started.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    /// The genesis cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// LG-3: reads one tenant's log: genesis, head, open tiles. All three must fit together.
pub(super) fn tenant<W: Writing>(
    store: &Store<W>,
    stored: &StoredTenant,
    clock: &LedgerClock,
) -> Result<Tenant, RecoveryError> {
    let damaged = |what: String| RecoveryError::Damaged {
        tenant: stored.name().to_owned(),
        what,
    };
    let scope = stored.scope();
    let seeds = store
        .seeds(scope)
        .ok_or_else(|| damaged("its keys are not in the keyring".into()))?;
    let (_, genesis) = genesis(scope)?;
    if genesis.origin.as_bytes() != stored.origin() {
        return Err(damaged(
            "its directory row names another log than its genesis".into(),
        ));
    }
    // LG-15: with other keys the next head would be nobody's, and the next Passport worth nothing.
    let ours = |seed: &[u8; 32], key: &PublicKey| {
        SigningKey::from_bytes(seed).verifying_key().as_bytes() == key.as_bytes()
    };
    if !ours(&seeds.log, &genesis.log_key) || !ours(&seeds.seal, &genesis.seal_key) {
        return Err(damaged(
            "its keys in the keyring are not those of its genesis".into(),
        ));
    }
    let key = log_key(&genesis.origin, &genesis)
        .ok_or_else(|| damaged("its origin is no key name".into()))?;
    let note = scope
        .get(Key::Head)?
        .ok_or_else(|| damaged("its head is missing".into()))?;
    let signed = checkpoint::open(&note, &key)?;
    let size = signed.head().size();
    if size.entries() != scope.entry_count() {
        return Err(damaged(format!(
            "{} entries on disk, the signed head has {size}",
            scope.entry_count()
        )));
    }
    // The right edge again from the bytes on disk: a head that they do not give is never extended.
    let edge = Edge::load(size, scope)?;
    let reader = EdgeReader { edge: &edge, scope };
    let found = read_head(size, &reader).map_err(|error| damaged(error.to_string()))?;
    if found != signed.head() {
        return Err(damaged(
            "entries and tiles on disk give another root than the one signed".into(),
        ));
    }
    let last = size.entries().saturating_sub(1);
    let bytes = scope
        .get(Key::Entry(last))?
        .ok_or_else(|| damaged("its last entry is missing".into()))?;
    let entry = Entry::decode(&bytes).map_err(|source| RecoveryError::Entry {
        index: last,
        source,
    })?;
    clock.at_least(entry.sequenced_at);

    let head = Head::new(signed, edge);
    let tenant = Tenant::new(scope.clone(), genesis, key, &seeds, size.entries(), head);
    load_nonces(&tenant, clock)?;
    Ok(tenant)
}

fn genesis(scope: &TenantScope) -> Result<(LeafHash, Genesis), RecoveryError> {
    let fault = |source| RecoveryError::Entry { index: 0, source };
    let gone = || RecoveryError::Damaged {
        tenant: scope.family().to_string(),
        what: "its genesis entry is missing".into(),
    };
    let bytes = scope.get(Key::Entry(0))?.ok_or_else(gone)?;
    let entry = Entry::decode(&bytes).map_err(fault)?;
    let event = Event::decode(&entry.event).map_err(fault)?;
    match event.body {
        Body::LogCreated(genesis) => Ok((LeafHash::of(&bytes), genesis)),
        _ => Err(gone()),
    }
}

/// Nonces that were used before the restart and are not dead yet (LG-7). The clock goes on from the time they
/// show: a machine whose clock was set back over the restart does not bring dead signatures back to life.
fn load_nonces(tenant: &Tenant, clock: &LedgerClock) -> Result<(), RecoveryError> {
    for nonce in tenant.scope().nonces()? {
        let (key, _) = nonce?;
        if let Key::Nonce { bucket, .. } = key {
            let millis = minute_of_use(bucket).saturating_mul(60_000);
            clock.at_least(UnixMillis::new(millis).unwrap_or(UnixMillis::MAX));
        }
        tenant.admission().nonces.insert(key, ());
    }
    Ok(())
}

/// LG-5: the store's index of keys names the tenant whose rows enrolled the key.
pub(super) fn check_owner<W: Writing>(
    store: &Store<W>,
    stored: &StoredTenant,
    key: JwkThumbprint,
) -> Result<(), RecoveryError> {
    let owner = store.owner(GlobalKey::KeyOwner(*key.as_bytes()))?;
    if owner.is_some_and(|owner| owner.scope().family() == stored.scope().family()) {
        return Ok(());
    }
    Err(RecoveryError::Damaged {
        tenant: stored.name().to_owned(),
        what: format!(
            "key {} is not its own in the index of keys",
            key.to_base64url()
        ),
    })
}

/// Founds a tenant: genesis entry, rows, head and directory row in one write.
pub(super) fn found<W: Writing>(
    store: &Store<W>,
    new: &NewTenant,
    founding: &Founding,
    clock: &LedgerClock,
) -> Result<Tenant, CreateTenantError> {
    let scope = new.scope();
    let seeds = store.seeds(scope).ok_or(CreateTenantError::Stopped)?;
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(CreateTenantError::Random)?;
    let genesis = Genesis {
        origin: founding.origin.clone(),
        platform: founding.platform.clone(),
        log_key: public(&seeds.log)?,
        seal_key: public(&seeds.seal)?,
        founder: founding.founder.clone(),
        currency: founding.currency,
        exponent: founding.exponent,
        // PE-1: settled here, once.
        sites: founding.sites.clone(),
    };
    let (entry, rows) = first_entry(&genesis, salt, clock.now())?;
    let bytes = entry.encode();
    // A log that no trust file can name would be of no use to anybody.
    Trust::from_genesis(&genesis, LeafHash::of(&bytes)).map_err(|source| {
        CreateTenantError::Genesis {
            platform: founding.platform.clone(),
            source,
        }
    })?;
    let mut edge = Edge::default();
    edge.append(LeafHash::of(&bytes));
    let head = first_head(&genesis, &bytes, &seeds, edge).ok_or(CreateTenantError::Stopped)?;

    let mut batch = Batch::new();
    batch.put_directory(new, genesis.origin.as_bytes());
    batch.put(scope, Key::Entry(0), &bytes);
    batch.put(scope, Key::Head, head.note().as_bytes());
    for (name, row) in rows.iter() {
        batch.put(
            scope,
            scope.row_key(name.kind(), &name.encode()),
            &row.encode(),
        );
    }
    let founder = genesis.founder.key().jwk_thumbprint();
    batch.global_put(GlobalKey::KeyOwner(*founder.as_bytes()), scope);
    store.write(batch)?;
    let key = head.signed().log_key().clone();
    Ok(Tenant::new(scope.clone(), genesis, key, &seeds, 1, head))
}

fn first_entry(
    genesis: &Genesis,
    salt: [u8; 16],
    now: UnixMillis,
) -> Result<(Entry, MemoryRows), CreateTenantError> {
    let event = Event {
        place: None,
        decided_at: now,
        salt,
        body: Body::LogCreated(genesis.clone()),
    };
    let bytes = event.encode();
    let mut rows = MemoryRows::default();
    apply(
        &mut rows,
        &event,
        Event::digest_of(&bytes),
        0,
        Completeness::Whole,
    )
    .map_err(|error| CreateTenantError::Founder(error.to_string()))?;
    let entry = Entry {
        origin: genesis.origin.clone(),
        index: 0,
        sequenced_at: now,
        previous: LeafHash::from_bytes([0; 32]),
        event: bytes,
    };
    Ok((entry, rows))
}

fn first_head(genesis: &Genesis, entry: &[u8], seeds: &Seeds, edge: Edge) -> Option<Head> {
    use agentsigna_verifier::log::frontier::Frontier;
    use ed25519_dalek::Signer as _;
    let mut frontier = Frontier::empty();
    frontier.append(LeafHash::of(entry)).ok()?;
    let key = log_key(&genesis.origin, genesis)?;
    let text = Checkpoint::new(key.name().clone(), frontier.head())
        .ok()?
        .text();
    let signature = SigningKey::from_bytes(&seeds.log)
        .sign(text.as_bytes())
        .to_bytes();
    let note = Note::new(&text, &[key.line(&signature)]).ok()?;
    Some(Head::new(SignedCheckpoint::check(note, &key).ok()?, edge))
}

fn public(seed: &[u8; 32]) -> Result<PublicKey, CreateTenantError> {
    let key = SigningKey::from_bytes(seed).verifying_key();
    PublicKey::from_bytes(key.as_bytes()).map_err(|_| CreateTenantError::Stopped)
}
