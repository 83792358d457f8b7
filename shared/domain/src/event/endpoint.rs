//! Events of webhooks.

use serde::{Deserialize, Serialize};

use crate::id::{DeliveryId, EndpointId, SecretId, TenantId, UpstreamStoreId};
use crate::time::Timestamp;
use crate::webhook::{DisableReason, Target, WebhookEvent};

/// Data of [`Event::EndpointCreated`](super::Event::EndpointCreated).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointCreated {
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub tenant_id: TenantId,
    /// The endpoint.
    pub endpoint_id: EndpointId,
    /// What it is told about; empty means everything.
    pub events: Vec<WebhookEvent>,
    /// Of which stores; empty means of all.
    pub store_ids: Vec<UpstreamStoreId>,
    /// The secret that signs.
    pub secret_id: SecretId,
}

/// Data of [`Event::EndpointUpdated`](super::Event::EndpointUpdated).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointUpdated {
    /// When.
    pub at: Timestamp,
    /// The endpoint.
    pub endpoint_id: EndpointId,
    /// What it is told about from now on; empty means everything.
    pub events: Vec<WebhookEvent>,
    /// Of which stores; empty means of all.
    pub store_ids: Vec<UpstreamStoreId>,
    /// Whether its address is another one.
    pub new_url: bool,
}

/// Data of [`Event::EndpointSecretRotated`](super::Event::EndpointSecretRotated).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointSecretRotated {
    /// When.
    pub at: Timestamp,
    /// The endpoint.
    pub endpoint_id: EndpointId,
    /// The new secret.
    pub secret_id: SecretId,
    /// Until when the old one signs as well.
    pub old_until: Timestamp,
}

/// Data of [`Event::EndpointDisabled`](super::Event::EndpointDisabled).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointDisabled {
    /// When.
    pub at: Timestamp,
    /// The endpoint.
    pub endpoint_id: EndpointId,
    /// Why.
    pub reason: DisableReason,
}

/// Data of [`Event::EndpointEnabled`](super::Event::EndpointEnabled).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointEnabled {
    /// When.
    pub at: Timestamp,
    /// The endpoint.
    pub endpoint_id: EndpointId,
}

/// Data of [`Event::EndpointDeleted`](super::Event::EndpointDeleted).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointDeleted {
    /// When.
    pub at: Timestamp,
    /// The endpoint.
    pub endpoint_id: EndpointId,
}

/// Data of [`Event::EndpointTested`](super::Event::EndpointTested).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointTested {
    /// When.
    pub at: Timestamp,
    /// The endpoint.
    pub endpoint_id: EndpointId,
}

/// Data of [`Event::EndpointReplayed`](super::Event::EndpointReplayed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointReplayed {
    /// When.
    pub at: Timestamp,
    /// The endpoint.
    pub endpoint_id: EndpointId,
    /// From when on.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// Whether only what did not arrive.
    pub only_failed: bool,
    /// How many deliveries that were.
    pub deliveries: u64,
}

/// Data of [`Event::DeliveryRepeated`](super::Event::DeliveryRepeated).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRepeated {
    /// When.
    pub at: Timestamp,
    /// The delivery.
    pub delivery_id: DeliveryId,
    /// To whom.
    pub target: Target,
    /// Position of the event that it tells of.
    pub position: u64,
}

/// Data of [`Event::CallbackSecretCreated`](super::Event::CallbackSecretCreated).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackSecretCreated {
    /// When.
    pub at: Timestamp,
    /// The tenant.
    pub tenant_id: TenantId,
    /// The secret.
    pub secret_id: SecretId,
}
