//! Threads with a large stack, one lane each (decisions 20 and 68).
//!
//! Everything of one key goes through one lane, in the order of arrival: verifying, reading, deciding, encoding
//! and sealing in one job, without a hop. Policy is only ever evaluated on these threads.

use std::{
    hash::{DefaultHasher, Hash, Hasher as _},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, PoisonError, mpsc},
    thread::JoinHandle,
};

use agentsigna_verifier::rules::BigStack;

/// Jobs that may wait in one lane.
const LANE_JOBS_MAX: usize = 1024;

type Job = Box<dyn FnOnce(&BigStack) + Send>;

/// The lanes.
pub(super) struct Workers {
    lanes: Mutex<Vec<mpsc::SyncSender<Job>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Workers {
    /// Starts `count` lanes, at least one.
    pub(super) fn start(count: usize) -> io::Result<Self> {
        let (mut lanes, mut threads) = (Vec::new(), Vec::new());
        for number in 0..count.max(1) {
            let (sender, jobs) = mpsc::sync_channel::<Job>(LANE_JOBS_MAX);
            threads.push(BigStack::spawn(&format!("lane-{number}"), move |stack| {
                while let Ok(job) = jobs.recv() {
                    // A panic in one job must not take the lane of all others with it. What the job held is
                    // dropped, so its caller hears that it was not done.
                    if catch_unwind(AssertUnwindSafe(|| job(stack))).is_err() {
                        tracing::error!("a request was given up after a panic");
                    }
                }
            })?);
            lanes.push(sender);
        }
        Ok(Self {
            lanes: Mutex::new(lanes),
            threads: Mutex::new(threads),
        })
    }

    /// Runs `job` in the lane of `key`. `false` if the lane is full or closed; the job is dropped then.
    pub(super) fn submit(
        &self,
        key: impl Hash,
        job: impl FnOnce(&BigStack) + Send + 'static,
    ) -> bool {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let lane = {
            let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
            let count = u64::try_from(lanes.len()).unwrap_or(1).max(1);
            usize::try_from(hasher.finish() % count)
                .ok()
                .and_then(|lane| lanes.get(lane).cloned())
        };
        lane.is_some_and(|lane| lane.try_send(Box::new(job)).is_ok())
    }

    /// Takes no more jobs, and ends after those that wait.
    pub(super) fn close(&self) {
        self.lanes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A lane that panicked answered nobody; its callers were told so when it dropped their replies.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    //! Goal: a lane takes what it can hold, in order, and nothing beyond it.

    use std::sync::Arc;

    use super::*;

    #[test]
    fn ap_10_a_full_lane_refuses_at_once_and_keeps_nothing_of_it() {
        let workers = Workers::start(1).unwrap();
        let (release, held) = mpsc::channel::<()>();
        let (running, runs) = mpsc::channel::<()>();
        assert!(workers.submit("first", move |_| {
            running.send(()).unwrap();
            held.recv().unwrap();
        }));
        runs.recv().unwrap();
        let done = Arc::new(Mutex::new(Vec::new()));
        for number in 0..LANE_JOBS_MAX {
            let done = Arc::clone(&done);
            assert!(workers.submit(number, move |_| done.lock().unwrap().push(number)));
        }
        let beyond = Arc::clone(&done);
        assert!(!workers.submit("beyond", move |_| beyond.lock().unwrap().push(usize::MAX)));
        // The job that was refused is gone: nobody holds its reply.
        assert_eq!(Arc::strong_count(&done), LANE_JOBS_MAX + 1);
        release.send(()).unwrap();
        workers.close();
        let expected: Vec<usize> = (0..LANE_JOBS_MAX).collect();
        assert_eq!(*done.lock().unwrap(), expected);
        assert!(!workers.submit("closed", |_| ()));
    }

    #[test]
    fn a_panic_ends_its_job_and_not_the_lane() {
        let workers = Workers::start(1).unwrap();
        let (sender, receiver) = mpsc::channel::<u8>();
        let lost = sender.clone();
        assert!(workers.submit("bad", move |_| {
            let _held = lost;
            panic!("a job of the test");
        }));
        assert!(workers.submit("good", move |_| sender.send(1).unwrap()));
        assert_eq!(receiver.recv(), Ok(1));
        workers.close();
        assert!(receiver.recv().is_err());
    }
}
