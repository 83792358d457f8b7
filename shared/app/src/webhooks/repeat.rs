//! Telling again.

use domain::event::{DeliveryRepeated, EndpointReplayed};
use domain::webhook::Target;
use domain::{DeliveryId, EndpointId, TenantId, Timestamp};
use ledger::{Append, Delivery, Expected, NewEvent, Replay, Stream};

use super::{DeliveryError, DeliveryView, EndpointError, MAX_TRIES, is_race, news};
use crate::{App, Caller, Denied, Once, Outcome};

/// Deliveries that are made pending in one transaction.
const BITE: u32 = 500;

/// Of what time an endpoint is to be told again.
#[derive(Clone, Copy, Debug)]
pub struct ReplayRange {
    /// From when on.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// Only what did not arrive.
    pub only_failed: bool,
}

/// What is told again.
#[derive(Clone, Copy, Debug)]
pub struct Replayed {
    /// To which endpoint.
    pub endpoint_id: EndpointId,
    /// Of what time.
    pub range: ReplayRange,
    /// How many deliveries that are.
    pub deliveries: u64,
}

impl App {
    /// Tells one thing again, at once; what is under way is not disturbed.
    pub async fn redeliver(
        &self,
        caller: &Caller,
        id: DeliveryId,
        once: Option<Once<DeliveryView>>,
    ) -> Result<Outcome<DeliveryView>, DeliveryError> {
        let once = once.as_ref();
        let tenant = caller.tenant_id().ok_or(DeliveryError::NotFound)?;
        let settled = self.settle(caller).await?;
        for _ in 0..MAX_TRIES {
            if let Some(answer) = self.replay(tenant, once).await? {
                return Ok(Outcome::Replayed(answer));
            }
            let delivery = self.own_delivery(tenant, id).await?;
            if let Target::Endpoint(endpoint) = delivery.target {
                match self.own_endpoint(caller, endpoint).await {
                    Ok(endpoint) if endpoint.is_active() => {}
                    Ok(_) => return Err(DeliveryError::Disabled),
                    Err(EndpointError::Denied(denied)) => return Err(denied.into()),
                    Err(_) => return Err(DeliveryError::NotFound),
                }
            }
            let mut append = Append::new(self.now(), settled.meta.clone());
            settled.attach(&mut append);
            append.event(NewEvent {
                stream: Stream::Delivery(id),
                expected: Expected::Any,
                event: DeliveryRepeated {
                    at: append.now,
                    delivery_id: id,
                    target: delivery.target,
                    position: delivery.position,
                }
                .into(),
                sealed: None,
                tenant_id: tenant,
                store_id: None,
                order_id: None,
                job_id: None,
            });
            // Before it is on record: whoever repeats a call of which nothing is known loses nothing.
            self.0.ledger.redeliver(id, append.now).await?;
            let delivery = self.own_delivery(tenant, id).await?;
            let mut views = self.with_attempts(vec![delivery]).await?;
            let view = views.pop().ok_or(DeliveryError::NotFound)?;
            self.remember(&mut append, &settled, once, &view).await?;
            match self.commit(append, news(tenant)).await {
                Ok(_) => return Ok(Outcome::Done(view)),
                Err(error) if is_race(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Denied::contended().into())
    }

    async fn own_delivery(&self, tenant: TenantId, id: DeliveryId) -> Result<Delivery, DeliveryError> {
        let found = self.0.ledger.delivery(id).await?;
        found
            .filter(|delivery| delivery.tenant_id == tenant)
            .ok_or(DeliveryError::NotFound)
    }

    /// Tells an endpoint again what happened in some time, as far as it is still known what it was told.
    pub async fn replay_deliveries(
        &self,
        caller: &Caller,
        id: EndpointId,
        range: ReplayRange,
        once: Option<Once<Replayed>>,
    ) -> Result<Outcome<Replayed>, EndpointError> {
        let once = once.as_ref();
        let tenant = caller.tenant_id().ok_or(EndpointError::NotFound)?;
        let settled = self.settle(caller).await?;
        if let Some(answer) = self.replay(tenant, once).await? {
            return Ok(Outcome::Replayed(answer));
        }
        if !self.own_endpoint(caller, id).await?.is_active() {
            return Err(EndpointError::Disabled);
        }
        let deliveries = self.made_pending(id, range).await?;
        for _ in 0..MAX_TRIES {
            let endpoint = self.own_endpoint(caller, id).await?;
            let mut append = Append::new(self.now(), settled.meta.clone());
            settled.attach(&mut append);
            let event = EndpointReplayed {
                at: append.now,
                endpoint_id: id,
                from: range.from,
                to: range.to,
                only_failed: range.only_failed,
                deliveries,
            };
            append.endpoint(&endpoint, event, None);
            let replayed = Replayed {
                endpoint_id: id,
                range,
                deliveries,
            };
            self.remember(&mut append, &settled, once, &replayed).await?;
            match self.commit(append, news(tenant)).await {
                Ok(_) => return Ok(Outcome::Done(replayed)),
                Err(error) if is_race(&error) => {
                    if let Some(answer) = self.replay(tenant, once).await? {
                        return Ok(Outcome::Replayed(answer));
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Denied::contended().into())
    }

    /// In bites, so that nobody waits long; each begins behind the one before it, so there is an end.
    async fn made_pending(&self, endpoint_id: EndpointId, range: ReplayRange) -> Result<u64, Denied> {
        let replay = Replay {
            endpoint_id,
            from: range.from,
            to: range.to,
            only_failed: range.only_failed,
            now: self.now(),
        };
        let (mut after, mut all) = (0, 0);
        loop {
            let bite = self.0.ledger.replay(&replay, after, BITE).await?;
            all += bite.len() as u64;
            match bite.last() {
                Some(last) if bite.len() == BITE as usize => after = *last,
                Some(_) | None => return Ok(all),
            }
        }
    }
}
