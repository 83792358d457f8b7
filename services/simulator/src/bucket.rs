//! The leaky token bucket of one store.

use std::time::Instant;

use crate::config::BucketConfig;

/// A bucket that refills continuously; the clock is an argument.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    tokens: f64,
    counted_at: Instant,
}

impl Bucket {
    pub fn full(config: &BucketConfig, now: Instant) -> Self {
        Self {
            tokens: f64::from(config.size),
            counted_at: now,
        }
    }

    fn refill(&mut self, config: &BucketConfig, now: Instant) {
        let elapsed = now.saturating_duration_since(self.counted_at).as_secs_f64();
        self.tokens = (self.tokens + elapsed * config.refill_per_second).min(f64::from(config.size));
        self.counted_at = self.counted_at.max(now);
    }

    /// Takes one token, or says how many whole seconds to wait for the next one.
    pub fn take(&mut self, config: &BucketConfig, now: Instant) -> Result<(), u64> {
        if !config.enforced {
            return Ok(());
        }
        self.refill(config, now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        // A bucket that never refills still has to name a wait.
        let wait = (1.0 - self.tokens) / config.refill_per_second.max(0.001);
        Err((wait.ceil() as u64).max(1))
    }

    /// Gives back the token of a request that never arrived.
    pub fn give_back(&mut self, config: &BucketConfig) {
        self.tokens = (self.tokens + 1.0).min(f64::from(config.size));
    }

    /// Whole tokens left, as the header shows them.
    pub fn left(&mut self, config: &BucketConfig, now: Instant) -> u32 {
        if !config.enforced {
            return config.size;
        }
        self.refill(config, now);
        self.tokens.floor() as u32
    }

    /// Sets the level, as when another integration of the merchant spends tokens.
    pub fn set(&mut self, config: &BucketConfig, tokens: f64, now: Instant) {
        self.tokens = tokens.clamp(0.0, f64::from(config.size));
        self.counted_at = now;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn twenty_at_once_then_three_per_second() {
        let config = BucketConfig::default();
        let start = Instant::now();
        let mut bucket = Bucket::full(&config, start);
        for _ in 0..20 {
            assert_eq!(bucket.take(&config, start), Ok(()));
        }
        assert_eq!(bucket.take(&config, start), Err(1));
        let later = start + Duration::from_millis(1_010);
        assert_eq!(bucket.left(&config, later), 3);
        for _ in 0..3 {
            assert_eq!(bucket.take(&config, later), Ok(()));
        }
        assert_eq!(bucket.take(&config, later), Err(1));
    }

    #[test]
    fn it_never_holds_more_than_its_size() {
        let config = BucketConfig::default();
        let start = Instant::now();
        let mut bucket = Bucket::full(&config, start);
        assert_eq!(bucket.left(&config, start + Duration::from_hours(1)), 20);
    }

    #[test]
    fn a_slow_bucket_names_the_whole_wait() {
        let config = BucketConfig {
            size: 1,
            refill_per_second: 0.25,
            enforced: true,
        };
        let start = Instant::now();
        let mut bucket = Bucket::full(&config, start);
        assert_eq!(bucket.take(&config, start), Ok(()));
        assert_eq!(bucket.take(&config, start), Err(4));
    }
}
