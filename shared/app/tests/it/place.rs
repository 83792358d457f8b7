//! A gateway without its servers: a ledger on disk, a local queue, a simulated Order Desk.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once as Begin};
use std::time::Duration;

use app::{App, AppConfig, Caller, IdempotencyKey, Parts, RegisterStore, Submission, TenantRef};
use async_trait::async_trait;
use cache::Cache;
use domain::TenantId;
use domain::event::{JobFailed, JobIntentRecorded};
use domain::job::{ErrorCode, Job, JobError};
use domain::order::CommandKind;
use domain::store::Store;
use ledger::{Append, AppenderConfig, Ledger, Meta, Recorded};
use ledger_sqlite::SqliteLedger;
use queue::local::LocalQueue;
use queue::{Grant, GrantAnswer, GrantHandler, GrantRequest, Queue};
use runtime::{Clock, ManualClock};
use serde_json::{Value, json};
use simulator::{Simulator, SimulatorConfig, StoreConfig};
use uuid::Uuid;
use vault::{ApiKey, ArgonPool, Keyring, MasterKey, PoolConfig, RootKey, SystemEntropy};

pub const SOON: Duration = Duration::from_secs(10);
pub const KEY: &str = "a-master-key-that-is-long-enough-to-provision";
pub const OTHER_KEY: &str = "another-key-that-is-long-enough-to-provision";
/// 2026-01-15T08:00:00Z.
const START: i64 = 1_768_464_000_000;

/// Everything that one test needs.
pub struct Place {
    pub app: App,
    pub clock: Arc<ManualClock>,
    pub queue: Arc<LocalQueue>,
    pub desk: Simulator,
    pub folder: tempfile::TempDir,
    requests: AtomicU64,
}

