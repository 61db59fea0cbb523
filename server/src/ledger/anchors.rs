//! Signed heads outside the database (decision 33): what was signed last, on another disk.
//!
//! Written by a thread of its own, so the commit path never waits for it. What was signed in the last second
//! before a crash may be missing: that second is the weakness of this check.

use std::{sync::mpsc, thread, time::Duration};

use agentsigna_verifier::log::{checkpoint, prove::read_head};

use super::{Head, LedgerClock, RecoveryError, Tenant};
use crate::store::anchor::AnchorFile;

/// How often the file is looked at, in milliseconds; it is synced at most once a second.
const LOOK_MS: u64 = 200;

/// Where heads are anchored; perhaps nowhere.
#[derive(Default)]
pub struct Anchors {
    file: Option<AnchorFile>,
    thread: Option<(mpsc::Sender<Noted>, thread::JoinHandle<()>)>,
}

struct Noted {
    origin: String,
    size: u64,
    note: String,
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

    /// Whether the log on disk is at least as long as the newest head that was anchored, and the same log.
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

    /// Starts the thread that writes.
    pub(super) fn start(&mut self, clock: LedgerClock) -> Result<(), std::io::Error> {
        let Some(mut file) = self.file.take() else {
            return Ok(());
        };
        let (sender, noted) = mpsc::channel::<Noted>();
        let thread = thread::Builder::new().name("anchors".to_owned()).spawn(move || {
            loop {
                let open = match noted.recv_timeout(Duration::from_millis(LOOK_MS)) {
                    Ok(head) => {
                        offer(&mut file, &head);
                        noted.try_iter().for_each(|head| offer(&mut file, &head));
                        true
                    }
                    Err(mpsc::RecvTimeoutError::Timeout) => true,
                    Err(mpsc::RecvTimeoutError::Disconnected) => false,
                };
                let now_ms = clock.now().millis();
                let written = if open { file.flush_if_due(now_ms).map(|_| ()) } else { file.flush(now_ms) };
                if let Err(error) = written {
                    tracing::warn!(%error, "heads are not anchored; the next flush tries again");
                }
                if !open {
                    return;
                }
            }
        })?;
        self.thread = Some((sender, thread));
        Ok(())
    }

    /// `head` is durable.
    pub(super) fn note(&self, tenant: &Tenant, head: &Head) {
        if let Some((sender, _)) = &self.thread {
            let noted = Noted {
                origin: tenant.origin().to_owned(),
                size: head.tree().size().entries(),
                note: head.note(),
            };
            // A thread that has ended has said why.
            let _ = sender.send(noted);
        }
    }

    /// Writes what is left and ends the thread.
    pub(super) fn close(&mut self) {
        if let Some((sender, thread)) = self.thread.take() {
            drop(sender);
            let _ = thread.join();
        }
    }
}

fn offer(file: &mut AnchorFile, head: &Noted) {
    if let Err(error) = file.offer(&head.origin, head.size, head.note.as_bytes()) {
        tracing::warn!(%error, origin = head.origin, "a head cannot be anchored");
    }
}
