//! The fake ledger knows nothing of webhooks.

use std::time::Duration;

use async_trait::async_trait;
use domain::webhook::Endpoint;
use domain::{DeliveryId, EndpointId, IncarnationId, TenantId, Timestamp};

use super::{Fake, Result};
use crate::{
    Delivery, DeliveryAttempt, DeliveryClaim, DeliveryFilter, DeliveryOutcome, EndpointHealth,
    EraseDeliveries, NewDelivery, OutcomeRecorded, Replay, Webhooks,
};

#[async_trait]
impl Webhooks for Fake {
    async fn endpoint(&self, _: EndpointId) -> Result<Option<Endpoint>> {
        unreachable!()
    }
    async fn endpoints_of(&self, _: TenantId) -> Result<Vec<Endpoint>> {
        unreachable!()
    }
    async fn take_fan_out(&self, _: IncarnationId, _: Timestamp, _: Duration) -> Result<Option<u64>> {
        unreachable!()
    }
    async fn release_fan_out(&self, _: IncarnationId) -> Result<()> {
        unreachable!()
    }
    async fn fan_out(
        &self,
        _: IncarnationId,
        _: (u64, u64),
        _: &[NewDelivery],
        _: Timestamp,
    ) -> Result<bool> {
        unreachable!()
    }
    async fn claim_deliveries(&self, _: &DeliveryClaim) -> Result<Vec<Delivery>> {
        unreachable!()
    }
    async fn record_attempts(&self, _: &[DeliveryOutcome]) -> Result<Vec<OutcomeRecorded>> {
        unreachable!()
    }
    async fn release_deliveries(&self, _: IncarnationId, _: Timestamp) -> Result<u64> {
        unreachable!()
    }
    async fn skip_deliveries(&self, _: EndpointId, _: Timestamp, _: u32) -> Result<u64> {
        unreachable!()
    }
    async fn pending_deliveries(&self) -> Result<u64> {
        unreachable!()
    }
    async fn delivery(&self, _: DeliveryId) -> Result<Option<Delivery>> {
        unreachable!()
    }
    async fn deliveries_page(&self, _: &DeliveryFilter) -> Result<Vec<Delivery>> {
        unreachable!()
    }
    async fn attempts_of(&self, _: &[DeliveryId]) -> Result<Vec<(DeliveryId, DeliveryAttempt)>> {
        unreachable!()
    }
    async fn endpoint_health(&self, _: &[EndpointId]) -> Result<Vec<EndpointHealth>> {
        unreachable!()
    }
    async fn redeliver(&self, _: DeliveryId, _: Timestamp) -> Result<bool> {
        unreachable!()
    }
    async fn replay(&self, _: &Replay, _: u64, _: u32) -> Result<Vec<u64>> {
        unreachable!()
    }
    async fn erase_deliveries(&self, _: &EraseDeliveries, _: u32) -> Result<u64> {
        unreachable!()
    }
}
