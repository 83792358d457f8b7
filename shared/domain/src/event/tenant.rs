//! Events of tenants and their keys.

use serde::{Deserialize, Serialize};

use crate::id::{KeyId, TenantId};
use crate::time::Timestamp;

/// Data of [`Event::TenantCreated`](super::Event::TenantCreated).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantCreated {
    /// When.
    pub at: Timestamp,
    /// The tenant.
    pub tenant_id: TenantId,
    /// A name for people.
    pub label: Option<String>,
    /// Whether an unknown key made it, and not the administrator.
    pub provisioned: bool,
    /// Hex of the salt of its tenant key.
    pub salt: String,
}

/// Data of [`Event::KeyAdded`](super::Event::KeyAdded).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAdded {
    /// When.
    pub at: Timestamp,
    /// The tenant.
    pub tenant_id: TenantId,
    /// The key.
    pub key_id: KeyId,
    /// Hex of the keyed hash by which it is found.
    pub lookup: String,
    /// The argon2id hash in PHC form.
    pub phc: String,
    /// A name for people.
    pub label: Option<String>,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

/// Data of [`Event::KeyRevoked`](super::Event::KeyRevoked).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRevoked {
    /// When.
    pub at: Timestamp,
    /// The tenant.
    pub tenant_id: TenantId,
    /// The key.
    pub key_id: KeyId,
}

/// Data of [`Event::TenantDeleted`](super::Event::TenantDeleted).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantDeleted {
    /// When.
    pub at: Timestamp,
    /// The tenant.
    pub tenant_id: TenantId,
    /// Whether the administrator asked, and not the tenant itself.
    pub by_admin: bool,
}

/// Data of [`Event::TenantErased`](super::Event::TenantErased).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantErased {
    /// When.
    pub at: Timestamp,
    /// The tenant.
    pub tenant_id: TenantId,
}
