//! Every event that the ledger ever holds: past tense, versioned, never edited.
//!
//! The wire form is a type name such as `job.submitted.v1` and a JSON object. A new shape is a new version
//! beside the old one; `fixtures/events` keeps one document of each for ever, and a test reads them all.
//! Personal data and credentials are never in these structs: they travel beside the event, sealed.

use serde::{Deserialize, Serialize};

use crate::batch::{BatchOutcome, RequestKind};
use crate::id::{BatchId, DataKeyId, JobId, KeyId, OrderId, RequestId, StoreId, TenantId, UpstreamStoreId};
use crate::job::{CancelReason, JobClass, JobError, JobResult, Priority};
use crate::order::CommandKind;
use crate::store::PauseReason;
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
}

mod endpoint;
pub use endpoint::{
    CallbackSecretCreated, DeliveryRepeated, EndpointCreated, EndpointDeleted, EndpointDisabled,
    EndpointEnabled, EndpointReplayed, EndpointSecretRotated, EndpointTested, EndpointUpdated,
};

/// Data of [`Event::TenantCreated`].
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

/// Data of [`Event::KeyAdded`].
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

/// Data of [`Event::KeyRevoked`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRevoked {
    /// When.
    pub at: Timestamp,
    /// The tenant.
    pub tenant_id: TenantId,
    /// The key.
    pub key_id: KeyId,
}

/// Data of [`Event::TenantDeleted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantDeleted {
    /// When.
    pub at: Timestamp,
    /// The tenant.
    pub tenant_id: TenantId,
    /// Whether the administrator asked, and not the tenant itself.
    pub by_admin: bool,
}

/// Data of [`Event::TenantErased`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantErased {
    /// When.
    pub at: Timestamp,
    /// The tenant.
    pub tenant_id: TenantId,
}

/// Data of [`Event::StoreRegistered`].
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

/// Data of [`Event::StoreRenamed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreRenamed {
    /// When.
    pub at: Timestamp,
    /// The store.
    pub store_id: StoreId,
    /// The new name, or none.
    pub label: Option<String>,
}

/// Data of [`Event::StoreCredentialsReplaced`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreCredentialsReplaced {
    /// When.
    pub at: Timestamp,
    /// The store.
    pub store_id: StoreId,
    /// Hex of the keyed hash of base URL, store id and the new API key.
    pub upstream_key: String,
}

/// Data of [`Event::StorePaused`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorePaused {
    /// When.
    pub at: Timestamp,
    /// The store.
    pub store_id: StoreId,
    /// Why.
    pub reason: PauseReason,
}

/// Data of [`Event::StoreResumed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreResumed {
    /// When.
    pub at: Timestamp,
    /// The store.
    pub store_id: StoreId,
}

/// Data of [`Event::StoreDeleted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreDeleted {
    /// When.
    pub at: Timestamp,
    /// The store.
    pub store_id: StoreId,
}

/// Data of [`Event::StoreCredentialsDestroyed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreCredentialsDestroyed {
    /// When.
    pub at: Timestamp,
    /// The store.
    pub store_id: StoreId,
}

/// Data of [`Event::JobSubmitted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSubmitted {
    /// When.
    pub at: Timestamp,
    /// The job.
    pub job_id: JobId,
    /// Whose.
    pub tenant_id: TenantId,
    /// Through which registration.
    pub store_id: StoreId,
    /// Order Desk's id of the store.
    pub upstream_store_id: UpstreamStoreId,
    /// The partition of the store.
    pub partition: u16,
    /// What it does.
    pub kind: CommandKind,
    /// How it may be batched.
    pub class: JobClass,
    /// The order or inventory item, if it has an id yet.
    pub order_id: Option<OrderId>,
    /// The lane: jobs of one lane run one after another.
    pub lane: String,
    /// The priority between lanes.
    pub priority: Priority,
    /// Not before this time, if the caller asked for it.
    pub run_at: Option<Timestamp>,
    /// `run_at` or the acceptance: the first half of the place in the lane.
    pub due_at: Timestamp,
    /// After this time it ends `deadline_exceeded`.
    pub deadline_at: Timestamp,
    /// How long the store had been paused by then, in milliseconds: what is added later moves the deadline.
    pub store_paused_ms: u64,
    /// How many attempts it has.
    pub max_attempts: u32,
    /// The entity tag that the order must carry at this job's turn, or `*`.
    pub if_match: Option<String>,
    /// Whether the order is read again directly before the update.
    pub strict: bool,
    /// Whether the caller named an address to tell (kept sealed with the body).
    pub has_callback: bool,
    /// The key that asked.
    pub key_id: Option<KeyId>,
    /// The HTTP request that asked.
    pub request_id: RequestId,
    /// The failed job that this one repeats.
    pub retry_of: Option<JobId>,
    /// The job whose change this one takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revert_of: Option<JobId>,
}

