//! The last image of an order that we wrote or saw, for noticing what others changed.

use serde::{Deserialize, Serialize};

use crate::id::{OrderId, StoreId, TenantId};
use crate::sealed::Sealed;
use crate::time::Timestamp;

/// The last image of one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderImage {
    /// Whose store.
    pub tenant_id: TenantId,
    /// The registration.
    pub store_id: StoreId,
    /// The order.
    pub order_id: OrderId,
    /// The keyed digest of its comparable form (also its entity tag).
    pub digest: String,
    /// When we wrote or saw it.
    pub at: Timestamp,
    /// Ledger position of the event; set by the ledger.
    pub position: u64,
    /// The order as it was, sealed.
    #[serde(skip)]
    pub image: Option<Sealed>,
}
