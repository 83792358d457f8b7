//! A gateway under measurement: its processes, what they need, and a tenant with stores.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use ledger_postgres::{PostgresLedger, PostgresOptions};
use serde_json::{Value, json};
use simulator::{BucketConfig, Simulator, SimulatorConfig, StoreConfig};
use sqlx::Connection as _;
use tempfile::TempDir;
use testkit::{Nats, Postgres};
use vault::{MasterKey, SystemEntropy};

use crate::child::{Child, spawn};
use crate::http::{Answer, Connection, request};
use crate::{Bench, Outcome};

/// What wraps the root key of every gateway here.
pub(crate) const KMS_KEY: &str = "YmVuY2ggYmVuY2ggYmVuY2ggYmVuY2ggYmVuY2ggYmVuY2g=";
/// The API key of every simulated store.
pub(crate) const API_KEY: &str = "bench-key";

/// How the gateway is deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One process with SQLite.
    Embedded,
    /// One API process and so many workers, with PostgreSQL and NATS.
    Apart { workers: usize },
}

impl Shape {
    /// As the tables name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Embedded => "SQLite, one process",
            Self::Apart { workers: 0 } => "Postgres, API alone",
            Self::Apart { .. } => "Postgres + NATS, API and worker",
        }
    }

    /// The ledger alone.
    pub(crate) fn ledger(self) -> &'static str {
        match self {
            Self::Embedded => "SQLite",
            Self::Apart { .. } => "Postgres",
        }
    }
}

/// A running gateway.
pub(crate) struct Stack {
    /// How it is deployed.
    pub(crate) shape: Shape,
    /// What listens to requests.
    pub(crate) api: Child,
    /// The workers, where they are processes of their own.
    pub(crate) workers: Vec<Child>,
    /// Where its ledger is.
    pub(crate) database: Database,
    /// The tenant's key.
    pub(crate) key: String,
    bin_dir: PathBuf,
    environment: Vec<(String, String)>,
    folder: TempDir,
    _nats: Option<Nats>,
    _postgres: Option<Postgres>,
}

/// Where a ledger is.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    /// In this file.
    Sqlite(PathBuf),
    /// Behind this URL.
    Postgres(String),
}

/// A simulated Order Desk with `stores` stores of `orders` orders; store ids count from 1.
pub(crate) async fn simulator(stores: usize, orders: u64, bucket: BucketConfig) -> Outcome<Simulator> {
    let simulator = Simulator::start(SimulatorConfig {
        stores: (1..=stores)
            .map(|id| StoreConfig::new(id.to_string(), API_KEY))
            .collect(),
        bucket,
        log_capacity: 1_000,
        ..SimulatorConfig::default()
    })
    .await?;
    for id in 1..=stores {
        simulator.seed_orders(&id.to_string(), orders)?;
    }
    Ok(simulator)
}

/// A bucket that never refuses.
pub(crate) fn no_limit() -> BucketConfig {
    BucketConfig {
        enforced: false,
        ..BucketConfig::default()
    }
}

/// What a gateway is told, so that it does not limit itself either.
pub(crate) const NO_LIMIT: [(&str, &str); 2] = [
    ("ORDERDESK_BUCKET_SIZE", "1000000"),
    ("ORDERDESK_REFILL_PER_SECOND", "100000"),
];

