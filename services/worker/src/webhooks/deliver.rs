//! Claims what is due and tells it, as much at once as there is room for.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ledger::{BackendError, Delivery, DeliveryClaim};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::attempt::{self, Ended};
use super::batch::Batch;
use super::{Telling, metric, record};

/// The most that is claimed at once.
const CLAIM: usize = 256;

/// Delivers until `stopped`; then lets what is under way end, for a while, and gives back the rest.
pub(super) async fn run(telling: &Arc<Telling>, stopped: &CancellationToken) {
    let (ended, outcomes) = mpsc::unbounded_channel();
    let recorder = tokio::spawn(record::run(Arc::clone(telling), outcomes));
    let attempts = TaskTracker::new();
    let abandoned = CancellationToken::new();
    loop {
        let more = match claim(telling).await {
            Ok((claimed, more)) => {
                start(telling, claimed, &attempts, &abandoned, &ended);
                more
            }
            Err(error) => {
                tracing::warn!(error = %error, "webhooks that are due could not be claimed");
                false
            }
        };
        if stopped.is_cancelled() {
            break;
        }
        if more {
            continue;
        }
        tokio::select! {
            () = telling.due.notified() => {}
            () = tokio::time::sleep(telling.config.sweep_every) => {}
            () = stopped.cancelled() => break,
        }
    }
    attempts.close();
    let _ = tokio::time::timeout(telling.config.stop_within, attempts.wait()).await;
    abandoned.cancel();
    attempts.wait().await;
    drop(ended);
    if recorder.await.is_err() {
        tracing::error!("the outcomes of webhooks were not all recorded");
    }
    // What was given up may have arrived; it is told again, under the same id.
    if let Err(error) = telling.ledger.release_deliveries(telling.me, telling.now()).await {
        tracing::debug!(error = %error, "webhooks were not given back, their claims run out");
    }
}

/// What is due, as much as there is room for; and whether there may be more for which there is room.
async fn claim(telling: &Telling) -> Result<(Vec<Delivery>, bool), BackendError> {
    let under_way = telling.under_way.load(Ordering::Acquire);
    let limit = telling.config.in_flight.saturating_sub(under_way).min(CLAIM);
    if limit == 0 {
        return Ok((Vec::new(), false));
    }
    let claim = DeliveryClaim {
        worker: telling.me,
        now: telling.now(),
        lease: telling.config.claim_lease,
        per_lane: telling.config.per_endpoint,
        limit: u32::try_from(limit).unwrap_or(u32::MAX),
    };
    let claimed = telling.ledger.claim_deliveries(&claim).await?;
    let more = claimed.len() >= limit;
    Ok((claimed, more))
}

fn start(
    telling: &Arc<Telling>,
    claimed: Vec<Delivery>,
    attempts: &TaskTracker,
    abandoned: &CancellationToken,
    ended: &mpsc::UnboundedSender<Ended>,
) {
    if claimed.is_empty() {
        return;
    }
    let under_way = telling.under_way.fetch_add(claimed.len(), Ordering::AcqRel) + claimed.len();
    metric::under_way(under_way);
    let batch = Arc::new(Batch::new(Arc::clone(telling)));
    for delivery in claimed {
        let (telling, batch) = (Arc::clone(telling), Arc::clone(&batch));
        let (abandoned, ended) = (abandoned.clone(), ended.clone());
        let attempt = async move {
            let attempt = attempt::run(&telling, batch, delivery);
            if let Some(outcome) = abandoned.run_until_cancelled(attempt).await {
                // The recorder lives as long as there is a sender.
                let _ = ended.send(outcome);
            }
        };
        attempts.spawn(attempt.in_current_span());
    }
}
