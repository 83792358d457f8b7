//! What comes of a question.

use std::time::Duration;

use crate::Quota;

/// What comes of taking one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// By which measure.
    pub quota: Quota,
    /// Whether it passes.
    pub outcome: Outcome,
    /// How many more would pass at once.
    pub remaining: u32,
    /// When the bucket is full again, if nothing more is taken.
    pub full_in: Duration,
}

/// Whether one passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken.
    Passed,
    /// There was none.
    Refused {
        /// When there is one again.
        retry_after: Duration,
    },
}

impl Decision {
    /// One was taken and so many are left.
    pub fn passed(quota: Quota, remaining: u32) -> Self {
        let missing = quota.limit().get().saturating_sub(remaining);
        Self {
            quota,
            outcome: Outcome::Passed,
            remaining,
            full_in: quota.interval().saturating_mul(missing).min(quota.window()),
        }
    }

    /// There is none before `retry_after` has passed.
    pub fn refused(quota: Quota, retry_after: Duration) -> Self {
        Self {
            quota,
            outcome: Outcome::Refused { retry_after },
            remaining: 0,
            full_in: retry_after + quota.window().saturating_sub(quota.interval()),
        }
    }

    /// Whether it passes.
    pub fn is_passed(&self) -> bool {
        self.outcome == Outcome::Passed
    }
}
