//! A tenant and its master keys.

use serde::{Deserialize, Serialize};

use crate::event::{Event, KeyAdded, KeyRevoked, TenantCreated};
use crate::id::{KeyId, SecretId, TenantId};
use crate::sealed::Sealed;
use crate::time::Timestamp;

/// A tenant as its events leave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// A name for people.
    pub label: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Hex of the salt from which its key is derived.
    pub salt: String,
    /// When its erasure was asked for; a tombstone stays.
    pub deleted_at: Option<Timestamp>,
    /// When nothing was left that its keys could open.
    #[serde(default)]
    pub erased_at: Option<Timestamp>,
    /// What signs the callbacks of its jobs, if it has such a secret.
    #[serde(default)]
    pub callback: Option<CallbackSecret>,
    /// Version of its stream.
    pub version: u64,
}

/// The secret that signs what the addresses are told that a tenant's jobs name themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackSecret {
    /// Its id.
    pub id: SecretId,
    /// When it was made.
    pub created_at: Timestamp,
    /// The secret, and the one before it.
    #[serde(with = "crate::sealed::hex")]
    pub sealed: Sealed,
}

impl Tenant {
    /// The tenant that `event` makes.
    pub fn created(event: &TenantCreated, version: u64) -> Self {
        Self {
            id: event.tenant_id,
            label: event.label.clone(),
            created_at: event.at,
            salt: event.salt.clone(),
            deleted_at: None,
            erased_at: None,
            callback: None,
            version,
        }
    }

    /// Folds one further event of this tenant's stream; events of other streams change nothing.
    #[must_use]
    pub fn evolve(mut self, event: &Event, sealed: Option<&Sealed>, version: u64) -> Self {
        match event {
            Event::KeyAdded(_) | Event::KeyRevoked(_) => {}
            Event::TenantDeleted(e) => {
                self.deleted_at.get_or_insert(e.at);
            }
            Event::TenantErased(e) => {
                self.erased_at.get_or_insert(e.at);
                self.callback = None;
            }
            Event::CallbackSecretCreated(e) => {
                self.callback = sealed.map(|sealed| CallbackSecret {
                    id: e.secret_id,
                    created_at: e.at,
                    sealed: sealed.clone(),
                });
            }
            Event::TenantCreated(_)
            | Event::ErasureRequested(_)
            | Event::ErasureDone(_)
            | Event::StoreRegistered(_)
            | Event::StoreRenamed(_)
            | Event::StoreCredentialsReplaced(_)
            | Event::StorePaused(_)
            | Event::StoreResumed(_)
            | Event::StoreDeleted(_)
            | Event::StoreCredentialsDestroyed(_)
            | Event::JobSubmitted(_)
            | Event::JobIntentRecorded(_)
            | Event::JobRetryScheduled(_)
            | Event::JobRequeued(_)
            | Event::JobSucceeded(_)
            | Event::JobFailed(_)
            | Event::JobCancelled(_)
            | Event::JobRetriedAs(_)
            | Event::BatchOpened(_)
            | Event::BatchClosed(_)
            | Event::OrderChangedExternally(_)
            | Event::OrderWritten(_)
            | Event::OrderEditOverwritten(_)
            | Event::EndpointCreated(_)
            | Event::EndpointUpdated(_)
            | Event::EndpointSecretRotated(_)
            | Event::EndpointDisabled(_)
            | Event::EndpointEnabled(_)
            | Event::EndpointDeleted(_)
            | Event::EndpointTested(_)
            | Event::EndpointReplayed(_)
            | Event::DeliveryRepeated(_)
            | Event::OrderRead(_)
            | Event::OrdersListed(_)
            | Event::LoginRefused(_) => return self,
        }
        self.version = version;
        self
    }
}

/// A master key as its events leave it: how to find it and how to prove it, never the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Its id.
    pub id: KeyId,
    /// Whose key it is.
    pub tenant_id: TenantId,
    /// Hex of the keyed hash by which it is found.
    pub lookup: String,
    /// The argon2id hash in PHC form that proves it.
    pub phc: String,
    /// A name for people.
    pub label: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked; a tombstone stays, so that it never makes a tenant again.
    pub revoked_at: Option<Timestamp>,
}

impl Key {
    /// The key that `event` makes.
    pub fn added(event: &KeyAdded) -> Self {
        Self {
            id: event.key_id,
            tenant_id: event.tenant_id,
            lookup: event.lookup.clone(),
            phc: event.phc.clone(),
            label: event.label.clone(),
            created_at: event.at,
            expires_at: event.expires_at,
            revoked_at: None,
        }
    }

    /// The key after its revocation; the first one counts.
    #[must_use]
    pub fn revoked(mut self, event: &KeyRevoked) -> Self {
        self.revoked_at.get_or_insert(event.at);
        self
    }

    /// Whether the key opens its tenant at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| now < at)
    }
}
