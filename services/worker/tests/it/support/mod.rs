//! A gateway without HTTP: ledger, queue, commands, worker and simulator in one process.

mod ask;
mod database;
mod dice;
mod shop;
mod worker;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::worker::WorkerConfig;
use ::worker::schedule::Limits;
use app::{App, AppConfig, Caller, JobView, TenantRef};
use domain::JobId;
use domain::job::{ErrorCode, Job, JobStatus};
use domain::order::create::Marker;
use ledger::{AppenderConfig, Ledger, Recorded};
use queue::Queue;
use queue::local::LocalQueue;
use runtime::SystemClock;
use simulator::{BucketConfig, Simulator, SimulatorConfig, StoreConfig};
use testkit::eventually;
use vault::{ArgonPool, Keyring, MasterKey, PoolConfig, RootKey, SystemEntropy};

pub use ask::*;
pub use database::Database;
pub(crate) use database::on_both_ledgers;
pub use dice::Dice;
pub use shop::{Shop, notes};
use worker::Running;

/// How long anything may take before a test fails.
pub const PATIENCE: Duration = Duration::from_mins(1);
/// The key of the only tenant.
pub const MASTER_KEY: &str = "a-master-key-of-more-than-32-characters-0001";

const PARTITIONS: u16 = 4;

/// How a world differs from the usual one.
pub struct Setup {
    timeout: Duration,
    margin: Duration,
    limits: Limits,
    bucket: BucketConfig,
    max_attempts: u32,
    deadline: Duration,
    marker: Marker,
    hints: bool,
    database: Option<Database>,
}

/// The usual world: no rate limit, time-outs that only real trouble meets.
pub fn world() -> Setup {
    Setup {
        timeout: Duration::from_secs(5),
        margin: Duration::from_millis(100),
        limits: Limits {
            bucket_size: 100_000,
            refill_per_second: 100_000.0,
            ..Limits::default()
        },
        bucket: BucketConfig {
            enforced: false,
            ..BucketConfig::default()
        },
        max_attempts: 8,
        deadline: Duration::from_hours(24),
        marker: Marker::Metadata,
        hints: true,
        database: None,
    }
}

impl Setup {
    /// The total time of one upstream call.
    pub fn timeout_ms(mut self, ms: u64) -> Self {
        self.timeout = Duration::from_millis(ms);
        self
    }

    /// From the time-out until a request counts as unable to arrive.
    pub fn margin_ms(mut self, ms: u64) -> Self {
        self.margin = Duration::from_millis(ms);
        self
    }

    /// Order Desk's own limit, enforced by the simulator and known to the worker.
    pub fn real_bucket(mut self) -> Self {
        self.limits = Limits::default();
        self.bucket = BucketConfig::default();
        self
    }

    /// Cycles at once in one store.
    pub fn cycles_per_store(mut self, cycles: usize) -> Self {
        self.limits.cycles_per_upstream = cycles;
        self
    }

    /// Attempts of each job.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// How long a job may take.
    pub fn deadline_ms(mut self, ms: u64) -> Self {
        self.deadline = Duration::from_millis(ms);
        self
    }

    /// Where created orders carry their job.
    pub fn marker(mut self, marker: Marker) -> Self {
        self.marker = marker;
        self
    }

    /// Nobody tells the worker that there is news.
    pub fn without_hints(mut self) -> Self {
        self.hints = false;
        self
    }

    /// The ledger lies there; else it is a file of its own.
    pub fn on(mut self, database: Database) -> Self {
        self.database = Some(database);
        self
    }

