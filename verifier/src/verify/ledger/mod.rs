//! The export of a whole log, and whether one head extends another (`spec/verification.md §6`).
//!
//! An export is a plain C2SP tlog-tiles folder with `checkpoint`, `blob/<hex>` and `trust.json` beside it. It is
//! read once, entry by entry: what grows with the log is the derived state, not the hashes.
//!
//! A forger who holds log key, seal key and host can still not sign for the founder or an agent, nor show two
//! histories to people who compare heads; the last this module cannot see.

mod consistency;
mod export;
mod signers;
mod tiles;
mod walk;

use alloc::{format, vec::Vec};

pub use consistency::consistency;
pub use export::Export;

use self::{
    export::{Reading, read},
    walk::{Fault, Walk},
};
use super::{
    Profile, Question, Report, Step, Voucher,
    head::{self, Unknown},
    report::{Checks, Halt, Stop, ensure, refuse},
};
use crate::{
    digest::{Digest, Noun},
    entry::Event,
    limits,
    log::{
        checkpoint::{Checkpoint, SignedCheckpoint},
        note::Note,
        tile::{Bundle, Tile, TilePath},
        tree::TreeSize,
    },
    trust::{Trust, TrustedLog},
};

/// A blob, in bytes: a review sheet; the longest bundle is a fifth of it.
pub const BLOB_BYTES_MAX: usize = crate::review::sheet::SHEET_BYTES_MAX;

/// What an audit does beyond what it always does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Whether every verdict is made again. Needs the feature `rules`; takes most of the time.
    pub replay: bool,
}

/// How far an audit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Entries judged.
    pub entries: u64,
    /// Entries there are.
    pub size: u64,
}

/// Judges an export of a whole log. `progress` is called after each bundle of at most 256 entries.
///
/// # Errors
/// What `export` answers where it cannot read at all. Whatever it reads is judged, never an error.
pub fn audit<E: Export>(
    export: &mut E,
    trust: &Trust,
    question: &Question,
    options: Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, E::Error> {
    audit_seeing(export, trust, question, options, progress, &mut |_, _| {})
}

/// As [`audit`]; `seen` is called with the index and the event of each entry that was judged and may follow those
/// before it, in their order. What it was told counts for nothing unless the report says VALID: the head that binds
/// all of it is compared last.
///
/// # Errors
/// As [`audit`].
pub fn audit_seeing<E: Export>(
    export: &mut E,
    trust: &Trust,
    question: &Question,
    options: Options,
    progress: &mut dyn FnMut(Progress),
    seen: &mut dyn FnMut(u64, &Event),
) -> Result<Report, E::Error> {
    let mut checks = Checks::new(Profile::Ledger);
    let _ = checks.made(Step::Pinned, head::pinned(question.pinned));
    match whole(&mut checks, export, trust, options, progress, seen) {
        Err(Reading::Export(error)) => Err(error),
        Ok(()) | Err(Reading::Halt(Halt)) => Ok(checks.finish(None)),
    }
}

fn whole<E: Export>(
    checks: &mut Checks,
    export: &mut E,
    trust: &Trust,
    options: Options,
    progress: &mut dyn FnMut(Progress),
    seen: &mut dyn FnMut(u64, &Event),
) -> Result<(), Reading<E::Error>> {
    let note = read(export, "checkpoint", limits::NOTE_BYTES_MAX)?;
    let (signed, log) = open(checks, note.as_deref(), trust)?;
    let size = signed.head().size();
    checks.claim("log", log.origin(), Voucher::LogKey);
    checks.claim("entries", size, Voucher::LogKey);
    checks.claim("root", signed.head().root(), Voucher::LogKey);

    let mut walk = Walk::new(export, log, trust, size, options);
    let walked = walk.all(&signed.head(), progress, seen);
    match walked {
        Ok(()) => {}
        Err(Fault::Export(error)) => return Err(Reading::Export(error)),
        Err(Fault::Step(step, stop)) => {
            checks.made::<()>(step, Err(stop))?;
        }
    }
    for (step, found) in walk.findings() {
        // A gap in one does not keep the others from being told.
        let _ = checks.made(step, found);
    }
    walk.tell(checks);
    let named: Vec<Digest> = walk.named_blobs().collect();
    let found = check_blobs(export, &named)?;
    let _ = checks.made(Step::Blobs, found);
    let found = check_files(export, size, &named)?;
    checks.made(Step::Files, found)?;
    Ok(())
}

/// The head of an export or a monitor, judged by the trust file.
fn open<'a>(
    checks: &mut Checks,
    note: Option<&[u8]>,
    trust: &'a Trust,
) -> Result<(SignedCheckpoint, &'a TrustedLog), Halt> {
    let (note, log) = checks.made(Step::Issuer, issuer(note, trust))?;
    // VE-6: a log read over HTTP has lines of witnesses one need not know (C2SP signed-note).
    let signed = checks.made(
        Step::Checkpoint,
        head::open(note, log, trust, Unknown::Ignored),
    )?;
    let known: Vec<_> = trust
        .policy()
        .witnesses()
        .iter()
        .map(|witness| witness.key().clone())
        .collect();
    let unknown = signed.lines_unknown_to(&known).count();
    if unknown > 0 {
        checks.not_checked(
            "signature lines",
            format!("{unknown} of keys that the trust file does not list"),
        );
    }
    head::witnessed(checks, &signed, trust);
    Ok((signed, log))
}

