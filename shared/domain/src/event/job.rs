//! Events of jobs.

use serde::{Deserialize, Serialize};

use crate::id::{BatchId, JobId, KeyId, OrderId, RequestId, StoreId, TenantId, UpstreamStoreId};
use crate::job::{CancelReason, JobClass, JobError, JobResult, Priority};
use crate::order::CommandKind;
use crate::time::Timestamp;

/// Data of [`Event::JobSubmitted`](super::Event::JobSubmitted).
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

/// Data of [`Event::JobIntentRecorded`](super::Event::JobIntentRecorded).
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

/// Data of [`Event::JobRetryScheduled`](super::Event::JobRetryScheduled).
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

/// Data of [`Event::JobRequeued`](super::Event::JobRequeued).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRequeued {
    /// When.
    pub at: Timestamp,
    /// The job.
    pub job_id: JobId,
    /// How many attempts are used up.
    pub attempts: u32,
}

/// Data of [`Event::JobSucceeded`](super::Event::JobSucceeded).
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

/// Data of [`Event::JobFailed`](super::Event::JobFailed).
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

/// Data of [`Event::JobCancelled`](super::Event::JobCancelled).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCancelled {
    /// When.
    pub at: Timestamp,
    /// The job.
    pub job_id: JobId,
    /// Why.
    pub reason: CancelReason,
}

/// Data of [`Event::JobRetriedAs`](super::Event::JobRetriedAs).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRetriedAs {
    /// When.
    pub at: Timestamp,
    /// The failed job.
    pub job_id: JobId,
    /// The job that repeats it.
    pub new_job_id: JobId,
}