    /// Starts everything.
    pub async fn start(self) -> World {
        let config = SimulatorConfig {
            stores: Vec::new(),
            bucket: self.bucket,
            ..SimulatorConfig::default()
        };
        let desk = Simulator::start(config).await.expect("the simulator starts");
        let database = match self.database {
            Some(database) => database,
            None => Database::sqlite().await,
        };
        let backend = database.open().await;
        backend.init_partitions(PARTITIONS).await.expect("partitions");
        let ledger = Ledger::start(backend, AppenderConfig::default());
        let queue: Arc<dyn Queue> = Arc::new(LocalQueue::new());
        let keyring = Arc::new(Keyring::new(&RootKey::generate(&mut SystemEntropy)));
        let base_url: url::Url = desk.base_url().parse().expect("a URL");
        let mut upstream = orderdesk::Config::new(base_url.clone());
        upstream.timeout = self.timeout;
        let client = orderdesk::Client::new(upstream).expect("a client");
        let costs = PoolConfig {
            memory_kib: 32,
            passes: 1,
            ..PoolConfig::default()
        };
        let mut commands = AppConfig::new(base_url);
        commands.partitions = PARTITIONS;
        commands.max_attempts = self.max_attempts;
        commands.job_deadline = self.deadline;
        commands.create_marker_source_id = self.marker == Marker::SourceId;
        let cache = cache::Cache::in_memory(app::cache_time(Arc::new(SystemClock)));
        let app = App::new(app::Parts {
            ledger: ledger.clone(),
            queue: Arc::clone(&queue),
            clock: Arc::new(SystemClock),
            keyring: Arc::clone(&keyring),
            pool: ArgonPool::new(costs).expect("a pool"),
            upstream: client,
            cache: cache.clone(),
            config: commands,
        });
        let config = WorkerConfig {
            lease_ttl: Duration::from_secs(10),
            upstream_timeout: self.timeout,
            doubt_margin: self.margin,
            sole: true,
            sweep_every: Duration::from_millis(200),
            seal_every: Duration::from_millis(100),
            hints: self.hints,
            marker: self.marker,
            limits: self.limits,
        };
        let caller = Caller {
            tenant: TenantRef::Provisional(MasterKey::parse(MASTER_KEY).expect("a key")),
            key_id: None,
            key: MasterKey::parse(MASTER_KEY).expect("a key"),
            client_ip: "192.0.2.7".to_owned(),
            request_id: "request-1".parse().expect("a request id"),
            traceparent: None,
        };
        let mut world = World {
            desk,
            app,
            ledger,
            queue,
            keyring,
            config,
            caller,
            database,
            worker: None,
            shops: AtomicU64::new(0),
        };
        world.start_worker().await;
        // Until then reads go to Order Desk past it.
        testkit::eventually("the worker owns its share", PATIENCE, async || {
            world.partitions() == usize::from(PARTITIONS)
        })
        .await;
        // The first store writes the tenant.
        let first = world.shop().await;
        world.caller.tenant = TenantRef::Known(first.store.tenant_id);
        world
    }
}

/// A running gateway and its Order Desk.
pub struct World {
    pub desk: Simulator,
    pub app: App,
    pub ledger: Ledger,
    pub caller: Caller,
    queue: Arc<dyn Queue>,
    keyring: Arc<Keyring>,
    config: WorkerConfig,
    database: Database,
    worker: Option<Running>,
    shops: AtomicU64,
}

