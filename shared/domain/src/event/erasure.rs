//! What is recorded of erasures of personal data: that somebody asked, and that it was done. Never whose data it was.

use serde::{Deserialize, Serialize};

use crate::id::{ErasureId, OrderId, StoreId, TenantId};
use crate::time::Timestamp;

/// Data of [`Event::ErasureRequested`](super::Event::ErasureRequested).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureRequested {
    /// When.
    pub at: Timestamp,
    /// The erasure.
    pub erasure_id: ErasureId,
    /// Whose.
    pub tenant_id: TenantId,
    /// Through which registration.
    pub store_id: StoreId,
    /// The partition of the store, whose owner carries it out.
    pub partition: u16,
    /// The order; none for a customer, whose address is sealed beside until the erasure is done.
    pub order_id: Option<OrderId>,
    /// The customer's erasure that this order's belongs to.
    pub part_of: Option<ErasureId>,
}

/// Data of [`Event::ErasureDone`](super::Event::ErasureDone).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureDone {
    /// When.
    pub at: Timestamp,
    /// The erasure.
    pub erasure_id: ErasureId,
    /// Whose.
    pub tenant_id: TenantId,
    /// Through which registration.
    pub store_id: StoreId,
    /// The order; none for a customer.
    pub order_id: Option<OrderId>,
    /// How many records were erased: one of an order; of a customer the orders, each of which has an erasure of its
    /// own, and what never got an order.
    pub records: u32,
}
