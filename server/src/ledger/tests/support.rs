//! A house to test in: folder, writer, clock.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};

use agentsigna_verifier::{
    action::{Currency, Exponent},
    event::Founder,
    key::PublicKey,
    log::{
        checkpoint,
        proof::TlogProof,
        prove::prove_consistency,
        tree::{LeafHash, TreeHead},
    },
    trust::Trust,
    verify::{
        Question,
        ledger::{Export, Options, audit},
    },
};
use ed25519_dalek::SigningKey;
use tempfile::TempDir;

use super::super::*;
use crate::store::{
    Faulty, Keyring, OpenError, Pending, Settings, TenantScope, WriteFailed, anchor::AnchorFile,
};

/// Longer than anything takes here; a test that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Where the clocks of the tests start.
pub(crate) const START_MS: u64 = 1_700_000_000_000;

/// A writer that can be held, and made to fail. Clones share what they do.
#[derive(Clone, Default)]
pub(crate) struct Gate {
    pub(crate) faulty: Faulty,
    state: Arc<(Mutex<Held>, Condvar)>,
}

#[derive(Default)]
struct Held {
    held: bool,
    /// Writes that wait.
    waiting: bool,
}

/// A clock moved by hand.
#[derive(Clone)]
pub(crate) struct Hands {
    pub(crate) wall_ms: Arc<AtomicU64>,
    pub(crate) steady_ms: Arc<AtomicU64>,
}

/// A data folder, and all that goes on in it.
pub(crate) struct House {
    pub(crate) folder: TempDir,
    pub(crate) gate: Gate,
    pub(crate) hands: Hands,
}

impl Gate {
    /// From now on writes wait.
    pub(crate) fn hold(&self) {
        self.state.0.lock().unwrap().held = true;
    }

    /// Waits until a write waits.
    pub(crate) fn wait_for_write(&self) {
        let (lock, changed) = &*self.state;
        let (held, timeout) = changed
            .wait_timeout_while(lock.lock().unwrap(), PATIENCE, |held| !held.waiting)
            .unwrap();
        assert!(held.waiting && !timeout.timed_out(), "no write came");
    }

    /// Lets writes go on.
    pub(crate) fn release(&self) {
        self.state.0.lock().unwrap().held = false;
        self.state.1.notify_all();
    }

    /// Writes so far, failed ones included.
    pub(crate) fn writes(&self) -> u64 {
        self.faulty.writes()
    }
}

impl Writing for Gate {
    fn write(&mut self, pending: Pending<'_>) -> Result<(), WriteFailed> {
        {
            let (lock, changed) = &*self.state;
            let mut held = lock.lock().unwrap();
            held.waiting = true;
            changed.notify_all();
            let mut held = changed.wait_while(held, |held| held.held).unwrap();
            held.waiting = false;
        }
        self.faulty.write(pending)
    }
}

impl Clock for Hands {
    fn wall_ms(&self) -> u64 {
        self.wall_ms.load(Ordering::SeqCst)
    }

    fn steady(&self) -> Duration {
        Duration::from_millis(self.steady_ms.load(Ordering::SeqCst))
    }
}

impl Hands {
    fn new() -> Self {
        Self {
            wall_ms: Arc::new(AtomicU64::new(START_MS)),
            steady_ms: Arc::default(),
        }
    }

    /// Time goes on.
    pub(crate) fn pass(&self, seconds: u64) {
        self.wall_ms.fetch_add(seconds * 1000, Ordering::SeqCst);
        self.steady_ms.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl House {
    pub(crate) fn new() -> Self {
        let house = Self {
            folder: tempfile::tempdir().unwrap(),
            gate: Gate::default(),
            hands: Hands::new(),
        };
        let keyring = Keyring::create(&house.path("keyring"), &house.path("kek")).unwrap();
        drop(Store::create(&house.path("data"), keyring, SETTINGS).unwrap());
        house
    }

    /// Another house with a copy of all that is in this one, and its time. Nobody may live in it.
    pub(crate) fn copied(&self) -> Self {
        let house = Self {
            folder: tempfile::tempdir().unwrap(),
            gate: Gate::default(),
            hands: Hands::new(),
        };
        let wall_ms = self.hands.wall_ms.load(Ordering::SeqCst);
        house.hands.wall_ms.store(wall_ms, Ordering::SeqCst);
        copy(self.folder.path(), house.folder.path());
        house
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn store(&self) -> Store<Gate> {
        self.try_store().unwrap()
    }

    fn try_store(&self) -> Result<Store<Gate>, OpenError> {
        let keyring = Keyring::open(&self.path("keyring"), &self.path("kek"))?;
        Store::open_with(&self.path("data"), keyring, SETTINGS, self.gate.clone())
    }

    pub(crate) fn open(&self) -> Ledger {
        self.try_open(Anchors::none()).unwrap()
    }

    pub(crate) fn try_open(&self, anchors: Anchors) -> Result<Ledger, RecoveryError> {
        Ledger::open(self.store(), LedgerClock::new(self.hands.clone()), anchors)
    }

    pub(crate) fn anchors(&self) -> Anchors {
        Anchors::to(AnchorFile::open(&self.path("anchor")).unwrap())
    }

    /// Changes the disk behind everybody's back. No ledger may be open.
    pub(crate) fn damage(&self, name: &str, damage: impl FnOnce(&Store<Gate>, &TenantScope)) {
        let store = self.store();
        let tenant = store.tenant(name).unwrap();
        damage(&store, tenant.scope());
    }

    /// Closes the ledger and opens it again, as a restart does. Nobody else may hold a part of it.
    pub(crate) fn reopen(&self, ledger: Ledger) -> Ledger {
        shut(ledger);
        self.open()
    }
}

const SETTINGS: Settings = Settings { reserve_bytes: 0 };

/// Everything under a folder, copied: what a careless backup does.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let to = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            copy(&item.path(), &to);
        } else {
            fs::copy(item.path(), to).unwrap();
        }
    }
}

