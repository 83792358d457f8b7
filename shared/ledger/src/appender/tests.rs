#![allow(clippy::unwrap_used, reason = "these are tests")]
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::batch::OpenBatch;
use domain::image::OrderImage;
use domain::job::Job;
use domain::store::Store;
use domain::tenant::{Key, Tenant};
use domain::{
    BatchId, DataKeyId, IncarnationId, JobId, OrderId, StoreId, TenantId, Timestamp, UpstreamStoreId,
};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::*;
use crate::append::Meta;
use crate::audit::{AuditFilter, AuditPage, Place};
use crate::seal::{LeafRun, SignedHead, TreeNode};
use crate::{
    Claimed, DataKeyRow, Expected, Head, IdempotencyRecord, JobFilter, Membership, NewEvent, QueueCounts,
    Recorded, Stream,
};
use merkle::{Hash, NodeId};

/// A database that takes one batch per permit, and does what the appends' actors say.
struct Fake {
    gate: Semaphore,
    batches: Mutex<Vec<usize>>,
}

const GOOD: &str = "good";
const REFUSED: &str = "refused";
const POISON: &str = "poison";
const AWAY: &str = "away";

fn actor(append: &Append) -> &str {
    append.meta.actor.as_deref().unwrap_or_default()
}

mod webhooks;

type Result<T> = std::result::Result<T, BackendError>;

#[async_trait]
impl Backend for Fake {
    async fn append_batch(&self, batch: &[Append]) -> Result<Vec<std::result::Result<Appended, Refusal>>> {
        self.gate.acquire().await.unwrap().forget();
        self.batches.lock().unwrap().push(batch.len());
        if batch.iter().any(|append| actor(append) == AWAY) {
            return Err(BackendError::Unavailable("away".into()));
        }
        if batch.iter().any(|append| actor(append) == POISON) {
            return Err(BackendError::Failed("poison".into()));
        }
        let land = |append: &Append| match actor(append) {
            REFUSED => Err(Refusal::StoreGone),
            _ => Ok(Appended {
                first: 1,
                last: 1,
                recorded_at: append.now,
            }),
        };
        Ok(batch.iter().map(land).collect())
    }

