//! Which jobs a list shows, and which events of an order.

use domain::job::JobStatus;
use domain::order::CommandKind;
use domain::{OrderId, StoreId, TenantId, Timestamp};

/// A filter over one tenant's jobs; every given part must hold. Newest first, by position.
#[derive(Clone, Debug)]
pub struct JobFilter {
    /// Whose.
    pub tenant_id: TenantId,
    /// Of this registration.
    pub store_id: Option<StoreId>,
    /// Of this order.
    pub order_id: Option<OrderId>,
    /// In one of these states; empty means any.
    pub status: Vec<JobStatus>,
    /// Of this kind.
    pub kind: Option<CommandKind>,
    /// Submitted at or after.
    pub from: Option<Timestamp>,
    /// Submitted before.
    pub to: Option<Timestamp>,
    /// Only positions below this one: the cursor.
    pub before: Option<u64>,
    /// At most this many.
    pub limit: u32,
}

/// The types of events that [`Backend::order_events`](crate::Backend::order_events) finds: what was made of an order and
/// what was seen of it. An index of each adapter lists the same types.
pub const ORDER_EVENT_TYPES: [&str; 6] = [
    "batch.opened.v1",
    "job.failed.v1",
    "job.succeeded.v1",
    "order.changed_externally.v1",
    "order.edit_overwritten.v1",
    "order.written.v1",
];

/// A filter over the events of one order; every given part must hold. Newest first.
#[derive(Clone, Debug)]
pub struct OrderEventFilter {
    /// Through which registration.
    pub store_id: StoreId,
    /// The order, or the inventory item that has the same id.
    pub order_id: OrderId,
    /// Of one of these types, of [`ORDER_EVENT_TYPES`].
    pub types: Vec<&'static str>,
    /// Only positions below this one: the cursor.
    pub before: Option<u64>,
    /// Recorded at this time or earlier.
    pub until: Option<Timestamp>,
    /// At most this many.
    pub limit: u32,
}
