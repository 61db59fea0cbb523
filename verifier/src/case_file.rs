//! The case file: one case and everything it stands on, for a stranger (`spec/case-file.md`).
//!
//! ```text
//! case-file = { "type": "agentsigna/case-file/v1", "origin": tstr, "case": bstr16, "checkpoint": bstr,
//!               "entries": [* [entry: bstr, [* bstr32]]], "blobs": [* bstr], "passport": bstr / null }
//! ```
//!
//! One signed head, and for each entry the path that leads to it: so all that is shown is in one tree. Nothing
//! in here is proven by being in the file; [`crate::verify`] judges it. A forger can leave out what the file
//! cannot show to be missing: later events of a case that rests, and everything about other cases.

use alloc::{string::String, vec::Vec};

use crate::{
    cbor::{CborError, Value},
    entry::{CaseId, Entry, EntryError},
    event::{ActionRequested, Body},
    id::Id,
    limits,
    log::{
        checkpoint::SignedCheckpoint,
        inclusion::{Included, InclusionError, InclusionProof},
        tree::{LeafHash, LeafIndex, TreeHead},
    },
};

/// The first thing a case file says of itself.
pub const TYPE: &str = "agentsigna/case-file/v1";
/// Entries in a case file.
pub const ENTRIES_MAX: usize = 1024;
/// Blobs in a case file.
pub const BLOBS_MAX: usize = 64;

const WHAT: &str = "case file";

/// One case and everything it stands on. Well formed, no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFile {
    origin: String,
    case: CaseId,
    checkpoint: Vec<u8>,
    entries: Vec<ProvenEntry>,
    blobs: Vec<Vec<u8>>,
    passport: Option<Vec<u8>>,
}

/// An entry and the path from its leaf to the root of the file's head: a claim, until [`ProvenEntry::check`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenEntry {
    bytes: Vec<u8>,
    entry: Entry,
    path: Vec<[u8; 32]>,
}

/// Why bytes or parts are not a case file. Variants in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaseFileError {
    /// Not of the layout.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// Of another type, or of a version that this release does not read.
    #[error("file of type `{found}`, expected `{TYPE}`")]
    Type {
        /// The type found.
        found: String,
    },
    /// More items than the format allows.
    #[error("{found} {what} in the case file, at most {max} allowed")]
    TooMany {
        /// Entries, blobs or hashes.
        what: &'static str,
        /// Items found.
        found: usize,
        /// Items allowed.
        max: usize,
    },
    /// An item of `entries` is not an entry.
    #[error("entry {at} of the case file: {source}")]
    Entry {
        /// Position in the file, from 0.
        at: usize,
        /// What is wrong with it.
        source: EntryError,
    },
    /// Entries out of order, or one twice.
    #[error(
        "entries of the case file are not in the order of the log: index {index} follows {before}"
    )]
    Order {
        /// The index found.
        index: u64,
        /// The index before it.
        before: u64,
    },
}

impl ProvenEntry {
    /// Puts an entry and its path together.
    ///
    /// # Errors
    /// [`EntryError`] if the bytes are not an entry.
    pub fn new(bytes: Vec<u8>, path: Vec<[u8; 32]>) -> Result<Self, EntryError> {
        let entry = Entry::decode(&bytes)?;
        Ok(Self { bytes, entry, path })
    }

    /// What stands in the log.
    #[must_use]
    pub const fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Its leaf hash, computed from its bytes.
    #[must_use]
    pub fn leaf(&self) -> LeafHash {
        LeafHash::of(&self.bytes)
    }

    /// Accepts the entry only if it stands at its own index in the tree of `head`.
    ///
    /// # Errors
    /// [`InclusionError`], in the order of its variants.
    pub fn check(&self, head: &TreeHead) -> Result<Included, InclusionError> {
        let index = LeafIndex::new(self.entry.index);
        InclusionProof::new(index, self.path.clone()).check(self.leaf(), head)
    }
}

impl CaseFile {
    /// Puts a case file together. `passport` is the Passport as delivered, with its proof to the same head.
    ///
    /// # Errors
    /// [`CaseFileError::TooMany`], [`CaseFileError::Order`]: the entries must be in the order of the log.
    pub fn new(
        case: CaseId,
        signed: &SignedCheckpoint,
        entries: Vec<ProvenEntry>,
        blobs: Vec<Vec<u8>>,
        passport: Option<Vec<u8>>,
    ) -> Result<Self, CaseFileError> {
        Self {
            origin: signed.checkpoint().origin().as_str().into(),
            case,
            checkpoint: signed.note().encode().into_bytes(),
            entries,
            blobs,
            passport,
        }
        .checked()
    }

