//! Stores that a process looked up a moment ago.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::TenantId;
use domain::store::Store;
use moka::sync::Cache;

/// How long a look-up is believed without being told otherwise: so long at most works a store that was deleted elsewhere.
const BELIEVED: Duration = Duration::from_millis(500);
const MOST: u64 = 10_000;

/// What names meant a moment ago. Any change of any store makes all of it be looked up again: changes are rare, and
/// nothing must be known about which names a change concerns.
pub(crate) struct Remembered {
    changes: AtomicU64,
    known: Cache<(TenantId, Box<str>), Known>,
}

#[derive(Clone)]
struct Known {
    store: Arc<Store>,
    seen: Look,
}

/// When a look-up began.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    changes: u64,
    at: Duration,
}

impl Remembered {
    pub(crate) fn new() -> Self {
        Self {
            changes: AtomicU64::new(0),
            known: Cache::builder().max_capacity(MOST).time_to_live(BELIEVED).build(),
        }
    }

    /// To be called before the ledger is asked; `now` is any clock that never stands still or runs backwards.
    pub(crate) fn begin(&self, now: Duration) -> Look {
        Look {
            changes: self.changes.load(Ordering::SeqCst),
            at: now,
        }
    }

    /// What `name` meant a moment before `now`.
    pub(crate) fn get(&self, tenant: TenantId, name: &str, now: Duration) -> Option<Arc<Store>> {
        let known = self.known.get(&(tenant, name.into()))?;
        let is_believed = known.seen.changes == self.changes.load(Ordering::SeqCst)
            && now.saturating_sub(known.seen.at) < BELIEVED;
        is_believed.then_some(known.store)
    }

    /// Remembers what a look-up found. If a store changed meanwhile, nobody will believe it.
    pub(crate) fn put(&self, name: &str, store: &Arc<Store>, seen: Look) {
        let store = Arc::clone(store);
        self.known
            .insert((store.tenant_id, name.into()), Known { store, seen });
    }

    /// Some store changed.
    pub(crate) fn forget(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }
}
