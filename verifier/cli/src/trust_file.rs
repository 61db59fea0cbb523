//! The trust file, and whether its holder had it before the artefact.

use std::path::{Path, PathBuf};

use agentsigna_verifier::{limits, trust::Trust};

use crate::{failure::Failure, files};

/// Reads a trust file. One that is wrong is no answer: nothing was judged.
pub(crate) fn read(path: &Path) -> Result<Trust, Failure> {
    let bytes = files::read(path, limits::TRUST_BYTES_MAX)?;
    Trust::parse(&bytes).map_err(|error| Failure::of(format!("`{}`", path.display()), &error))
}

/// CL-42: a trust file out of the folder that it is to judge came with it, under whatever name it is reached.
pub(crate) fn is_pinned(trust: &Path, judged: &Path) -> Result<bool, Failure> {
    if trust == Path::new("-") {
        return Ok(true);
    }
    Ok(!real(trust)?.starts_with(real(judged)?))
}

/// The path without links.
fn real(path: &Path) -> Result<PathBuf, Failure> {
    path.canonicalize()
        .map_err(|error| Failure::of(format!("`{}`", path.display()), &error))
}
