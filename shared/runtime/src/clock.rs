//! Time and ids, as things that are handed in.

use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};
use uuid::Uuid;

/// Where a process gets its time and its new ids from.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn unix_ms(&self) -> i64;

    /// Time since some fixed point. Never runs backwards and runs on while the machine sleeps, so that a lease
    /// that was counted from it is over after a suspend.
    fn boot(&self) -> Duration;

    /// A new UUIDv7.
    fn uuid(&self) -> Uuid;
}

/// The system's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn unix_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    fn boot(&self) -> Duration {
        clock_gettime(ClockId::CLOCK_BOOTTIME)
            .or_else(|_| clock_gettime(ClockId::CLOCK_MONOTONIC))
            .map_or(Duration::ZERO, Duration::from)
    }

    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// A clock that a test moves.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<(i64, Duration)>,
}

impl ManualClock {
    /// A clock that stands at `unix_ms`.
    pub fn at(unix_ms: i64) -> Self {
        Self {
            now: Mutex::new((unix_ms, Duration::from_secs(1_000))),
        }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let mut now = self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        now.0 += i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        now.1 += by;
    }
}

impl Clock for ManualClock {
    fn unix_ms(&self) -> i64 {
        self.now
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .0
    }

    fn boot(&self) -> Duration {
        self.now
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .1
    }

    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }
}
