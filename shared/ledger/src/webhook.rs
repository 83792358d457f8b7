//! Webhooks: endpoints, and what is neither event nor view about them: how far the log has been told, what is yet to be
//! told, and how telling went.
//!
//! A delivery says which event is told to whom. Its body is made from the event when it is sent: nothing of it is kept
//! here, so there is nothing to erase either. Its id follows from target and position, so what was fanned out twice is
//! there once.
//!
//! A delivery that somebody has claimed is due again when the claim runs out: whoever dies leaves nothing behind.

use std::time::Duration;

use async_trait::async_trait;
use domain::webhook::{Endpoint, Target, WebhookEvent};
use domain::{DeliveryId, EndpointId, IncarnationId, JobId, OrderId, Sealed, StoreId, TenantId, Timestamp};
use uuid::Uuid;

use crate::backend::BackendError;

type Result<T> = std::result::Result<T, BackendError>;

/// [`Webhooks::attempts_of`] shows no more of each delivery.
pub const MOST_ATTEMPTS_SHOWN: u32 = 20;

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// It is yet to be made, for the first time or again.
    Pending,
    /// The receiver took it.
    Delivered,
    /// It was tried as often as it is tried.
    Failed,
    /// It was not tried, or not to the end: its endpoint was disabled or removed, its address or content is gone.
    Skipped,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Pending, Self::Delivered, Self::Failed, Self::Skipped];

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// A text is no name of a [`DeliveryState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be pending, delivered, failed or skipped")]
pub struct DeliveryStateError;

impl std::str::FromStr for DeliveryState {
    type Err = DeliveryStateError;

    fn from_str(text: &str) -> std::result::Result<Self, DeliveryStateError> {
        let mut all = Self::ALL.iter().copied();
        all.find(|state| state.as_str() == text).ok_or(DeliveryStateError)
    }
}

/// A delivery to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// Whose.
    pub tenant_id: TenantId,
    /// To whom.
    pub target: Target,
    /// Those of one lane share a limit of how many are under way: the endpoint's id, or what stands for the place that
    /// callbacks go to.
    pub lane: Uuid,
    /// Position of the event.
    pub position: u64,
    /// What it tells about.
    pub kind: WebhookEvent,
    /// When the event was recorded.
    pub recorded_at: Timestamp,
    /// Of which store.
    pub store_id: Option<StoreId>,
    /// Of which order.
    pub order_id: Option<OrderId>,
    /// Of which job.
    pub job_id: Option<JobId>,
    /// Whether it begins as [`DeliveryState::Skipped`], since its endpoint is disabled: it can be replayed later.
    pub skipped: bool,
}

impl NewDelivery {
    /// The id that it gets.
    pub fn id(&self) -> DeliveryId {
        DeliveryId::of(self.target, self.position, self.recorded_at)
    }
}

/// A delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its id: [`DeliveryId::of`] target and position. It is the `webhook-id`.
    pub id: DeliveryId,
    /// Whose.
    pub tenant_id: TenantId,
    /// To whom.
    pub target: Target,
    /// See [`NewDelivery::lane`].
    pub lane: Uuid,
    /// Position of the event.
    pub position: u64,
    /// What it tells about.
    pub kind: WebhookEvent,
    /// When the event was recorded.
    pub recorded_at: Timestamp,
    /// Of which store.
    pub store_id: Option<StoreId>,
    /// Of which order.
    pub order_id: Option<OrderId>,
    /// Of which job.
    pub job_id: Option<JobId>,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried in all.
    pub attempts: u32,
    /// How often it was tried since it was last asked for: the place in the schedule of retries.
    pub tries: u32,
    /// When it may be tried; while it is claimed, when the claim runs out.
    pub due_at: Timestamp,
    /// Whether somebody is trying it now, or did and died.
    pub claimed: bool,
    /// When it was delivered, given up or skipped.
    pub ended_at: Option<Timestamp>,
}

/// Who wants to make deliveries, and how many.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryClaim {
    /// Who.
    pub worker: IncarnationId,
    /// The present time.
    pub now: Timestamp,
    /// How long nobody else tries them.
    pub lease: Duration,
    /// So many of one lane may be under way at once, by all workers.
    pub per_lane: u32,
    /// At most this many in all.
    pub limit: u32,
}

/// One attempt at a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryAttempt {
    /// Which one, from 1; the ledger counts by itself when it records one.
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub latency_ms: u64,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// What went wrong, as a short code without any detail of the answer, e.g. `timeout`.
    pub error: Option<String>,
    /// The beginning of the answer, sealed.
    pub answer: Option<Sealed>,
}

/// What becomes of a delivery after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterAttempt {
    /// It was delivered.
    Delivered,
    /// It is tried again then.
    Retry(Timestamp),
    /// It is not tried any more.
    GivenUp,
    /// It is not tried any more, and that is not the receiver's fault.
    Skipped,
}

/// How an attempt at a claimed delivery went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryOutcome {
    /// The delivery.
    pub id: DeliveryId,
    /// Who claimed it.
    pub worker: IncarnationId,
    /// The attempt; none if none was made (see [`AfterAttempt::Skipped`], or it is put off).
    pub attempt: Option<DeliveryAttempt>,
    /// What follows.
    pub after: AfterAttempt,
    /// The present time.
    pub now: Timestamp,
}

