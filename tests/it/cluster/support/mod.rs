//! A whole deployment on this machine, private to one test: servers, simulated Order Desk, API and worker processes.

mod client;
mod load;
mod relay;
mod shop;

use std::time::Duration;

use futures::future::join_all;
use simulator::{BucketConfig, Simulator, SimulatorConfig, StoreConfig};
use system_tests::{Node, Spec, fast_environment, kms_key};
use testkit::servers::Row;
use testkit::{CrashPoint, Nats, Postgres, eventually};

pub(super) use client::{Call, Client};
pub(super) use load::{Load, time, took};
pub(super) use relay::Relay;
pub(super) use shop::{Shop, notes};

/// What anything may take on a machine busy with other tests.
pub(super) const PATIENCE: Duration = Duration::from_secs(45);
/// The heartbeat's time to live in these tests.
pub(super) const LEASE_TTL: Duration = Duration::from_secs(3);
/// How long another worker may take beyond the dead one's lease.
pub(super) const TAKE_OVER: Duration = Duration::from_secs(2);

/// How a deployment differs from the usual one.
pub(super) struct Setup {
    apis: usize,
    workers: usize,
    bucket: BucketConfig,
    nats: bool,
    settings: Vec<(String, String)>,
}

impl Setup {
    /// A number of API and worker processes, on a broker that is up, without any limit of Order Desk.
    pub(super) fn of(apis: usize, workers: usize) -> Self {
        let bucket = BucketConfig {
            size: 100_000,
            refill_per_second: 100_000.0,
            enforced: false,
        };
        Self {
            apis,
            workers,
            bucket,
            nats: true,
            settings: Vec::new(),
        }
    }

    /// The limit of real stores: 20 tokens, 3 a second.
    pub(super) fn real_bucket(mut self) -> Self {
        self.bucket = BucketConfig::default();
        self
    }

    /// A broker that is down until the test starts it.
    pub(super) fn broker_down(mut self) -> Self {
        self.nats = false;
        self
    }

    /// Another value of a variable, for all processes.
    pub(super) fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts everything and waits until it works.
    pub(super) async fn start(self) -> Cluster {
        let config = SimulatorConfig {
            stores: Vec::new(),
            bucket: self.bucket,
            ..SimulatorConfig::default()
        };
        let (postgres, nats, desk) =
            tokio::join!(Postgres::start_new(), Nats::start_new(), Simulator::start(config));
        if !self.nats {
            nats.stop().await;
        }
        let desk = desk.expect("a free port");
        let database = postgres.database().await;
        let kms_key = kms_key();
        let mut settings = fast_environment(&kms_key, &desk.base_url());
        let own = [
            ("DATABASE_URL", database.clone()),
            ("NATS_URL", nats.url()),
            // As many as by default, and doubts that end while a test waits.
            ("PARTITIONS", "64".to_owned()),
            ("ORDERDESK_TIMEOUT", "2s".to_owned()),
            ("ORDERDESK_BUCKET_SIZE", self.bucket.size.to_string()),
            (
                "ORDERDESK_REFILL_PER_SECOND",
                self.bucket.refill_per_second.to_string(),
            ),
            ("LEASE_TTL", format!("{}s", LEASE_TTL.as_secs())),
        ];
        settings.extend(own.map(|(name, value)| (name.to_owned(), value)));
        settings.extend(self.settings);
        let mut cluster = Cluster {
            postgres,
            database,
            nats,
            desk,
            kms_key,
            settings,
            apis: Vec::new(),
            workers: Vec::new(),
        };
        let migrated = cluster
            .spec("orderdesk-gateway")
            .arg("migrate")
            .run(PATIENCE)
            .await;
        assert_eq!(migrated.code(), Some(0), "{:?}", migrated.lines);
        cluster.run(self.apis, self.workers).await;
        cluster
    }
}

/// A running deployment. Ends with its value.
pub(super) struct Cluster {
    pub(super) postgres: Postgres,
    /// The database's URL.
    pub(super) database: String,
    pub(super) nats: Nats,
    pub(super) desk: Simulator,
    pub(super) apis: Vec<Node>,
    pub(super) workers: Vec<Node>,
    kms_key: String,
    settings: Vec<(String, String)>,
}

impl Cluster {
    /// How a program is started with the deployment's configuration.
    pub(super) fn spec(&self, program: &str) -> Spec {
        Spec::of(program).envs(self.settings.iter().map(|(name, value)| (name, value)))
    }

    /// The key that wraps the ledger's root key.
    pub(super) fn kms_key(&self) -> &str {
        &self.kms_key
    }

    /// Another value of a variable, for processes that are started from now on.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Lets processes reach the broker at another address, and starts some.
    pub(super) async fn run_behind(&mut self, nats: String, apis: usize, workers: usize) {
        self.settings.push(("NATS_URL".to_owned(), nats));
        self.run(apis, workers).await;
    }

    /// Starts processes and waits until they are at work.
    async fn run(&mut self, apis: usize, workers: usize) {
        let apis = (0..apis).map(|_| self.start_api());
        let workers = (0..workers).map(|_| self.start_worker());
        let (apis, workers) = tokio::join!(join_all(apis), join_all(workers));
        (self.apis, self.workers) = (apis, workers);
        if !self.workers.is_empty() {
            self.all_partitions_owned().await;
        }
    }