/// Closes the ledger and lets go of the database.
pub(crate) fn shut(ledger: Ledger) {
    ledger.close();
    drop(ledger);
}

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub(crate) fn public(key: &SigningKey) -> PublicKey {
    PublicKey::from_bytes(key.verifying_key().as_bytes()).unwrap()
}

pub(crate) fn founding(name: &str, founder: &SigningKey) -> Founding {
    Founding {
        name: name.to_owned(),
        origin: Founding::new_origin("agents.example").unwrap(),
        platform: "agents.example".to_owned(),
        founder: Founder::File(public(founder)),
        currency: Currency::parse("EUR").unwrap(),
        exponent: Exponent::new(2).unwrap(),
        sites: None,
    }
}

/// Admits a change; the answer comes through the channel.
pub(crate) fn send(
    ledger: &Ledger,
    reading: Reading,
    change: Change,
) -> Result<mpsc::Receiver<Option<Committed>>, AdmitError> {
    let (sender, receiver) = mpsc::channel();
    ledger.admit(reading, change, move |committed| {
        // A test that looks no more has what it wanted.
        let _ = sender.send(committed);
    })?;
    Ok(receiver)
}

/// Admits a change and waits until it is durable.
pub(crate) fn settle(ledger: &Ledger, tenant: &Tenant, change: Change) -> Committed {
    let answer = send(ledger, Reading::of(tenant), change).unwrap();
    answer.recv_timeout(PATIENCE).unwrap().unwrap()
}

/// The head verifies as a stranger would do it, and its entries give its root.
pub(crate) fn check_head(tenant: &Tenant, head: &Head) -> TreeHead {
    let opened = checkpoint::open(head.note().as_bytes(), tenant.log_key()).unwrap();
    assert_eq!(opened.head(), head.tree());
    opened.head()
}

/// One head extends the other, by a proof of the verifier.
pub(crate) fn check_extends(tenant: &Tenant, old: TreeHead, head: &Head) {
    let reader = head.reader(tenant.scope());
    let proof = prove_consistency(old.size(), head.tree().size(), &reader).unwrap();
    proof.check(&old, &head.tree()).unwrap();
}

/// Every entry is where it was promised, and every proof handed out leads from it to a signed head.
pub(crate) fn check_committed(tenant: &Tenant, change: Option<usize>, committed: &Committed) {
    check_head(tenant, &committed.head);
    for entry in &committed.entries {
        assert_eq!(tenant.entry_bytes(entry.index).unwrap(), entry.encode());
        assert!(entry.index < committed.head.tree().size().entries());
    }
    assert_eq!(committed.proof.is_some(), change.is_some());
    if let (Some(at), Some(proof)) = (change, &committed.proof) {
        let entry = &committed.entries[at];
        let proof = TlogProof::parse(proof).unwrap();
        let leaf = LeafHash::of(&entry.encode());
        let (signed, included) = proof.check(leaf, tenant.log_key()).unwrap();
        assert_eq!(included.index().position(), entry.index);
        assert_eq!(signed.head(), committed.head.tree());
    }
}

/// An export, read as the auditor's program reads it.
struct Folder(PathBuf);

impl Export for Folder {
    type Error = io::Error;

    fn file(&mut self, path: &str, _: usize) -> Result<Option<Vec<u8>>, io::Error> {
        match fs::read(self.0.join(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map(Some),
        }
    }

    fn names(&mut self) -> Result<Box<dyn Iterator<Item = io::Result<String>> + '_>, io::Error> {
        Ok(Box::new(files(&self.0).into_iter().map(Ok)))
    }
}

/// Every file of a folder, by its path.
pub(crate) fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(at) = folders.pop() {
        for item in fs::read_dir(at).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap();
                found.insert(name.to_str().unwrap().to_owned());
            }
        }
    }
    found
}

/// LG-19: what was exported to `folder` passes the audit of a stranger who pinned its trust file, every verdict
/// made again.
pub(crate) fn check_export(folder: &Path) {
    let trust = Trust::parse(&fs::read(folder.join("trust.json")).unwrap()).unwrap();
    let question = Question {
        at: None,
        pinned: true,
        expects_authority: false,
    };
    let mut export = Folder(folder.to_path_buf());
    let options = Options { replay: true };
    let report = audit(&mut export, &trust, &question, options, &mut |_| {}).unwrap();
    assert_eq!(report.outcome().as_str(), "VALID", "{:?}", report.outcome());
}
