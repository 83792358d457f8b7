//! Ends an endpoint that wants no more, or that has failed for too long.

use std::sync::Arc;

use domain::EndpointId;
use domain::event::EndpointDisabled;
use domain::webhook::Endpoint;
use ledger::{Append, AppendError, BackendError, Meta, Refusal};

use super::record::Why;
use super::{Telling, metric};

/// How often the decision is made anew because the endpoint was changed meanwhile.
const TRIES: u32 = 5;
/// Deliveries that are ended in one transaction.
const CHUNK: u32 = 500;

/// Disables an endpoint, if it still is to be, and ends what it was still to be told.
pub(super) async fn run(telling: Arc<Telling>, id: EndpointId, why: Why) {
    match disable(&telling, id, why).await {
        Ok(true) => {
            metric::disabled(why.reason());
            tracing::warn!(endpoint_id = %id, reason = why.reason().as_str(), "a webhook endpoint was disabled");
            // The log has news: others of its tenant are told.
            telling.news.notify_one();
        }
        Ok(false) => return,
        Err(error) => {
            // Its next failure tries again.
            tracing::warn!(error = %error, endpoint_id = %id, "a webhook endpoint could not be disabled");
            return;
        }
    }
    // What this leaves is found disabled when it is due.
    if let Err(error) = skip(&telling, id).await {
        tracing::debug!(error = %error, endpoint_id = %id, "deliveries of a disabled endpoint were not ended yet");
    }
}

async fn disable(telling: &Telling, id: EndpointId, why: Why) -> Result<bool, AppendError> {
    for _ in 0..TRIES {
        let Ok(Some(endpoint)) = telling.ledger.endpoint(id).await else {
            return Ok(false);
        };
        if !still_to_be(telling, &endpoint, why) {
            return Ok(false);
        }
        let now = telling.now();
        let meta = Meta {
            actor: Some("worker".to_owned()),
            ..Meta::default()
        };
        let mut append = Append::new(now, meta);
        let event = EndpointDisabled {
            at: now,
            endpoint_id: id,
            reason: why.reason(),
        };
        append.endpoint(&endpoint, event, None);
        match telling.ledger.append(append).await {
            Ok(_) => return Ok(true),
            Err(AppendError::Refused(Refusal::Conflict { .. })) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

fn still_to_be(telling: &Telling, endpoint: &Endpoint, why: Why) -> bool {
    match why {
        Why::Gone => endpoint.is_active(),
        Why::FailingSince(since) => endpoint.fails_for_good(since, telling.now()),
    }
}

async fn skip(telling: &Telling, id: EndpointId) -> Result<(), BackendError> {
    while telling.ledger.skip_deliveries(id, telling.now(), CHUNK).await? >= u64::from(CHUNK) {}
    Ok(())
}