/// Data of [`Event::JobIntentRecorded`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobIntentRecorded {
    /// When.
    pub at: Timestamp,
    /// The job.
    pub job_id: JobId,
    /// The batch it travels in.
    pub batch_id: BatchId,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

/// Data of [`Event::JobRetryScheduled`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRetryScheduled {
    /// When.
    pub at: Timestamp,
    /// The job.
    pub job_id: JobId,
    /// How many attempts are used up.
    pub attempts: u32,
    /// When it is tried again.
    pub next_attempt_at: Timestamp,
    /// What went wrong.
    pub cause: JobError,
}

/// Data of [`Event::JobRequeued`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRequeued {
    /// When.
    pub at: Timestamp,
    /// The job.
    pub job_id: JobId,
    /// How many attempts are used up.
    pub attempts: u32,
}

/// Data of [`Event::JobSucceeded`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSucceeded {
    /// When.
    pub at: Timestamp,
    /// The job.
    pub job_id: JobId,
    /// How many attempts it took.
    pub attempts: u32,
    /// What came of it.
    pub result: JobResult,
}

/// Data of [`Event::JobFailed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFailed {
    /// When.
    pub at: Timestamp,
    /// The job.
    pub job_id: JobId,
    /// How many attempts were made.
    pub attempts: u32,
    /// Why.
    pub error: JobError,
    /// What was done all the same, if anything is known of it.
    pub result: Option<JobResult>,
}

/// Data of [`Event::JobCancelled`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCancelled {
    /// When.
    pub at: Timestamp,
    /// The job.
    pub job_id: JobId,
    /// Why.
    pub reason: CancelReason,
}

/// Data of [`Event::JobRetriedAs`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRetriedAs {
    /// When.
    pub at: Timestamp,
    /// The failed job.
    pub job_id: JobId,
    /// The job that repeats it.
    pub new_job_id: JobId,
}

/// Data of [`Event::BatchOpened`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchOpened {
    /// When.
    pub at: Timestamp,
    /// The batch.
    pub batch_id: BatchId,
    /// Whose jobs.
    pub tenant_id: TenantId,
    /// Through which registration.
    pub store_id: StoreId,
    /// The partition of the store.
    pub partition: u16,
    /// The order or inventory item, if it has an id yet.
    pub order_id: Option<OrderId>,
    /// The lane of the jobs.
    pub lane: String,
    /// The request about to be sent.
    pub request: RequestKind,
    /// The jobs, in their order.
    pub jobs: Vec<JobId>,
    /// The entity tag before.
    pub etag_before: Option<String>,
}

/// Data of [`Event::BatchClosed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchClosed {
    /// When.
    pub at: Timestamp,
    /// The batch.
    pub batch_id: BatchId,
    /// What became of its request.
    pub outcome: BatchOutcome,
    /// Whether that had to be found out afterwards.
    pub recovered: bool,
}

/// Data of [`Event::OrderChangedExternally`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderChangedExternally {
    /// When we noticed.
    pub at: Timestamp,
    /// Whose store.
    pub tenant_id: TenantId,
    /// The registration.
    pub store_id: StoreId,
    /// The order.
    pub order_id: OrderId,
    /// Digest of the image we knew.
    pub digest_before: String,
    /// Digest of the image we found.
    pub digest_after: String,
}

/// Data of [`Event::OrderWritten`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderWritten {
    /// When.
    pub at: Timestamp,
    /// Whose store.
    pub tenant_id: TenantId,
    /// The registration.
    pub store_id: StoreId,
    /// The order.
    pub order_id: OrderId,
    /// The batch that wrote it.
    pub batch_id: BatchId,
    /// Digest of the image that Order Desk has now.
    pub digest: String,
}

/// Data of [`Event::OrderEditOverwritten`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEditOverwritten {
    /// When we noticed.
    pub at: Timestamp,
    /// Whose store.
    pub tenant_id: TenantId,
    /// The registration.
    pub store_id: StoreId,
    /// The order.
    pub order_id: OrderId,
    /// The batch within whose window the edit fell.
    pub batch_id: BatchId,
}
