//! Events of stores.

use serde::{Deserialize, Serialize};

use crate::id::{DataKeyId, StoreId, TenantId, UpstreamStoreId};
use crate::store::PauseReason;
use crate::time::Timestamp;

/// Data of [`Event::StoreRegistered`](super::Event::StoreRegistered).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreRegistered {
    /// When.
    pub at: Timestamp,
    /// The tenant.
    pub tenant_id: TenantId,
    /// Our id of the registration.
    pub store_id: StoreId,
    /// Order Desk's id of the store.
    pub upstream_store_id: UpstreamStoreId,
    /// A name for people.
    pub label: Option<String>,
    /// Hex of the keyed hash of base URL, store id and API key.
    pub upstream_key: String,
    /// Its partition.
    pub partition: u16,
    /// The data key that seals its credentials.
    pub data_key_id: DataKeyId,
}

/// Data of [`Event::StoreRenamed`](super::Event::StoreRenamed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreRenamed {
    /// When.
    pub at: Timestamp,
    /// The store.
    pub store_id: StoreId,
    /// The new name, or none.
    pub label: Option<String>,
}

/// Data of [`Event::StoreCredentialsReplaced`](super::Event::StoreCredentialsReplaced).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreCredentialsReplaced {
    /// When.
    pub at: Timestamp,
    /// The store.
    pub store_id: StoreId,
    /// Hex of the keyed hash of base URL, store id and the new API key.
    pub upstream_key: String,
}

/// Data of [`Event::StorePaused`](super::Event::StorePaused).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorePaused {
    /// When.
    pub at: Timestamp,
    /// The store.
    pub store_id: StoreId,
    /// Why.
    pub reason: PauseReason,
}

/// Data of [`Event::StoreResumed`](super::Event::StoreResumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreResumed {
    /// When.
    pub at: Timestamp,
    /// The store.
    pub store_id: StoreId,
}

/// Data of [`Event::StoreDeleted`](super::Event::StoreDeleted).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreDeleted {
    /// When.
    pub at: Timestamp,
    /// The store.
    pub store_id: StoreId,
}

/// Data of [`Event::StoreCredentialsDestroyed`](super::Event::StoreCredentialsDestroyed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreCredentialsDestroyed {
    /// When.
    pub at: Timestamp,
    /// The store.
    pub store_id: StoreId,
}
