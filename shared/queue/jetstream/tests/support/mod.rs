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
use tokio::io::{AsyncReadExt, AsyncWriteExt};
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

pub const REFUSAL: GrantAnswer = GrantAnswer::refused(77);

/// An owner without tokens.
pub struct Refuses;

#[async_trait]
impl GrantHandler for Refuses {
    async fn grant(&self, _: GrantRequest) -> GrantAnswer {
        REFUSAL
    }

    async fn released(&self, _: u16, _: Uuid) {}
}

/// Stands between clients and the server, and can stop passing anything on, as a dead network does.
pub struct Wire {
    pub url: String,
    flows: tokio::sync::watch::Sender<bool>,
}

impl Wire {
    pub async fn to(broker: &Broker) -> Self {
        let server = broker.0.url().replace("nats://", "");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("nats://{}", listener.local_addr().unwrap());
        let flows = tokio::sync::watch::Sender::new(true);
        let flowing = flows.subscribe();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = tokio::net::TcpStream::connect(&server).await.unwrap();
                let ((from_client, to_client), (from_server, to_server)) =
                    (client.into_split(), server.into_split());
                tokio::spawn(pass_on(from_client, to_server, flowing.clone()));
                tokio::spawn(pass_on(from_server, to_client, flowing.clone()));
            }
        });
        Self { url, flows }
    }

    pub fn set_flowing(&self, flowing: bool) {
        self.flows.send_replace(flowing);
    }
}

async fn pass_on(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut flowing: tokio::sync::watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 65_536];
    while let Ok(size @ 1..) = from.read(&mut buffer).await {
        if flowing.wait_for(|flowing| *flowing).await.is_err() || to.write_all(&buffer[..size]).await.is_err()
        {
            return;
        }
    }
}
