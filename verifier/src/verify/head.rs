//! Heads and proofs, judged by the trust file.

use super::{
    Step,
    report::{Checks, Stop, ensure, gap, refuse},
};
use crate::{
    log::{
        checkpoint::{Checkpoint, SignedCheckpoint},
        inclusion::InclusionError,
        note::{Note, NoteKey},
        proof::{TlogProof, TlogProofError},
        witness_policy::QuorumError,
    },
    trust::{Trust, TrustedLog},
};
use alloc::{format, vec::Vec};

/// What is done about signature lines of nobody in the trust file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// Refused: nobody checks them, so nobody would notice a changed bit (decision 11).
    Refused,
    /// Ignored, as C2SP signed-note asks of readers of a log.
    Ignored,
}

/// The log of the trust file with this origin.
pub(super) fn log<'a>(trust: &'a Trust, origin: &str) -> Result<&'a TrustedLog, Stop> {
    match trust.log(origin) {
        Some(log) => Ok(log),
        None => refuse(
            "unknown-issuer",
            format!("log `{origin}` is not in the trust file: add it if you trust it"),
        ),
    }
}

/// VE-5: signed by the one log key whose sizes hold this size, and no line that nobody checks.
pub(super) fn open(
    note: Note,
    log: &TrustedLog,
    trust: &Trust,
    unknown: Unknown,
) -> Result<SignedCheckpoint, Stop> {
    let checkpoint = match Checkpoint::parse(note.text()) {
        Ok(checkpoint) => checkpoint,
        Err(error) => return refuse("bad-checkpoint", error),
    };
    ensure(
        checkpoint.origin() == log.origin(),
        "wrong-tenant",
        format!(
            "checkpoint of log `{}`, expected `{}`",
            checkpoint.origin(),
            log.origin()
        ),
    )?;
    let size = checkpoint.head().size();
    let Some(key) = log.log_key_at(size) else {
        return refuse(
            "log-key-window",
            format!("no log key of the trust file may sign a head of {size} entries"),
        );
    };
    let signed = match SignedCheckpoint::check(note, key) {
        Ok(signed) => signed,
        Err(error) => return refuse("bad-checkpoint", error),
    };
    let witnesses: Vec<NoteKey> = trust
        .policy()
        .witnesses()
        .iter()
        .map(|witness| witness.key().clone())
        .collect();
    // VE-6.
    if unknown == Unknown::Refused
        && let Some(line) = signed.lines_unknown_to(&witnesses).next()
    {
        return refuse(
            "unknown-signature",
            format!(
                "signature line of `{}`, which is not in the trust file: take the line out, or add the witness",
                line.label()
            ),
        );
    }
    Ok(signed)
}

/// VE-7: the step `witnesses`. What is not enough does not keep the rest from being judged.
pub(super) fn witnessed(checks: &mut Checks, signed: &SignedCheckpoint, trust: &Trust) {
    match witnesses(signed, trust) {
        Ok(0) => {
            checks.none_asked_for(Step::Witnesses);
            checks.not_checked(
                "other views of the log",
                "the trust file asks for no witness: nobody outside has confirmed this head; compare it with monitors",
            );
        }
        found => {
            let _ = checks.made(Step::Witnesses, found);
        }
    }
}

/// VE-7: how many witnesses signed, no fewer than the trust file asks for. Too few is a gap, not a fault: more
/// may come. None: none was asked for.
pub(super) fn witnesses(signed: &SignedCheckpoint, trust: &Trust) -> Result<usize, Stop> {
    match trust.policy().check_witnesses(signed) {
        Ok(met) => Ok(met.cosigned().len()),
        Err(error @ QuorumError::NotMet { .. }) => gap("quorum", error),
        Err(error) => refuse("bad-cosignature", error),
    }
}

pub(super) fn parse_proof(bytes: &[u8]) -> Result<TlogProof, Stop> {
    match TlogProof::parse(bytes) {
        Ok(proof) => Ok(proof),
        Err(TlogProofError::Length(error)) => inclusion(error),
        Err(error) => refuse("malformed-proof", error),
    }
}

/// The code of a proof that does not prove.
pub(super) fn inclusion<T>(error: InclusionError) -> Result<T, Stop> {
    let code = match error {
        InclusionError::OutsideTree(_) => "outside-tree",
        InclusionError::Missing { .. } => "missing-hash",
        InclusionError::Surplus { .. } => "surplus-hash",
        InclusionError::RootMismatch { .. } => "bad-proof",
    };
    refuse(code, error)
}

/// The holder of the trust file had it before (decision 12).
pub(super) fn pinned(pinned: bool) -> Result<(), Stop> {
    if pinned {
        Ok(())
    } else {
        gap(
            "unpinned",
            "the trust file came with what it should judge: take one from somewhere else",
        )
    }
}