impl Stack {
    /// Starts everything that `shape` needs, and waits until it is ready.
    pub(crate) async fn start(
        bench: &Bench,
        shape: Shape,
        upstream: &str,
        extra: &[(&str, &str)],
    ) -> Outcome<Self> {
        let folder = tempfile::Builder::new().prefix("odg-bench-").tempdir()?;
        let (database, nats, postgres) = match shape {
            Shape::Embedded => (Database::Sqlite(folder.path().join("data/app.db")), None, None),
            Shape::Apart { .. } => {
                let (url, postgres) = postgres(bench).await?;
                let ledger = PostgresLedger::connect(&url, PostgresOptions::default()).await?;
                ledger.migrate().await?;
                ledger.close().await;
                (Database::Postgres(url), Some(Nats::start_new().await), postgres)
            }
        };
        let mut environment = vec![
            ("MCP_KMS_KEY", KMS_KEY.to_owned()),
            ("HOST", "127.0.0.1".to_owned()),
            ("RATE_LIMIT_RPM", "0".to_owned()),
            ("ORDERDESK_BASE_URL", upstream.to_owned()),
            (
                "DATABASE_URL",
                match &database {
                    Database::Sqlite(path) => format!("sqlite:///{}", path.display()),
                    Database::Postgres(url) => url.clone(),
                },
            ),
        ];
        if let Some(nats) = &nats {
            environment.push(("NATS_URL", nats.url()));
        }
        environment.extend(extra.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let environment: Vec<(String, String)> = environment
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let (api, workers) = processes(shape, &bench.bin_dir, &environment, folder.path())?;
        let bin_dir = bench.bin_dir.clone();
        let key = MasterKey::generate(&mut SystemEntropy).expose().to_owned();
        let stack = Self {
            shape,
            api,
            workers,
            database,
            key,
            bin_dir,
            environment,
            folder,
            _nats: nats,
            _postgres: postgres,
        };
        for child in stack.children() {
            child.ready().await?;
        }
        Ok(stack)
    }

    /// All processes of the gateway.
    pub(crate) fn children(&self) -> impl Iterator<Item = &Child> {
        std::iter::once(&self.api).chain(&self.workers)
    }

    /// Their process ids.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.children().map(Child::pid).collect()
    }

    /// Starts its processes again after their end; they may not be ready yet.
    pub(crate) fn start_again(&mut self) -> Outcome<()> {
        (self.api, self.workers) =
            processes(self.shape, &self.bin_dir, &self.environment, self.folder.path())?;
        Ok(())
    }

    /// The headers of the tenant.
    pub(crate) fn authorization(&self) -> String {
        format!("Bearer {}", self.key)
    }

    /// Sends one request to the API on a connection of its own.
    pub(crate) async fn call(&self, method: &str, path: &str, body: &Value) -> Outcome<Answer> {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = request(method, path, &[("Authorization", &self.authorization())], &body);
        Ok(Connection::open(self.api.port).await?.call(&request).await?)
    }

    /// Registers the simulator's stores `1..=count`.
    pub(crate) async fn register(&self, count: usize) -> Outcome<()> {
        for id in 1..=count {
            let body =
                json!({"store_id": id.to_string(), "api_key": API_KEY, "label": format!("Store {id}")});
            self.call("POST", "/stores", &body).await?.expect(201)?;
        }
        Ok(())
    }

    /// Ends the gateway in good order; servers and files stay until this value is dropped.
    pub(crate) async fn stop(&self) {
        self.api.stop().await;
        for worker in &self.workers {
            worker.stop().await;
        }
    }
}

/// What listens to requests, and the workers beside it.
fn processes(
    shape: Shape,
    bin_dir: &std::path::Path,
    environment: &[(String, String)],
    folder: &std::path::Path,
) -> Outcome<(Child, Vec<Child>)> {
    let start = |binary: &str, port_name: &str| spawn(bin_dir, binary, port_name, environment, folder);
    let (api, count) = match shape {
        Shape::Embedded => (start("orderdesk-gateway", "PORT")?, 0),
        Shape::Apart { workers } => (start("orderdesk-api", "PORT")?, workers),
    };
    let workers = (0..count).map(|_| start("orderdesk-worker", "WORKER_PORT"));
    Ok((api, workers.collect::<Outcome<_>>()?))
}

/// A new database: on the server that was named, else on a server of its own.
async fn postgres(bench: &Bench) -> Outcome<(String, Option<Postgres>)> {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    let Some(url) = &bench.postgres else {
        let server = Postgres::start_new().await;
        return Ok((server.database().await, Some(server)));
    };
    let name = format!(
        "odg_bench_{}_{}",
        std::process::id(),
        NUMBER.fetch_add(1, Ordering::Relaxed)
    );
    let mut connection = sqlx::PgConnection::connect(url).await?;
    sqlx::query(sqlx::AssertSqlSafe(format!("create database {name}")))
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    let (server, _) = url
        .rsplit_once('/')
        .ok_or("--postgres needs a database in its path")?;
    Ok((format!("{server}/{name}"), None))
}
