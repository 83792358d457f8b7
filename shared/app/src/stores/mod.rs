//! Stores: registering, finding, changing and removing them.

mod change;
mod register;
mod remembered;

use std::sync::Arc;

use domain::Timestamp;
use domain::store::Store;

pub use change::{ChangeStoreError, PatchStore};
pub use register::{RegisterError, RegisterStore};
pub(crate) use remembered::Remembered;

use crate::denied::may_be_denied;
use crate::{App, Caller, Denied};

/// Why a store was not found.
#[derive(Debug, thiserror::Error)]
pub enum FindStoreError {
    /// The caller has no such store.
    #[error("there is no such store")]
    NotFound,
    /// Several of the caller's stores carry this label.
    #[error("several stores carry this label")]
    Ambiguous,
    /// See [`Denied`].
    #[error(transparent)]
    Denied(#[from] Denied),
}

may_be_denied!(FindStoreError);

/// What goes on at a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreStatus {
    /// Jobs that wait, for their turn or for another attempt.
    pub queued: u64,
    /// Jobs whose change is on its way.
    pub running: u64,
    /// How long the job that is due for longest has waited.
    pub oldest_wait_ms: Option<u64>,
    /// When what waits now will be done, roughly; none if nothing waits or the store is paused.
    pub eta: Option<Timestamp>,
    /// The store's token bucket, as this process last saw it; none if it has not read from the store lately.
    pub tokens: Option<Tokens>,
}

/// What Order Desk last said about a token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// How many were left.
    pub available: u32,
    /// When it said so.
    pub observed_at: Timestamp,
}

impl App {
    /// The caller's stores, oldest first.
    pub async fn list_stores(&self, caller: &Caller) -> Result<Vec<Store>, Denied> {
        match caller.tenant_id() {
            Some(tenant) => Ok(self.0.ledger.stores_of(tenant).await?),
            None => Ok(Vec::new()),
        }
    }

    /// The caller's store that `name` means: Order Desk's id of a store, else our id, else a label that only one
    /// store carries.
    pub async fn find_store(&self, caller: &Caller, name: &str) -> Result<Store, FindStoreError> {
        let Some(tenant) = caller.tenant_id() else {
            return Err(FindStoreError::NotFound);
        };
        // One row each; a tenant may have very many stores, and nearly every request names one.
        let ledger = &self.0.ledger;
        if let Ok(upstream) = name.parse()
            && let Some(store) = ledger.store_by_upstream(tenant, &upstream).await?
        {
            return Ok(store);
        }
        if let Ok(id) = name.parse()
            && let Some(store) = ledger.store(id).await?
            && store.tenant_id == tenant
            && store.deleted_at.is_none()
        {
            return Ok(store);
        }
        let mut stores = self.list_stores(caller).await?;
        stores.retain(|store| store.label.as_deref() == Some(name));
        match stores.pop() {
            None => Err(FindStoreError::NotFound),
            Some(_) if !stores.is_empty() => Err(FindStoreError::Ambiguous),
            Some(store) => Ok(store),
        }
    }

    /// As [`App::find_store`], for reads of what Order Desk holds: it may be up to half a second behind what other
    /// processes did to the store, never behind this one. Costs nothing where the process looked a moment ago.
    pub async fn find_store_to_read(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<Arc<Store>, FindStoreError> {
        let Some(tenant) = caller.tenant_id() else {
            return Err(FindStoreError::NotFound);
        };
        let now = self.0.clock.boot();
        // Without announcements a change elsewhere would not be heard of before its time is over.
        let is_told = self.0.queue.is_live();
        if is_told && let Some(store) = self.0.stores.get(tenant, name, now) {
            return Ok(store);
        }
        let look = self.0.stores.begin(now);
        let store = Arc::new(self.find_store(caller, name).await?);
        if is_told {
            self.0.stores.put(name, &store, look);
        }
        Ok(store)
    }

    /// What goes on at one of the caller's stores.
    pub async fn store_status(&self, caller: &Caller, store: &Store) -> Result<StoreStatus, FindStoreError> {
        if caller.tenant_id() != Some(store.tenant_id) {
            return Err(FindStoreError::NotFound);
        }
        let counts = self.0.ledger.queue_counts(store.id).await?;
        let now = self.now();
        let eta = (counts.queued > 0 && store.is_running())
            .then(|| crate::jobs::eta(now, counts.queued.saturating_sub(1)));
        Ok(StoreStatus {
            queued: counts.queued,
            running: counts.running,
            oldest_wait_ms: counts.oldest_due_at.map(|at| now.since(at).as_millis() as u64),
            eta,
            tokens: self.0.pace.tokens(&store.upstream_key).await,
        })
    }
}
