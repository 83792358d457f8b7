//! One process: what its role needs, put together and started.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::{ApiConfig, ApiState, AppReadiness, GuardConfig, Guards};
use app::{App, AppConfig, Seals, Ttl};
use domain::order::create::Marker;
use ledger::Ledger;
use metrics_exporter_prometheus::PrometheusHandle;
use queue::Queue;
use runtime::config::{ConfigError, CreateMarker, Database};
use runtime::{Clock, Config, Lifecycle, SystemClock};
use tokio::net::TcpListener;
use vault::{ArgonPool, Keyring, PoolConfig};
use webhook::{RetrySchedule, Sender, SenderConfig};
use worker::schedule::Limits;
use worker::webhooks::{Teller, TellerConfig, TellerParts};
use worker::{Worker, WorkerConfig};

use crate::error::StartError;
use crate::{cached, open, root, status};

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    All,
    /// Requests only.
    Api,
    /// Jobs only.
    Worker,
}

impl Role {
    /// What metrics and traces call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Api => "api",
            Self::Worker => "worker",
        }
    }

    pub(crate) fn serves(self) -> bool {
        self != Self::Worker
    }

    pub(crate) fn works(self) -> bool {
        self != Self::Api
    }
}

/// A started process.
pub struct Node {
    /// Where its HTTP is: the API's for a role that serves, else the worker's own.
    pub address: SocketAddr,
    /// Commands and queries.
    pub app: App,
    /// The worker, if the role works.
    pub worker: Option<Worker>,
    ledger: Ledger,
    cached: cached::Opened,
    _lock: Option<ledger_sqlite::FolderLock>,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node")
            .field("address", &self.address)
            .field("worker", &self.worker)
            .finish_non_exhaustive()
    }
}

impl Node {
    /// Puts a process together and starts its tasks under `lifecycle`.
    ///
    /// # Errors
    /// [`StartError`], one line for the operator. Nothing keeps running then.
    pub async fn start(
        config: &Config,
        role: Role,
        lifecycle: &Lifecycle,
        metrics: Option<PrometheusHandle>,
    ) -> Result<Self, StartError> {
        check_role(config, role)?;
        install_tls();
        check_files(config);
        let opened = open::ledger(config).await?;
        let root = root::open(&opened.ledger, config).await?;
        let keyring = Arc::new(Keyring::new(&root));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let queue = open::queue(config).await?;
        let seals = Seals::new(opened.ledger.clone(), Arc::clone(&keyring), Arc::clone(&clock));
        let cached = cached::open(config, role.serves(), &opened.ledger, &clock, seals).await?;
        let client = client(config)?;
        let pool = ArgonPool::new(PoolConfig::default())
            .map_err(|error| StartError::failed("the key hashing cannot be set up", error))?;
        let app = App::new(app::Parts {
            ledger: opened.ledger.clone(),
            queue: Arc::clone(&queue),
            clock: Arc::clone(&clock),
            keyring: Arc::clone(&keyring),
            pool,
            upstream: client.clone(),
            cache: cached.cache.clone(),
            config: app_config(config, opened.lock.is_some()),
        });
        let worker = role.works().then(|| {
            Worker::new(worker::Parts {
                ledger: opened.ledger.clone(),
                queue: Arc::clone(&queue),
                clock: Arc::clone(&clock),
                keyring,
                seals: app.seals().clone(),
                client,
                cache: cached.cache.clone(),
                config: worker_config(config, opened.lock.is_some()),
            })
        });
        let teller = role
            .works()
            .then(|| teller(config, &opened.ledger, &queue, &app))
            .transpose()?;
        let port = if role.serves() {
            config.port
        } else {
            config.worker_port
        };
        let wanted = SocketAddr::new(config.host, port);
        let listener = TcpListener::bind(wanted).await.map_err(|error| {
            let name = if role.serves() { "PORT" } else { "WORKER_PORT" };
            StartError::failed(
                "cannot listen",
                format!("{name} {port} on {}: {error}", config.host),
            )
        })?;
        let address = listener
            .local_addr()
            .map_err(|error| StartError::failed("cannot listen", error))?;

        let bus = app.start_bus(lifecycle.draining());
        lifecycle.spawn("bus", async move {
            bus.await;
            Ok(())
        });
        if role.serves() {
            let upkeep = app.start_upkeep(Duration::from_mins(1), lifecycle.draining());
            lifecycle.spawn("upkeep", async move {
                upkeep.await;
                Ok(())
            });
            let erasures = app.start_erasures(lifecycle.draining());
            lifecycle.spawn("erasures", async move {
                erasures.await;
                Ok(())
            });
        }
        if role.serves() {
            let recorder = app.start_recorder(lifecycle.draining());
            lifecycle.spawn("audit", async move {
                recorder.await;
                Ok(())
            });
        }
        if let Some(worker) = &worker {
            worker.run(lifecycle);
        }
        if let Some(teller) = &teller {
            teller.run(lifecycle);
        }
        let guards = Guards::new(&GuardConfig::of(config), app.clock());
        let counter = open::limiter(config, app.clock())?;
        let shared = counter.is_some();
        let guards = Arc::new(guards.counting_with(counter));
        let mut readiness = AppReadiness::new(app.clone());
        if shared {
            readiness = readiness.watching(Arc::clone(&guards));
        }
        let state = ApiState {
            app: app.clone(),
            config: Arc::new(ApiConfig::of(config)),
            metrics,
            guards,
            readiness: status::readiness(readiness, worker.clone()),
            draining: lifecycle.draining(),
        };
        let router = if role.serves() {
            api::router(state)
        } else {
            status::router(state)
        };
        let (serve, draining) = (api::ServeConfig::of(config), lifecycle.draining());
        lifecycle.spawn("http", async move {
            api::serve(listener, router, serve, draining).await?;
            Ok(())
        });
        tracing::info!(address = %address, role = ?role, "listening");
        Ok(Self {
            address,
            app,
            worker,
            ledger: opened.ledger,
            cached,
            _lock: opened.lock,
        })
    }

