//! Signed heads kept outside the database, so that a database set back to an older state is noticed
//! (decision 33). The path is the host's, meant for another disk.
//!
//! ```text
//! line = <origin> " " <size, decimal> " " <base64 of the note> "\n"
//! ```
//!
//! The store does not read notes: whoever opens the file checks the signatures of [`AnchorFile::newest`] and
//! compares it with the database. One process appends to one file; a feed that brings witnessed heads writes
//! a file of its own, read with [`read`]. A forger who can write the file can cut lines off, and nothing else:
//! the notes are signed.
//!
//! INVARIANT (off the commit path, SO-17): [`AnchorFile::offer`] touches memory only; the fsync is in
//! [`AnchorFile::flush`], at most one a second, on the caller's own thread.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use data_encoding::BASE64;

use super::files;

/// Two flushes lie at least this far apart.
pub const FLUSH_MS_MIN: u64 = 1_000;
/// A longer file is replaced by the newest head of each origin.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// What is read at all: the above, and the largest flush on top.
const READ_BYTES_MAX: u64 = 64 << 20;
/// An origin, in bytes: a host name, a slash or two and a tenant.
const ORIGIN_BYTES_MAX: usize = 512;
/// A signed note, in bytes.
const NOTE_BYTES_MAX: usize = agentsigna_verifier::limits::NOTE_BYTES_MAX;

/// One signed head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    size: u64,
    note: Vec<u8>,
}

/// The newest head of each origin, and the file they are appended to.
#[derive(Debug)]
pub struct AnchorFile {
    path: PathBuf,
    file: File,
    file_bytes: u64,
    newest: BTreeMap<String, Anchor>,
    /// Origins whose newest head is not in the file yet.
    pending: BTreeMap<String, Anchor>,
    pace: Pace,
    /// The last append failed: its lines may be there in part, so the file is replaced next time.
    torn: bool,
}

/// Says when the next flush is due.
#[derive(Debug, Default, Clone, Copy)]
pub struct Pace {
    last_ms: Option<u64>,
}

/// Why an anchor file cannot be used. Variants in the order of the checks.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// The operating system's.
    #[error("cannot use anchor file `{path}`")]
    File {
        /// The file.
        path: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// A whole line is no anchor.
    #[error(
        "line {line} of anchor file `{path}` is damaged: restore the file, or remove that line"
    )]
    Damaged {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
    },
    /// The origin cannot stand in a line.
    #[error(
        "an origin of {found} bytes, expected 1 to 512 printable ASCII characters and no space"
    )]
    Origin {
        /// Bytes found.
        found: usize,
    },
    /// The note is too long.
    #[error("a note of {found} bytes, expected at most {max}")]
    Note {
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The head is older than the newest one.
    #[error("head of size {found} for `{origin}`, which has been at size {newest}: stop the log")]
    Older {
        /// The log.
        origin: String,
        /// The size offered.
        found: u64,
        /// The largest size so far.
        newest: u64,
    },
}

impl Anchor {
    /// The size written beside the note; whoever uses it compares it with the one that is signed.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The bytes of the signed note.
    #[must_use]
    pub fn note(&self) -> &[u8] {
        &self.note
    }
}

impl Pace {
    /// Whether a flush is due at `now_ms`. A clock that stepped back makes it due.
    #[must_use]
    pub fn is_due(&self, now_ms: u64) -> bool {
        self.last_ms.is_none_or(|last| {
            now_ms
                .checked_sub(last)
                .is_none_or(|since| since >= FLUSH_MS_MIN)
        })
    }

    const fn flushed(&mut self, now_ms: u64) {
        self.last_ms = Some(now_ms);
    }
}

impl AnchorFile {
    /// Opens the file to append to, or makes it. A last line without an end, left by a crash, is cut off.
    ///
    /// # Errors
    /// [`AnchorError::File`], [`AnchorError::Damaged`].
    pub fn open(path: &Path) -> Result<Self, AnchorError> {
        let file_error = |source| file_error(path, source);
        if !path.exists() {
            files::create_private(path, b"").map_err(file_error)?;
        }
        let (newest, whole) = parse(path)?;
        let file = append(path).map_err(file_error)?;
        file.set_len(whole).map_err(file_error)?;
        file.sync_all().map_err(file_error)?;
        Ok(Self {
            path: path.to_path_buf(),
            file,
            file_bytes: whole,
            newest,
            pending: BTreeMap::new(),
            pace: Pace::default(),
            torn: false,
        })
    }

    /// The head with the largest size of `origin`; of several, the last.
    #[must_use]
    pub fn newest(&self, origin: &str) -> Option<&Anchor> {
        self.newest.get(origin)
    }

    /// The newest head of every origin.
    pub fn origins(&self) -> impl Iterator<Item = (&str, &Anchor)> {
        self.newest
            .iter()
            .map(|(origin, anchor)| (origin.as_str(), anchor))
    }

