//! Events of requests to Order Desk and of orders.

use serde::{Deserialize, Serialize};

use crate::batch::{BatchOutcome, RequestKind};
use crate::id::{BatchId, JobId, OrderId, StoreId, TenantId};
use crate::time::Timestamp;

/// Data of [`Event::BatchOpened`](super::Event::BatchOpened).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchOpened {
    /// When.
    pub at: Timestamp,
    /// The batch.
    pub batch_id: BatchId,
    /// Whose jobs.
    pub tenant_id: TenantId,
    /// Through which registration.
    pub store_id: StoreId,
    /// The partition of the store.
    pub partition: u16,
    /// The order or inventory item, if it has an id yet.
    pub order_id: Option<OrderId>,
    /// The lane of the jobs.
    pub lane: String,
    /// The request about to be sent.
    pub request: RequestKind,
    /// The jobs, in their order.
    pub jobs: Vec<JobId>,
    /// The entity tag before.
    pub etag_before: Option<String>,
}

/// Data of [`Event::BatchClosed`](super::Event::BatchClosed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchClosed {
    /// When.
    pub at: Timestamp,
    /// The batch.
    pub batch_id: BatchId,
    /// What became of its request.
    pub outcome: BatchOutcome,
    /// Whether that had to be found out afterwards.
    pub recovered: bool,
}

/// Data of [`Event::OrderChangedExternally`](super::Event::OrderChangedExternally).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderChangedExternally {
    /// When we noticed.
    pub at: Timestamp,
    /// Whose store.
    pub tenant_id: TenantId,
    /// The registration.
    pub store_id: StoreId,
    /// The order.
    pub order_id: OrderId,
    /// Digest of the image we knew; empty if we knew none.
    pub digest_before: String,
    /// Digest of the image we found.
    pub digest_after: String,
}

impl OrderChangedExternally {
    /// The digest of the image that was known, if one was.
    pub fn known_before(&self) -> Option<String> {
        (!self.digest_before.is_empty()).then(|| self.digest_before.clone())
    }
}

/// Data of [`Event::OrderWritten`](super::Event::OrderWritten).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderWritten {
    /// When.
    pub at: Timestamp,
    /// Whose store.
    pub tenant_id: TenantId,
    /// The registration.
    pub store_id: StoreId,
    /// The order.
    pub order_id: OrderId,
    /// The batch that wrote it.
    pub batch_id: BatchId,
    /// Digest of the image that Order Desk has now.
    pub digest: String,
}

/// Data of [`Event::OrderEditOverwritten`](super::Event::OrderEditOverwritten).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEditOverwritten {
    /// When we noticed.
    pub at: Timestamp,
    /// Whose store.
    pub tenant_id: TenantId,
    /// The registration.
    pub store_id: StoreId,
    /// The order.
    pub order_id: OrderId,
    /// The batch within whose window the edit fell.
    pub batch_id: BatchId,
}
