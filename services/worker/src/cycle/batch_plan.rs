//! What an intent remembers, sealed: enough to judge its request and to record its jobs after a crash.

use domain::JobId;
use domain::order::{FolderId, OrderDoc, Patch};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The sealed part of `batch.opened.v1`. Stored: members may be added with a default, never renamed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct BatchPlan {
    /// The order or item as fetched; absent for creates.
    #[serde(default)]
    pub(super) before: Option<Value>,
    /// The order or item as sent; for creates the body.
    #[serde(default)]
    pub(super) after: Option<Value>,
    /// Each job's own share, in order.
    #[serde(default)]
    pub(super) shares: Vec<JobShare>,
    /// The tag as fetched.
    #[serde(default)]
    pub(super) etag_before: Option<String>,
    /// For a move: where to.
    #[serde(default)]
    pub(super) destination: Option<FolderId>,
    /// For a PUT: the move that follows it, and whose it is.
    #[serde(default)]
    pub(super) then_move: Option<(JobId, FolderId)>,
    /// For a move: whether a PUT of the same job went before it, so that the job must not be folded again.
    #[serde(default)]
    pub(super) after_put: bool,
    /// For a move after a PUT: whether that PUT's end was found out rather than seen.
    #[serde(default)]
    pub(super) put_recovered: bool,
    /// For a move after a PUT: what Order Desk made of that PUT unasked.
    #[serde(default)]
    pub(super) differences: Vec<Value>,
    /// Requests of the attempt up to the intent.
    #[serde(default)]
    pub(super) requests: u32,
    /// How many other jobs travelled with it.
    #[serde(default)]
    pub(super) coalesced_with: u32,
}

/// One job's part of a batch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct JobShare {
    /// The job.
    pub(super) job: JobId,
    /// Its part of the change.
    pub(super) patch: Patch,
}

impl BatchPlan {
    pub(super) fn before_doc(&self) -> Option<OrderDoc> {
        self.before
            .clone()
            .and_then(|value| OrderDoc::from_value(value).ok())
    }

    pub(super) fn after_doc(&self) -> Option<OrderDoc> {
        self.after
            .clone()
            .and_then(|value| OrderDoc::from_value(value).ok())
    }

    pub(super) fn share_of(&self, job: JobId) -> Option<&Patch> {
        self.shares
            .iter()
            .find(|share| share.job == job)
            .map(|share| &share.patch)
    }
}