    /// Takes a head that is committed; the next flush writes it. Of several, only the newest is written.
    ///
    /// # Errors
    /// [`AnchorError::Origin`], [`AnchorError::Note`], [`AnchorError::Older`].
    pub fn offer(&mut self, origin: &str, size: u64, note: &[u8]) -> Result<(), AnchorError> {
        if !is_origin(origin) {
            return Err(AnchorError::Origin {
                found: origin.len(),
            });
        }
        if note.len() > NOTE_BYTES_MAX {
            return Err(AnchorError::Note {
                found: note.len(),
                max: NOTE_BYTES_MAX,
            });
        }
        // SO-16
        if let Some(newest) = self.newest.get(origin)
            && size < newest.size
        {
            return Err(AnchorError::Older {
                origin: origin.to_owned(),
                found: size,
                newest: newest.size,
            });
        }
        let anchor = Anchor {
            size,
            note: note.to_vec(),
        };
        self.newest.insert(origin.to_owned(), anchor.clone());
        self.pending.insert(origin.to_owned(), anchor);
        Ok(())
    }

    /// Makes the offered heads durable if a flush is due; answers whether it flushed.
    ///
    /// # Errors
    /// [`AnchorError::File`]; the heads stay offered.
    pub fn flush_if_due(&mut self, now_ms: u64) -> Result<bool, AnchorError> {
        let due = !self.pending.is_empty() && self.pace.is_due(now_ms);
        if due {
            self.flush(now_ms)?;
        }
        Ok(due)
    }

    /// Makes the offered heads durable now (when the server stops).
    ///
    /// # Errors
    /// [`AnchorError::File`]; the heads stay offered.
    pub fn flush(&mut self, now_ms: u64) -> Result<(), AnchorError> {
        let lines = encode(&self.pending);
        let written = if self.torn || self.file_bytes > FILE_BYTES_MAX {
            self.replace()
        } else {
            self.append(&lines)
        };
        self.torn = written.is_err();
        written.map_err(|source| file_error(&self.path, source))?;
        self.pending.clear();
        self.pace.flushed(now_ms);
        Ok(())
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.file.write_all(lines)?;
        self.file.sync_data()?;
        let added = u64::try_from(lines.len()).unwrap_or(u64::MAX);
        self.file_bytes = self.file_bytes.saturating_add(added);
        Ok(())
    }

    fn replace(&mut self) -> io::Result<()> {
        let lines = encode(&self.newest);
        files::replace(&self.path, &lines)?;
        self.file = append(&self.path)?;
        self.file_bytes = u64::try_from(lines.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}

/// The newest head of every origin in a file that another process appends to.
///
/// # Errors
/// [`AnchorError::File`], [`AnchorError::Damaged`].
pub fn read(path: &Path) -> Result<BTreeMap<String, Anchor>, AnchorError> {
    parse(path).map(|(newest, _)| newest)
}

/// The newest heads, and the bytes of whole lines (SO-16).
fn parse(path: &Path) -> Result<(BTreeMap<String, Anchor>, u64), AnchorError> {
    let bytes = files::read(path, READ_BYTES_MAX).map_err(|source| file_error(path, source))?;
    let mut newest: BTreeMap<String, Anchor> = BTreeMap::new();
    let mut whole = 0_usize;
    for (at, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let Some(line_bytes) = line.strip_suffix(b"\n") else {
            // No end: the append was cut short, and nobody was told that it is durable.
            break;
        };
        let (origin, anchor) = parse_line(line_bytes).ok_or_else(|| AnchorError::Damaged {
            path: path.display().to_string(),
            line: at.saturating_add(1),
        })?;
        match newest.entry(origin) {
            Entry::Vacant(entry) => drop(entry.insert(anchor)),
            Entry::Occupied(mut entry) if anchor.size >= entry.get().size => {
                drop(entry.insert(anchor));
            }
            Entry::Occupied(_) => {}
        }
        whole = whole.saturating_add(line.len());
    }
    Ok((newest, u64::try_from(whole).unwrap_or(u64::MAX)))
}

fn parse_line(line: &[u8]) -> Option<(String, Anchor)> {
    let line = std::str::from_utf8(line).ok()?;
    let (origin, rest) = line.split_once(' ')?;
    let (digits, note) = rest.split_once(' ')?;
    let size: u64 = digits.parse().ok()?;
    let note = BASE64.decode(note.as_bytes()).ok()?;
    let anchor = Anchor { size, note };
    // One head, one line: no leading zeros or signs, no origin that could not be offered.
    let same = is_origin(origin)
        && anchor.note.len() <= NOTE_BYTES_MAX
        && encode_line(origin, &anchor).strip_suffix('\n') == Some(line);
    same.then(|| (origin.to_owned(), anchor))
}

fn encode_line(origin: &str, anchor: &Anchor) -> String {
    let note = BASE64.encode(&anchor.note);
    format!("{origin} {} {note}\n", anchor.size)
}

fn encode(heads: &BTreeMap<String, Anchor>) -> Vec<u8> {
    heads
        .iter()
        .flat_map(|(origin, anchor)| encode_line(origin, anchor).into_bytes())
        .collect()
}

fn is_origin(origin: &str) -> bool {
    (1..=ORIGIN_BYTES_MAX).contains(&origin.len()) && origin.bytes().all(|b| b.is_ascii_graphic())
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .mode(files::PRIVATE)
        .open(path)
}

fn file_error(path: &Path, source: io::Error) -> AnchorError {
    AnchorError::File {
        path: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests;
