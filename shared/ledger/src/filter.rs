//! Which jobs a list shows.

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
