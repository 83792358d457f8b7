//! Generations within a process.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Area, Generation};

/// Counters to which areas are assigned by a random hash. Nothing is ever evicted from it, so that a generation cannot
/// come back; areas that share a counter are raised together, which costs a fetch now and then and nothing else.
pub struct Generations {
    counters: Box<[AtomicU64]>,
    hasher: RandomState,
}

/// 1 MiB: of a hundred stores at full speed (one change and a half a second each) an entry of 15 s is lost by chance
/// once in 60 times.
const COUNTERS: usize = 1 << 17;

impl Generations {
    /// All at zero.
    pub fn new() -> Self {
        Self {
            counters: (0..COUNTERS).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
        }
    }

    /// The area's present generation.
    pub fn of(&self, area: &Area) -> Generation {
        Generation(u128::from(self.counter(area).load(Ordering::SeqCst)))
    }

    /// Gives the area another generation.
    pub fn raise(&self, area: &Area) {
        self.counter(area).fetch_add(1, Ordering::SeqCst);
    }

    fn counter(&self, area: &Area) -> &AtomicU64 {
        let index = self.hasher.hash_one(area) as usize % self.counters.len();
        &self.counters[index]
    }
}

impl Default for Generations {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Generations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generations").finish_non_exhaustive()
    }
}
