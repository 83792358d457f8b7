//! What this process does about the cache beside the worker, which forgets what it changed before the end can be seen.

use std::time::Duration;

use cache::{Area, Topic};
use domain::job::Job;
use domain::{JobId, OrderId, StoreId, TenantId};
use moka::sync::Cache;

use crate::App;

/// Ends that this process has shown lately, and forgotten the traces of.
pub(crate) struct Ends(Cache<JobId, ()>);

impl Ends {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(100_000).build())
    }
}

impl App {
    /// To be called before a job is shown. A worker that could not tell the shared cache of what it changed has gone on
    /// without it; whoever is shown the end here has it forgotten by then, in all processes, or this one at least.
    pub(crate) async fn before_showing(&self, job: &Job) {
        let Some(ended) = job.finished_at.filter(|_| self.0.cache.is_shared()) else {
            return;
        };
        if self.now().since(ended) > self.longest_kept() || self.0.ends.0.contains_key(&job.id) {
            return;
        }
        let (one, all) = if job.kind.is_order() {
            (job.order_id.clone().map(Topic::Order), Topic::Orders)
        } else {
            let item = job.order_id.as_ref().map(|id| id.as_str().to_owned());
            (item.map(Topic::Item), Topic::Items)
        };
        let topics = one.into_iter().chain([all]);
        let areas: Vec<Area> = topics
            .map(|topic| Area::new(job.tenant_id, job.store_id, topic))
            .collect();
        self.0.cache.raise(&areas).await;
        // Only now: another who shows it meanwhile must not rely on what is not yet done.
        self.0.ends.0.insert(job.id, ());
    }

    /// Something of an order or item changed, as another process says. Where the cache is shared or this process is
    /// alone, the worker has seen to it, and where hits are compared with the ledger nothing depends on it: but others'
    /// edits, which the comparison does not cover for lists, are shown sooner, and memory is freed.
    pub(crate) async fn heard_of_change(&self, tenant: TenantId, store: StoreId, id: Option<OrderId>) {
        if self.0.config.alone || self.0.cache.is_shared() {
            return;
        }
        let mut topics = vec![Topic::Orders, Topic::Items];
        if let Some(id) = id {
            topics.push(Topic::Item(id.as_str().to_owned()));
            topics.push(Topic::Order(id));
        }
        let areas: Vec<Area> = topics
            .into_iter()
            .map(|topic| Area::new(tenant, store, topic))
            .collect();
        self.0.cache.raise(&areas).await;
    }

    /// After this time nothing is left in a cache of what was read before.
    fn longest_kept(&self) -> Duration {
        let ttl = &self.0.config.ttl;
        cache::Policy::new(ttl.orders.max(ttl.products).max(ttl.customers)).keep()
    }
}