impl World {
    /// A new store with an upstream store of its own.
    pub async fn shop(&self) -> Shop<'_> {
        let number = self.shops.fetch_add(1, Ordering::SeqCst) + 1;
        let (id, key) = (format!("{}", 7000 + number), format!("api-key-of-shop-{number}"));
        self.desk.add_store(StoreConfig::new(&id, &key));
        self.register(&id, &key).await
    }

    /// Registers an upstream store that exists, or does not.
    pub async fn register(&self, id: &str, key: &str) -> Shop<'_> {
        let store = app::RegisterStore {
            store_id: id.parse().expect("a store id"),
            api_key: vault::ApiKey::parse(key).expect("an API key"),
            label: None,
        };
        let store = self
            .app
            .register_store(&self.caller, store, false, None)
            .await
            .expect("registered");
        Shop {
            world: self,
            id: id.to_owned(),
            store: store.done().expect("new"),
        }
    }

    /// A job as it is now.
    pub async fn job(&self, id: JobId) -> Job {
        self.ledger
            .job(id)
            .await
            .expect("the ledger answers")
            .expect("the job is there")
    }

    /// Waits until a job fulfils `condition`.
    #[track_caller]
    pub fn until(
        &self,
        id: JobId,
        what: &str,
        condition: impl Fn(&Job) -> bool,
    ) -> impl Future<Output = Job> {
        let what = format!("job {id} to be {what}");
        async move {
            eventually(&what, PATIENCE, async || {
                let job = self.job(id).await;
                if condition(&job) {
                    Ok(job)
                } else {
                    Err(format!("{} {:?}", job.status.as_str(), job.error))
                }
            })
            .await
        }
    }

    /// Waits until a job has ended, and shows it as its owner sees it.
    pub async fn ended(&self, id: JobId) -> JobView {
        self.until(id, "ended", |job| job.status.is_final()).await;
        self.app
            .job(&self.caller, id)
            .await
            .expect("shown")
            .expect("there")
    }

    /// Waits until all of these have ended.
    pub async fn all_ended(&self, ids: &[JobId]) -> Vec<JobView> {
        futures::future::join_all(ids.iter().map(|id| self.ended(*id))).await
    }

    /// Everything in the log.
    pub async fn events(&self) -> Vec<Recorded> {
        self.ledger.events_after(0, 100_000).await.expect("the log")
    }

    /// Everything of one type in the log.
    pub async fn events_of(&self, type_name: &str) -> Vec<Recorded> {
        let mut events = self.events().await;
        events.retain(|event| event.type_name == type_name);
        events
    }

    /// Every accepted job has ended exactly once, and no request is left open.
    pub async fn check(&self) {
        let mut ends: HashMap<JobId, u32> = HashMap::new();
        for event in self.events().await {
            let Some(job) = event.job_id else { continue };
            let end = matches!(
                event.type_name.as_str(),
                "job.succeeded.v1" | "job.failed.v1" | "job.cancelled.v1"
            );
            *ends.entry(job).or_default() += u32::from(end);
        }
        for (job, count) in ends {
            assert_eq!(count, 1, "final events of job {job}: {:?}", self.job(job).await);
        }
        for partition in 0..PARTITIONS {
            let open = self
                .ledger
                .open_batches(partition)
                .await
                .expect("the ledger answers");
            assert!(open.is_empty(), "requests left open: {open:?}");
        }
    }

    /// The bytes of the database and of the log beside it.
    pub fn files(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for entry in std::fs::read_dir(self.database.folder())
            .expect("the folder")
            .flatten()
        {
            bytes.extend(std::fs::read(entry.path()).unwrap_or_default());
        }
        bytes
    }
}

/// Whether a job failed with `code`.
#[track_caller]
pub fn assert_failed(view: &JobView, code: ErrorCode) {
    let job = &view.job;
    assert_eq!(
        (job.status, job.error.as_ref().map(|e| e.code)),
        (JobStatus::Failed, Some(code)),
        "{job:?}"
    );
}

/// Whether a job succeeded.
#[track_caller]
pub fn assert_succeeded(view: &JobView) {
    assert_eq!(view.job.status, JobStatus::Succeeded, "{:?}", view.job);
}

impl World {
    /// The same upstream store, registered by another tenant.
    pub async fn other_tenant(&self, id: &str) -> Foreign<'_> {
        let key = MasterKey::parse("another-master-key-of-more-than-32-characters").expect("a key");
        let mut caller = self.caller.clone();
        caller.tenant = TenantRef::Provisional(key);
        let number: u64 = id.parse::<u64>().expect("a number") - 7000;
        let store = app::RegisterStore {
            store_id: id.parse().expect("a store id"),
            api_key: vault::ApiKey::parse(&format!("api-key-of-shop-{number}")).expect("an API key"),
            label: None,
        };
        let store = self
            .app
            .register_store(&caller, store, false, None)
            .await
            .expect("registered");
        let store = store.done().expect("new");
        caller.tenant = TenantRef::Known(store.tenant_id);
        Foreign {
            world: self,
            caller,
            store,
        }
    }
}

/// A registration of another tenant.
pub struct Foreign<'w> {
    world: &'w World,
    caller: Caller,
    pub store: domain::store::Store,
}

impl Foreign<'_> {
    /// Submits commands in one commit.
    pub async fn submit_all(&self, submissions: Vec<app::Submission>) -> Vec<JobId> {
        let app = &self.world.app;
        let submitted = app
            .submit(&self.caller, &self.store, submissions, None)
            .await
            .expect("accepted");
        submitted.jobs.iter().map(|job| job.id).collect()
    }
}

/// What a job did to its order.
pub fn view_patch(view: &app::JobView) -> Vec<serde_json::Value> {
    view.patch
        .as_ref()
        .and_then(|patch| patch.as_array().cloned())
        .unwrap_or_default()
}