impl Place {
    pub async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub async fn with(change: impl FnOnce(&mut AppConfig)) -> Self {
        static TLS: Begin = Begin::new();
        TLS.call_once(|| {
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let config = SimulatorConfig {
            stores: vec![
                StoreConfig::new("101", "key-101"),
                StoreConfig::new("102", "key-102"),
            ],
            ..SimulatorConfig::default()
        };
        let desk = Simulator::start(config).await.unwrap();
        let base_url: url::Url = desk.base_url().parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let backend = SqliteLedger::open(folder.path().join("app.db")).await.unwrap();
        backend.migrate().await.unwrap();
        let clock = Arc::new(ManualClock::at(START));
        let queue = Arc::new(LocalQueue::new());
        let mut config = AppConfig::new(base_url.clone());
        change(&mut config);
        let app = App::new(Parts {
            ledger: Ledger::start(Arc::new(backend), AppenderConfig::default()),
            queue: Arc::clone(&queue) as Arc<dyn Queue>,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            keyring: Arc::new(Keyring::new(&RootKey::generate(&mut SystemEntropy))),
            pool: pool(),
            upstream: orderdesk::Client::new(orderdesk::Config::new(base_url)).unwrap(),
            cache: Cache::in_memory(app::cache_time(clock.clone())),
            config,
        });
        Self {
            app,
            clock,
            queue,
            desk,
            folder,
            requests: AtomicU64::new(0),
        }
    }

    /// A request with `key`.
    pub async fn caller(&self, key: &str) -> Caller {
        let authenticated = self.app.authenticate(&master(key)).await.unwrap();
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        Caller {
            tenant: authenticated.tenant,
            key_id: authenticated.key_id,
            key: master(key),
            client_ip: "192.0.2.1".to_owned(),
            request_id: format!("request-{number}").parse().unwrap(),
            traceparent: None,
        }
    }

    /// Registers store 101 for `key`; the caller knows its tenant from then on.
    pub async fn store(&self, key: &str) -> (Caller, Arc<Store>) {
        let caller = self.caller(key).await;
        let registered = self
            .app
            .register_store(&caller, registration("101", None), false, None)
            .await;
        let store = registered.unwrap().done().unwrap();
        (self.caller(key).await, Arc::new(store))
    }

    pub async fn submit(&self, caller: &Caller, store: &Store, submission: Submission) -> Job {
        self.app
            .submit(caller, store, vec![submission], None)
            .await
            .unwrap()
            .jobs
            .remove(0)
    }

    /// What a worker appends when it begins to send a job's change.
    pub async fn begin(&self, job: &Job) -> Job {
        let mut append = Append::new(self.app.now(), Meta::default());
        let batch_id = domain::BatchId(Uuid::now_v7());
        let event = JobIntentRecorded {
            at: append.now,
            job_id: job.id,
            batch_id,
            attempt: 1,
        };
        let next = append.job(job, event, None);
        self.app.ledger().append(append).await.unwrap();
        next
    }

    /// What a worker appends when a job has failed.
    pub async fn fail(&self, job: &Job, code: ErrorCode) -> Job {
        let mut append = Append::new(self.app.now(), Meta::default());
        let error = JobError::new(code, "it failed");
        let event = JobFailed {
            at: append.now,
            job_id: job.id,
            attempts: 1,
            error,
            result: None,
        };
        let next = append.job(job, event, None);
        self.app.ledger().append(append).await.unwrap();
        next
    }

    pub async fn log(&self) -> Vec<Recorded> {
        self.app.ledger().events_after(0, 10_000).await.unwrap()
    }

    pub async fn count(&self, type_name: &str) -> usize {
        self.log()
            .await
            .iter()
            .filter(|event| event.type_name == type_name)
            .count()
    }

    /// The same commands and queries as another process would run them.
    pub fn another_process(&self) -> App {
        let now = app::cache_time(Arc::clone(self.app.clock()));
        self.process_with(Cache::in_memory(now))
    }

    /// The same, with this cache.
    pub fn process_with(&self, cache: Cache) -> App {
        App::new(Parts {
            ledger: self.app.ledger().clone(),
            queue: Arc::clone(self.app.queue()),
            clock: Arc::clone(self.app.clock()),
            keyring: Arc::clone(self.app.keyring()),
            pool: pool(),
            upstream: self.app.upstream().clone(),
            cache,
            config: self.app.config().clone(),
        })
    }
}

/// As cheap as argon2 can be.
pub fn pool() -> ArgonPool {
    let config = PoolConfig {
        memory_kib: 8,
        passes: 1,
        lanes: 1,
        ..PoolConfig::default()
    };
    ArgonPool::new(config).unwrap()
}

pub fn master(text: &str) -> MasterKey {
    MasterKey::parse(text).unwrap()
}

pub fn tenant(caller: &Caller) -> TenantId {
    match caller.tenant {
        TenantRef::Known(id) => id,
        TenantRef::Provisional(_) => panic!("the tenant is not written"),
    }
}

pub fn registration(store: &str, label: Option<&str>) -> RegisterStore {
    RegisterStore {
        store_id: store.parse().unwrap(),
        api_key: ApiKey::parse(&format!("key-{store}")).unwrap(),
        label: label.map(str::to_owned),
    }
}

pub fn note(order: &str, text: &str) -> Submission {
    Submission::new(
        CommandKind::OrderAddNote,
        Some(order.parse().unwrap()),
        json!({"note": text}),
    )
}

pub fn command(kind: CommandKind, order: Option<&str>, body: Value) -> Submission {
    Submission::new(kind, order.map(|id| id.parse().unwrap()), body)
}

pub fn key(text: &str, fingerprint: u8) -> IdempotencyKey {
    IdempotencyKey {
        key: text.to_owned(),
        fingerprint: [fingerprint; 32],
    }
}

/// An owner of a partition that answers as it is told, and counts.
pub struct Owner {
    pub answers: Mutex<Vec<GrantAnswer>>,
    pub asked: Mutex<Vec<GrantRequest>>,
    pub granted: AtomicU64,
    pub released: AtomicU64,
    pub show_within_ms: u64,
}

impl Owner {
    /// Grants everything.
    pub fn generous(show_within_ms: u64) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::default(),
            asked: Mutex::default(),
            granted: AtomicU64::new(0),
            released: AtomicU64::new(0),
            show_within_ms,
        })
    }

    /// Refuses first, for so long each time; then grants.
    pub fn reluctant(refusals: &[u64]) -> Arc<Self> {
        let owner = Self::generous(2_000);
        let answers = refusals.iter().rev().map(|ms| GrantAnswer::refused(*ms));
        *owner.answers.lock().unwrap() = answers.collect();
        owner
    }

    pub fn granted(&self) -> u64 {
        self.granted.load(Ordering::SeqCst)
    }

    pub fn released_count(&self) -> u64 {
        self.released.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl GrantHandler for Owner {
    async fn grant(&self, request: GrantRequest) -> GrantAnswer {
        self.asked.lock().unwrap().push(request);
        if let Some(answer) = self.answers.lock().unwrap().pop() {
            return answer;
        }
        self.granted.fetch_add(1, Ordering::SeqCst);
        let grant = Grant {
            id: Uuid::now_v7(),
            valid_ms: 2_000,
            show_within_ms: self.show_within_ms,
        };
        GrantAnswer::Granted { grant }
    }

    async fn released(&self, _partition: u16, _grant_id: Uuid) {
        self.released.fetch_add(1, Ordering::SeqCst);
    }
}