/// What recording an outcome led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutcomeRecorded {
    /// Whether the claim was still held; if not, nothing was recorded.
    pub held: bool,
    /// Since when the endpoint has done nothing but fail; none if it does not, or for a callback.
    pub failing_since: Option<Timestamp>,
}

/// How an endpoint has been doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointHealth {
    /// The endpoint.
    pub endpoint_id: EndpointId,
    /// Since when it has done nothing but fail.
    pub failing_since: Option<Timestamp>,
    /// When it last took something.
    pub last_success_at: Option<Timestamp>,
    /// When it last failed.
    pub last_failure_at: Option<Timestamp>,
}

/// A page of an endpoint's deliveries, newest event first.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryFilter {
    /// Whose.
    pub endpoint_id: EndpointId,
    /// Only these.
    pub state: Option<DeliveryState>,
    /// Only positions below this one: the cursor.
    pub before: Option<u64>,
    /// At most this many.
    pub limit: u32,
}

/// Which of an endpoint's deliveries are made again: of events recorded at or after `from` and before `to`.
#[derive(Clone, Copy, Debug)]
pub struct Replay {
    /// Whose.
    pub endpoint_id: EndpointId,
    /// From when on.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// Only those that were not delivered.
    pub only_failed: bool,
    /// The present time.
    pub now: Timestamp,
}

/// Which deliveries are removed, with their attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EraseDeliveries {
    /// Those about an order that have ended: one that is pending is still told, with what an erasure left of it.
    Order(StoreId, OrderId),
    /// All of a tenant.
    Tenant(TenantId),
    /// Those that ended before.
    EndedBefore(Timestamp),
}

/// What a database must do for webhooks. All times are those given.
#[async_trait]
pub trait Webhooks: Send + Sync + 'static {
    /// An endpoint, removed ones included.
    async fn endpoint(&self, id: EndpointId) -> Result<Option<Endpoint>>;
    /// A tenant's endpoints that are not removed, oldest first.
    async fn endpoints_of(&self, tenant: TenantId) -> Result<Vec<Endpoint>>;

    /// Takes the fan-out over, or renews it, for `ttl` from `now`: up to which position it has come. None while it is
    /// somebody else's.
    async fn take_fan_out(&self, worker: IncarnationId, now: Timestamp, ttl: Duration)
    -> Result<Option<u64>>;
    /// Gives the fan-out back, if it is this worker's.
    async fn release_fan_out(&self, worker: IncarnationId) -> Result<()>;
    /// Keeps the deliveries that follow from the events after `from` up to `to`, those that are not there yet, and moves
    /// on to `to`, in one transaction. False, and nothing is kept, if the fan-out is not at `from` or not this worker's.
    /// They are due at `now`.
    async fn fan_out(
        &self,
        worker: IncarnationId,
        (from, to): (u64, u64),
        deliveries: &[NewDelivery],
        now: Timestamp,
    ) -> Result<bool>;

    /// Claims deliveries that are due, those of each lane in the order in which they became due; between lanes, the one
    /// that is due for longest first. A lane with a long backlog takes no more of the claim than `per_lane`.
    async fn claim_deliveries(&self, claim: &DeliveryClaim) -> Result<Vec<Delivery>>;
    /// Records how attempts went, each if its claim is still held, and ends the claims.
    async fn record_attempts(&self, outcomes: &[DeliveryOutcome]) -> Result<Vec<OutcomeRecorded>>;
    /// Gives back what a worker has claimed: it is due at `now`. Says how many.
    async fn release_deliveries(&self, worker: IncarnationId, now: Timestamp) -> Result<u64>;
    /// Ends up to `limit` pending deliveries of an endpoint that nobody has claimed as [`DeliveryState::Skipped`]; says
    /// how many.
    async fn skip_deliveries(&self, endpoint: EndpointId, now: Timestamp, limit: u32) -> Result<u64>;

    /// How many deliveries are pending, claimed ones included.
    async fn pending_deliveries(&self) -> Result<u64>;
    /// A delivery.
    async fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>>;
    /// A page of an endpoint's deliveries.
    async fn deliveries_page(&self, filter: &DeliveryFilter) -> Result<Vec<Delivery>>;
    /// The last attempts (at most 20 of each) at these deliveries, ascending by delivery and number.
    async fn attempts_of(&self, deliveries: &[DeliveryId]) -> Result<Vec<(DeliveryId, DeliveryAttempt)>>;
    /// How endpoints have been doing; those that were never told anything are left out.
    async fn endpoint_health(&self, endpoints: &[EndpointId]) -> Result<Vec<EndpointHealth>>;

    /// Makes a delivery pending and due at `now`, from the first try on, unless it is under way; says whether it is
    /// there.
    async fn redeliver(&self, id: DeliveryId, now: Timestamp) -> Result<bool>;
    /// Does the same to up to `limit` deliveries of a range that are not pending, of events with positions above `after`,
    /// ascending; says of which events.
    async fn replay(&self, replay: &Replay, after: u64, limit: u32) -> Result<Vec<u64>>;
    /// Removes up to `limit` deliveries; says how many.
    async fn erase_deliveries(&self, which: &EraseDeliveries, limit: u32) -> Result<u64>;
}
