//! Telling webhooks what happened: a reader of the log decides who is told, a deliverer tells them.
//!
//! - `fan_out` reads the log behind a cursor that one worker leases at a time, and keeps a delivery for each event and
//!   addressee (`interest`); so no job's transaction grows with the endpoints that want to hear of it.
//! - `deliver` claims what is due, in any number of workers, and makes one attempt at each (`attempt`), whose outcomes
//!   `record` writes in groups. Who dies leaves claims that run out: what it was telling is told again, under the same
//!   id.
//! - `batch` finds, once for all deliveries that were claimed together, who is told, with which secrets, and what.
//!
//! Nothing depends on being woken: announcements make it quick, and a look every [`TellerConfig::sweep_every`] finds what
//! they missed. To tell of another event, give it a kind in `domain::webhook` and a form in `app::Notice`.

mod attempt;
mod batch;
mod deliver;
mod disable;
mod fan_out;
mod interest;
pub(crate) mod metric;
mod record;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use app::{App, Notice, Seals};
use domain::{IncarnationId, Timestamp};
use futures::StreamExt as _;
use ledger::{BackendError, EraseDeliveries, Ledger};
use queue::{Queue, Subject};
use runtime::{Clock, Lifecycle};
use serde_json::Value;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use webhook::{RetrySchedule, Sender};

/// What a teller is made of.
pub struct TellerParts {
    /// The ledger.
    pub ledger: Ledger,
    /// Announcements.
    pub queue: Arc<dyn Queue>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Finds what a webhook shows.
    pub app: App,
    /// How that looks as JSON.
    pub render: fn(&Notice) -> Value,
    /// Sends.
    pub sender: Sender,
    /// When to try again.
    pub schedule: RetrySchedule,
    /// How it behaves.
    pub config: TellerConfig,
}

/// How a teller behaves.
#[derive(Clone, Debug)]
pub struct TellerConfig {
    /// How long the reading of the log is one worker's, once taken.
    pub reader_lease: Duration,
    /// How long a delivery is one worker's: longer than an attempt and its recording may take.
    pub claim_lease: Duration,
    /// How often the ledger is asked for what no announcement told.
    pub sweep_every: Duration,
    /// How many attempts this worker has under way.
    pub in_flight: usize,
    /// How many attempts at one endpoint all workers have under way.
    pub per_endpoint: u32,
    /// How long attempts under way may take once the process stops; what has not ended then is tried again.
    pub stop_within: Duration,
    /// Whether announcements are listened to at all; off in tests that show that nothing depends on them.
    pub hints: bool,
}

impl Default for TellerConfig {
    fn default() -> Self {
        Self {
            reader_lease: Duration::from_secs(10),
            claim_lease: Duration::from_secs(20),
            sweep_every: Duration::from_secs(2),
            in_flight: 1_024,
            per_endpoint: 8,
            stop_within: Duration::from_secs(5),
            hints: true,
        }
    }
}

/// Tells webhooks what happened; cheap to clone.
#[derive(Clone)]
pub struct Teller(Arc<Telling>);

/// Shared by the tasks of one teller.
pub(crate) struct Telling {
    ledger: Ledger,
    queue: Arc<dyn Queue>,
    clock: Arc<dyn Clock>,
    app: App,
    render: fn(&Notice) -> Value,
    sender: Sender,
    schedule: RetrySchedule,
    config: TellerConfig,
    /// Whose claims and leases these are.
    me: IncarnationId,
    /// There may be something new in the log.
    news: Notify,
    /// There may be something to deliver, or room for it.
    due: Notify,
    /// Attempts that are under way or not recorded yet.
    under_way: AtomicUsize,
}

impl Telling {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.unix_ms())
    }

    fn seals(&self) -> &Seals {
        self.app.seals()
    }

    /// A number from 0 to 1, evenly drawn.
    fn random(&self) -> f64 {
        (self.clock.uuid().as_u128() & 0xffff_ffff) as f64 / f64::from(u32::MAX)
    }
}

impl Teller {
    /// A teller that does nothing yet.
    pub fn new(parts: TellerParts) -> Self {
        Self(Arc::new(Telling {
            me: IncarnationId(parts.clock.uuid()),
            ledger: parts.ledger,
            queue: parts.queue,
            clock: parts.clock,
            app: parts.app,
            render: parts.render,
            sender: parts.sender,
            schedule: parts.schedule,
            config: parts.config,
            news: Notify::new(),
            due: Notify::new(),
            under_way: AtomicUsize::new(0),
        }))
    }

    /// Starts the teller's tasks. They give back what they hold and end once `lifecycle` drains.
    pub fn run(&self, lifecycle: &Lifecycle) {
        let telling = Arc::clone(&self.0);
        let stopped = lifecycle.draining();
        lifecycle.spawn("webhooks", async move {
            tokio::join!(
                fan_out::run(&telling, &stopped),
                deliver::run(&telling, &stopped),
                listen(&telling, &stopped),
                keep_house(&telling, &stopped),
            );
            Ok(())
        });
    }
}

impl std::fmt::Debug for Teller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Teller")
            .field("me", &self.0.me)
            .finish_non_exhaustive()
    }
}

/// Wakes the others at what is announced. A bus that ends is not needed.
async fn listen(telling: &Telling, stopped: &CancellationToken) {
    if !telling.config.hints {
        return;
    }
    let mut announcements = telling.queue.announcements().await;
    while let Some(Some(announcement)) = stopped.run_until_cancelled(announcements.next()).await {
        if !matches!(announcement.subject, Subject::Job { ended: false, .. }) {
            telling.news.notify_one();
        }
    }
}

/// Shows what is pending, and removes what ended long ago.
async fn keep_house(telling: &Telling, stopped: &CancellationToken) {
    const EVERY: Duration = Duration::from_secs(15);
    loop {
        if let Ok(pending) = telling.ledger.pending_deliveries().await {
            metric::pending(pending);
        }
        if let Err(error) = remove_old(telling, stopped).await {
            tracing::debug!(error = %error, "old deliveries of webhooks were not removed");
        }
        if stopped
            .run_until_cancelled(tokio::time::sleep(EVERY))
            .await
            .is_none()
        {
            return;
        }
    }
}

/// Removes as much as there may be: as many as end in a day must go in a day.
async fn remove_old(telling: &Telling, stopped: &CancellationToken) -> Result<(), BackendError> {
    /// How long a delivery that has ended can be looked at and asked for again.
    const KEPT: Duration = Duration::from_hours(30 * 24);
    const AT_ONCE: u32 = 500;
    const MOST_TIMES: u32 = 100;
    let old = EraseDeliveries::EndedBefore(telling.now().minus(KEPT));
    for _ in 0..MOST_TIMES {
        let removed = telling.ledger.erase_deliveries(&old, AT_ONCE).await?;
        if removed < u64::from(AT_ONCE) || stopped.is_cancelled() {
            break;
        }
    }
    Ok(())
}
