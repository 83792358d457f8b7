//! Views from the log: the pure fold that an adapter's `rebuild` and the tests use.

use std::collections::HashMap;

use domain::batch::OpenBatch;
use domain::event::{DecodeError, Event};
use domain::image::OrderImage;
use domain::job::{Job, JobStatus};
use domain::order::CommandKind;
use domain::store::Store;
use domain::tenant::{Key, Tenant};
use domain::webhook::Endpoint;
use domain::{BatchId, EndpointId, JobId, KeyId, OrderId, StoreId, TenantId};

use crate::recorded::Recorded;

/// Whether a job has taken its order out of Order Desk, and so the order's image out of the views.
pub fn removes_order(job: &Job) -> bool {
    job.kind == CommandKind::OrderDelete && job.status == JobStatus::Succeeded
}

/// The webhook endpoint to whose stream an event belongs.
pub fn endpoint_of(event: &Event) -> Option<EndpointId> {
    match event {
        Event::EndpointCreated(e) => Some(e.endpoint_id),
        Event::EndpointUpdated(e) => Some(e.endpoint_id),
        Event::EndpointSecretRotated(e) => Some(e.endpoint_id),
        Event::EndpointDisabled(e) => Some(e.endpoint_id),
        Event::EndpointEnabled(e) => Some(e.endpoint_id),
        Event::EndpointDeleted(e) => Some(e.endpoint_id),
        Event::EndpointTested(e) => Some(e.endpoint_id),
        Event::EndpointReplayed(e) => Some(e.endpoint_id),
        _ => None,
    }
}

/// The tables of the views. They are made anew together: each is a fold of the same log.
pub const VIEWS: [&str; 7] = [
    "tenants",
    "tenant_keys",
    "stores",
    "jobs",
    "open_batches",
    "order_images",
    "webhook_endpoints",
];

/// All view rows, folded in memory from the log's start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Views {
    /// `tenants`.
    pub tenants: HashMap<TenantId, Tenant>,
    /// `tenant_keys`.
    pub keys: HashMap<KeyId, Key>,
    /// `stores`.
    pub stores: HashMap<StoreId, Store>,
    /// `jobs`.
    pub jobs: HashMap<JobId, Job>,
    /// `open_batches`.
    pub batches: HashMap<BatchId, OpenBatch>,
    /// `order_images`.
    pub images: HashMap<(StoreId, OrderId), OrderImage>,
    /// `webhook_endpoints`.
    pub endpoints: HashMap<EndpointId, Endpoint>,
}

impl Views {
    /// Folds one row of the log.
    ///
    /// # Errors
    /// [`DecodeError`] if this program does not know the event.
    pub fn fold(&mut self, row: &Recorded) -> Result<(), DecodeError> {
        self.fold_decoded(row, &row.event()?);
        Ok(())
    }

