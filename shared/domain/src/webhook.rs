//! Webhook endpoints: addresses of a tenant that are told what happened.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::{EndpointCreated, Event};
use crate::id::{DeliveryId, EndpointId, JobId, SecretId, TenantId, UpstreamStoreId};
use crate::sealed::Sealed;
use crate::time::Timestamp;

/// How long an endpoint may do nothing but fail before it is disabled.
pub const MOST_FAILING: Duration = Duration::from_hours(5 * 24);
/// How long a secret that was replaced goes on signing.
pub const OLD_SECRET_SIGNS: Duration = Duration::from_hours(24);

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $wire:literal;)*) => {
        /// What a webhook tells about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum WebhookEvent {
            $($(#[$doc])* #[serde(rename = $wire)] $name,)*
        }

        impl WebhookEvent {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The wire name.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $wire,)* }
            }
        }
    };
}

kinds! {
    /// A job did its change.
    JobSucceeded = "job.succeeded";
    /// A job ended without (all of) its change.
    JobFailed = "job.failed";
    /// A job ended before its change was sent.
    JobCancelled = "job.cancelled";
    /// Somebody else changed an order.
    OrderChangedExternally = "order.changed_externally";
    /// A foreign edit was overwritten within our window.
    OrderEditOverwritten = "order.edit_overwritten";
    /// A store stopped.
    StorePaused = "store.paused";
    /// A store goes on.
    StoreResumed = "store.resumed";
    /// Another endpoint of the tenant was disabled.
    EndpointDisabled = "endpoint.disabled";
    /// Somebody wants to see whether it arrives.
    Test = "test";
}

/// A text is no name of a [`WebhookEvent`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the name of an event")]
pub struct WebhookEventError;

impl FromStr for WebhookEvent {
    type Err = WebhookEventError;

    fn from_str(text: &str) -> Result<Self, WebhookEventError> {
        let mut all = Self::ALL.iter().copied();
        all.find(|kind| kind.as_str() == text).ok_or(WebhookEventError)
    }
}

impl fmt::Display for WebhookEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl WebhookEvent {
    /// What an event of the log is to webhooks; none if nobody is told of it.
    pub fn of(event: &Event) -> Option<Self> {
        Some(match event {
            Event::JobSucceeded(_) => Self::JobSucceeded,
            Event::JobFailed(_) => Self::JobFailed,
            Event::JobCancelled(_) => Self::JobCancelled,
            Event::OrderChangedExternally(_) => Self::OrderChangedExternally,
            Event::OrderEditOverwritten(_) => Self::OrderEditOverwritten,
            Event::StorePaused(_) => Self::StorePaused,
            Event::StoreResumed(_) => Self::StoreResumed,
            Event::EndpointDisabled(_) => Self::EndpointDisabled,
            Event::EndpointTested(_) => Self::Test,
            Event::TenantCreated(_)
            | Event::KeyAdded(_)
            | Event::KeyRevoked(_)
            | Event::TenantDeleted(_)
            | Event::TenantErased(_)
            | Event::ErasureRequested(_)
            | Event::ErasureDone(_)
            | Event::CallbackSecretCreated(_)
            | Event::StoreRegistered(_)
            | Event::StoreRenamed(_)
            | Event::StoreCredentialsReplaced(_)
            | Event::StoreDeleted(_)
            | Event::StoreCredentialsDestroyed(_)
            | Event::JobSubmitted(_)
            | Event::JobIntentRecorded(_)
            | Event::JobRetryScheduled(_)
            | Event::JobRequeued(_)
            | Event::JobRetriedAs(_)
            | Event::BatchOpened(_)
            | Event::BatchClosed(_)
            | Event::OrderWritten(_)
            | Event::EndpointCreated(_)
            | Event::EndpointUpdated(_)
            | Event::EndpointSecretRotated(_)
            | Event::EndpointEnabled(_)
            | Event::EndpointDeleted(_)
            | Event::EndpointReplayed(_)
            | Event::DeliveryRepeated(_)
            | Event::OrderRead(_)
            | Event::OrdersListed(_)
            | Event::LoginRefused(_) => return None,
        })
    }

    /// Whether a job's own `callback_url` is told of it.
    pub fn ends_job(self) -> bool {
        matches!(self, Self::JobSucceeded | Self::JobFailed | Self::JobCancelled)
    }
}

