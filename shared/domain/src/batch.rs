//! A batch: the jobs that travel in one upstream request, and what is known of that request.

use serde::{Deserialize, Serialize};

use crate::event::BatchOpened;
use crate::id::{BatchId, JobId, OrderId, StoreId, TenantId};
use crate::sealed::Sealed;
use crate::time::Timestamp;

/// The upstream request that an intent announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    /// `PUT /orders/{id}` of the whole order.
    Put,
    /// `POST /move-orders`.
    Move,
    /// `POST /orders`.
    Create,
    /// `DELETE /orders/{id}`.
    Delete,
    /// `POST /inventory-items`.
    InventoryCreate,
    /// `PUT /inventory-items/{id}` of the whole item.
    InventoryPut,
    /// `DELETE /inventory-items/{id}`.
    InventoryDelete,
}

/// How an upstream request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchOutcome {
    /// Order Desk has the change.
    Applied,
    /// Order Desk has not got the change and will not get it from this request.
    NotApplied,
    /// Neither could be shown.
    Unclear,
}

/// A request that was announced and whose outcome is not recorded yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenBatch {
    /// Its id.
    pub id: BatchId,
    /// Whose jobs travel; a batch never mixes tenants.
    pub tenant_id: TenantId,
    /// Through which registration.
    pub store_id: StoreId,
    /// The partition whose owner is responsible.
    pub partition: u16,
    /// The order or item, if it has an id yet.
    pub order_id: Option<OrderId>,
    /// The lane that stays closed until the outcome is known.
    pub lane: String,
    /// The request.
    pub request: RequestKind,
    /// The jobs, in their order.
    pub jobs: Vec<JobId>,
    /// When the intent was recorded.
    pub opened_at: Timestamp,
    /// Ledger position of the intent; set by the ledger.
    pub position: u64,
    /// What the request changes: images before and after, each job's share (`app` gives it its shape).
    #[serde(skip)]
    pub plan: Option<Sealed>,
}

impl OpenBatch {
    /// The batch that `event` opens.
    pub fn opened(event: &BatchOpened, plan: Option<Sealed>) -> Self {
        Self {
            id: event.batch_id,
            tenant_id: event.tenant_id,
            store_id: event.store_id,
            partition: event.partition,
            order_id: event.order_id.clone(),
            lane: event.lane.clone(),
            request: event.request,
            jobs: event.jobs.clone(),
            opened_at: event.at,
            position: 0,
            plan,
        }
    }
}