fn issuer<'a>(note: Option<&[u8]>, trust: &'a Trust) -> Result<(Note, &'a TrustedLog), Stop> {
    let Some(bytes) = note else {
        return refuse("bad-checkpoint", "no file `checkpoint`");
    };
    let note = match Note::parse(bytes) {
        Ok(note) => note,
        Err(error) => return refuse("bad-checkpoint", error),
    };
    match Checkpoint::parse(note.text()) {
        Ok(checkpoint) => {
            let log = head::log(trust, checkpoint.origin().as_str())?;
            Ok((note, log))
        }
        Err(error) => refuse("bad-checkpoint", error),
    }
}

/// VE-16: every blob that an entry names, under the digest it has.
fn check_blobs<E: Export>(
    export: &mut E,
    named: &[Digest],
) -> Result<Result<(), Stop>, Reading<E::Error>> {
    let mut missing = Ok(());
    for digest in named {
        match read(export, &blob_path(digest), BLOB_BYTES_MAX)? {
            Some(blob) if Digest::of(Noun::Blob, &blob) == *digest => {}
            Some(_) => {
                return Ok(refuse(
                    "blob-mismatch",
                    format!("`{}` has another digest than its name", blob_path(digest)),
                ));
            }
            None => {
                missing = super::report::gap(
                    "missing-blob",
                    format!("`{}` is not there", blob_path(digest)),
                );
            }
        }
    }
    Ok(missing)
}

fn blob_path(digest: &Digest) -> alloc::string::String {
    format!("blob/{digest}")
}

/// VE-30: an export has no file that is not judged.
fn check_files<E: Export>(
    export: &mut E,
    size: TreeSize,
    named: &[Digest],
) -> Result<Result<(), Stop>, Reading<E::Error>> {
    for name in export.names().map_err(Reading::Export)? {
        let name = name.map_err(Reading::Export)?;
        let known = matches!(name.as_str(), "checkpoint" | "trust.json")
            || name
                .strip_prefix("blob/")
                .and_then(Digest::from_hex)
                .is_some_and(|digest| named.contains(&digest))
            || is_tile(&name, size);
        let found = ensure(
            known,
            "surplus-file",
            format!("`{name}` is not part of an export of {size} entries"),
        );
        if found.is_err() {
            return Ok(found);
        }
    }
    Ok(Ok(()))
}

/// Whether this is a tile or bundle of a tree of `size`, in exactly that width.
fn is_tile(name: &str, size: TreeSize) -> bool {
    match TilePath::parse(name) {
        Ok(TilePath::Hashes(tile)) => Tile::of(tile.level(), tile.index(), size) == Some(tile),
        Ok(TilePath::Entries(bundle)) => Bundle::of(bundle.index(), size) == Some(bundle),
        Err(_) => false,
    }
}
