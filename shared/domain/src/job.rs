//! A job: one accepted command on its way to Order Desk.

use serde::{Deserialize, Serialize};

use crate::event::{Event, JobSubmitted};
use crate::id::{BatchId, JobId, KeyId, OrderId, RequestId, StoreId, TenantId, UpstreamStoreId};
use crate::order::CommandKind;
use crate::sealed::Sealed;
use crate::time::Timestamp;

macro_rules! wire_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $wire:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $wire)] $variant,)*
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The wire name.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $wire,)* }
            }

            /// Reads a wire name.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($wire => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

wire_enum! {
    /// Where a job stands.
    JobStatus {
        /// It waits for its turn.
        Queued = "queued",
        /// Its change is on its way: an intent is open.
        Running = "running",
        /// An attempt came to nothing; it waits for the next.
        Retrying = "retrying",
        /// Order Desk has the change.
        Succeeded = "succeeded",
        /// It ended without (all of) its change.
        Failed = "failed",
        /// It ended before its change was sent.
        Cancelled = "cancelled",
    }
}

impl JobStatus {
    /// Whether the job has ended for ever.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

wire_enum! {
    /// Which lane goes first; ageing keeps the low ones moving.
    Priority {
        /// Before the others.
        High = "high",
        /// As usual.
        Normal = "normal",
        /// After the others.
        Low = "low",
    }
}

wire_enum! {
    /// How a job may share an upstream request with others of its lane.
    JobClass {
        /// With any neighbours.
        Shared = "shared",
        /// Only as the last of a batch: it moves the order into another folder.
        Last = "last",
        /// Never: it replaces, deletes or creates.
        Alone = "alone",
    }
}

wire_enum! {
    /// Why a job was cancelled.
    CancelReason {
        /// Its owner asked for it.
        User = "user",
        /// Its store was deleted.
        StoreDeleted = "store_deleted",
        /// Its order's personal data were erased.
        Erased = "erased",
    }
}

wire_enum! {
    /// The stable code of a job's failure.
    ErrorCode {
        /// Order Desk has no such order.
        OrderNotFound = "order_not_found",
        /// Order Desk has no such inventory item.
        ItemNotFound = "item_not_found",
        /// The store has no such folder.
        FolderNotFound = "folder_not_found",
        /// An order with this source id exists already.
        OrderExists = "order_exists",
        /// Order Desk refused the change.
        UpstreamRejected = "upstream_rejected",
        /// Order Desk could not be reached or failed.
        UpstreamUnavailable = "upstream_unavailable",
        /// Order Desk refused the store's credentials.
        CredentialsRejected = "credentials_rejected",
        /// A `test` operation failed.
        TestFailed = "test_failed",
        /// An operation does not fit the order.
        PatchNotApplicable = "patch_not_applicable",
        /// The order no longer carries the given tag.
        PreconditionFailed = "precondition_failed",
        /// The order kept changing under us.
        ConflictUnresolved = "conflict_unresolved",
        /// Order Desk accepted the update and did not take the change.
        NotTaken = "not_taken_by_order_desk",
        /// Only part of the change is in Order Desk.
        PartiallyApplied = "partially_applied",
        /// The personal data of the order were erased.
        Erased = "erased",
        /// All attempts are used up.
        AttemptsExhausted = "attempts_exhausted",
        /// It did not end in time.
        DeadlineExceeded = "deadline_exceeded",
        /// The store was deleted.
        StoreDeleted = "store_deleted",
        /// An effect could neither be proven nor excluded.
        NeedsReview = "needs_review",
        /// A fault of ours.
        Internal = "internal_error",
    }
}

/// Why a job failed or an attempt came to nothing. Safe to show and to log: no personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobError {
    /// The stable code.
    pub code: ErrorCode,
    /// One sentence for people.
    pub detail: String,
    /// The HTTP status that Order Desk answered, if it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_status: Option<u16>,
    /// The order that is in the way, for `order_exists`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing_order_id: Option<String>,
    /// The last attempt's code, for `attempts_exhausted` and `deadline_exceeded`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<ErrorCode>,
}

