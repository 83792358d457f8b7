//! Leaves Redis alone while it is away, so that only one request a second waits for it.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use runtime::Clock;

/// How long Redis is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// Closed while Redis answers; open, it lets one in a second pass to see.
pub(crate) struct Breaker {
    clock: Arc<dyn Clock>,
    /// Milliseconds of the clock until which it is open; 0 if closed.
    until: AtomicU64,
}

impl Breaker {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        metrics::gauge!("rate_limit_shared").set(1.0);
        Self {
            clock,
            until: AtomicU64::new(0),
        }
    }

    /// Whether Redis may be asked.
    pub(crate) fn lets_pass(&self) -> bool {
        let until = self.until.load(Ordering::Relaxed);
        // Who moves the time on is the one to try.
        until == 0
            || (self.now() >= until
                && self
                    .until
                    .compare_exchange(until, self.later(), Ordering::Relaxed, Ordering::Relaxed)
                    .is_ok())
    }

    /// Redis has answered.
    pub(crate) fn close(&self) {
        if self.until.load(Ordering::Relaxed) != 0 && self.until.swap(0, Ordering::Relaxed) != 0 {
            metrics::gauge!("rate_limit_shared").set(1.0);
            tracing::info!("rate limits are shared through Redis again");
        }
    }

    /// Redis has not answered.
    pub(crate) fn open(&self, cause: &(dyn Error + 'static)) {
        if self.until.swap(self.later(), Ordering::Relaxed) == 0 {
            metrics::gauge!("rate_limit_shared").set(0.0);
            tracing::warn!(error = %cause, "Redis does not answer: each process limits rates by itself");
        }
    }

    fn now(&self) -> u64 {
        self.clock.boot().as_millis() as u64
    }

    fn later(&self) -> u64 {
        self.now() + PAUSE.as_millis() as u64
    }
}

#[cfg(test)]
mod tests {
    use runtime::ManualClock;

    use super::*;

    #[test]
    fn while_open_one_in_a_second_may_try() {
        let clock = Arc::new(ManualClock::at(0));
        let breaker = Breaker::new(Arc::clone(&clock) as Arc<dyn Clock>);
        assert!(breaker.lets_pass() && breaker.lets_pass());
        breaker.open(&std::io::Error::other("gone"));
        assert!(!breaker.lets_pass());
        clock.advance(PAUSE);
        assert!(breaker.lets_pass(), "one tries");
        assert!(!breaker.lets_pass(), "the others do not wait for it");
        breaker.close();
        assert!(breaker.lets_pass() && breaker.lets_pass());
    }
}