    async fn head(&self) -> Result<Head> {
        unreachable!()
    }
    async fn events_after(&self, _: u64, _: u32) -> Result<Vec<Recorded>> {
        unreachable!()
    }
    async fn stream_after(&self, _: &Stream, _: u64, _: u32) -> Result<Vec<Recorded>> {
        unreachable!()
    }
    async fn job_events_after(&self, _: TenantId, _: Option<JobId>, _: u64, _: u32) -> Result<Vec<Recorded>> {
        unreachable!()
    }
    async fn order_events(&self, _: &crate::OrderEventFilter) -> Result<Vec<Recorded>> {
        unreachable!()
    }
    async fn audit_page(&self, _: &AuditFilter) -> Result<AuditPage> {
        unreachable!()
    }
    async fn tenant_events_before(&self, _: TenantId, _: Place) -> Result<u64> {
        unreachable!()
    }
    async fn tenant_events_after(&self, _: TenantId, _: u64, _: u32, _: u64) -> Result<Vec<Recorded>> {
        unreachable!()
    }
    async fn tenant(&self, _: TenantId) -> Result<Option<Tenant>> {
        unreachable!()
    }
    async fn tenants_page(&self, _: Option<TenantId>, _: u32) -> Result<Vec<Tenant>> {
        unreachable!()
    }
    async fn erasure_events_after(&self, _: u64, _: u32) -> Result<Vec<Recorded>> {
        unreachable!()
    }
    async fn sealed_events_of_store(&self, _: TenantId, _: StoreId, _: u64, _: u32) -> Result<Vec<Recorded>> {
        unreachable!()
    }
    async fn scrub(&self) -> Result<bool> {
        unreachable!()
    }
    async fn tenants_to_erase(&self, _: u32) -> Result<Vec<Tenant>> {
        unreachable!()
    }
    async fn stores_with_credentials(&self, _: TenantId, _: u32) -> Result<Vec<Store>> {
        unreachable!()
    }
    async fn data_keys_of_tenant(&self, _: TenantId, _: u32) -> Result<Vec<DataKeyId>> {
        unreachable!()
    }
    async fn partition_queues(&self, _: Timestamp) -> Result<Vec<crate::PartitionQueue>> {
        unreachable!()
    }
    async fn key_by_lookup(&self, _: &str) -> Result<Option<Key>> {
        unreachable!()
    }
    async fn keys_of(&self, _: TenantId) -> Result<Vec<Key>> {
        unreachable!()
    }
    async fn store(&self, _: StoreId) -> Result<Option<Store>> {
        unreachable!()
    }
    async fn store_by_upstream(&self, _: TenantId, _: &UpstreamStoreId) -> Result<Option<Store>> {
        unreachable!()
    }
    async fn registrations(&self, _: &UpstreamStoreId, _: u32) -> Result<Vec<Store>> {
        unreachable!()
    }
    async fn stores_of(&self, _: TenantId) -> Result<Vec<Store>> {
        unreachable!()
    }
    async fn stores_changed(&self, _: &[u16], _: u64, _: u32) -> Result<Vec<Store>> {
        unreachable!()
    }
    async fn job(&self, _: JobId) -> Result<Option<Job>> {
        unreachable!()
    }
    async fn jobs(&self, _: &[JobId]) -> Result<Vec<Job>> {
        unreachable!()
    }
    async fn jobs_page(&self, _: &JobFilter) -> Result<Vec<Job>> {
        unreachable!()
    }
    async fn jobs_changed(&self, _: &[u16], _: u64, _: u32) -> Result<Vec<Job>> {
        unreachable!()
    }
    async fn open_jobs(&self, _: u16, _: u64, _: u32) -> Result<Vec<Job>> {
        unreachable!()
    }
    async fn open_jobs_of_store(&self, _: StoreId, _: u32) -> Result<Vec<Job>> {
        unreachable!()
    }
    async fn open_jobs_of_order(&self, _: StoreId, _: &OrderId, _: u32) -> Result<Vec<Job>> {
        unreachable!()
    }
    async fn queue_counts(&self, _: StoreId) -> Result<QueueCounts> {
        unreachable!()
    }
    async fn jobs_ahead(&self, _: &Job) -> Result<u64> {
        unreachable!()
    }
    async fn last_change(&self, _: StoreId, _: Option<&OrderId>) -> Result<u64> {
        unreachable!()
    }
    async fn tenant_queue_counts(&self, _: TenantId) -> Result<QueueCounts> {
        unreachable!()
    }
    async fn tenant_tokens(&self, _: TenantId) -> Result<crate::TokenCounts> {
        unreachable!()
    }
    async fn open_batches(&self, _: u16) -> Result<Vec<OpenBatch>> {
        unreachable!()
    }
    async fn open_batch(&self, _: BatchId) -> Result<Option<OpenBatch>> {
        unreachable!()
    }
    async fn order_image(&self, _: StoreId, _: &OrderId) -> Result<Option<OrderImage>> {
        unreachable!()
    }
    async fn data_key(&self, _: DataKeyId) -> Result<Option<DataKeyRow>> {
        unreachable!()
    }
    async fn data_keys(&self, _: &[DataKeyId]) -> Result<Vec<DataKeyRow>> {
        unreachable!()
    }
    async fn data_key_of_order(&self, _: StoreId, _: &OrderId) -> Result<Option<DataKeyRow>> {
        unreachable!()
    }
    async fn idempotency(&self, _: TenantId, _: &str, _: Timestamp) -> Result<Option<IdempotencyRecord>> {
        unreachable!()
    }
    async fn purge_idempotency(&self, _: Timestamp, _: u32) -> Result<u64> {
        unreachable!()
    }
    async fn setting(&self, _: &str) -> Result<Option<Vec<u8>>> {
        unreachable!()
    }
    async fn init_setting(&self, _: &str, _: &[u8]) -> Result<Vec<u8>> {
        unreachable!()
    }
    async fn swap_setting(&self, _: &str, _: &[u8], _: &[u8]) -> Result<bool> {
        unreachable!()
    }
    async fn init_partitions(&self, _: u16) -> Result<()> {
        unreachable!()
    }
    async fn heartbeat(&self, _: IncarnationId, _: Duration, _: bool) -> Result<Membership> {
        unreachable!()
    }
    async fn claim(&self, _: IncarnationId, _: &[u16], _: bool) -> Result<Vec<Claimed>> {
        unreachable!()
    }
    async fn release(&self, _: IncarnationId, _: &[u16]) -> Result<()> {
        unreachable!()
    }
    async fn goodbye(&self, _: IncarnationId) -> Result<()> {
        unreachable!()
    }
    async fn sealed_size(&self) -> Result<u64> {
        unreachable!()
    }
    async fn append_leaves(&self, _: &LeafRun, _: &[TreeNode]) -> Result<bool> {
        unreachable!()
    }
    async fn leaf_hashes(&self, _: u64, _: u32) -> Result<Vec<Hash>> {
        unreachable!()
    }
    async fn tree_nodes(&self, _: &[NodeId]) -> Result<Vec<TreeNode>> {
        unreachable!()
    }
    async fn put_signed_head(&self, _: &SignedHead) -> Result<()> {
        unreachable!()
    }
    async fn latest_signed_head(&self) -> Result<Option<SignedHead>> {
        unreachable!()
    }
    async fn signed_heads_from(&self, _: u64, _: u32) -> Result<Vec<SignedHead>> {
        unreachable!()
    }
    async fn rebuild(&self) -> Result<u64> {
        unreachable!()
    }
    async fn ping(&self) -> Result<()> {
        unreachable!()
    }
}

fn append(actor: &str, events: usize) -> Append {
    let meta = Meta {
        actor: Some(actor.to_owned()),
        ..Meta::default()
    };
    let mut append = Append::new(Timestamp::EPOCH, meta);
    let tenant_id = uuid::Uuid::nil().into();
    let event = domain::event::KeyRevoked {
        at: Timestamp::EPOCH,
        tenant_id,
        key_id: uuid::Uuid::nil().into(),
    };
    for _ in 0..events {
        append.event(NewEvent {
            stream: Stream::Tenant(tenant_id),
            expected: Expected::Any,
            event: event.clone().into(),
            sealed: None,
            tenant_id,
            store_id: None,
            order_id: None,
            job_id: None,
        });
    }
    append
}

