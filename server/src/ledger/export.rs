//! A log as a folder: C2SP tlog-tiles plus blobs and trust file, for auditors.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use agentsigna_verifier::{
    digest::Digest,
    entry::Event,
    log::{
        bundle::encode_entries,
        prove::HashReader as _,
        tile::{Bundle, Tile},
        tree::LeafHash,
    },
    trust::Trust,
};

use super::{ProofError, Tenant};

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
    let head = tenant.head();
    let size = head.tree().size();
    let total = size.entries();
    for bundle in Bundle::all(size) {
        let first = bundle.index().saturating_mul(256);
        let mut entries = Vec::with_capacity(256);
        for index in first..first.saturating_add(bundle.width().into()) {
            let bytes = tenant.entry_bytes(index)?;
            export_blob(tenant, index, &bytes, to)?;
            entries.push(bytes);
        }
        let encoded = encode_entries(entries.iter().map(Vec::as_slice))
            .map_err(|_| ExportError::Bundle(bundle.index()))?;
        write(to, &bundle.path(), &encoded)?;
        let done = first.saturating_add(bundle.width().into());
        if done % PROGRESS_ENTRIES < 256 || done == total {
            progress(done, total);
        }
    }
    let reader = head.reader(tenant.scope());
    for tile in Tile::all(size) {
        let hashes = reader.tile(tile).map_err(|source| {
            ProofError::Prove(agentsigna_verifier::log::prove::ProveError::Read { tile, source })
        })?;
        // A tile that has filled up since holds more hashes than this head implies.
        let bytes = hashes
            .get(..usize::from(tile.width()).saturating_mul(32))
            .unwrap_or(&hashes);
        write(to, &tile.path(), bytes)?;
    }
    let genesis_leaf = LeafHash::of(&tenant.entry_bytes(0)?);
    let trust =
        Trust::from_genesis(tenant.genesis(), genesis_leaf).map_err(|_| ExportError::Genesis)?;
    write(to, "trust.json", &trust.encode())?;
    // Last: a folder with a checkpoint is a whole export.
    write(to, "checkpoint", head.note().as_bytes())
}

fn export_blob(tenant: &Tenant, index: u64, entry: &[u8], to: &Path) -> Result<(), ExportError> {
    let damaged = |source| ProofError::Damaged { index, source };
    let entry = agentsigna_verifier::entry::Entry::decode(entry).map_err(damaged)?;
    let event = Event::decode(&entry.event).map_err(damaged)?;
    if let Some(digest) = event.body.blob() {
        let blob = tenant.blob(&digest).map_err(ProofError::Read)?;
        let blob = blob.ok_or(ExportError::BlobGone(digest))?;
        write(to, &format!("blob/{digest}"), &blob)?;
    }
    Ok(())
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
