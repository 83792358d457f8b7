//! What was told to an endpoint, and how that went.

use domain::{EndpointId, Sealed};
use ledger::{Delivery, DeliveryAttempt, DeliveryFilter, DeliveryState};

use super::EndpointError;
use crate::{App, Caller, Denied, Purpose, SealError};

/// Which deliveries are shown.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryQuery {
    /// Only these.
    pub state: Option<DeliveryState>,
    /// Only positions below this one.
    pub before: Option<u64>,
    /// At most this many.
    pub limit: u32,
}

/// A delivery with the last attempts at it.
#[derive(Clone, Debug)]
pub struct DeliveryView {
    /// The delivery.
    pub delivery: Delivery,
    /// The attempts, ascending.
    pub attempts: Vec<AttemptView>,
}

/// An attempt at a delivery.
#[derive(Clone)]
pub struct AttemptView {
    /// What is kept of it.
    pub attempt: DeliveryAttempt,
    /// The beginning of the answer; none if there was none, or it was erased.
    pub answer: Option<String>,
}

impl std::fmt::Debug for AttemptView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AttemptView")
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// A page of deliveries, newest event first.
#[derive(Clone, Debug)]
pub struct DeliveryPage {
    /// The deliveries.
    pub deliveries: Vec<DeliveryView>,
    /// The position below which the next page begins.
    pub next: Option<u64>,
}

impl App {
    /// What one of the caller's endpoints was told, or is to be told.
    pub async fn deliveries(
        &self,
        caller: &Caller,
        endpoint: EndpointId,
        query: DeliveryQuery,
    ) -> Result<DeliveryPage, EndpointError> {
        self.own_endpoint(caller, endpoint).await?;
        let filter = DeliveryFilter {
            endpoint_id: endpoint,
            state: query.state,
            before: query.before,
            limit: query.limit.saturating_add(1),
        };
        let mut deliveries = self.0.ledger.deliveries_page(&filter).await?;
        let more = deliveries.len() > query.limit as usize;
        deliveries.truncate(query.limit as usize);
        let next = deliveries.last().filter(|_| more).map(|last| last.position);
        Ok(DeliveryPage {
            deliveries: self.with_attempts(deliveries).await?,
            next,
        })
    }

    pub(super) async fn with_attempts(&self, deliveries: Vec<Delivery>) -> Result<Vec<DeliveryView>, Denied> {
        let ids: Vec<_> = deliveries.iter().map(|delivery| delivery.id).collect();
        let mut attempts = self.0.ledger.attempts_of(&ids).await?;
        let mut views = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            let (own, others): (Vec<_>, Vec<_>) =
                attempts.into_iter().partition(|(id, _)| *id == delivery.id);
            attempts = others;
            let mut shown = Vec::new();
            for (_, attempt) in own {
                let answer = match &attempt.answer {
                    Some(sealed) => self.answer_of(&delivery, sealed).await?,
                    None => None,
                };
                shown.push(AttemptView { attempt, answer });
            }
            views.push(DeliveryView {
                delivery,
                attempts: shown,
            });
        }
        Ok(views)
    }

    async fn answer_of(&self, delivery: &Delivery, sealed: &Sealed) -> Result<Option<String>, Denied> {
        let opened = self
            .0
            .seals
            .open(delivery.tenant_id, Purpose::WebhookAnswer, delivery.id.0, sealed)
            .await;
        match opened {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(SealError::KeyGone) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
