//! The ledger floor: the only writer. It orders changes, extends the trees, signs the heads, checks its own
//! proofs, and commits all of it in one write.
//!
//! Three stages, so that one batch is built while the one before it syncs (decision 67):
//!
//! 1. *Admission*, on the caller's thread under the tenant's lock: what was read is still current, the events
//!    may follow ([`agentsigna_verifier::state::apply`]), and they get their positions. This is the order.
//! 2. *Sequencer*, one thread: entries, leaf hashes, tiles, proofs.
//! 3. *Committer*, one thread: heads, one write, one fsync; then, and only then, the answers.
//!
//! INVARIANT (no undo): what is admitted is committed or the process stops. Any failure after admission stops
//! the ledger for good; recovery is opening it again. So nothing built on admitted rows has to be taken back.
//!
//! Knows the log keys and the seal keys; knows nothing of HTTP, and no rule about who may do what.

mod admission;
mod anchors;
mod change;
mod clock;
mod committer;
mod credentials;
mod deadlines;
mod edge;
mod export;
mod fsck;
mod preview;
mod recovery;
mod secrets;
mod sequencer;
mod tenant;
mod tip;
mod turns;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

pub use admission::{AdmitError, CHANGE_EVENTS_MAX, Reading, RowError};
pub use anchors::Anchors;
use anchors::Noter;
pub use change::{Change, Committed, NewEvent, NonceUse};
pub use clock::{Clock, ClockFault, LedgerClock, SystemClock};
use credentials::Credentials;
pub use export::{ExportError, Exported, Files, export};
pub use fsck::{FsckError, FsckReport, fsck};
pub use preview::{Preview, Standing};
pub use recovery::RecoveryError;
pub use secrets::{Secret, SecretChange};
pub use tenant::{Head, ProofError, RowKind, Tenant};

use agentsigna_verifier::{
    action::{Currency, Exponent},
    event::{Founder, Sites},
    key::JwkThumbprint,
    passkey::CredentialId,
    trust::TrustError,
};

pub use crate::store::Calendar;
use crate::store::{CreateError, GlobalKey, ReadError, Store, TenantKeys, WriteError, Writing};

/// Changes that may be admitted and not durable yet, over all tenants. More are refused.
pub const QUEUE_MAX: usize = 4096;
/// The same of one tenant, so that one cannot take all the room.
pub const TENANT_QUEUE_MAX: usize = 1024;

/// The ledger of all tenants. Cheap to clone.
#[derive(Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
}

/// What the handles and the threads of one ledger have in common.
pub(crate) struct Shared {
    tenants: RwLock<HashMap<String, Tenant>>,
    /// Whose an enrolled key is, over all tenants: a key has one holder. `None` while its tenant is founded.
    ///
    /// Locks are taken in this order, and no other: a tenant's admission, owners, queue.
    owners: Mutex<HashMap<JwkThumbprint, Option<Tenant>>>,
    credentials: Credentials,
    /// The way to the sequencer; `None` once the ledger is closed.
    queue: Mutex<Option<mpsc::Sender<Inbox>>>,
    queued: Arc<AtomicUsize>,
    stopped: AtomicBool,
    clock: LedgerClock,
    threads: Mutex<Vec<thread::JoinHandle<()>>>,
    creator: Mutex<Box<dyn Creator>>,
    /// Whether the disk has room for more.
    has_room: Box<dyn Fn() -> bool + Send + Sync>,
    /// Whether a key is in the store's index: also one that was replaced before the restart, which `owners` no longer
    /// lists.
    was_owned: Box<dyn Fn(JwkThumbprint) -> Result<bool, ReadError> + Send + Sync>,
    anchors: Noter,
}

/// What the sequencer is told.
enum Inbox {
    /// A change, in the order of its tenant's log.
    Change(Box<change::Admitted>),
    /// The committer takes the next batch.
    Ready,
    /// Nothing more will be admitted: finish.
    Close,
    /// The committer takes no more batches: whatever was admitted is lost.
    Ended,
}

