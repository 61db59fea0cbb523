//! A log as files: C2SP tlog-tiles plus blobs and trust file, for auditors. As a folder, one after the other, or read in place.

use std::{
    collections::{BTreeSet, VecDeque},
    fs,
    io::{self, Write as _},
    iter,
    path::{Path, PathBuf},
    sync::Arc,
};

use agentsigna_verifier::{
    digest::Digest,
    entry::{Entry, Event},
    event::Body,
    log::{
        bundle::encode_entries,
        prove::{HashReader as _, ProveError},
        tile::{Bundle, Tile, TilePath},
        tree::{LeafHash, TreeSize},
    },
    trust::Trust,
    verify,
};

use super::{Head, ProofError, Tenant};

const CHECKPOINT: &str = "checkpoint";
const TRUST: &str = "trust.json";
const BLOBS: &str = "blob/";

/// Entries between two calls of the progress function.
const PROGRESS_ENTRIES: u64 = 4096;

/// Why an export was not written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Something stands in the folder already.
    #[error("`{0}` is not empty: give a folder that is not there yet")]
    NotEmpty(PathBuf),
    /// A file cannot be written.
    #[error("cannot write `{path}`")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] ProofError),
    /// An entry bundle cannot be made.
    #[error("entry bundle {0} cannot be made")]
    Bundle(u64),
    /// The genesis names keys that no trust file may hold.
    #[error("the genesis of the log cannot be trusted: run `agentsigna fsck`")]
    Genesis,
    /// A blob that an entry names is not there.
    #[error("blob {0} is not on disk: run `agentsigna fsck`")]
    BlobGone(Digest),
}

/// The log of a tenant at the head that was newest when this was made: entries written later are not in it (LG-19).
#[derive(Debug, Clone)]
pub struct Exported {
    tenant: Tenant,
    head: Arc<Head>,
}

/// The files of an export, one after the other, each read when it is asked for: bundles with the blobs they name,
/// tiles, trust file, and last the checkpoint. Ends with the first error.
pub struct Files {
    log: Exported,
    /// What is still to come.
    paths: Box<dyn Iterator<Item = TilePath> + Send>,
    /// Blobs of the bundle that was read last.
    blobs: VecDeque<Digest>,
    /// Bundles of policies that were named: each may be published again. A sheet is of one review.
    policies: BTreeSet<Digest>,
    /// Entries in the bundles read so far.
    entries: u64,
    last: VecDeque<&'static str>,
}

impl Exported {
    /// The log of `tenant` as it is now.
    #[must_use]
    pub fn of(tenant: &Tenant) -> Self {
        Self {
            tenant: tenant.clone(),
            head: tenant.head(),
        }
    }

    /// How many entries it has.
    #[must_use]
    pub fn size(&self) -> TreeSize {
        self.head.tree().size()
    }

    /// All of its files.
    #[must_use]
    pub fn files(&self) -> Files {
        let size = self.size();
        let bundles = Bundle::all(size).map(TilePath::Entries);
        let tiles = Tile::all(size).map(TilePath::Hashes);
        Files {
            log: self.clone(),
            paths: Box::new(bundles.chain(tiles)),
            blobs: VecDeque::new(),
            policies: BTreeSet::new(),
            entries: 0,
            last: [TRUST, CHECKPOINT].into(),
        }
    }

    /// Whom a verifier of this log would pin.
    ///
    /// # Errors
    /// [`ExportError::Genesis`], [`ExportError::Log`].
    pub fn trust(&self) -> Result<Trust, ExportError> {
        let genesis_leaf = LeafHash::of(&self.tenant.entry_bytes(0)?);
        Trust::from_genesis(self.tenant.genesis(), genesis_leaf).map_err(|_| ExportError::Genesis)
    }

    /// The file of this path, if an export of this size has one.
    fn file(&self, path: &str) -> Result<Option<Vec<u8>>, ExportError> {
        let size = self.size();
        match path {
            CHECKPOINT => return Ok(Some(self.head.note().into_bytes())),
            TRUST => return Ok(Some(self.trust()?.encode())),
            _ => {}
        }
        if let Some(digest) = path.strip_prefix(BLOBS).and_then(Digest::from_hex) {
            return self.blob(&digest);
        }
        match TilePath::parse(path) {
            Ok(TilePath::Entries(found)) => {
                let bundle = Bundle::of(found.index(), size).filter(|bundle| *bundle == found);
                bundle.map(|bundle| Ok(self.bundle(bundle)?.0)).transpose()
            }
            Ok(TilePath::Hashes(found)) => {
                let tile = Tile::of(found.level(), found.index(), size);
                let tile = tile.filter(|tile| *tile == found);
                tile.map(|tile| self.tile(tile)).transpose()
            }
            Err(_) => Ok(None),
        }
    }

