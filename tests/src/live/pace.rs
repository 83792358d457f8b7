//! How fast the store may be asked.

use std::time::Duration;

use tokio::time::Instant;

/// A share of the store's token bucket.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Requests that may be made at once.
    pub burst: u32,
    /// Requests per second in the long run.
    pub per_second: f64,
    /// Tokens that are left for others.
    pub reserve: u32,
}

/// Half of what Order Desk allows.
impl Default for Pace {
    fn default() -> Self {
        Self {
            burst: 10,
            per_second: 1.5,
            reserve: 5,
        }
    }
}

/// A bucket of our own, corrected downwards by what Order Desk says of its.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    pace: Pace,
    tokens: f64,
    at: Instant,
}

impl Allowance {
    pub(super) fn full(pace: Pace, now: Instant) -> Self {
        Self {
            pace,
            tokens: f64::from(pace.burst),
            at: now,
        }
    }

    /// Takes one token, and says how long to wait before it may be used.
    pub(super) fn take(&mut self, now: Instant) -> Duration {
        self.tokens = self.level(now) - 1.0;
        self.at = now;
        Duration::from_secs_f64((-self.tokens / self.pace.per_second).max(0.0))
    }

    /// What Order Desk says is left.
    pub(super) fn told(&mut self, remaining: u32, now: Instant) {
        let ours = f64::from(remaining) - f64::from(self.pace.reserve);
        self.tokens = self.level(now).min(ours);
        self.at = now;
    }

    fn level(&self, now: Instant) -> f64 {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        (self.tokens + since * self.pace.per_second).min(f64::from(self.pace.burst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_pace() {
        let (pace, now) = (
            Pace {
                burst: 2,
                per_second: 2.0,
                reserve: 5,
            },
            Instant::now(),
        );
        let mut allowance = Allowance::full(pace, now);
        assert_eq!([allowance.take(now), allowance.take(now)], [Duration::ZERO; 2]);
        assert_eq!(allowance.take(now), Duration::from_millis(500));
        assert_eq!(allowance.take(now + Duration::from_secs(9)), Duration::ZERO);
        allowance.told(4, now + Duration::from_secs(9));
        // One below the reserve, and one for the request itself.
        assert_eq!(
            allowance.take(now + Duration::from_secs(9)),
            Duration::from_secs(1)
        );
    }
}
