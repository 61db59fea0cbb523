//! Signed heads outside the database (decision 33): what was signed last, on another disk.
//!
//! Written by a thread of its own, so the commit path never waits for it. What was signed in the last second
//! before a crash may be missing: that second is the weakness of this check.

use std::{collections::BTreeSet, sync::mpsc, thread, time::Duration};

use agentsigna_verifier::log::{checkpoint, prove::read_head};

use super::{Head, LedgerClock, RecoveryError, Tenant};
use crate::store::anchor::AnchorFile;

/// How often the file is looked at, in milliseconds; it is synced at most once a second.
const LOOK_MS: u64 = 200;

/// Where heads are anchored; perhaps nowhere.
#[derive(Default)]
pub struct Anchors {
    file: Option<AnchorFile>,
    thread: Option<(Noter, thread::JoinHandle<()>)>,
}

/// Takes note of heads that are durable. Cheap to clone; of no anchors, it forgets them.
#[derive(Clone, Default)]
pub(super) struct Noter(Option<mpsc::Sender<Note>>);

enum Note {
    Head {
        origin: String,
        size: u64,
        note: String,
    },
    Close,
}

impl Anchors {
    /// No anchor file: a database set back to an older state is not noticed by this server alone.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Heads go to `file`.
    #[must_use]
    pub const fn to(file: AnchorFile) -> Self {
        Self {
            file: Some(file),
            thread: None,
        }
    }

    /// LG-16: the log on disk is at least as long as the newest head that was anchored, and the same log.
    pub(super) fn check(&self, tenant: &Tenant) -> Result<(), RecoveryError> {
        let Some(anchor) = self
            .file
            .as_ref()
            .and_then(|file| file.newest(tenant.origin()))
        else {
            return Ok(());
        };
        let anchored = checkpoint::open(anchor.note(), tenant.log_key())
            .map_err(|error| RecoveryError::Anchor(error.to_string()))?
            .head();
        // The size beside the note is nobody's word: a line that lies about it would hide newer ones.
        if anchored.size().entries() != anchor.size() {
            return Err(RecoveryError::Anchor(format!(
                "log `{}` is anchored at {} entries with a head of {}",
                tenant.origin(),
                anchor.size(),
                anchored.size()
            )));
        }
        let head = tenant.head();
        if head.tree().size() < anchored.size() {
            return Err(RecoveryError::RolledBack {
                origin: tenant.origin().to_owned(),
                found: head.tree().size().entries(),
                anchored: anchored.size().entries(),
            });
        }
        let then = read_head(anchored.size(), &head.reader(tenant.scope()))
            .map_err(|error| RecoveryError::Anchor(error.to_string()))?;
        if then != anchored {
            return Err(RecoveryError::Anchor(format!(
                "log `{}` on disk is not the one whose head of {} entries was anchored",
                tenant.origin(),
                anchored.size()
            )));
        }
        Ok(())
    }

    /// LG-16: every log that was anchored is there; a database from before it was founded has none of it.
    pub(super) fn check_all_there(&self, origins: &BTreeSet<&str>) -> Result<(), RecoveryError> {
        let mut anchored = self.file.iter().flat_map(AnchorFile::origins);
        match anchored.find(|(origin, _)| !origins.contains(origin)) {
            None => Ok(()),
            Some((origin, anchor)) => Err(RecoveryError::RolledBack {
                origin: origin.to_owned(),
                found: 0,
                anchored: anchor.size(),
            }),
        }
    }

    /// Starts the thread that writes.
    pub(super) fn start(&mut self, clock: LedgerClock) -> Result<(), std::io::Error> {
        let Some(mut file) = self.file.take() else {
            return Ok(());
        };
        let (sender, notes) = mpsc::channel::<Note>();
        let thread = thread::Builder::new()
            .name("anchors".to_owned())
            .spawn(move || {
                loop {
                    let open = match notes.recv_timeout(Duration::from_millis(LOOK_MS)) {
                        Ok(first) => {
                            // Every note is taken, also those after one that says the end.
                            let mut open = true;
                            for note in std::iter::once(first).chain(notes.try_iter()) {
                                open &= take(&mut file, &note);
                            }
                            open
                        }
                        Err(mpsc::RecvTimeoutError::Timeout) => true,
                        Err(mpsc::RecvTimeoutError::Disconnected) => false,
                    };
                    let now_ms = clock.now().millis();
                    let written = if open {
                        file.flush_if_due(now_ms).map(drop)
                    } else {
                        file.flush(now_ms)
                    };
                    if let Err(error) = written {
                        tracing::warn!(%error, "heads are not anchored; the next flush tries again");
                    }
                    if !open {
                        return;
                    }
                }
            })?;
        self.thread = Some((Noter(Some(sender)), thread));
        Ok(())
    }

    /// Takes note of heads for this file.
    pub(super) fn noter(&self) -> Noter {
        self.thread
            .as_ref()
            .map(|(noter, _)| noter.clone())
            .unwrap_or_default()
    }

    /// `head` is durable.
    pub(super) fn note(&self, tenant: &Tenant, head: &Head) {
        if let Some((noter, _)) = &self.thread {
            noter.note(tenant, head);
        }
    }

    /// Writes what is left and ends the thread.
    pub(super) fn close(&mut self) {
        if let Some((noter, thread)) = self.thread.take() {
            noter.send(Note::Close);
            let _ = thread.join();
        }
    }
}

impl Noter {
    /// `head` is durable.
    pub(super) fn note(&self, tenant: &Tenant, head: &Head) {
        if self.0.is_some() {
            self.send(Note::Head {
                origin: tenant.origin().to_owned(),
                size: head.tree().size().entries(),
                note: head.note(),
            });
        }
    }

    fn send(&self, note: Note) {
        if let Some(sender) = &self.0 {
            // A thread that has ended has said why.
            let _ = sender.send(note);
        }
    }
}

/// Whether more may come.
fn take(file: &mut AnchorFile, note: &Note) -> bool {
    let Note::Head { origin, size, note } = note else {
        return false;
    };
    let known = file
        .newest(origin)
        .is_some_and(|newest| newest.note() == note.as_bytes());
    if !known && let Err(error) = file.offer(origin, *size, note.as_bytes()) {
        tracing::warn!(%error, origin, "a head cannot be anchored");
    }
    true
}
