//! The log as people look at it: its head, one entry with its proof, all of it to take along, and what the verifier
//! says of it.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use agentsigna_verifier::{
    cbor::Value,
    digest::Digest,
    entry::{Entry, Event},
    limits,
    log::tree::{LeafHash, RootHash},
    time::UnixMillis,
    verify::{
        Question,
        ledger::{Options, audit},
    },
};
use tokio::task;

use super::{Kind, Office, Refusal, Verified, Visitor};
use crate::ledger::{Exported, ProofError};

/// Entries that are judged in one request, at most (`spec/tenant-api.md §5.4`).
pub const JUDGED_ENTRIES_MAX: u64 = 10_000;

/// The newest head.
#[derive(Debug, Clone)]
pub struct HeadSeen {
    /// How many entries it is of.
    pub size: u64,
    /// Root of the tree.
    pub root: RootHash,
    /// When its last entry got its place.
    pub sequenced_at: UnixMillis,
    /// The signed note.
    pub note: String,
    /// Whose lines it has beside the log's own. Nobody here has checked them.
    pub others: Vec<String>,
}

/// One entry and its proof.
#[derive(Debug, Clone)]
pub struct EntrySeen {
    /// The entry.
    pub entry: Entry,
    /// What is in it.
    pub event: Event,
    /// The same, as it stands there.
    pub content: Value,
    /// The digest that the next event of the case names.
    pub digest: Digest,
    /// The hash of the leaf.
    pub leaf: LeafHash,
    /// How many entries the head is of that the proof leads to.
    pub size: u64,
    /// The proof, as C2SP tlog-proof.
    pub proof: String,
}

/// The logs that are being judged, by their origins.
#[derive(Default)]
pub(super) struct Judging(Mutex<HashSet<String>>);

/// A log being judged: until this is dropped.
struct Place {
    judging: Arc<Judging>,
    origin: String,
}

impl Office {
    /// The newest head of the visitor's log.
    ///
    /// # Errors
    /// What is our own fault.
    pub fn head_seen(&self, visitor: &Visitor) -> Result<HeadSeen, Refusal> {
        let tenant = &visitor.tenant;
        let head = tenant.head();
        let size = head.tree().size().entries();
        let last = tenant.entry(size.saturating_sub(1)).map_err(broken)?;
        let others = head.signed().lines_unknown_to(&[]);
        Ok(HeadSeen {
            size,
            root: head.tree().root(),
            sequenced_at: last.sequenced_at,
            note: head.note(),
            others: others.map(|line| line.label().to_string()).collect(),
        })
    }

    /// The entry at `index`, proven under the newest head.
    ///
    /// # Errors
    /// `not-found` beyond the log's end.
    pub fn entry_seen(&self, visitor: &Visitor, index: u64) -> Result<EntrySeen, Refusal> {
        let tenant = &visitor.tenant;
        let head = tenant.head();
        let size = head.tree().size().entries();
        if index >= size {
            return Err(Refusal::not_found());
        }
        let bytes = tenant.entry_bytes(index).map_err(broken)?;
        let wrong = |error: &dyn std::fmt::Display| Refusal::broken(error);
        let entry = Entry::decode(&bytes).map_err(|error| wrong(&error))?;
        let proof = tenant.proof(index, &head).map_err(broken)?;
        Ok(EntrySeen {
            event: Event::decode(&entry.event).map_err(|error| wrong(&error))?,
            content: Value::decode(&entry.event, limits::ENTRY_BYTES_MAX)
                .map_err(|error| wrong(&error))?,
            digest: Event::digest_of(&entry.event),
            leaf: LeafHash::of(&bytes),
            size,
            proof: String::from_utf8(proof).map_err(|error| wrong(&error))?,
            entry,
        })
    }

    /// TA-19: the visitor's log of the newest head.
    #[must_use]
    pub fn exported(&self, visitor: &Visitor) -> Exported {
        Exported::of(&visitor.tenant)
    }

    /// TA-19: what the verifier says of that log, every verdict made again. Takes seconds, on a thread of its own.
    ///
    /// # Errors
    /// `log-too-long`; `being-verified` while another such question about this log is open.
    pub async fn judged(&self, visitor: &Visitor) -> Result<Verified, Refusal> {
        let mut log = self.exported(visitor);
        let size = log.size().entries();
        check_size(size)?;
        let place = Place::take(&self.inner.judging, visitor.origin())?;
        let job = task::spawn_blocking(move || {
            // Given back when the work ends, also where nobody waits for it any more.
            let _place = place;
            let trust = log.trust().map_err(|error| Refusal::broken(&error))?;
            let question = Question {
                at: None,
                // The trust file came along with the log.
                pinned: false,
                expects_authority: false,
            };
            let options = Options { replay: true };
            let report = audit(&mut log, &trust, &question, options, &mut |_| {})
                .map_err(|error| Refusal::broken(&error))?;
            Ok(Verified {
                report,
                question,
                size,
            })
        });
        job.await.map_err(|error| Refusal::broken(&error))?
    }
}

impl Place {
    fn take(judging: &Arc<Judging>, origin: &str) -> Result<Self, Refusal> {
        let mut open = judging.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !open.insert(origin.to_owned()) {
            return Err(Refusal::new(
                Kind::TooMany,
                "being-verified",
                "this log is being verified already: try again when that is done",
            ));
        }
        Ok(Self {
            judging: Arc::clone(judging),
            origin: origin.to_owned(),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self
            .judging
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        open.remove(&self.origin);
    }
}

fn check_size(size: u64) -> Result<(), Refusal> {
    if size <= JUDGED_ENTRIES_MAX {
        return Ok(());
    }
    Err(Refusal::conflict(
        "log-too-long",
        format!(
            "the log has {size} entries, at most {JUDGED_ENTRIES_MAX} are judged here: export it, then run \
             `agentsigna-verify ledger`"
        ),
    ))
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that `map_err` takes"
)]
fn broken(error: ProofError) -> Refusal {
    Refusal::broken(&error)
}

#[cfg(test)]
mod tests {
    //! Goal: one judgement of a log at a time, and the next when it is done; none of a log that is too long.

    use super::*;

    #[test]
    fn ta_19_a_log_is_judged_once_at_a_time() {
        let judging = Arc::default();
        let first = Place::take(&judging, "a").unwrap();
        let refused = Place::take(&judging, "a").err().unwrap();
        assert_eq!(
            (refused.kind, refused.code),
            (Kind::TooMany, "being-verified")
        );
        let _other = Place::take(&judging, "b").unwrap();
        drop(first);
        assert!(Place::take(&judging, "a").is_ok());
    }

    #[test]
    fn ta_19_a_log_that_is_too_long_is_for_the_command() {
        assert!(check_size(10_000).is_ok());
        let refused = check_size(10_001).unwrap_err();
        assert_eq!(
            (refused.kind, refused.code),
            (Kind::Conflict, "log-too-long")
        );
        assert!(refused.detail.contains("`agentsigna-verify ledger`"));
    }
}
