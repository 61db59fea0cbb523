//! Files: read up to a limit, made only where there was none.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write as _},
    path::Path,
};

use data_encoding::BASE64URL_NOPAD;

use crate::failure::Failure;

/// The whole of `path`, or of standard input for `-`, if it is at most `bytes_max` long (CL-3).
pub(crate) fn read(path: &Path, bytes_max: usize) -> Result<Vec<u8>, Failure> {
    read_up_to(open(path)?, &format!("`{}`", path.display()), bytes_max)
}

/// What is to be judged, for a reader that refuses what is longer than `bytes_max`: of that, one byte more is read.
pub(crate) fn read_judged(path: &Path, bytes_max: usize) -> Result<Vec<u8>, Failure> {
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    let source = open(path)?.take(limit.saturating_add(1));
    let place = format!("`{}`", path.display());
    read_up_to(source, &place, bytes_max.saturating_add(1))
}

/// The file of `path`, or standard input for `-`.
fn open(path: &Path) -> Result<Box<dyn Read>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let place = format!("`{}`", path.display());
    let file = File::open(path).map_err(|error| Failure::of(&place, &error))?;
    let metadata = file
        .metadata()
        .map_err(|error| Failure::of(&place, &error))?;
    if metadata.is_dir() {
        return Err(Failure::new(format!(
            "{place} is a folder, expected a file"
        )));
    }
    Ok(Box::new(file))
}

/// The whole of `source`, if it is at most `bytes_max` long.
pub(crate) fn read_up_to(
    source: impl Read,
    place: &str,
    bytes_max: usize,
) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    source
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::of(place, &error))?;
    if bytes.len() > bytes_max {
        return Err(Failure::new(format!(
            "{place} is longer than {bytes_max} bytes"
        )));
    }
    Ok(bytes)
}

/// A Passport as it came: the bytes, or the base64url text of an answer or a header (CL-4).
pub(crate) fn passport_bytes(bytes: Vec<u8>) -> Vec<u8> {
    BASE64URL_NOPAD
        .decode(bytes.trim_ascii())
        .ok()
        .filter(|decoded| !decoded.is_empty())
        .unwrap_or(bytes)
}

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Its owner: mode 0600.
    Owner,
    /// Whoever the system's default says.
    Default,
}

/// Makes a file that was not there and brings it to the disk; never overwrites one (CL-10).
pub(crate) fn create(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), Failure> {
    let place = format!("`{}`", path.display());
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if readers == Readers::Owner {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::new(format!("{place} is there already: choose another name"))
        }
        _ => Failure::of(&place, &error),
    })?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(|error| {
            // Half a file would stand in the way of the next try.
            let _ = fs::remove_file(path);
            Failure::of(&place, &error)
        })
}
