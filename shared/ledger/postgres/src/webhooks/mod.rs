//! Webhooks: the port, method by method.

mod deliveries;
mod endpoints;
mod fan_out;
mod repeat;
mod work;

use std::time::Duration;

use async_trait::async_trait;
use domain::webhook::Endpoint;
use domain::{DeliveryId, EndpointId, IncarnationId, TenantId, Timestamp};
use ledger::{
    Delivery, DeliveryAttempt, DeliveryClaim, DeliveryFilter, DeliveryOutcome, EndpointHealth,
    EraseDeliveries, NewDelivery, OutcomeRecorded, Replay, Webhooks,
};

use crate::connect::PostgresLedger;
use crate::error::Result;

#[async_trait]
impl Webhooks for PostgresLedger {
    async fn endpoint(&self, id: EndpointId) -> Result<Option<Endpoint>> {
        self.read_endpoint(id).await
    }

    async fn endpoints_of(&self, tenant: TenantId) -> Result<Vec<Endpoint>> {
        self.read_endpoints(tenant).await
    }

    async fn take_fan_out(
        &self,
        worker: IncarnationId,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Option<u64>> {
        self.lease_fan_out(worker, now, ttl).await
    }

    async fn release_fan_out(&self, worker: IncarnationId) -> Result<()> {
        self.unlease_fan_out(worker).await
    }

    async fn fan_out(
        &self,
        worker: IncarnationId,
        range: (u64, u64),
        deliveries: &[NewDelivery],
        now: Timestamp,
    ) -> Result<bool> {
        self.put_fan_out(worker, range, deliveries, now).await
    }

    async fn claim_deliveries(&self, claim: &DeliveryClaim) -> Result<Vec<Delivery>> {
        self.take_due(claim).await
    }

    async fn record_attempts(&self, outcomes: &[DeliveryOutcome]) -> Result<Vec<OutcomeRecorded>> {
        self.put_outcomes(outcomes).await
    }

    async fn release_deliveries(&self, worker: IncarnationId, now: Timestamp) -> Result<u64> {
        self.give_deliveries_back(worker, now).await
    }

    async fn skip_deliveries(&self, endpoint: EndpointId, now: Timestamp, limit: u32) -> Result<u64> {
        self.skip_pending(endpoint, now, limit).await
    }

    async fn pending_deliveries(&self) -> Result<u64> {
        self.count_pending().await
    }

    async fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>> {
        self.read_delivery(id).await
    }

    async fn deliveries_page(&self, filter: &DeliveryFilter) -> Result<Vec<Delivery>> {
        self.read_deliveries(filter).await
    }

    async fn attempts_of(&self, deliveries: &[DeliveryId]) -> Result<Vec<(DeliveryId, DeliveryAttempt)>> {
        self.read_attempts(deliveries).await
    }

    async fn endpoint_health(&self, endpoints: &[EndpointId]) -> Result<Vec<EndpointHealth>> {
        self.read_health(endpoints).await
    }

    async fn redeliver(&self, id: DeliveryId, now: Timestamp) -> Result<bool> {
        self.repeat_one(id, now).await
    }

    async fn replay(&self, replay: &Replay, after: u64, limit: u32) -> Result<Vec<u64>> {
        self.repeat_range(replay, after, limit).await
    }

    async fn erase_deliveries(&self, which: &EraseDeliveries, limit: u32) -> Result<u64> {
        self.remove_deliveries(which, limit).await
    }
}
