//! Where the buckets of one process are: a bounded number of them.

use std::sync::Arc;

use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::{Quota, Subject};

/// A question about a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ask {
    /// Whose.
    pub(crate) subject: Subject,
    /// Only to look: nothing is taken.
    pub(crate) look: bool,
}

/// The buckets, the one unused for longest thrown away first. A bucket thrown away is full when it is asked for again,
/// as is one that lay idle for its window, so no memory is spent on the idle.
#[derive(Clone)]
pub(crate) struct Buckets(Cache<Subject, Arc<InMemoryState>>);

impl Buckets {
    pub(crate) fn new(capacity: u64, quota: Quota) -> Self {
        Self(
            Cache::builder()
                .max_capacity(capacity)
                // Not TinyLFU: a flood of new subjects would not be counted at all while the old ones are kept.
                .eviction_policy(EvictionPolicy::lru())
                .time_to_idle(quota.window() * 2)
                .build(),
        )
    }

    /// Puts one interval back.
    pub(crate) fn give_back(&self, subject: Subject, interval: Nanos) {
        let Some(bucket) = self.0.get(&subject) else {
            return;
        };
        let _ = bucket.measure_and_replace(&NotKeyed::NonKey, |full_at| {
            full_at.map_or(Err(()), |at| Ok(((), at.saturating_sub(interval))))
        });
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> u64 {
        self.0.run_pending_tasks();
        self.0.entry_count()
    }
}

impl StateStore for Buckets {
    type Key = Ask;

    fn measure_and_replace<T, F, E>(&self, ask: &Ask, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        if ask.look {
            let Some(bucket) = self.0.get(&ask.subject) else {
                return decide(None).map(|(outcome, _)| outcome);
            };
            // The old value is put back.
            return bucket.measure_and_replace(&NotKeyed::NonKey, |full_at| {
                let (outcome, taken) = decide(full_at)?;
                Ok((outcome, full_at.unwrap_or(taken.saturating_sub(taken))))
            });
        }
        let bucket = self.0.get_with(ask.subject, Arc::default);
        bucket.measure_and_replace(&NotKeyed::NonKey, decide)
    }
}
