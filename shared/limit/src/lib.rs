//! How much somebody may do in a while: token buckets by subject.
//!
//! **What it is for.** A [`Quota`] says how much; a [`Limiter`] counts it for each [`Subject`] and answers with a
//! [`Decision`]: whether this one passes, how much is left, when there is more. [`LocalLimiter`] counts in this
//! process, in bounded memory, and can also [look](LocalLimiter::look) and [give back](LocalLimiter::give_back);
//! `limit-redis` counts for several processes.
//!
//! **What it is not for.** It knows no HTTP and no tenants: who a subject is, and what is said to the refused, is the
//! caller's matter. The bucket of an Order Desk store is another thing (`orderdesk`).
//!
//! **How to add an adapter.** Implement [`Limiter`]; a bucket begins full, holds [`Quota::limit`] and fills within
//! [`Quota::window`], evenly.

mod decision;
mod local;
mod quota;
mod store;
mod subject;

use async_trait::async_trait;

pub use decision::{Decision, Outcome};
pub use local::LocalLimiter;
pub use quota::Quota;
pub use subject::Subject;

/// Counts what subjects do.
#[async_trait]
pub trait Limiter: Send + Sync + 'static {
    /// Takes one from the subject's bucket, if there is one. Never fails and never waits for long.
    async fn take(&self, subject: Subject) -> Decision;

    /// Looks, now, whether all processes that should count together do; `true` where a process counts alone.
    async fn probe(&self) -> bool;
}