    /// Records what was shown last, closes cache and ledger; to be called when the lifecycle has ended.
    pub async fn close(self) {
        self.app.record_notes().await;
        self.cached.close(&self.ledger).await;
        self.ledger.close().await;
    }
}

/// The one process-wide choice of cryptography for TLS; a second call changes nothing.
pub fn install_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Connections are files: without room for all that may come, the ledger's would be refused too.
fn check_files(config: &Config) {
    const OTHERS: u64 = 256;
    let files = runtime::raise_file_limit();
    if let Some(files) = files.filter(|files| *files < u64::from(config.max_connections) + OTHERS) {
        tracing::warn!(
            files,
            max_connections = config.max_connections,
            "the process may open too few files for MAX_CONNECTIONS"
        );
    }
}

fn check_role(config: &Config, role: Role) -> Result<(), StartError> {
    if role == Role::All {
        return Ok(());
    }
    if let Database::Sqlite(path) = &config.database {
        let value = path.display().to_string();
        let accepted = "postgres://user:password@host/database, since several processes share the ledger";
        return Err(ConfigError::bad("DATABASE_URL", &value, accepted).into());
    }
    if config.nats_url.is_none() {
        return Err(
            ConfigError::missing("NATS_URL", "nats://host:4222, since API and worker are apart").into(),
        );
    }
    Ok(())
}

fn client(config: &Config) -> Result<orderdesk::Client, StartError> {
    let mut upstream = orderdesk::Config::new(config.orderdesk_base_url.clone());
    upstream.timeout = config.orderdesk_timeout;
    orderdesk::Client::new(upstream)
        .map_err(|error| StartError::failed("the Order Desk client cannot be set up", error))
}

fn teller(config: &Config, ledger: &Ledger, queue: &Arc<dyn Queue>, app: &App) -> Result<Teller, StartError> {
    let sender = Sender::new(SenderConfig::new(config.webhook_allow_nets.clone()))
        .map_err(|error| StartError::failed("the sending of webhooks cannot be set up", error))?;
    Ok(Teller::new(TellerParts {
        ledger: ledger.clone(),
        queue: Arc::clone(queue),
        clock: Arc::clone(app.clock()),
        app: app.clone(),
        render: api::webhook_data,
        sender,
        schedule: RetrySchedule::new(config.webhook_retry_schedule.clone()),
        config: TellerConfig {
            reader_lease: config.lease_ttl,
            ..TellerConfig::default()
        },
    }))
}

fn app_config(config: &Config, alone: bool) -> AppConfig {
    AppConfig {
        auto_provision: config.auto_provision,
        max_attempts: config.max_attempts,
        job_deadline: config.job_deadline,
        idempotency_ttl: config.idempotency_ttl,
        partitions: config.partitions,
        create_marker_source_id: config.create_marker == CreateMarker::SourceId,
        ttl: Ttl {
            orders: config.cache_ttl_orders,
            products: config.cache_ttl_products,
            customers: config.cache_ttl_customers,
            store: config.cache_ttl_store,
        },
        webhook_secret: config.webhook_secret.clone(),
        alone,
        webhook_allow_nets: config.webhook_allow_nets.clone(),
        audit_reads: config.audit_reads,
        ..AppConfig::new(config.orderdesk_base_url.clone())
    }
}

fn worker_config(config: &Config, sole: bool) -> WorkerConfig {
    WorkerConfig {
        lease_ttl: config.lease_ttl,
        upstream_timeout: config.orderdesk_timeout,
        doubt_margin: Duration::from_secs(2),
        sole,
        marker: match config.create_marker {
            CreateMarker::Metadata => Marker::Metadata,
            CreateMarker::SourceId => Marker::SourceId,
        },
        limits: Limits {
            bucket_size: config.bucket_size,
            refill_per_second: config.refill_per_second,
            ..Limits::default()
        },
        ..WorkerConfig::default()
    }
}