    /// Reads a case file.
    ///
    /// # Errors
    /// [`CaseFileError`], in the order of its variants.
    pub fn parse(bytes: &[u8]) -> Result<Self, CaseFileError> {
        // CF-1, CF-2.
        let mut fields = Value::decode(bytes, limits::CASE_FILE_BYTES_MAX)?.into_fields(WHAT)?;
        let found = fields.text("type")?;
        if found != TYPE {
            return Err(CaseFileError::Type { found });
        }
        let origin = fields.text("origin")?;
        let case = CaseId::from_bytes(fields.bytes_exact("case")?);
        let checkpoint = fields.bytes("checkpoint")?;
        let entries = fields.value("entries")?.into_list("entries", |item| {
            let mut items = item.into_items("entry of a case file")?;
            let bytes = items.bytes("entry")?;
            let path = items.value("path")?.into_list("path", |hash| {
                hash.into_digest("path").map(|digest| *digest.as_bytes())
            })?;
            items.finish()?;
            Ok((bytes, path))
        })?;
        let blobs = fields
            .value("blobs")?
            .into_list("blobs", |blob| match blob {
                Value::Bytes(bytes) => Ok(bytes),
                _ => Err(unexpected("blobs", "a list of bytes")),
            })?;
        let passport = match fields.value("passport")? {
            Value::Null => None,
            Value::Bytes(bytes) => Some(bytes),
            _ => return Err(unexpected("passport", "bytes or null").into()),
        };
        fields.finish()?;
        let entries = entries
            .into_iter()
            .enumerate()
            .map(|(at, (bytes, path))| {
                ProvenEntry::new(bytes, path).map_err(|source| CaseFileError::Entry { at, source })
            })
            .collect::<Result<_, _>>()?;
        Self {
            origin,
            case,
            checkpoint,
            entries,
            blobs,
            passport,
        }
        .checked()
    }

    fn checked(self) -> Result<Self, CaseFileError> {
        // CF-3.
        let hashes = self
            .entries
            .iter()
            .map(|entry| entry.path.len())
            .max()
            .unwrap_or_default();
        for (what, found, max) in [
            ("entries", self.entries.len(), ENTRIES_MAX),
            ("blobs", self.blobs.len(), BLOBS_MAX),
            ("hashes in a path", hashes, limits::PROOF_HASHES_MAX),
        ] {
            if found > max {
                return Err(CaseFileError::TooMany { what, found, max });
            }
        }
        // CF-4.
        let indices = self.entries.iter().map(|entry| entry.entry.index);
        for (before, index) in indices.clone().zip(indices.skip(1)) {
            if index <= before {
                return Err(CaseFileError::Order { index, before });
            }
        }
        Ok(self)
    }

    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let entries = self.entries.iter().map(|entry| {
            let path = entry.path.iter().map(|hash| Value::bytes(hash));
            Value::array([Value::bytes(&entry.bytes), Value::array(path)])
        });
        Value::map([
            ("type", Value::from(TYPE)),
            ("origin", Value::from(self.origin.as_str())),
            ("case", Value::bytes(self.case.as_bytes())),
            ("checkpoint", Value::bytes(&self.checkpoint)),
            ("entries", Value::array(entries)),
            (
                "blobs",
                Value::array(self.blobs.iter().map(|blob| Value::bytes(blob))),
            ),
            (
                "passport",
                self.passport.as_deref().map_or(Value::Null, Value::bytes),
            ),
        ])
        .encode()
    }

    /// The log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The case.
    #[must_use]
    pub const fn case(&self) -> CaseId {
        self.case
    }

    /// The one signed head: a signed note.
    #[must_use]
    pub fn checkpoint(&self) -> &[u8] {
        &self.checkpoint
    }

    /// The entries, in the order of the log.
    #[must_use]
    pub fn entries(&self) -> &[ProvenEntry] {
        &self.entries
    }

    /// The blobs, in no order that means anything.
    #[must_use]
    pub fn blobs(&self) -> &[Vec<u8>] {
        &self.blobs
    }

    /// The Passport as delivered, if the case has one.
    #[must_use]
    pub fn passport(&self) -> Option<&[u8]> {
        self.passport.as_deref()
    }
}

/// CF-5: whether an entry outside the case is about something that it may rest on: agent, target and counterparty of
/// the request, a policy, and people, who judge or have signed for any of these.
#[must_use]
pub fn concerns(body: &Body, request: &ActionRequested) -> bool {
    let agent = |id: &Id| *id == request.agent;
    let target = |id: &Id| id == request.action.target();
    let counterparty = |id: &Id| id == request.action.counterparty();
    match body {
        Body::PolicyPublished(_)
        | Body::PolicyActivated(_)
        | Body::UserInvited(_)
        | Body::UserClaimed(_)
        | Body::UserEnrolled(_)
        | Body::UserChanged(_)
        | Body::UserRevoked(_)
        | Body::DelegationGiven(_)
        | Body::DelegationEnded(_)
        | Body::ActProposed(_) => true,
        Body::AgentInvited(body) => agent(&body.agent),
        Body::AgentClaimed(body) => agent(&body.id),
        Body::AgentEnrolled(body) => agent(&body.agent),
        Body::AgentChanged(body) => agent(&body.id),
        Body::SystemInvited(body) => target(&body.system),
        Body::SystemClaimed(body) => target(&body.id),
        Body::SystemEnrolled(body) => target(&body.system),
        Body::SystemChanged(body) => target(&body.id),
        Body::CounterpartyEnrolled(body) => counterparty(&body.counterparty),
        Body::CounterpartyChanged(body) => counterparty(&body.counterparty),
        _ => false,
    }
}

const fn unexpected(field: &'static str, expected: &'static str) -> CborError {
    CborError::Unexpected {
        what: WHAT,
        field,
        expected,
    }
}