impl JobError {
    /// An error with nothing but a code and a sentence.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            upstream_status: None,
            existing_order_id: None,
            cause: None,
        }
    }
}

/// What a job did, without personal data; patch and differences are sealed beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobResult {
    /// The order or item, also for a new one.
    pub order_id: Option<String>,
    /// Whether anything changed.
    pub changed: bool,
    /// How many other jobs travelled in the same request.
    pub coalesced_with: u32,
    /// The order's tag as fetched.
    pub etag_before: Option<String>,
    /// The order's tag as written.
    pub etag_after: Option<String>,
    /// Requests to Order Desk that the batch cost, this attempt.
    pub upstream_requests: u32,
    /// Whether the success had to be found out afterwards.
    pub recovered: bool,
    /// Milliseconds between the last read and the write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_ms: Option<u64>,
}

/// A job as its events leave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Whose.
    pub tenant_id: TenantId,
    /// Through which registration.
    pub store_id: StoreId,
    /// Order Desk's id of the store.
    pub upstream_store_id: UpstreamStoreId,
    /// The partition whose owner runs it.
    pub partition: u16,
    /// What it does.
    pub kind: CommandKind,
    /// How it may be batched.
    pub class: JobClass,
    /// The order or item, once it has an id.
    pub order_id: Option<OrderId>,
    /// Its lane.
    pub lane: String,
    /// Priority between lanes.
    pub priority: Priority,
    /// Where it stands.
    pub status: JobStatus,
    /// Attempts begun.
    pub attempts: u32,
    /// Attempts allowed.
    pub max_attempts: u32,
    /// When it was accepted.
    pub submitted_at: Timestamp,
    /// Not before this time, if the caller asked for it.
    pub run_at: Option<Timestamp>,
    /// First half of its place in the lane; the second is `position`.
    pub due_at: Timestamp,
    /// When its first intent was recorded.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// When it is tried again, while `retrying`.
    pub next_attempt_at: Option<Timestamp>,
    /// After this time it ends `deadline_exceeded`.
    pub deadline_at: Timestamp,
    /// How long the store had been paused at submission, in milliseconds.
    pub store_paused_ms: u64,
    /// The tag that the order must carry, or `*`.
    pub if_match: Option<String>,
    /// Whether the order is read again directly before the update.
    pub strict: bool,
    /// Whether somebody is to be told by HTTP.
    pub has_callback: bool,
    /// The key that asked.
    pub key_id: Option<KeyId>,
    /// The HTTP request that asked.
    pub request_id: RequestId,
    /// The failed job that it repeats.
    pub retry_of: Option<JobId>,
    /// The job whose change it takes back.
    #[serde(default)]
    pub revert_of: Option<JobId>,
    /// The job that repeats it.
    pub retried_as: Option<JobId>,
    /// The open batch it travels in.
    pub batch_id: Option<BatchId>,
    /// What it did, once ended.
    pub result: Option<JobResult>,
    /// Why it failed, or why the last attempt came to nothing.
    pub error: Option<JobError>,
    /// Why it was cancelled.
    pub cancel_reason: Option<CancelReason>,
    /// Version of its stream.
    pub version: u64,
    /// Ledger position of its submission; set by the ledger.
    pub position: u64,
    /// Ledger position of its last event; set by the ledger.
    pub last_position: u64,
    /// What it does in detail, sealed.
    #[serde(skip)]
    pub body: Option<Sealed>,
    /// What came of it in detail (patch, differences, Order Desk's words), sealed.
    #[serde(skip)]
    pub outcome: Option<Sealed>,
}