/// Why an endpoint is told nothing at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisableReason {
    /// Its owner asked for it.
    User,
    /// It answered 410.
    Gone,
    /// It did nothing but fail for [`MOST_FAILING`].
    Failing,
}

impl DisableReason {
    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }
}

/// An endpoint as its events leave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Whose.
    pub tenant_id: TenantId,
    /// What it is told about; empty means everything.
    pub events: Vec<WebhookEvent>,
    /// Of which stores; empty means of all.
    pub store_ids: Vec<UpstreamStoreId>,
    /// The secret that signs; its words are sealed.
    pub secret_id: SecretId,
    /// Until when the secret before it signs as well.
    pub old_secret_until: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Since when its address is what it is and it is told: failures before that count no more.
    pub active_since: Timestamp,
    /// Why it is told nothing, if so.
    pub disabled: Option<DisableReason>,
    /// Since when.
    pub disabled_at: Option<Timestamp>,
    /// When it was removed; a tombstone stays.
    pub deleted_at: Option<Timestamp>,
    /// Version of its stream.
    pub version: u64,
    /// Ledger position of its beginning; set by the ledger. It is told of nothing before that.
    pub position: u64,
    /// Ledger position of its last event; set by the ledger.
    pub last_position: u64,
    /// Address and secrets, sealed.
    #[serde(skip)]
    pub sealed: Option<Sealed>,
}

impl Endpoint {
    /// The endpoint that `event` makes.
    pub fn created(event: &EndpointCreated, sealed: Option<Sealed>, version: u64) -> Self {
        Self {
            id: event.endpoint_id,
            tenant_id: event.tenant_id,
            events: event.events.clone(),
            store_ids: event.store_ids.clone(),
            secret_id: event.secret_id,
            old_secret_until: None,
            created_at: event.at,
            updated_at: event.at,
            active_since: event.at,
            disabled: None,
            disabled_at: None,
            deleted_at: None,
            version,
            position: 0,
            last_position: 0,
            sealed,
        }
    }

    /// Folds one event of this endpoint's stream; events of other streams change nothing.
    #[must_use]
    pub fn evolve(mut self, event: &Event, sealed: Option<&Sealed>, version: u64) -> Self {
        match event {
            Event::EndpointUpdated(e) => {
                self.events.clone_from(&e.events);
                self.store_ids.clone_from(&e.store_ids);
                if e.new_url {
                    self.active_since = e.at;
                }
                self.updated_at = e.at;
            }
            Event::EndpointSecretRotated(e) => {
                self.secret_id = e.secret_id;
                self.old_secret_until = Some(e.old_until);
                self.updated_at = e.at;
            }
            Event::EndpointDisabled(e) => {
                self.disabled = Some(e.reason);
                self.disabled_at = Some(e.at);
                self.updated_at = e.at;
            }
            Event::EndpointEnabled(e) => {
                self.disabled = None;
                self.disabled_at = None;
                self.active_since = e.at;
                self.updated_at = e.at;
            }
            Event::EndpointDeleted(e) => {
                self.deleted_at = Some(e.at);
                self.sealed = None;
                self.updated_at = e.at;
            }
            Event::EndpointTested(_) | Event::EndpointReplayed(_) => {}
            Event::TenantCreated(_)
            | Event::KeyAdded(_)
            | Event::KeyRevoked(_)
            | Event::TenantDeleted(_)
            | Event::TenantErased(_)
            | Event::ErasureRequested(_)
            | Event::ErasureDone(_)
            | Event::CallbackSecretCreated(_)
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
            | Event::DeliveryRepeated(_)
            | Event::OrderRead(_)
            | Event::OrdersListed(_)
            | Event::LoginRefused(_) => return self,
        }
        if let Some(sealed) = sealed {
            self.sealed = Some(sealed.clone());
        }
        self.version = version;
        self
    }

    /// Whether it is told anything now.
    pub fn is_active(&self) -> bool {
        self.disabled.is_none() && self.deleted_at.is_none()
    }

    /// Whether it asked for events of this kind of this store. A test is asked for by itself.
    pub fn wants(&self, kind: WebhookEvent, store: Option<&UpstreamStoreId>) -> bool {
        let kinds = self.events.is_empty() || self.events.contains(&kind);
        let stores = self.store_ids.is_empty() || store.is_none_or(|store| self.store_ids.contains(store));
        kinds && stores
    }

