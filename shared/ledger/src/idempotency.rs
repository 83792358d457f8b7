//! Idempotency records: which request a key was used for and how it was answered.

use domain::{JobId, Sealed, TenantId, Timestamp};

/// What a repeat of the request is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdempotencyAnswer {
    /// The job in its present state.
    Job(JobId),
    /// Several jobs in their present state, in request order.
    Jobs(Vec<JobId>),
    /// The stored status and body, sealed.
    Response {
        /// The HTTP status.
        status: u16,
        /// Sealed headers and body, as the HTTP layer wrote them.
        body: Sealed,
    },
}

/// One record; it lives until `expires_at`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Whose.
    pub tenant_id: TenantId,
    /// The key, as the client gave it.
    pub key: String,
    /// Keyed hash of the request.
    pub fingerprint: [u8; 32],
    /// The answer.
    pub answer: IdempotencyAnswer,
    /// From when on the key is free again.
    pub expires_at: Timestamp,
}
