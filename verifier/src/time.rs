//! Time as a value. The library never asks a clock: callers pass the time in.

use core::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted. `0..=2^53 − 1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(u64);

impl UnixMillis {
    /// The largest time: 2^53 − 1 ms, in the year 287396.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// Accepts `0..=2^53 − 1`.
    #[must_use]
    pub const fn new(millis: u64) -> Option<Self> {
        if millis <= Self::MAX.0 {
            Some(Self(millis))
        } else {
            None
        }
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// The beginning of a second, stopping at the last time there is.
    #[must_use]
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(0).plus(seconds.saturating_mul(1000))
    }

    /// This time plus `millis`, held at [`Self::MAX`].
    #[must_use]
    pub const fn plus(self, millis: u64) -> Self {
        let sum = self.0.saturating_add(millis);
        if sum > Self::MAX.0 {
            Self::MAX
        } else {
            Self(sum)
        }
    }
}

impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
