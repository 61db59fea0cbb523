//! One answer, on its way from a lane to whoever waits.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::Refusal;

/// Gives one answer, once.
pub(super) struct Reply<T>(Arc<Mutex<Option<Waiting<T>>>>);

/// Who waits.
type Waiting<T> = oneshot::Sender<Result<T, Refusal>>;

impl<T> Clone for Reply<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Reply<T> {
    /// A reply, and where it arrives.
    pub(super) fn new() -> (Self, oneshot::Receiver<Result<T, Refusal>>) {
        let (sender, receiver) = oneshot::channel();
        (Self(Arc::new(Mutex::new(Some(sender)))), receiver)
    }

    /// Gives the answer; a second one is dropped.
    pub(super) fn give(&self, outcome: Result<T, Refusal>) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sender) = sender {
            // Whoever asked may have gone; what was done stays done.
            let _ = sender.send(outcome);
        }
    }
}