/// A stage that panics stops the ledger: what it had in hand is neither done nor undone.
struct StopOnPanic<'a>(&'a Shared);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop("a stage of the ledger panicked");
        }
    }
}

/// Makes tenants: a column family is not part of a batch (decision 32), so this is the store's own act.
trait Creator: Send {
    fn create(
        &mut self,
        founding: &Founding,
        shared: &Arc<Shared>,
    ) -> Result<Tenant, CreateTenantError>;
}

/// What a new tenant is founded on.
pub struct Founding {
    /// The tenant's name in the host's words.
    pub name: String,
    /// Its origin, of [`Self::new_origin`]: a founder with a passkey was shown it before.
    pub origin: String,
    /// The host part of its origin, and the issuer of its Passports.
    pub platform: String,
    /// Who founds it.
    pub founder: Founder,
    /// Its one currency.
    pub currency: Currency,
    /// Digits after that currency's decimal point.
    pub exponent: Exponent,
    /// Where its people sign in and judge, for ever; `None` for a tenant without people.
    pub sites: Option<Sites>,
}

impl Founding {
    /// A permanent name for a log that nobody has: `<platform>/t/<16 hex>`.
    ///
    /// # Errors
    /// If the operating system has no random bytes.
    pub fn new_origin(platform: &str) -> Result<String, getrandom::Error> {
        let mut name = [0; 8];
        getrandom::fill(&mut name)?;
        let name = data_encoding::HEXLOWER.encode(&name);
        Ok(format!("{platform}/t/{name}"))
    }
}

/// Why no tenant was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateTenantError {
    /// The ledger has stopped, or was closed.
    #[error("the ledger takes no more changes: start the server again")]
    Stopped,
    /// The founder's key is already somebody's.
    #[error(
        "the founder key {0} is already in use: make one for each tenant with `agentsigna-verify keygen`"
    )]
    KeyTaken(String),
    /// The store cannot make it.
    #[error(transparent)]
    Store(#[from] CreateError),
    /// Its genesis cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// No randomness.
    #[error("the operating system gives no random bytes")]
    Random(#[source] getrandom::Error),
    /// No trust file could hold its genesis.
    #[error("nobody could trust a log of platform `{platform}`")]
    Genesis {
        /// The platform given.
        platform: String,
        /// What is wrong with it.
        #[source]
        source: TrustError,
    },
    /// Its founder cannot begin a log.
    #[error("{0}")]
    Founder(String),
    /// Its genesis cannot be read back.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
}

impl CreateTenantError {
    /// Whether the store refuses every write from here on.
    const fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::Store(CreateError::Poisoned | CreateError::Database(_))
                | Self::Write(WriteError::Poisoned | WriteError::Failed(_))
        )
    }
}

struct StoreCreator<W: Writing>(Arc<Store<W>>);

impl<W: Writing> Creator for StoreCreator<W> {
    fn create(
        &mut self,
        founding: &Founding,
        shared: &Arc<Shared>,
    ) -> Result<Tenant, CreateTenantError> {
        let keys = TenantKeys::generate().map_err(CreateError::Random)?;
        let new = self.0.create_tenant(&founding.name, keys)?;
        let tenant = recovery::found(&self.0, &new, founding, &shared.clock)?;
        Ok(tenant)
    }
}

