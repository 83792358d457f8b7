//! Whether the process can do its work: named checks, each with what it cost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use app::App;
use futures::future::BoxFuture;
use serde::Serialize;

use crate::guard::Guards;

/// How long one check may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(2);

/// The check of Order Desk itself. It is not called for that: what counts is how the process's own calls end.
pub const ORDER_DESK: &str = "order_desk";

/// How something that the process needs is doing; the order is from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// As it should.
    Ok,
    /// Missing, and the process works without it, more slowly.
    Degraded,
    /// Missing, and the process cannot work without it.
    Unavailable,
}

/// The outcome of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked.
    #[serde(skip)]
    pub name: &'static str,
    /// How it is doing.
    pub status: CheckStatus,
    /// How long the check took, milliseconds.
    pub latency_ms: u64,
}

impl Check {
    /// Runs `probe` for at most two seconds; a failure counts as `failed`.
    pub async fn run(
        name: &'static str,
        failed: CheckStatus,
        probe: impl Future<Output = bool> + Send,
    ) -> Self {
        let begun = Instant::now();
        let good = tokio::time::timeout(PATIENCE, probe).await.unwrap_or(false);
        let latency_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Self {
            name,
            status: if good { CheckStatus::Ok } else { failed },
            latency_ms,
        }
    }
}

/// What a process needs in order to work.
pub trait Readiness: Send + Sync + 'static {
    /// Looks at everything, now.
    fn checks(&self) -> BoxFuture<'_, Vec<Check>>;
}

/// The checks of every process that serves requests: the ledger must answer, queue, cache and Order Desk should.
#[derive(Clone)]
pub struct AppReadiness {
    app: App,
    guards: Option<Arc<Guards>>,
}

impl AppReadiness {
    /// Checks of what `app` uses.
    pub fn new(app: App) -> Arc<Self> {
        Arc::new(Self { app, guards: None })
    }

    /// And whether rates are counted for all processes together: without that each counts alone.
    pub fn watching(self: Arc<Self>, guards: Arc<Guards>) -> Arc<Self> {
        Arc::new(Self {
            app: self.app.clone(),
            guards: Some(guards),
        })
    }
}

impl Readiness for AppReadiness {
    fn checks(&self) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(async {
            let ledger = Check::run("ledger", CheckStatus::Unavailable, async {
                self.app.ledger().ping().await.is_ok()
            });
            // Hints and announcements only save time: without them commands are accepted and jobs end.
            let queue = Check::run("queue", CheckStatus::Degraded, async {
                self.app.queue().ping().await.is_ok()
            });
            // Without it every read asks Order Desk.
            let cache = Check::run("cache", CheckStatus::Degraded, async {
                self.app.cache().ping().await.is_ok()
            });
            // While it is down commands are accepted and wait, and reads are answered from the cache where they can be.
            let order_desk = Check::run(ORDER_DESK, CheckStatus::Degraded, async {
                self.app.upstream_answers()
            });
            let rates = async {
                let guards = self.guards.as_ref()?;
                Some(Check::run("rate_limit", CheckStatus::Degraded, guards.probe()).await)
            };
            let (ledger, queue, cache, order_desk, rates) =
                tokio::join!(ledger, queue, cache, order_desk, rates);
            let all = [ledger, queue, cache, order_desk];
            all.into_iter().chain(rates).collect()
        })
    }
}