    fn bundle(&self, bundle: Bundle) -> Result<(Vec<u8>, Vec<Body>), ExportError> {
        let first = bundle.index().saturating_mul(256);
        let mut entries = Vec::with_capacity(256);
        let mut bodies = Vec::new();
        for index in first..first.saturating_add(bundle.width().into()) {
            let bytes = self.tenant.entry_bytes(index)?;
            bodies.push(body(index, &bytes)?);
            entries.push(bytes);
        }
        let encoded = encode_entries(entries.iter().map(Vec::as_slice))
            .map_err(|_| ExportError::Bundle(bundle.index()))?;
        Ok((encoded, bodies))
    }

    fn tile(&self, tile: Tile) -> Result<Vec<u8>, ExportError> {
        let hashes = self.head.reader(self.tenant.scope()).tile(tile);
        let hashes =
            hashes.map_err(|source| ProofError::Prove(ProveError::Read { tile, source }))?;
        // A tile that has filled up since holds more hashes than this head implies.
        let bytes = hashes.get(..usize::from(tile.width()).saturating_mul(32));
        Ok(bytes.unwrap_or(&hashes).to_vec())
    }

    fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, ExportError> {
        Ok(self.tenant.blob(digest).map_err(ProofError::Read)?)
    }
}

impl Files {
    /// Entries in the bundles that were given so far.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    fn read(&mut self) -> Result<Option<(String, Vec<u8>)>, ExportError> {
        if let Some(digest) = self.blobs.pop_front() {
            let blob = self.log.blob(&digest)?;
            let blob = blob.ok_or(ExportError::BlobGone(digest))?;
            return Ok(Some((format!("{BLOBS}{digest}"), blob)));
        }
        if let Some(path) = self.paths.next() {
            let bytes = match path {
                TilePath::Entries(bundle) => self.entries_of(bundle)?,
                TilePath::Hashes(tile) => self.log.tile(tile)?,
            };
            return Ok(Some((path.encode(), bytes)));
        }
        // Last of all the checkpoint: whoever finds one has a whole export.
        let Some(name) = self.last.pop_front() else {
            return Ok(None);
        };
        let bytes = self.log.file(name)?.unwrap_or_default();
        Ok(Some((name.to_owned(), bytes)))
    }

    fn entries_of(&mut self, bundle: Bundle) -> Result<Vec<u8>, ExportError> {
        let (bytes, bodies) = self.log.bundle(bundle)?;
        for body in bodies {
            let Some(digest) = body.blob() else { continue };
            if !matches!(body, Body::PolicyPublished(_)) || self.policies.insert(digest) {
                self.blobs.push_back(digest);
            }
        }
        self.entries = self.entries.saturating_add(bundle.width().into());
        Ok(bytes)
    }
}

impl Iterator for Files {
    type Item = Result<(String, Vec<u8>), ExportError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read().transpose();
        if matches!(read, Some(Err(_))) {
            self.blobs.clear();
            self.last.clear();
            self.paths = Box::new(iter::empty());
        }
        read
    }
}

/// What an auditor reads in the folder, read where it lies.
impl verify::ledger::Export for Exported {
    type Error = ExportError;

    fn file(&mut self, path: &str, _: usize) -> Result<Option<Vec<u8>>, ExportError> {
        Self::file(self, path)
    }

    fn names(
        &mut self,
    ) -> Result<Box<dyn Iterator<Item = Result<String, ExportError>> + '_>, ExportError> {
        Ok(Box::new(self.files().map(|file| Ok(file?.0))))
    }
}

/// LG-19: writes the log of `tenant`, up to its newest head, into the new folder `to`. Entries written meanwhile are
/// not in it. Calls `progress` with entries done and entries in all.
///
/// # Errors
/// [`ExportError`]; the folder may then be there in part, and holds no checkpoint.
pub fn export(
    tenant: &Tenant,
    to: &Path,
    mut progress: impl FnMut(u64, u64),
) -> Result<(), ExportError> {
    if fs::read_dir(to).is_ok_and(|mut found| found.next().is_some()) {
        return Err(ExportError::NotEmpty(to.to_path_buf()));
    }
    let log = Exported::of(tenant);
    let total = log.size().entries();
    let (mut files, mut before) = (log.files(), 0);
    while let Some(file) = files.next() {
        let (name, bytes) = file?;
        write(to, &name, &bytes)?;
        let done = files.entries();
        if done != before && (done % PROGRESS_ENTRIES < 256 || done == total) {
            progress(done, total);
        }
        before = done;
    }
    Ok(())
}

fn body(index: u64, entry: &[u8]) -> Result<Body, ExportError> {
    let damaged = |source| ProofError::Damaged { index, source };
    let entry = Entry::decode(entry).map_err(damaged)?;
    Ok(Event::decode(&entry.event).map_err(damaged)?.body)
}

fn write(to: &Path, name: &str, bytes: &[u8]) -> Result<(), ExportError> {
    let path = to.join(name);
    let attempt = || {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut file = fs::File::create(&path)?;
        file.write_all(bytes)?;
        file.sync_data()
    };
    attempt().map_err(|source| ExportError::Write {
        path: path.clone(),
        source,
    })
}
