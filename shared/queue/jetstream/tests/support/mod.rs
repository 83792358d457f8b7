//! What the tests of this adapter share: a server of their own, and handles as several processes would have.

#![allow(dead_code, reason = "each test program uses a part")]
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{StoreId, TenantId};
use queue::conformance::Fixture;
use queue::{Announcement, GrantAnswer, GrantHandler, GrantRequest, Hint, Queue, ReadScope, Subject};
use queue_jetstream::{JetStreamOptions, JetStreamQueue};
use testkit::{Nats, eventually};
use uuid::Uuid;

pub const DEADLINE: Duration = Duration::from_secs(20);
/// What "at once" may take on a busy machine.
pub const AT_ONCE: Duration = Duration::from_millis(900);

/// A server that one test has to itself.
pub struct Broker(pub Nats);

impl Broker {
    pub async fn start() -> Self {
        Self(Nats::start_new().await)
    }

    /// A handle that may not be live yet.
    pub async fn connect(&self) -> JetStreamQueue {
        JetStreamQueue::connect(&self.0.url(), options()).await.unwrap()
    }

    /// A live handle.
    pub async fn live(&self) -> JetStreamQueue {
        let queue = self.connect().await;
        becomes_live(&queue).await;
        queue
    }

    /// The server as somebody else sees it.
    pub async fn raw(&self) -> async_nats::jetstream::Context {
        async_nats::jetstream::new(async_nats::connect(self.0.url()).await.unwrap())
    }
}

#[async_trait]
impl Fixture for Broker {
    async fn open(&self) -> Arc<dyn Queue> {
        Arc::new(self.live().await)
    }
}

pub fn options() -> JetStreamOptions {
    JetStreamOptions {
        redeliver_after: Duration::from_millis(500),
        ..JetStreamOptions::default()
    }
}

pub async fn becomes_live(queue: &JetStreamQueue) {
    eventually("the queue becomes live", DEADLINE, async || queue.is_live()).await;
}

pub async fn becomes_dead(queue: &JetStreamQueue) {
    eventually("the queue notices the outage", DEADLINE, async || {
        !queue.is_live()
    })
    .await;
}

pub fn hint(partition: u16, position: u64) -> Hint {
    Hint { partition, position }
}

pub fn announcement(position: u64) -> Announcement {
    Announcement {
        tenant_id: TenantId(Uuid::from_u128(1)),
        position,
        subject: Subject::Store {
            store_id: StoreId(Uuid::from_u128(2)),
        },
    }
}

pub fn request(partition: u16) -> GrantRequest {
    GrantRequest {
        partition,
        upstream_key: "ab12".to_owned(),
        read: ReadScope::Orders,
        interactive: true,
        patience_ms: 5_000,
    }
}

pub const REFUSAL: GrantAnswer = GrantAnswer::Refused { retry_after_ms: 77 };

/// An owner without tokens.
pub struct Refuses;

#[async_trait]
impl GrantHandler for Refuses {
    async fn grant(&self, _: GrantRequest) -> GrantAnswer {
        REFUSAL
    }

    async fn released(&self, _: u16, _: Uuid) {}
}