impl Ledger {
    /// Opens the ledger of `store`: reads every tenant's head, rebuilds its open tiles from what is on disk,
    /// compares both with the signed head and with `anchors`, and starts the sequencer and the committer. They
    /// hold the store until [`Self::close`].
    ///
    /// # Errors
    /// [`RecoveryError`]: the disk does not hold what was signed. Nothing is started then.
    pub fn open<W: Writing>(
        store: Store<W>,
        clock: LedgerClock,
        mut anchors: Anchors,
    ) -> Result<Self, RecoveryError> {
        let store = Arc::new(store);
        let mut tenants = HashMap::new();
        let mut owners = HashMap::new();
        let credentials = Credentials::default();
        for found in store.tenants() {
            let tenant = recovery::tenant(&store, &found, &clock)?;
            anchors.check(&tenant)?;
            for key in tenant.keys()? {
                recovery::check_owner(&store, &found, key)?;
                owners.insert(key, Some(tenant.clone()));
            }
            for credential in tenant.credentials()? {
                credentials.add(credential, &tenant);
            }
            tenants.insert(found.name().to_owned(), tenant);
        }
        let origins: BTreeSet<&str> = tenants.values().map(Tenant::origin).collect();
        anchors.check_all_there(&origins)?;
        anchors
            .start(clock.clone())
            .map_err(RecoveryError::Thread)?;
        for tenant in tenants.values() {
            anchors.note(tenant, &tenant.head());
        }
        let (sender, inbox) = mpsc::channel();
        let (built, to_commit) = mpsc::channel();
        let (room, index) = (Arc::clone(&store), Arc::clone(&store));
        let shared = Arc::new(Shared {
            tenants: RwLock::new(tenants),
            owners: Mutex::new(owners),
            credentials,
            queue: Mutex::new(Some(sender.clone())),
            queued: Arc::default(),
            stopped: AtomicBool::new(false),
            clock,
            threads: Mutex::new(Vec::new()),
            creator: Mutex::new(Box::new(StoreCreator(Arc::clone(&store)))),
            has_room: Box::new(move || room.has_room_to_admit()),
            was_owned: Box::new(move |key| {
                let owner = index.owner(GlobalKey::KeyOwner(*key.as_bytes()))?;
                Ok(owner.is_some())
            }),
            anchors: anchors.noter(),
        });
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            thread::Builder::new()
                .name(name.to_owned())
                .spawn(run)
                .map_err(RecoveryError::Thread)
        };
        let stage = Arc::clone(&shared);
        let sequencer = spawn(
            "sequencer",
            Box::new(move || sequencer::run(&stage, &inbox, &built)),
        )?;
        let stage = Arc::clone(&shared);
        let committer = spawn(
            "committer",
            Box::new(move || committer::run(&stage, &store, sender, &to_commit, anchors)),
        )?;
        if let Ok(mut threads) = shared.threads.lock() {
            threads.extend([sequencer, committer]);
        }
        Ok(Self { shared })
    }

    /// Founds a tenant: its log begins with the genesis entry, durable when this returns.
    ///
    /// # Errors
    /// [`CreateTenantError`].
    pub fn found(&self, founding: &Founding) -> Result<Tenant, CreateTenantError> {
        let thumbprint = founding.founder.key().jwk_thumbprint();
        let mut creator = self
            .shared
            .creator
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if self.is_stopped() || self.shared.queue().is_none() {
            return Err(CreateTenantError::Stopped);
        }
        // LG-5: reserved first, so that nobody enrols it while the genesis is written.
        if !self
            .shared
            .reserve(thumbprint)
            .map_err(RecoveryError::Read)?
        {
            return Err(CreateTenantError::KeyTaken(thumbprint.to_base64url()));
        }
        let tenant = match creator.create(founding, &self.shared) {
            Ok(tenant) => tenant,
            Err(error) => {
                self.shared.owners().remove(&thumbprint);
                // LG-10: the store writes nothing more, so nothing may be admitted either.
                if error.is_fatal() {
                    self.shared.stop(&error.to_string());
                }
                return Err(error);
            }
        };
        self.shared
            .owners()
            .insert(thumbprint, Some(tenant.clone()));
        if let Founder::Passkey(founder) = &founding.founder {
            let credential = founder.credential().clone();
            self.shared.credentials.add(credential, &tenant);
        }
        self.shared.anchors.note(&tenant, &tenant.head());
        self.shared
            .tenants
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(founding.name.clone(), tenant.clone());
        Ok(tenant)
    }

    /// The tenant of that name.
    #[must_use]
    pub fn tenant(&self, name: &str) -> Option<Tenant> {
        self.shared
            .tenants
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }

    /// Every tenant, by name.
    #[must_use]
    pub fn tenants(&self) -> Vec<(String, Tenant)> {
        let tenants = self
            .shared
            .tenants
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let mut named: Vec<_> = tenants
            .iter()
            .map(|(name, tenant)| (name.clone(), tenant.clone()))
            .collect();
        named.sort_by(|(a, _), (b, _)| a.cmp(b));
        named
    }

    /// The tenant in which the key with this thumbprint may sign: a founder's, agent's or target system's.
    #[must_use]
    pub fn owner(&self, key: JwkThumbprint) -> Option<Tenant> {
        self.shared.owners().get(&key).cloned().flatten()
    }

    /// The tenants in which a passkey with this credential id was confirmed: whose it is and whether it counts, their
    /// rows say.
    #[must_use]
    pub fn with_credential(&self, credential: &CredentialId) -> Vec<Tenant> {
        self.shared.credentials.tenants(credential)
    }

    /// The tenant whose log has this origin.
    #[must_use]
    pub fn by_origin(&self, origin: &str) -> Option<Tenant> {
        let tenants = self
            .shared
            .tenants
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        tenants
            .values()
            .find(|tenant| tenant.origin() == origin)
            .cloned()
    }

    /// The ledger's time.
    #[must_use]
    pub fn clock(&self) -> &LedgerClock {
        &self.shared.clock
    }

    /// Whether a write failed: nothing is admitted any more, and only a restart helps.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.shared.stopped.load(Ordering::Acquire)
    }

    /// Changes admitted and not committed yet.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.shared.queued.load(Ordering::Relaxed)
    }

    /// Takes no more changes, commits those admitted, and ends the threads.
    pub fn close(&self) {
        if let Some(sequencer) = self.shared.queue().take() {
            // A sequencer that has ended needs no telling.
            let _ = sequencer.send(Inbox::Close);
        }
        let threads = std::mem::take(
            &mut *self
                .shared
                .threads
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for thread in threads {
            // A stage that panicked has stopped the ledger, and those who waited were told.
            let _ = thread.join();
        }
    }

    /// Admits `change`, made from what `reading` read, and calls `done` once: with `Some` when it is durable,
    /// with `None` if the ledger stopped before that (it may be durable all the same). `done` runs on a thread of
    /// the ledger and must not block.
    ///
    /// # Errors
    /// [`AdmitError`]; then nothing happened and `done` is not called.
    pub fn admit(
        &self,
        reading: Reading,
        change: Change,
        done: impl FnOnce(Option<Committed>) + Send + 'static,
    ) -> Result<(), AdmitError> {
        admission::admit(&self.shared, reading, change, Box::new(done))
    }
}

impl Shared {
    fn owners(&self) -> MutexGuard<'_, HashMap<JwkThumbprint, Option<Tenant>>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self) -> MutexGuard<'_, Option<mpsc::Sender<Inbox>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether `key` was nobody's; it is somebody's from here on.
    fn reserve(&self, key: JwkThumbprint) -> Result<bool, ReadError> {
        let mut owners = self.owners();
        let free = !owners.contains_key(&key) && !(self.was_owned)(key)?;
        if free {
            owners.insert(key, None);
        }
        Ok(free)
    }

    /// INVARIANT (no undo): from here on nothing is admitted.
    fn stop(&self, why: &str) {
        if !self.stopped.swap(true, Ordering::AcqRel) {
            tracing::error!(
                why,
                "the ledger stops; start the server again to recover from disk"
            );
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }
}

#[cfg(test)]
pub(crate) mod tests;
