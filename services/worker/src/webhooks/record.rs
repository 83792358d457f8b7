//! Writes down how attempts went, as many at once as have come meanwhile.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::webhook::{DisableReason, Target};
use ledger::{DeliveryOutcome, OutcomeRecorded};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::task::TaskTracker;
use webhook::Verdict;

use super::attempt::Ended;
use super::{Telling, disable, metric};

/// The most that is written at once.
const GROUP: usize = 256;
/// How often writing is tried; what is not written is tried again by whoever claims it when the claim has run out.
const TRIES: u32 = 5;

/// Records what comes until nobody can send any more.
pub(super) async fn run(telling: Arc<Telling>, mut ended: UnboundedReceiver<Ended>) {
    let disabling = TaskTracker::new();
    let mut group = Vec::with_capacity(GROUP);
    while ended.recv_many(&mut group, GROUP).await > 0 {
        let outcomes: Vec<DeliveryOutcome> = group.iter().map(|ended| ended.outcome.clone()).collect();
        if let Some(recorded) = write(&telling, &outcomes).await {
            for (ended, recorded) in group.iter().zip(recorded) {
                if let Some((endpoint, reason)) = to_disable(&telling, ended, recorded) {
                    disabling.spawn(disable::run(Arc::clone(&telling), endpoint, reason));
                }
            }
        }
        let count = group.len();
        group.clear();
        let under_way = telling.under_way.fetch_sub(count, Ordering::AcqRel) - count;
        metric::under_way(under_way);
        telling.due.notify_one();
    }
    disabling.close();
    disabling.wait().await;
}

async fn write(telling: &Telling, outcomes: &[DeliveryOutcome]) -> Option<Vec<OutcomeRecorded>> {
    let mut wait = Duration::from_millis(100);
    for tried in 1..=TRIES {
        match telling.ledger.record_attempts(outcomes).await {
            Ok(recorded) => return Some(recorded),
            Err(error) => {
                tracing::warn!(error = %error, tried, "outcomes of webhooks could not be recorded");
            }
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
    None
}

/// Whether what came of an attempt ends its endpoint.
fn to_disable(
    telling: &Telling,
    ended: &Ended,
    recorded: OutcomeRecorded,
) -> Option<(domain::EndpointId, Why)> {
    let Target::Endpoint(id) = ended.delivery.target else {
        return None;
    };
    if !recorded.held {
        return None;
    }
    match (ended.verdict?, recorded.failing_since) {
        (Verdict::Gone, _) => Some((id, Why::Gone)),
        (Verdict::Failed(_), Some(since)) if telling.now().since(since) >= domain::webhook::MOST_FAILING => {
            Some((id, Why::FailingSince(since)))
        }
        _ => None,
    }
}

/// Why an endpoint is to be disabled.
#[derive(Clone, Copy, Debug)]
pub(super) enum Why {
    /// It said so.
    Gone,
    /// It has done nothing but fail since then.
    FailingSince(domain::Timestamp),
}

impl Why {
    pub(super) fn reason(self) -> DisableReason {
        match self {
            Self::Gone => DisableReason::Gone,
            Self::FailingSince(_) => DisableReason::Failing,
        }
    }
}
