//! The one place where bytes go to disk: a seam made of a type parameter, so that no flag can open it.
//!
//! The shipped binary has [`Synced`] only; `Faulty` exists in tests and with the feature `sim`.

use rocksdb::{WriteBatch, WriteOptions};

use super::database::Rocks;

/// How a batch is written. The store calls it once per batch, under its lock.
pub trait Writing: Send + 'static {
    /// Makes `pending` durable, or says that this is not certain.
    ///
    /// # Errors
    /// [`WriteFailed`]: the batch may or may not be on disk.
    fn write(&mut self, pending: Pending<'_>) -> Result<(), WriteFailed>;
}

/// One batch, checked and sealed, on its way to the disk.
pub struct Pending<'a> {
    pub(super) rocks: &'a Rocks,
    pub(super) batch: WriteBatch,
}

/// A write failed: whether the batch is on disk can only be seen by opening the store again.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}")]
pub struct WriteFailed {
    what: String,
}

/// One write, one fsync.
#[derive(Debug, Clone, Copy, Default)]
pub struct Synced;

impl Pending<'_> {
    /// Writes the batch to the write-ahead log and waits until the disk has it.
    ///
    /// # Errors
    /// [`WriteFailed`].
    pub fn commit(self) -> Result<(), WriteFailed> {
        let mut options = WriteOptions::default();
        options.set_sync(true);
        self.rocks
            .write_opt(self.batch, &options)
            .map_err(|error| WriteFailed {
                what: error.into_string(),
            })
    }
}

impl Writing for Synced {
    fn write(&mut self, pending: Pending<'_>) -> Result<(), WriteFailed> {
        pending.commit()
    }
}

#[cfg(any(test, feature = "sim"))]
pub use faulty::{Fault, Faulty};

#[cfg(any(test, feature = "sim"))]
mod faulty {
    use std::{
        collections::BTreeMap,
        sync::{Arc, Mutex, MutexGuard, PoisonError},
    };

    use super::{Pending, Synced, WriteFailed, Writing};

    /// How a write fails.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Fault {
        /// Nothing is written, and failure reported.
        NotDone,
        /// The batch is durable, and failure reported all the same.
        DoneButReported,
    }

    /// Writes like [`Synced`], save where a fault is planned. Clones share the plan.
    #[derive(Debug, Clone, Default)]
    pub struct Faulty(Arc<Mutex<Plan>>);

    #[derive(Debug, Default)]
    struct Plan {
        writes: u64,
        faults: BTreeMap<u64, Fault>,
    }

    impl Faulty {
        /// Makes the `nth` write fail, counted from 1 over the life of this value.
        pub fn fail_at(&self, nth: u64, fault: Fault) {
            self.plan().faults.insert(nth, fault);
        }

        /// Makes the write after the ones so far fail.
        pub fn fail_next(&self, fault: Fault) {
            let nth = self.writes().saturating_add(1);
            self.fail_at(nth, fault);
        }

        /// Plans no more faults.
        pub fn forget(&self) {
            self.plan().faults.clear();
        }

        /// The writes so far, failed ones included.
        #[must_use]
        pub fn writes(&self) -> u64 {
            self.plan().writes
        }

        fn plan(&self) -> MutexGuard<'_, Plan> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    impl Writing for Faulty {
        fn write(&mut self, pending: Pending<'_>) -> Result<(), WriteFailed> {
            let fault = {
                let mut plan = self.plan();
                plan.writes = plan.writes.saturating_add(1);
                let nth = plan.writes;
                plan.faults.remove(&nth)
            };
            match fault {
                None => return Synced.write(pending),
                Some(Fault::NotDone) => {}
                Some(Fault::DoneButReported) => Synced.write(pending)?,
            }
            Err(WriteFailed {
                what: String::from("fault made by the test"),
            })
        }
    }
}
