//! What is recorded for the audit alone: what was shown, and who was refused.

use serde::{Deserialize, Serialize};

use crate::id::{KeyId, OrderId, StoreId, TenantId};
use crate::time::Timestamp;

/// How an order was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderView {
    /// As it stands.
    Order,
    /// As it stands and as a command would change it.
    DryRun,
    /// As it was, or what became of it.
    History,
}

/// Data of [`Event::OrderRead`](super::Event::OrderRead).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRead {
    /// When it was shown first within the minute.
    pub at: Timestamp,
    /// Whose store.
    pub tenant_id: TenantId,
    /// The registration.
    pub store_id: StoreId,
    /// The order.
    pub order_id: OrderId,
    /// The key that asked.
    pub key_id: KeyId,
    /// The beginning of the minute that this stands for.
    pub minute: Timestamp,
    /// How it was shown first.
    pub view: OrderView,
}

/// What kind of list was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListView {
    /// Orders.
    Orders,
    /// Customers, derived from orders.
    Customers,
}

/// Data of [`Event::OrdersListed`](super::Event::OrdersListed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrdersListed {
    /// When it was shown.
    pub at: Timestamp,
    /// Whose store.
    pub tenant_id: TenantId,
    /// The registration.
    pub store_id: StoreId,
    /// The key that asked.
    pub key_id: KeyId,
    /// The beginning of the minute that this stands for.
    pub minute: Timestamp,
    /// What kind of list.
    pub view: ListView,
    /// The orders that no list of that minute had named to the key before.
    pub order_ids: Vec<OrderId>,
}

/// Why a known key was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginRefusal {
    /// It was revoked.
    Revoked,
    /// Its time had passed.
    Expired,
}

/// Data of [`Event::LoginRefused`](super::Event::LoginRefused).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginRefused {
    /// When it was refused first within the minute.
    pub at: Timestamp,
    /// Whose key.
    pub tenant_id: TenantId,
    /// The key.
    pub key_id: KeyId,
    /// The beginning of the minute that this stands for.
    pub minute: Timestamp,
    /// Why.
    pub reason: LoginRefusal,
}