    /// Folds one row of the log, whose event this is.
    pub fn fold_decoded(&mut self, row: &Recorded, event: &Event) {
        match event {
            Event::TenantCreated(e) => {
                self.tenants.insert(e.tenant_id, Tenant::created(e, row.version));
            }
            Event::KeyAdded(e) => {
                self.keys.insert(e.key_id, Key::added(e));
                self.tenant(e.tenant_id, event, row);
            }
            Event::KeyRevoked(e) => {
                if let Some(key) = self.keys.remove(&e.key_id) {
                    self.keys.insert(e.key_id, key.revoked(e));
                }
                self.tenant(e.tenant_id, event, row);
            }
            Event::TenantDeleted(e) => self.tenant(e.tenant_id, event, row),
            Event::TenantErased(e) => self.tenant(e.tenant_id, event, row),
            Event::CallbackSecretCreated(e) => self.tenant(e.tenant_id, event, row),
            Event::StoreRegistered(e) => {
                let mut store = Store::registered(e, row.sealed.clone(), row.version);
                store.last_position = row.position;
                self.stores.insert(e.store_id, store);
            }
            Event::StoreRenamed(_)
            | Event::StoreCredentialsReplaced(_)
            | Event::StorePaused(_)
            | Event::StoreResumed(_)
            | Event::StoreDeleted(_)
            | Event::StoreCredentialsDestroyed(_) => {
                if let Some(store) = row.store_id.and_then(|id| self.stores.remove(&id)) {
                    let mut store = store.evolve(event, row.sealed.as_ref(), row.version);
                    store.last_position = row.position;
                    self.stores.insert(store.id, store);
                }
            }
            Event::JobSubmitted(e) => {
                let mut job = Job::submitted(e, row.sealed.clone());
                job.position = row.position;
                job.last_position = row.position;
                self.jobs.insert(e.job_id, job);
            }
            Event::JobIntentRecorded(_)
            | Event::JobRetryScheduled(_)
            | Event::JobRequeued(_)
            | Event::JobSucceeded(_)
            | Event::JobFailed(_)
            | Event::JobCancelled(_)
            | Event::JobRetriedAs(_) => {
                if let Some(job) = row.job_id.and_then(|id| self.jobs.remove(&id)) {
                    let mut job = job.evolve(event, row.sealed.as_ref(), row.version);
                    job.last_position = row.position;
                    if let (Some(order), true) = (&job.order_id, removes_order(&job)) {
                        self.images.remove(&(job.store_id, order.clone()));
                    }
                    self.jobs.insert(job.id, job);
                }
            }
            Event::BatchOpened(e) => {
                let mut batch = OpenBatch::opened(e, row.sealed.clone());
                batch.position = row.position;
                self.batches.insert(e.batch_id, batch);
            }
            Event::BatchClosed(e) => {
                self.batches.remove(&e.batch_id);
            }
            Event::OrderChangedExternally(e) => {
                self.image(row, e.tenant_id, e.store_id, &e.order_id, &e.digest_after, e.at);
            }
            Event::OrderWritten(e) => {
                self.image(row, e.tenant_id, e.store_id, &e.order_id, &e.digest, e.at);
            }
            Event::EndpointCreated(e) => {
                let mut endpoint = Endpoint::created(e, row.sealed.clone(), row.version);
                endpoint.position = row.position;
                endpoint.last_position = row.position;
                self.endpoints.insert(e.endpoint_id, endpoint);
            }
            Event::EndpointUpdated(_)
            | Event::EndpointSecretRotated(_)
            | Event::EndpointDisabled(_)
            | Event::EndpointEnabled(_)
            | Event::EndpointDeleted(_)
            | Event::EndpointTested(_)
            | Event::EndpointReplayed(_) => {
                if let Some(endpoint) = endpoint_of(event).and_then(|id| self.endpoints.remove(&id)) {
                    let mut endpoint = endpoint.evolve(event, row.sealed.as_ref(), row.version);
                    endpoint.last_position = row.position;
                    self.endpoints.insert(endpoint.id, endpoint);
                }
            }
            Event::OrderEditOverwritten(_)
            | Event::DeliveryRepeated(_)
            | Event::ErasureRequested(_)
            | Event::OrderRead(_)
            | Event::OrdersListed(_)
            | Event::LoginRefused(_) => {}
            Event::ErasureDone(e) => {
                if let Some(order) = &e.order_id {
                    self.images.remove(&(e.store_id, order.clone()));
                }
            }
        }
    }

    fn tenant(&mut self, id: TenantId, event: &Event, row: &Recorded) {
        if let Some(tenant) = self.tenants.remove(&id) {
            self.tenants
                .insert(id, tenant.evolve(event, row.sealed.as_ref(), row.version));
        }
    }

    fn image(
        &mut self,
        row: &Recorded,
        tenant_id: TenantId,
        store_id: StoreId,
        order_id: &OrderId,
        digest: &str,
        at: domain::Timestamp,
    ) {
        let image = OrderImage {
            tenant_id,
            store_id,
            order_id: order_id.clone(),
            digest: digest.to_owned(),
            at,
            position: row.position,
            image: row.sealed.clone(),
        };
        self.images.insert((store_id, order_id.clone()), image);
    }
}