    /// Kills every process and points them to other servers, as on another machine. Clients keep their addresses.
    pub(super) fn move_to(&mut self, postgres: Postgres, nats: Nats, database: String) {
        for node in self.apis.iter().chain(&self.workers) {
            node.kill9();
        }
        let own = [("DATABASE_URL", database.clone()), ("NATS_URL", nats.url())];
        for (name, value) in own {
            for node in self.apis.iter_mut().chain(&mut self.workers) {
                node.set_env(name, value.clone());
            }
            self.settings.push((name.to_owned(), value));
        }
        (self.postgres, self.nats, self.database) = (postgres, nats, database);
    }

    /// Starts every process again and waits until they are at work.
    pub(super) async fn restart(&mut self) {
        join_all(self.apis.iter_mut().chain(&mut self.workers).map(Node::restart)).await;
        self.all_partitions_owned().await;
    }

    async fn start_api(&self) -> Node {
        Node::start(self.spec("orderdesk-api")).await
    }

    /// Starts a worker process.
    pub(super) async fn start_worker(&self) -> Node {
        Node::start(self.spec("orderdesk-worker")).await
    }

    /// Starts a worker process that kills itself at a crash point.
    pub(super) async fn start_worker_crashing(&self, point: &CrashPoint) -> Node {
        Node::start_crashing(self.spec("orderdesk-worker"), Some(point)).await
    }

    /// A client of all API processes, with a key of its own.
    pub(super) fn client(&self) -> Client {
        Client::new(self.apis.iter().map(Node::url))
    }

    /// A store that Order Desk and the gateway know, with some orders.
    pub(super) async fn shop(&self, client: &Client, id: &str, orders: u64) -> Shop {
        let api_key = format!("api-key-of-{id}");
        self.desk.add_store(StoreConfig::new(id, &api_key));
        let orders = self
            .desk
            .seed_orders(id, orders)
            .expect("the store was just added");
        Shop::register(client, id, &api_key, orders).await
    }

    /// Some stores, in different partitions in all likelihood.
    pub(super) async fn shops(&self, client: &Client, count: usize, orders: u64) -> Vec<Shop> {
        let mut shops = Vec::new();
        for n in 0..count {
            shops.push(self.shop(client, &(501 + n).to_string(), orders).await);
        }
        shops
    }

    pub(super) async fn sql(&self, sql: &str) -> Vec<Row> {
        self.postgres.sql(&self.database, sql).await
    }

    /// The first number of a query's answer.
    pub(super) async fn number(&self, sql: &str) -> i64 {
        let rows = self.sql(sql).await;
        let value = rows.first().and_then(|row| row.first().cloned().flatten());
        value
            .and_then(|value| value.parse().ok())
            .unwrap_or_else(|| panic!("{sql}: {rows:?}"))
    }

    /// Waits until each partition has an owner who lives, and the live workers' shares are even.
    pub(super) async fn all_partitions_owned(&self) {
        let running = self
            .workers
            .iter()
            .filter(|worker| worker.process().is_running())
            .count();
        let sql = "select count(*) filter (where w.expires_at > now() and not w.draining), count(*),
                count(distinct p.owner) from partitions p left join workers w on w.incarnation = p.owner";
        eventually("every partition to have a live owner", PATIENCE, async || {
            let row = self.sql(sql).await.remove(0);
            let [owned, all, owners] = row.as_slice() else {
                return Err(format!("{row:?}"));
            };
            let even = owners.as_deref().and_then(|owners| owners.parse().ok()) == Some(running);
            if owned == all && even {
                Ok(())
            } else {
                Err(format!("{row:?}, {running} workers run"))
            }
        })
        .await;
    }

    /// What must hold of any ledger at rest: gapless, one end for each job, no request without an end.
    pub(super) async fn assert_ledger_is_whole(&self, jobs: usize) {
        assert_eq!(
            self.number("select count(*) - max(position) from events").await,
            0,
            "gaps in the log"
        );
        let jobs = i64::try_from(jobs).expect("few jobs");
        assert_eq!(
            self.number("select count(*) from jobs").await,
            jobs,
            "jobs lost or accepted twice"
        );
        let ends = "select count(*) from (select job_id from events
            where type in ('job.succeeded.v1', 'job.failed.v1', 'job.cancelled.v1')
            group by job_id having count(*) = 1) t";
        assert_eq!(self.number(ends).await, jobs, "jobs without an end, or with two");
        assert_eq!(
            self.number("select count(*) from open_batches").await,
            0,
            "requests in doubt"
        );
    }

    /// Whether a worker found out that somebody else had taken what it held for its own.
    pub(super) fn partitions_were_lost(&self) -> bool {
        self.logs()
            .iter()
            .any(|line| line.contains("partition lost to another worker"))
    }

    /// All that all processes have written so far.
    pub(super) fn logs(&self) -> Vec<String> {
        self.apis
            .iter()
            .chain(&self.workers)
            .flat_map(Node::logs)
            .collect()
    }
}

/// How many lines of each process a failed test shows.
const SHOWN: usize = 80;

impl Drop for Cluster {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for node in self.apis.iter().chain(&self.workers) {
            let mut lines = node.logs();
            lines.retain(|line| !line.contains(r#""level":"TRACE""#) && !line.contains(r#""level":"DEBUG""#));
            let from = lines.len().saturating_sub(SHOWN);
            eprintln!(
                "the end of the log of {}:\n{}",
                node.url(),
                lines[from..].join("\n")
            );
        }
    }
}
