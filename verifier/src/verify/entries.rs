//! What stands in the entries of a case file, before anybody asks whether it may: place, neighbours, genesis,
//! blobs. The audit of a ledger uses the same where it can.

use alloc::{format, vec::Vec};

use super::{
    head,
    report::{Stop, ensure, gap, refuse},
};
use crate::{
    case_file::CaseFile,
    digest::{Digest, Noun},
    entry::{EntryError, Event},
    event::Body,
    log::{checkpoint::SignedCheckpoint, tree::LeafHash},
    state::Blobs,
    time::UnixMillis,
    trust::{Trust, TrustedLog},
};

/// An event of the file, proven to stand at its index.
pub(super) struct Proven {
    pub(super) index: u64,
    pub(super) digest: Digest,
    pub(super) event: Event,
}

/// VE-14, EN-6, EN-7, EN-8: each entry stands at its own index under the one head; neighbours name each other.
pub(super) fn entries(file: &CaseFile, signed: &SignedCheckpoint) -> Result<Vec<Proven>, Stop> {
    let mut events = Vec::new();
    let mut before: Option<(u64, LeafHash, UnixMillis)> = None;
    for proven in file.entries() {
        let entry = proven.entry();
        let at = entry.index;
        ensure(
            entry.origin == file.origin(),
            "wrong-tenant",
            format!(
                "entry {at} is of log `{}`, the file of `{}`",
                entry.origin,
                file.origin()
            ),
        )?;
        proven.check(&signed.head()).or_else(head::inclusion)?;
        let event = decode(at, &entry.event)?;
        ensure(
            event.decided_at <= entry.sequenced_at,
            "time-backwards",
            format!("entry {at} was decided after it was put in order"),
        )?;
        if let Some((index, leaf, time)) = before {
            ensure(
                time <= entry.sequenced_at,
                "time-backwards",
                format!("entry {at} is older than entry {index}"),
            )?;
            ensure(
                index.saturating_add(1) != at || leaf == entry.previous,
                "previous-mismatch",
                format!("entry {at} does not name entry {index} as the one before"),
            )?;
        }
        before = Some((at, proven.leaf(), entry.sequenced_at));
        events.push(Proven {
            index: at,
            digest: Event::digest_of(&entry.event),
            event,
        });
    }
    Ok(events)
}

/// EN-3: the event at `index`. A kind of a later version is a gap: nobody can say here what it means.
pub(super) fn decode(index: u64, bytes: &[u8]) -> Result<Event, Stop> {
    match Event::decode(bytes) {
        Ok(event) => Ok(event),
        Err(error @ EntryError::UnknownKind(_)) => {
            gap("unknown-kind", format!("entry {index}: {error}"))
        }
        Err(error) => refuse("malformed", format!("entry {index}: {error}")),
    }
}

/// VE-15: index 0 is the pinned entry, and the trust file says what it says.
pub(super) fn genesis(
    file: &CaseFile,
    events: &[Proven],
    log: &TrustedLog,
    trust: &Trust,
) -> Result<(), Stop> {
    let (Some(first), Some(proven)) = (file.entries().first(), events.first()) else {
        return refuse(
            "wrong-genesis",
            "case file without entries: the genesis entry comes first",
        );
    };
    check_genesis(first.entry().index, first.leaf(), &proven.event, log, trust)
}

pub(super) fn check_genesis(
    index: u64,
    leaf: LeafHash,
    event: &Event,
    log: &TrustedLog,
    trust: &Trust,
) -> Result<(), Stop> {
    ensure(
        index == 0 && leaf == log.genesis_leaf(),
        "wrong-genesis",
        format!(
            "first entry has leaf hash {leaf}, the trust file pins {}",
            log.genesis_leaf()
        ),
    )?;
    let Body::LogCreated(genesis) = &event.body else {
        return refuse(
            "wrong-genesis",
            format!("`{}` at index 0, expected `log.created`", event.body.kind()),
        );
    };
    ensure(
        genesis.platform == trust.platform() && log.agrees_with(genesis),
        "trust-file",
        "the trust file says other things of the log than the genesis entry it pins",
    )
}

/// The blobs of the file under their computed digests.
#[derive(Clone)]
pub(super) struct Held<'a>(Vec<(Digest, &'a [u8])>);

impl<'a> Held<'a> {
    pub(super) fn of(file: &'a CaseFile) -> Self {
        Self(
            file.blobs()
                .iter()
                .map(|blob| (Digest::of(Noun::Blob, blob), blob.as_slice()))
                .collect(),
        )
    }

    pub(super) fn find(&self, wanted: &Digest) -> Option<&'a [u8]> {
        self.0
            .iter()
            .find(|(digest, _)| digest == wanted)
            .map(|(_, blob)| *blob)
    }
}

impl Blobs for Held<'_> {
    fn blob(&mut self, digest: &Digest) -> Option<Vec<u8>> {
        self.find(digest).map(<[u8]>::to_vec)
    }
}

/// VE-16: exactly the blobs that the entries name.
pub(super) fn check_blobs(held: &Held<'_>, events: &[Proven]) -> Result<(), Stop> {
    let named: Vec<Digest> = events
        .iter()
        .filter_map(|proven| proven.event.body.blob())
        .collect();
    for (at, (digest, _)) in held.0.iter().enumerate() {
        ensure(
            named.contains(digest),
            "blob-mismatch",
            format!("blob {at} has digest {digest}, which no entry of the file names"),
        )?;
        let repeated = held.0.iter().take(at).any(|(other, _)| other == digest);
        ensure(
            !repeated,
            "blob-mismatch",
            format!("blob {digest} stands twice in the file"),
        )?;
    }
    match named.iter().find(|digest| held.find(digest).is_none()) {
        Some(digest) => gap(
            "missing-blob",
            format!("blob {digest} is not in the file: add it"),
        ),
        None => Ok(()),
    }
}
