//! A store: one registration of an Order Desk store by one tenant.

use serde::{Deserialize, Serialize};

use crate::event::{Event, StoreRegistered};
use crate::id::{StoreId, TenantId, UpstreamStoreId};
use crate::sealed::Sealed;
use crate::time::Timestamp;

/// Why a store takes no commands to Order Desk at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseReason {
    /// Its owner asked for it.
    User,
    /// Order Desk answered 401 or 403.
    CredentialsRejected,
}

impl PauseReason {
    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::CredentialsRejected => "credentials_rejected",
        }
    }
}

/// A store as its events leave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    /// Our id of the registration.
    pub id: StoreId,
    /// Who registered it.
    pub tenant_id: TenantId,
    /// Order Desk's id of the store.
    pub store_id: UpstreamStoreId,
    /// A name for people, unique use of which may address the store.
    pub label: Option<String>,
    /// Hex of the keyed hash of base URL, store id and API key: registrations with equal keys share a bucket.
    pub upstream_key: String,
    /// The partition whose owner serves it.
    pub partition: u16,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Why it is paused, if it is.
    pub paused: Option<PauseReason>,
    /// Since when it is paused.
    pub paused_at: Option<Timestamp>,
    /// How long it has been paused before, in milliseconds: this time does not count for deadlines.
    pub paused_ms: u64,
    /// When its deletion was asked for; it takes no commands from then on.
    pub deleted_at: Option<Timestamp>,
    /// When its credentials were destroyed, which ends the deletion.
    pub credentials_destroyed_at: Option<Timestamp>,
    /// Version of its stream.
    pub version: u64,
    /// Ledger position of its last event; set by the ledger.
    pub last_position: u64,
    /// The API key, sealed; `None` once destroyed.
    #[serde(skip)]
    pub credentials: Option<Sealed>,
}

impl Store {
    /// The store that `event` makes.
    pub fn registered(event: &StoreRegistered, credentials: Option<Sealed>, version: u64) -> Self {
        Self {
            id: event.store_id,
            tenant_id: event.tenant_id,
            store_id: event.upstream_store_id.clone(),
            label: event.label.clone(),
            upstream_key: event.upstream_key.clone(),
            partition: event.partition,
            created_at: event.at,
            updated_at: event.at,
            paused: None,
            paused_at: None,
            paused_ms: 0,
            deleted_at: None,
            credentials_destroyed_at: None,
            version,
            last_position: 0,
            credentials,
        }
    }

    /// Folds one event of this store's stream; events of other streams change nothing.
    #[must_use]
    pub fn evolve(mut self, event: &Event, sealed: Option<&Sealed>, version: u64) -> Self {
        match event {
            Event::StoreRenamed(e) => {
                self.label.clone_from(&e.label);
                self.updated_at = e.at;
            }
            Event::StoreCredentialsReplaced(e) => {
                self.upstream_key.clone_from(&e.upstream_key);
                self.credentials = sealed.cloned();
                self.updated_at = e.at;
            }
            Event::StorePaused(e) => {
                self.paused = Some(e.reason);
                self.paused_at.get_or_insert(e.at);
                self.updated_at = e.at;
            }
            Event::StoreResumed(e) => {
                self.paused_ms = self.paused_ms_at(e.at);
                self.paused = None;
                self.paused_at = None;
                self.updated_at = e.at;
            }
            Event::StoreDeleted(e) => {
                self.deleted_at = Some(e.at);
                self.updated_at = e.at;
            }
            Event::StoreCredentialsDestroyed(e) => {
                self.credentials_destroyed_at = Some(e.at);
                self.credentials = None;
                self.updated_at = e.at;
            }
            Event::StoreRegistered(_)
            | Event::TenantCreated(_)
            | Event::KeyAdded(_)
            | Event::KeyRevoked(_)
            | Event::TenantDeleted(_)
            | Event::TenantErased(_)
            | Event::CallbackSecretCreated(_)
            | Event::ErasureRequested(_)
            | Event::ErasureDone(_)
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

    /// How long it has been paused up to `now`, in milliseconds.
    pub fn paused_ms_at(&self, now: Timestamp) -> u64 {
        let present = self.paused_at.map_or(0, |at| now.since(at).as_millis() as u64);
        self.paused_ms.saturating_add(present)
    }

    /// Whether jobs of this store may go to Order Desk now.
    pub fn is_running(&self) -> bool {
        self.paused.is_none() && self.deleted_at.is_none()
    }
}
