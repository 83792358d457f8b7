//! How much in how long.

use std::num::NonZeroU32;
use std::time::Duration;

/// So much at once, and so much again in each window, evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    limit: NonZeroU32,
    window: Duration,
}

impl Quota {
    /// So many a minute; none if it is 0, which means no limit.
    pub fn per_minute(limit: u32) -> Option<Self> {
        Self::new(limit, Duration::from_mins(1))
    }

    /// So many an hour; none if it is 0, which means no limit.
    pub fn per_hour(limit: u32) -> Option<Self> {
        Self::new(limit, Duration::from_hours(1))
    }

    fn new(limit: u32, window: Duration) -> Option<Self> {
        NonZeroU32::new(limit).map(|limit| Self { limit, window })
    }

    /// So many times as much in the same window.
    pub fn times(self, factor: NonZeroU32) -> Self {
        Self {
            limit: self.limit.saturating_mul(factor),
            ..self
        }
    }

    /// What a full bucket holds.
    pub fn limit(self) -> NonZeroU32 {
        self.limit
    }

    /// In what time an empty bucket fills.
    pub fn window(self) -> Duration {
        self.window
    }

    /// From one to the next.
    pub fn interval(self) -> Duration {
        self.window / self.limit.get()
    }
}