    /// Whether it has done nothing but fail since `failing_since` for so long that it is to be disabled.
    pub fn fails_for_good(&self, failing_since: Timestamp, now: Timestamp) -> bool {
        self.is_active() && now.since(failing_since.max(self.active_since)) >= MOST_FAILING
    }
}

/// Who is told: an endpoint, or the address that one job named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// An endpoint.
    Endpoint(EndpointId),
    /// The `callback_url` of a job.
    Callback(JobId),
}

impl DeliveryId {
    /// The id of what tells `target` of the event at `position`: the same whoever makes it, and however often, so that
    /// it is told once and its receiver recognises a repeat.
    pub fn of(target: Target, position: u64, recorded_at: Timestamp) -> Self {
        use sha2::{Digest, Sha256};
        let (kind, id) = match target {
            Target::Endpoint(id) => (b'e', id.0),
            Target::Callback(id) => (b'c', id.0),
        };
        let mut hash = Sha256::new();
        hash.update([kind]);
        hash.update(id.as_bytes());
        hash.update(position.to_be_bytes());
        let digest = hash.finalize();
        let mut random = [0; 10];
        random.copy_from_slice(&digest[..10]);
        let millis = u64::try_from(recorded_at.as_millis()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::event::{EndpointDisabled, EndpointEnabled};

    fn endpoint() -> Endpoint {
        let event = EndpointCreated {
            at: at(0),
            tenant_id: TenantId(Uuid::from_u128(1)),
            endpoint_id: EndpointId(Uuid::from_u128(2)),
            events: Vec::new(),
            store_ids: Vec::new(),
            secret_id: SecretId(Uuid::from_u128(3)),
        };
        Endpoint::created(&event, None, 1)
    }

    fn at(hours: u64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000).plus(Duration::from_hours(hours))
    }

    #[test]
    fn an_endpoint_wants_what_it_has_asked_for() {
        let (here, there) = ("101".parse().unwrap(), "102".parse().unwrap());
        let all = endpoint();
        assert!(
            all.wants(WebhookEvent::JobFailed, Some(&here))
                && all.wants(WebhookEvent::EndpointDisabled, None)
        );
        let some = Endpoint {
            events: vec![WebhookEvent::JobFailed, WebhookEvent::EndpointDisabled],
            store_ids: vec![here.clone()],
            ..endpoint()
        };
        assert!(some.wants(WebhookEvent::JobFailed, Some(&here)));
        assert!(!some.wants(WebhookEvent::JobFailed, Some(&there)));
        assert!(!some.wants(WebhookEvent::JobSucceeded, Some(&here)));
        assert!(
            some.wants(WebhookEvent::EndpointDisabled, None),
            "that is of no store"
        );
    }

    #[test]
    fn failures_before_an_endpoint_was_enabled_count_no_more() {
        let (made, endpoint_id) = (endpoint(), endpoint().id);
        assert!(!made.fails_for_good(at(1), at(120)));
        assert!(made.fails_for_good(at(1), at(121)));
        let reason = DisableReason::Failing;
        let off = EndpointDisabled {
            at: at(121),
            endpoint_id,
            reason,
        };
        let off = made.evolve(&off.into(), None, 2);
        assert!(
            !off.is_active() && !off.fails_for_good(at(1), at(500)),
            "once is enough"
        );
        let on = EndpointEnabled {
            at: at(130),
            endpoint_id,
        };
        let on = off.evolve(&on.into(), None, 3);
        assert!(on.is_active() && !on.fails_for_good(at(1), at(131)));
        assert!(on.fails_for_good(at(1), at(250)));
    }

    #[test]
    fn a_delivery_has_one_id_for_ever() {
        let id = Uuid::from_u128(7);
        let told = DeliveryId::of(Target::Endpoint(EndpointId(id)), 42, at(0));
        assert_eq!(told.0.get_version_num(), 7);
        assert_eq!(told.to_string(), "018bcfe5-6800-74a1-b52c-57537c4ec866");
        for other in [
            DeliveryId::of(Target::Callback(JobId(id)), 42, at(0)),
            DeliveryId::of(Target::Endpoint(EndpointId(id)), 43, at(0)),
            DeliveryId::of(Target::Endpoint(EndpointId(Uuid::nil())), 42, at(0)),
        ] {
            assert_ne!(told, other);
        }
    }

    #[test]
    fn names_read_back() {
        for kind in WebhookEvent::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        assert!("job.gone".parse::<WebhookEvent>().is_err());
    }
}