struct Bench {
    fake: Arc<Fake>,
    appender: Appender,
    told: Arc<AtomicUsize>,
    waiting: Vec<JoinHandle<Answer>>,
}

impl Bench {
    /// An appender whose task holds a first batch of one, so that what follows meets in the next batch.
    async fn start(config: AppenderConfig) -> Self {
        let fake = Arc::new(Fake {
            gate: Semaphore::new(0),
            batches: Mutex::default(),
        });
        let appender = Appender::start(Arc::clone(&fake) as Arc<dyn Backend>, config);
        let mut bench = Self {
            fake,
            appender,
            told: Arc::default(),
            waiting: Vec::new(),
        };
        bench.hand_in(GOOD, 1).await;
        bench
    }

    async fn hand_in(&mut self, actor: &str, events: usize) {
        let (appender, told, append) = (
            self.appender.clone(),
            Arc::clone(&self.told),
            append(actor, events),
        );
        self.waiting.push(tokio::spawn(async move {
            let count: After = Box::new(move |_| {
                told.fetch_add(1, Ordering::SeqCst);
            });
            appender.append(append, Some(count)).await
        }));
        // On one thread, yielding lets the caller send and the appender's task take what it can.
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
    }

    async fn answers(&mut self) -> Vec<String> {
        self.fake.gate.add_permits(1_000);
        let mut answers = Vec::new();
        for waiting in self.waiting.drain(..) {
            answers.push(match waiting.await.unwrap() {
                Ok(_) => "ok".to_owned(),
                Err(error) => error.to_string(),
            });
        }
        answers
    }

    fn batches(&self) -> Vec<usize> {
        self.fake.batches.lock().unwrap().clone()
    }

    fn told(&self) -> usize {
        self.told.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn what_arrives_meanwhile_goes_in_one_batch() {
    let mut bench = Bench::start(AppenderConfig::default()).await;
    for actor in [GOOD, REFUSED, GOOD] {
        bench.hand_in(actor, 1).await;
    }
    assert_eq!(bench.answers().await, ["ok", "ok", "the store is gone", "ok"]);
    assert_eq!(bench.batches(), [1, 3]);
    assert_eq!(bench.told(), 3, "who was refused has no after-commit step");
}

#[tokio::test]
async fn an_unforeseen_error_replays_the_batch_one_by_one() {
    let mut bench = Bench::start(AppenderConfig::default()).await;
    for actor in [GOOD, POISON, REFUSED, GOOD] {
        bench.hand_in(actor, 1).await;
    }
    assert_eq!(
        bench.answers().await,
        ["ok", "ok", "the ledger failed", "the store is gone", "ok"]
    );
    assert_eq!(bench.batches(), [1, 4, 1, 1, 1, 1]);
    assert_eq!(bench.told(), 3);
}

#[tokio::test]
async fn a_database_that_is_away_fails_the_batch_and_is_not_asked_again() {
    let mut bench = Bench::start(AppenderConfig::default()).await;
    for actor in [GOOD, AWAY, GOOD] {
        bench.hand_in(actor, 1).await;
    }
    let away = "the ledger is unavailable";
    assert_eq!(bench.answers().await, ["ok", away, away, away]);
    assert_eq!(bench.batches(), [1, 3]);
    bench.hand_in(GOOD, 1).await;
    assert_eq!(bench.answers().await, ["ok"], "the next batch finds it back");
}

#[tokio::test]
async fn batches_are_bounded_in_appends_and_events() {
    let config = AppenderConfig {
        max_appends: 3,
        max_events: 10,
        queue: 100,
    };
    let mut bench = Bench::start(config).await;
    for events in [1, 1, 1, 4, 6, 2, 50, 1] {
        bench.hand_in(GOOD, events).await;
    }
    assert!(bench.answers().await.iter().all(|answer| answer == "ok"));
    assert_eq!(
        bench.batches(),
        [1, 3, 2, 1, 1, 1],
        "what is too large for any batch goes alone"
    );
}

#[tokio::test]
async fn closing_drains_what_was_handed_in_and_takes_no_more() {
    let config = AppenderConfig {
        max_appends: 2,
        max_events: 2,
        queue: 100,
    };
    let mut bench = Bench::start(config).await;
    for events in [1, 2, 1, 1, 1] {
        bench.hand_in(GOOD, events).await;
    }
    let appender = bench.appender.clone();
    let closing = tokio::spawn(async move { appender.close().await });
    tokio::task::yield_now().await;
    bench.hand_in(GOOD, 1).await;
    bench.fake.gate.add_permits(1_000);
    closing.await.unwrap();
    let mut expected = vec!["ok"; 6];
    expected.push("the ledger is closed");
    assert_eq!(bench.answers().await, expected);
    bench.appender.close().await;
}