impl Job {
    /// The job that `event` makes.
    pub fn submitted(event: &JobSubmitted, body: Option<Sealed>) -> Self {
        Self {
            id: event.job_id,
            tenant_id: event.tenant_id,
            store_id: event.store_id,
            upstream_store_id: event.upstream_store_id.clone(),
            partition: event.partition,
            kind: event.kind,
            class: event.class,
            order_id: event.order_id.clone(),
            lane: event.lane.clone(),
            priority: event.priority,
            status: JobStatus::Queued,
            attempts: 0,
            max_attempts: event.max_attempts,
            submitted_at: event.at,
            run_at: event.run_at,
            due_at: event.due_at,
            started_at: None,
            finished_at: None,
            next_attempt_at: None,
            deadline_at: event.deadline_at,
            store_paused_ms: event.store_paused_ms,
            if_match: event.if_match.clone(),
            strict: event.strict,
            has_callback: event.has_callback,
            key_id: event.key_id,
            request_id: event.request_id.clone(),
            retry_of: event.retry_of,
            revert_of: event.revert_of,
            retried_as: None,
            batch_id: None,
            result: None,
            error: None,
            cancel_reason: None,
            version: 1,
            position: 0,
            last_position: 0,
            body,
            outcome: None,
        }
    }

    /// Folds one event of this job's stream; events of other streams change nothing, nor does anything
    /// that comes after the end but [`Event::JobRetriedAs`].
    #[must_use]
    pub fn evolve(mut self, event: &Event, sealed: Option<&Sealed>, version: u64) -> Self {
        match event {
            Event::JobIntentRecorded(e) => {
                self.status = JobStatus::Running;
                self.attempts = e.attempt;
                self.started_at.get_or_insert(e.at);
                self.next_attempt_at = None;
                self.batch_id = Some(e.batch_id);
            }
            Event::JobRetryScheduled(e) => {
                self.status = JobStatus::Retrying;
                self.attempts = e.attempts;
                self.next_attempt_at = Some(e.next_attempt_at);
                self.error = Some(e.cause.clone());
                self.batch_id = None;
            }
            Event::JobRequeued(e) => {
                self.status = JobStatus::Queued;
                self.attempts = e.attempts;
                self.next_attempt_at = None;
                self.batch_id = None;
            }
            Event::JobSucceeded(e) => {
                self.end(JobStatus::Succeeded, e.at);
                self.attempts = e.attempts;
                if self.order_id.is_none() {
                    self.order_id = e.result.order_id.as_deref().and_then(|id| id.parse().ok());
                }
                self.result = Some(e.result.clone());
                self.error = None;
                self.outcome = sealed.cloned();
            }
            Event::JobFailed(e) => {
                self.end(JobStatus::Failed, e.at);
                self.attempts = e.attempts;
                self.result.clone_from(&e.result);
                self.error = Some(e.error.clone());
                self.outcome = sealed.cloned();
            }
            Event::JobCancelled(e) => {
                self.end(JobStatus::Cancelled, e.at);
                self.cancel_reason = Some(e.reason);
                self.error = None;
            }
            Event::JobRetriedAs(e) => self.retried_as = Some(e.new_job_id),
            Event::JobSubmitted(_)
            | Event::TenantCreated(_)
            | Event::KeyAdded(_)
            | Event::KeyRevoked(_)
            | Event::TenantDeleted(_)
            | Event::TenantErased(_)
            | Event::CallbackSecretCreated(_)
            | Event::ErasureRequested(_)
            | Event::ErasureDone(_)
            | Event::StoreRegistered(_)
            | Event::StoreRenamed(_)
            | Event::StoreCredentialsReplaced(_)
            | Event::StorePaused(_)
            | Event::StoreResumed(_)
            | Event::StoreDeleted(_)
            | Event::StoreCredentialsDestroyed(_)
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

    fn end(&mut self, status: JobStatus, at: Timestamp) {
        self.status = status;
        self.finished_at = Some(at);
        self.next_attempt_at = None;
        self.batch_id = None;
    }

    /// When it may be attempted: its due time, or the time that a retry waits for.
    pub fn eligible_at(&self) -> Timestamp {
        self.next_attempt_at.map_or(self.due_at, |at| at.max(self.due_at))
    }
}
