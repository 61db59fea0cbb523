//! The ledger's time: one clock for every step, which never goes back (decision 36).

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use agentsigna_verifier::time::UnixMillis;

/// How far the machine's clock may stray before no Passport is issued any more, in milliseconds.
const STRAY_MS_MAX: u64 = 30_000;

/// Where time comes from.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the epoch, as the machine has them; may jump.
    fn wall_ms(&self) -> u64;
    /// Time since some fixed moment; never jumps.
    fn steady(&self) -> Duration;
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock(Instant);

/// The clock has strayed: no new Passports until it is where it was when the server started, time passed added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the machine's clock is {0} ms away from where it should be: set it right, or start the server again if it is"
)]
pub struct ClockFault(u64);

/// LG-17: time that never goes back: held while the machine's clock is behind what was already used.
#[derive(Clone)]
pub struct LedgerClock {
    inner: Arc<Inner>,
}

struct Inner {
    source: Box<dyn Clock>,
    started_wall_ms: u64,
    started_steady: Duration,
    last_ms: AtomicU64,
}

impl SystemClock {
    /// The machine's clock, from now on.
    #[must_use]
    pub fn new() -> Self {
        Self(Instant::now())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn wall_ms(&self) -> u64 {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    fn steady(&self) -> Duration {
        self.0.elapsed()
    }
}

impl LedgerClock {
    /// A clock over `source`.
    #[must_use]
    pub fn new<C: Clock>(source: C) -> Self {
        let inner = Inner {
            started_wall_ms: source.wall_ms(),
            started_steady: source.steady(),
            last_ms: AtomicU64::new(0),
            source: Box::new(source),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The time now; never before any time given out earlier, or read from a log by [`Self::at_least`].
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        let wall = self.inner.source.wall_ms();
        let before = self.inner.last_ms.fetch_max(wall, Ordering::AcqRel);
        UnixMillis::new(before.max(wall)).unwrap_or(UnixMillis::MAX)
    }

    /// Time since some fixed moment of this run; never jumps, and says nothing of the day.
    #[must_use]
    pub fn steady(&self) -> Duration {
        self.inner.source.steady()
    }

    /// Never answers a time before `time` again: what a log on disk already says.
    pub fn at_least(&self, time: UnixMillis) {
        self.inner
            .last_ms
            .fetch_max(time.millis(), Ordering::AcqRel);
    }

    /// Whether Passports may be issued: the clock is within 30 s of where it should be, both of the time last
    /// given out and of the time that has passed since the start.
    ///
    /// # Errors
    /// [`ClockFault`].
    pub fn check(&self) -> Result<(), ClockFault> {
        let wall = self.inner.source.wall_ms();
        let held = self
            .inner
            .last_ms
            .load(Ordering::Acquire)
            .saturating_sub(wall);
        let passed = self
            .inner
            .source
            .steady()
            .saturating_sub(self.inner.started_steady);
        let expected = self
            .inner
            .started_wall_ms
            .saturating_add(u64::try_from(passed.as_millis()).unwrap_or(u64::MAX));
        let stray = held.max(wall.abs_diff(expected));
        if stray > STRAY_MS_MAX {
            Err(ClockFault(stray))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    struct Hands(Arc<AtomicU64>, Arc<AtomicU64>);

    impl Clock for Hands {
        fn wall_ms(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }

        fn steady(&self) -> Duration {
            Duration::from_millis(self.1.load(Ordering::Relaxed))
        }
    }

    /// Goal: time stands still rather than go back, and a strayed clock is noticed both ways.
    #[test]
    fn time_never_goes_back_and_a_strayed_clock_is_noticed() {
        let (wall, steady) = (
            Arc::new(AtomicU64::new(1_000_000)),
            Arc::new(AtomicU64::new(0)),
        );
        let clock = LedgerClock::new(Hands(Arc::clone(&wall), Arc::clone(&steady)));
        assert_eq!(clock.now().millis(), 1_000_000);
        wall.store(980_000, Ordering::Relaxed);
        assert_eq!(clock.now().millis(), 1_000_000);
        assert_eq!(clock.check(), Ok(()));
        wall.store(960_000, Ordering::Relaxed);
        assert_eq!(clock.check(), Err(ClockFault(40_000)));
        wall.store(1_100_000, Ordering::Relaxed);
        assert_eq!(clock.check(), Err(ClockFault(100_000)));
        steady.store(100_000, Ordering::Relaxed);
        assert_eq!(clock.check(), Ok(()));
        clock.at_least(UnixMillis::new(1_200_000).unwrap());
        assert_eq!(clock.now().millis(), 1_200_000);
    }
}
