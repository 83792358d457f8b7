//! Everything that runs without a request: partitions, the schedule and the change cycle.
//!
//! [`Worker::run`] starts the tasks of one incarnation:
//!
//! - `partitions` keeps the heartbeat, takes partitions over and hands them back;
//! - `feed` brings news of jobs and stores from the ledger into the `schedule`;
//! - `engine` starts what the schedule says;
//! - `cycle` carries out one batch: fetch, fold, intent, update, check, record; or judges one in doubt;
//! - `deletion` ends what a deleted store leaves behind;
//! - `erasure` erases the personal data of orders and customers;
//! - `seals` grows and signs the tree over the events;
//! - `grants` answers readers who ask for tokens.
//!
//! Beside it, [`webhooks::Teller`] tells what happened.
//!
//! To add a kind of command, add its cycle under `cycle` and its tokens in the schedule's entry.

mod context;
pub mod cycle;
mod deletion;
mod engine;
mod erasure;
mod feed;
mod grants;
mod lease;
mod logs;
pub mod metric;
mod partitions;
pub mod schedule;
mod seals;
#[cfg(test)]
mod tests;
mod trace;
mod upstream;
pub mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use app::Seals;
use ledger::Ledger;
use queue::Queue;
use runtime::{Clock, Lifecycle};
use vault::Keyring;

use context::Context;
pub use context::Status;

/// What a worker is made of.
pub struct Parts {
    /// The ledger.
    pub ledger: Ledger,
    /// Hints, bus and grants.
    pub queue: Arc<dyn Queue>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The derived keys.
    pub keyring: Arc<Keyring>,
    /// Opens and makes sealed data.
    pub seals: Seals,
    /// The Order Desk client.
    pub client: orderdesk::Client,
    /// What reads are kept in; what a change touches is forgotten there before its end can be seen.
    pub cache: cache::Cache,
    /// How it behaves.
    pub config: WorkerConfig,
}

/// How a worker behaves.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// How long a heartbeat counts.
    pub lease_ttl: Duration,
    /// One upstream call's total time.
    pub upstream_timeout: Duration,
    /// Beyond the time-out and the lease, until a request counts as unable to arrive.
    pub doubt_margin: Duration,
    /// Whether the ledger is ours alone, proven by a lock: former owners are dead.
    pub sole: bool,
    /// How often the ledger is asked for news that no hint told.
    pub sweep_every: Duration,
    /// How often the log is sealed and signed while there is news.
    pub seal_every: Duration,
    /// Whether hints are listened to at all; off in tests that show that nothing depends on them.
    pub hints: bool,
    /// Where a created order carries its job.
    pub marker: domain::order::create::Marker,
    /// How much happens at once.
    pub limits: schedule::Limits,
}

impl WorkerConfig {
    /// How long after its intent a request of any owner may still arrive.
    fn settle(&self) -> Duration {
        let lease = if self.sole { Duration::ZERO } else { self.lease_ttl };
        self.upstream_timeout + self.doubt_margin + lease
    }
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            lease_ttl: Duration::from_secs(10),
            upstream_timeout: Duration::from_secs(30),
            doubt_margin: Duration::from_secs(2),
            sole: false,
            sweep_every: Duration::from_secs(2),
            seal_every: Duration::from_secs(5),
            hints: true,
            marker: domain::order::create::Marker::Metadata,
            limits: schedule::Limits::default(),
        }
    }
}

/// One incarnation of a worker; cheap to clone.
#[derive(Clone)]
pub struct Worker {
    context: Arc<Context>,
}

impl Worker {
    /// A worker that does nothing yet.
    pub fn new(parts: Parts) -> Self {
        Self {
            context: Arc::new(Context::new(parts)),
        }
    }

    /// Starts the worker's tasks. They hand over and end once `lifecycle` drains.
    pub fn run(&self, lifecycle: &Lifecycle) {
        let draining = lifecycle.draining();
        let context = Arc::clone(&self.context);
        lifecycle.spawn("worker", async move { engine::run(context, draining).await });
    }

    /// How the worker is doing.
    pub fn status(&self) -> Status {
        self.context.status()
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("status", &self.status()).finish()
    }
}
