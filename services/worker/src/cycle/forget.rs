//! What the cache must forget because of an append.

use cache::{Area, Topic};
use domain::job::{Job, JobStatus};
use domain::{OrderId, StoreId, TenantId};

/// Areas to be forgotten.
#[derive(Debug, Default)]
pub(crate) struct Forget {
    /// What we changed. Forgotten before the append, so that whoever sees a job's end finds nothing from before its
    /// change, and again after it, in case the cache's backend was away.
    changed: Vec<Area>,
    /// What others changed, as we have seen: forgotten after the append alone, for that one may be an intent's, and any
    /// wait before it makes the window longer in which others' edits are lost.
    seen: Vec<Area>,
}

impl Forget {
    /// A job has become `job`.
    pub(super) fn job(&mut self, job: &Job) {
        // A job that ends before its first attempt has changed nothing; of others one cannot always be sure.
        let touched = job.status == JobStatus::Succeeded || job.attempts > 0;
        if !job.status.is_final() || !touched {
            return;
        }
        let (one, all) = if job.kind.is_order() {
            (job.order_id.clone().map(Topic::Order), Topic::Orders)
        } else {
            let item = job.order_id.as_ref().map(ToString::to_string);
            (item.map(Topic::Item), Topic::Items)
        };
        for topic in one.into_iter().chain([all]) {
            add(&mut self.changed, Area::new(job.tenant_id, job.store_id, topic));
        }
    }

    /// We changed an order.
    pub(super) fn written(&mut self, tenant: TenantId, store: StoreId, order: &OrderId) {
        for topic in [Topic::Order(order.clone()), Topic::Orders] {
            add(&mut self.changed, Area::new(tenant, store, topic));
        }
    }

    /// No list of a store is as it was.
    pub(super) fn lists(&mut self, tenant: TenantId, store: StoreId) {
        add(&mut self.changed, Area::new(tenant, store, Topic::Orders));
    }

    /// Somebody else changed an order.
    pub(super) fn changed_externally(&mut self, tenant: TenantId, store: StoreId, order: &OrderId) {
        for topic in [Topic::Order(order.clone()), Topic::Orders] {
            add(&mut self.seen, Area::new(tenant, store, topic));
        }
    }

    /// What must be forgotten before the append.
    pub(super) fn before(&self) -> &[Area] {
        &self.changed
    }

    /// What must be forgotten after it.
    pub(super) fn after(mut self) -> Vec<Area> {
        for area in self.seen {
            add(&mut self.changed, area);
        }
        self.changed
    }
}

fn add(areas: &mut Vec<Area>, area: Area) {
    if !areas.contains(&area) {
        areas.push(area);
    }
}
