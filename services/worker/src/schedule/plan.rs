//! What the schedule starts, and what comes back.

use domain::job::Job;
use domain::{BatchId, JobId, StoreId, TenantId, Timestamp};
use uuid::Uuid;

/// Something to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A cycle.
    Run(Plan),
    /// A job's time is over.
    Expire {
        /// The job.
        job: JobId,
        /// Its store.
        store_id: StoreId,
    },
    /// A read may go ahead, on a token taken for it.
    Grant {
        /// The read's grant.
        grant: Uuid,
    },
    /// A read may not go ahead within its patience.
    Refuse {
        /// The read's grant.
        grant: Uuid,
        /// When asking again makes sense, milliseconds.
        retry_after_ms: u64,
    },
}

/// One cycle over one lane; its tokens are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its number, unique in this process.
    pub cycle: u64,
    /// The upstream store.
    pub upstream: String,
    /// The partition.
    pub partition: u16,
    /// The lane.
    pub lane: String,
    /// Whose.
    pub tenant_id: TenantId,
    /// Through which registration.
    pub store_id: StoreId,
    /// What is to be done.
    pub work: Work,
    /// Tokens taken.
    pub tokens: u32,
}

/// What a cycle does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Carry out these jobs, in this order.
    Change(Vec<JobId>),
    /// Find out what became of a request.
    Judge(BatchId),
}

/// A request whose outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The batch.
    pub batch: BatchId,
    /// Before this time the request may still arrive, and judging it proves nothing.
    pub not_before: Timestamp,
}

/// What a cycle leaves behind.
#[derive(Clone, Debug, Default)]
pub struct Finish {
    /// The jobs as they stand now.
    pub jobs: Vec<Job>,
    /// A request whose outcome is unknown.
    pub doubt: Option<Doubt>,
    /// Jobs that travel apart from now on, group by group.
    pub groups: Vec<Vec<JobId>>,
    /// Nothing more happens in the lane before this time.
    pub hold_until: Option<Timestamp>,
}
