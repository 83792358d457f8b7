//! One attempt at a delivery.

use std::sync::Arc;
use std::time::{Duration, Instant};

use app::Purpose;
use domain::{DeliveryId, Sealed};
use ledger::{AfterAttempt, Delivery, DeliveryAttempt, DeliveryOutcome};
use webhook::{Answer, SendError, Verdict, sign};

use super::batch::{Addressee, Batch, Hindrance};
use super::{Telling, metric};

/// When to look again after something that is needed could not be had.
const PUT_OFF: Duration = Duration::from_secs(10);

/// An attempt's outcome, and what it says about the receiver.
pub(super) struct Ended {
    pub(super) delivery: Delivery,
    pub(super) outcome: DeliveryOutcome,
    pub(super) verdict: Option<Verdict>,
}

/// Tells one addressee, and judges what comes of it.
#[tracing::instrument(name = "webhook.delivery.send", skip_all, fields(
    delivery.id = %delivery.id, tenant.id = %delivery.tenant_id, webhook.event = delivery.kind.as_str(),
))]
pub(super) async fn run(telling: &Telling, batch: Arc<Batch>, delivery: Delivery) -> Ended {
    let found = async { Ok((batch.addressee(&delivery).await?, batch.body(&delivery).await?)) };
    let found: Result<(Addressee, Arc<str>), Hindrance> = found.await;
    // What the others of the batch are told is not kept for as long as a slow receiver takes.
    drop(batch);
    let (addressee, body) = match found {
        Ok(found) => found,
        Err(hindrance) => return hindered(telling, delivery, &hindrance),
    };
    let at = telling.now();
    let id = delivery.id.to_string();
    let signed = sign(&id, at.as_millis().div_euclid(1_000), &body, &*addressee.secrets);
    let began = Instant::now();
    let sent = telling
        .sender
        .send(&addressee.url, (*body).to_owned(), &signed)
        .await;
    let took = began.elapsed();
    let verdict = Verdict::of(&sent);
    metric::attempted(outcome_name(&sent, verdict), took);
    let after = match verdict {
        Verdict::Delivered => AfterAttempt::Delivered,
        Verdict::Gone => AfterAttempt::GivenUp,
        Verdict::Failed(retry_after) => {
            let wait = telling
                .schedule
                .wait_after(delivery.tries + 1, telling.random(), retry_after);
            wait.map_or(AfterAttempt::GivenUp, |wait| {
                AfterAttempt::Retry(telling.now().plus(wait))
            })
        }
    };
    let status = sent.as_ref().ok().map(|answer| answer.status);
    let error = sent.as_ref().err().map(|error| error.label().to_owned());
    if verdict != Verdict::Delivered {
        tracing::info!(
            status,
            error = error.as_deref(),
            attempt = delivery.attempts + 1,
            target = ?delivery.target,
            "a webhook was not delivered"
        );
    }
    let attempt = DeliveryAttempt {
        number: delivery.attempts + 1,
        at,
        latency_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        status,
        error,
        answer: sealed(telling, &delivery, sent.ok()).await,
    };
    Ended {
        outcome: outcome(telling, delivery.id, Some(attempt), after),
        verdict: Some(verdict),
        delivery,
    }
}

fn hindered(telling: &Telling, delivery: Delivery, hindrance: &Hindrance) -> Ended {
    let after = match hindrance {
        Hindrance::Never(why) => {
            tracing::debug!(why, "a webhook is not sent");
            AfterAttempt::Skipped
        }
        Hindrance::Later(why) => {
            tracing::warn!(why, "a webhook cannot be sent at present");
            AfterAttempt::Retry(telling.now().plus(PUT_OFF))
        }
    };
    Ended {
        outcome: outcome(telling, delivery.id, None, after),
        verdict: None,
        delivery,
    }
}

fn outcome(
    telling: &Telling,
    id: DeliveryId,
    attempt: Option<DeliveryAttempt>,
    after: AfterAttempt,
) -> DeliveryOutcome {
    DeliveryOutcome {
        id,
        worker: telling.me,
        attempt,
        after,
        now: telling.now(),
    }
}

fn outcome_name(sent: &Result<Answer, SendError>, verdict: Verdict) -> &'static str {
    match (sent, verdict) {
        (_, Verdict::Delivered) => "delivered",
        (_, Verdict::Gone) => "gone",
        (Ok(_), Verdict::Failed(_)) => "status",
        (Err(error), Verdict::Failed(_)) => error.label(),
    }
}

/// What the receiver said may repeat what it was told, so it is sealed like that: under the order's key where there is
/// one, else under that of the job's body, so that it goes when the order's or the customer's data go.
async fn sealed(telling: &Telling, delivery: &Delivery, answer: Option<Answer>) -> Option<Sealed> {
    let body = answer?.body;
    if body.is_empty() {
        return None;
    }
    let (tenant, seals) = (delivery.tenant_id, telling.seals());
    let sealer = match (delivery.store_id, &delivery.order_id, delivery.job_id) {
        (Some(store), Some(order), _) => seals.for_order(tenant, store, Some(order)).await,
        (_, _, Some(job)) => {
            let job = telling.ledger.job(job).await.ok()??;
            seals.for_sealed(tenant, &job.body?).await
        }
        _ => seals.for_tenant(tenant).await,
    };
    // A new key would have to be kept with an append; an answer is not worth one.
    let sealer = sealer.ok().filter(|sealer| !sealer.is_new())?;
    Some(sealer.seal(Purpose::WebhookAnswer, delivery.id.0, body.as_bytes()))
}
