//! One head extends another.

use alloc::{format, sync::Arc, vec::Vec};
use core::cell::RefCell;

use super::{
    super::{
        Profile, Question, Report, Step, Voucher, head, lies,
        report::{Checks, Halt, Stop, ensure, refuse},
    },
    Export,
    export::{Reading, read},
    open,
};
use crate::{
    limits,
    log::{
        checkpoint::SignedCheckpoint,
        consistency::ConsistencyError,
        prove::{HashReader, ProveError, prove_consistency},
        tile::Tile,
    },
    trust::Trust,
};

/// Judges whether the log of `export` extends the signed head `old` (a note kept from before), by a proof made
/// from the export's tiles.
///
/// # Errors
/// What `export` answers where it cannot read at all.
pub fn consistency<E: Export>(
    old: &[u8],
    export: &mut E,
    trust: &Trust,
    question: &Question,
) -> Result<Report, E::Error> {
    let mut checks = Checks::new(Profile::Consistency);
    let _ = checks.made(Step::Pinned, head::pinned(question.pinned));
    checks.not_checked("entries", "what the entries say: audit the ledger");
    match whole(&mut checks, old, export, trust) {
        Err(Reading::Export(error)) => Err(error),
        Ok(()) | Err(Reading::Halt(Halt)) => Ok(checks.finish(None)),
    }
}

fn whole<E: Export>(
    checks: &mut Checks,
    old: &[u8],
    export: &mut E,
    trust: &Trust,
) -> Result<(), Reading<E::Error>> {
    let note = read(export, "checkpoint", limits::NOTE_BYTES_MAX)?;
    let (before, _) = open(checks, Some(old), trust)?;
    let (after, _) = open(checks, note.as_deref(), trust)?;
    checks.claim("log", after.checkpoint().origin(), Voucher::LogKey);
    checks.claim("entries before", before.head().size(), Voucher::LogKey);
    checks.claim("entries now", after.head().size(), Voucher::LogKey);
    let found = extends(&before, &after, export)?;
    checks.made(Step::Extends, found)?;
    checks.lies(lies::of_heads(trust));
    Ok(())
}

/// VE-31: same log, not smaller, and a proof from one root to the other.
fn extends<E: Export>(
    before: &SignedCheckpoint,
    after: &SignedCheckpoint,
    export: &mut E,
) -> Result<Result<(), Stop>, Reading<E::Error>> {
    let same = ensure(
        before.checkpoint().origin() == after.checkpoint().origin(),
        "wrong-tenant",
        format!(
            "heads of `{}` and `{}`",
            before.checkpoint().origin(),
            after.checkpoint().origin()
        ),
    );
    if same.is_err() {
        return Ok(same);
    }
    let (old, new) = (before.head(), after.head());
    let reader = Tiles(RefCell::new(export));
    let proof = match prove_consistency(old.size(), new.size(), &reader) {
        Ok(proof) => proof,
        Err(ProveError::Shrinks { old, new }) => {
            return Ok(refuse(
                "shrinks",
                format!("the log had {old} entries and now has {new}: keep both heads as evidence"),
            ));
        }
        Err(ProveError::Read {
            source: TileError::Export(error),
            ..
        }) => return Err(Reading::Export(error)),
        Err(error @ ProveError::Read { .. }) => return Ok(refuse("missing-tile", error)),
        Err(error) => return Ok(refuse("tile-mismatch", error)),
    };
    Ok(match proof.check(&old, &new) {
        Ok(_) => Ok(()),
        Err(error @ ConsistencyError::Forked { .. }) => refuse("forked", error),
        Err(error) => refuse("inconsistent", error),
    })
}

struct Tiles<'a, E>(RefCell<&'a mut E>);

/// Why a tile cannot be had.
#[derive(Debug, thiserror::Error)]
enum TileError<E> {
    #[error("the export cannot be read")]
    Export(#[source] E),
    #[error("the tile is not there")]
    Missing,
}

impl<E: Export> HashReader for Tiles<'_, E> {
    type Error = TileError<E::Error>;

    fn tile(&self, tile: Tile) -> Result<Arc<[u8]>, Self::Error> {
        let bytes_max = usize::from(tile.width()).saturating_mul(32);
        let file: Option<Vec<u8>> = self
            .0
            .borrow_mut()
            .file(&tile.path(), bytes_max)
            .map_err(TileError::Export)?;
        file.map(Arc::from).ok_or(TileError::Missing)
    }
}
