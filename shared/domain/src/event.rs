//! Every event that the ledger ever holds: past tense, versioned, never edited.
//!
//! The wire form is a type name such as `job.submitted.v1` and a JSON object. A new shape is a new version
//! beside the old one; `fixtures/events` keeps one document of each for ever, and a test reads them all.
//! Personal data and credentials are never in these structs: they travel beside the event, sealed.

mod audit;
mod endpoint;
mod erasure;
mod job;
mod order;
mod store;
mod tenant;

pub use audit::{ListView, LoginRefusal, LoginRefused, OrderRead, OrderView, OrdersListed};
pub use endpoint::{
    CallbackSecretCreated, DeliveryRepeated, EndpointCreated, EndpointDeleted, EndpointDisabled,
    EndpointEnabled, EndpointReplayed, EndpointSecretRotated, EndpointTested, EndpointUpdated,
};
pub use erasure::{ErasureDone, ErasureRequested};
pub use job::{
    JobCancelled, JobFailed, JobIntentRecorded, JobRequeued, JobRetriedAs, JobRetryScheduled, JobSubmitted,
    JobSucceeded,
};
pub use order::{BatchClosed, BatchOpened, OrderChangedExternally, OrderEditOverwritten, OrderWritten};
pub use store::{
    StoreCredentialsDestroyed, StoreCredentialsReplaced, StoreDeleted, StorePaused, StoreRegistered,
    StoreRenamed, StoreResumed,
};
pub use tenant::{KeyAdded, KeyRevoked, TenantCreated, TenantDeleted, TenantErased};

use crate::time::Timestamp;

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $wire:literal;)*) => {
        /// Something that happened, with its data.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Event {
            $($(#[$doc])* $name($name),)*
        }

        impl Event {
            /// Every type name that can be read.
            pub const TYPES: &'static [&'static str] = &[$($wire),*];

            /// The type name, e.g. `job.submitted.v1`.
            pub fn type_name(&self) -> &'static str {
                match self { $(Self::$name(_) => $wire,)* }
            }

            /// The data as the JSON text that is stored and hashed.
            pub fn to_data(&self) -> String {
                match self {
                    $(Self::$name(data) => serde_json::to_string(data).expect("event data has string keys"),)*
                }
            }

            /// Reads stored data back.
            ///
            /// # Errors
            /// [`DecodeError`] if the type is unknown or the data does not fit it.
            pub fn decode(type_name: &str, data: &str) -> Result<Self, DecodeError> {
                match type_name {
                    $($wire => serde_json::from_str(data).map(Self::$name).map_err(|source| {
                        DecodeError::Data { type_name: $wire, source }
                    }),)*
                    other => Err(DecodeError::UnknownType(other.to_owned())),
                }
            }

            /// When it happened, by the clock of the process that decided it.
            pub fn at(&self) -> Timestamp {
                match self { $(Self::$name(data) => data.at,)* }
            }
        }

        $(impl From<$name> for Event {
            fn from(data: $name) -> Self {
                Self::$name(data)
            }
        })*
    };
}

/// Stored bytes are not an event that this program knows.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The type name is unknown: written by a newer version, or damaged.
    #[error("unknown event type {0:?}")]
    UnknownType(String),
    /// The data do not have the shape of their type.
    #[error("data do not fit event type {type_name}")]
    Data {
        /// The type.
        type_name: &'static str,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
}

events! {
    /// A tenant came into being.
    TenantCreated = "tenant.created.v1";
    /// A tenant got one more master key.
    KeyAdded = "tenant.key_added.v1";
    /// A master key was revoked.
    KeyRevoked = "tenant.key_revoked.v1";
    /// A tenant's erasure was asked for: it takes no call any more.
    TenantDeleted = "tenant.deleted.v1";
    /// A deleted tenant's data keys are gone for ever, and with them all that they sealed.
    TenantErased = "tenant.erased.v1";
    /// A tenant got a secret, or another one, that signs what its jobs' own addresses are told; sealed beside.
    CallbackSecretCreated = "tenant.callback_secret_created.v1";
    /// Somebody's personal data are to be erased; an e-mail address is sealed beside.
    ErasureRequested = "erasure.requested.v1";
    /// The data keys of what was found are gone for ever.
    ErasureDone = "erasure.done.v1";
    /// A tenant registered a store; its API key is sealed beside.
    StoreRegistered = "store.registered.v1";
    /// A store got another label.
    StoreRenamed = "store.renamed.v1";
    /// A store got another API key, sealed beside.
    StoreCredentialsReplaced = "store.credentials_replaced.v1";
    /// A store stopped taking commands to Order Desk.
    StorePaused = "store.paused.v1";
    /// A store goes on.
    StoreResumed = "store.resumed.v1";
    /// A store's deletion was asked for.
    StoreDeleted = "store.deleted.v1";
    /// A deleted store's credentials are gone for ever.
    StoreCredentialsDestroyed = "store.credentials_destroyed.v1";
    /// A command was accepted; its body is sealed beside.
    JobSubmitted = "job.submitted.v1";
    /// The job's change is about to be sent, in a batch.
    JobIntentRecorded = "job.intent_recorded.v1";
    /// An attempt came to nothing; another follows.
    JobRetryScheduled = "job.retry_scheduled.v1";
    /// The job waits again, without an attempt being counted.
    JobRequeued = "job.requeued.v1";
    /// Order Desk has the change; patch and differences are sealed beside.
    JobSucceeded = "job.succeeded.v1";
    /// The job ended without (all of) its change; details are sealed beside.
    JobFailed = "job.failed.v1";
    /// The job ended before its change was sent.
    JobCancelled = "job.cancelled.v1";
    /// A failed job was submitted anew as another one.
    JobRetriedAs = "job.retried_as.v1";
    /// A request to Order Desk is about to be sent; its images are sealed beside.
    BatchOpened = "batch.opened.v1";
    /// The outcome of a request is known.
    BatchClosed = "batch.closed.v1";
    /// Somebody else changed an order between two of our reads; image and diff are sealed beside.
    OrderChangedExternally = "order.changed_externally.v1";
    /// We wrote an order; its image is sealed beside.
    OrderWritten = "order.written.v1";
    /// A foreign edit was overwritten within our window; the lost part is sealed beside.
    OrderEditOverwritten = "order.edit_overwritten.v1";
    /// A tenant named an address to be told at; address and secret are sealed beside.
    EndpointCreated = "endpoint.created.v1";
    /// An endpoint is told other things, or at another address, which is sealed beside then.
    EndpointUpdated = "endpoint.updated.v1";
    /// An endpoint got a new secret, sealed beside.
    EndpointSecretRotated = "endpoint.secret_rotated.v1";
    /// An endpoint is told nothing any more, for now.
    EndpointDisabled = "endpoint.disabled.v1";
    /// An endpoint is told again.
    EndpointEnabled = "endpoint.enabled.v1";
    /// An endpoint was removed.
    EndpointDeleted = "endpoint.deleted.v1";
    /// Somebody wants to see whether an endpoint hears.
    EndpointTested = "endpoint.tested.v1";
    /// Somebody wants an endpoint to be told again what happened in some time.
    EndpointReplayed = "endpoint.replayed.v1";
    /// Somebody wants one thing to be told again.
    DeliveryRepeated = "delivery.repeated.v1";
    /// An order was shown to somebody: once for each key, order and minute.
    OrderRead = "audit.order_read.v1";
    /// A list that was shown to somebody named these orders.
    OrdersListed = "audit.orders_listed.v1";
    /// A key that had been withdrawn was refused: once for each key, address and minute.
    LoginRefused = "audit.login_refused.v1";
}
