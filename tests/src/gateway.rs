//! The embedded form: one process on SQLite, and the simulated Order Desk behind it.

use std::ops::{Deref, DerefMut};
use std::path::Path;

use simulator::{BucketConfig, Simulator, SimulatorConfig};
use tempfile::TempDir;
use testkit::CrashPoint;

use crate::{Client, Node, Spec, random_hex};

/// A throw-away `MCP_KMS_KEY`: 64 hexadecimal digits are base64 of 48 bytes.
pub fn kms_key() -> String {
    random_hex(64)
}

/// What every node of a test is started with: loopback only, no limits of the gateway's own, short times, and a
/// bucket so large that only tests of the pacing feel one.
pub fn fast_environment(kms_key: &str, base_url: &str) -> Vec<(String, String)> {
    [
        ("HOST", "127.0.0.1"),
        ("LOG_LEVEL", "debug"),
        ("MCP_KMS_KEY", kms_key),
        ("ORDERDESK_BASE_URL", base_url),
        ("RATE_LIMIT_RPM", "0"),
        ("AUTH_FAILURES_PER_MINUTE", "100000"),
        ("PROVISION_PER_HOUR", "100000"),
        ("ORDERDESK_TIMEOUT", "1s"),
        ("ORDERDESK_BUCKET_SIZE", "100000"),
        ("ORDERDESK_REFILL_PER_SECOND", "10000"),
        ("LEASE_TTL", "3s"),
        ("PARTITIONS", "8"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// What a [`Gateway`] is started with.
pub struct GatewayBuilder {
    environment: Vec<(String, String)>,
    desk: SimulatorConfig,
    crash: Option<CrashPoint>,
}

/// A gateway process, its data folder and its Order Desk. Dereferences to its [`Node`].
pub struct Gateway {
    /// The simulated Order Desk; it lives on while the gateway is down.
    pub desk: Simulator,
    node: Node,
    folder: TempDir,
    kms_key: String,
}

impl Gateway {
    /// One with the settings of [`fast_environment`].
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// One with settings of its own.
    pub fn builder() -> GatewayBuilder {
        let bucket = BucketConfig {
            size: 100_000,
            refill_per_second: 10_000.0,
            enforced: true,
        };
        GatewayBuilder {
            environment: Vec::new(),
            desk: SimulatorConfig {
                bucket,
                ..SimulatorConfig::default()
            },
            crash: None,
        }
    }

    /// A client with a master key of its own, so a new tenant.
    pub fn client(&self) -> Client {
        Client::new(self.node.url())
    }

    /// A client whose tenant has registered the simulator's default store.
    ///
    /// # Panics
    /// If it cannot be registered.
    pub async fn client_with_store(&self) -> Client {
        let client = self.client();
        client
            .register_store(SimulatorConfig::STORE_ID, SimulatorConfig::API_KEY)
            .await;
        client
    }

    /// Where the ledger lies.
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// The key that wraps its root key.
    pub fn kms_key(&self) -> &str {
        &self.kms_key
    }
}

impl Deref for Gateway {
    type Target = Node;

    fn deref(&self) -> &Node {
        &self.node
    }
}

impl DerefMut for Gateway {
    fn deref_mut(&mut self) -> &mut Node {
        &mut self.node
    }
}

impl GatewayBuilder {
    /// Sets a variable of the gateway.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Changes what the simulator is started with.
    #[must_use]
    pub fn desk(mut self, change: impl FnOnce(&mut SimulatorConfig)) -> Self {
        change(&mut self.desk);
        self
    }

    /// Order Desk's real bucket on both sides: 20 tokens, 3 a second.
    #[must_use]
    pub fn real_bucket(mut self) -> Self {
        self.desk.bucket = BucketConfig::default();
        self.env("ORDERDESK_BUCKET_SIZE", "20")
            .env("ORDERDESK_REFILL_PER_SECOND", "3")
    }

    /// Lets the first life end at a crash point.
    #[must_use]
    pub fn crash_at(mut self, point: CrashPoint) -> Self {
        self.crash = Some(point);
        self
    }

    /// Starts both.
    ///
    /// # Panics
    /// If one does not start.
    pub async fn start(self) -> Gateway {
        let desk = Simulator::start(self.desk).await.expect("the simulator starts");
        let folder = tempfile::Builder::new()
            .prefix("odg-data-")
            .tempdir()
            .expect("a temporary folder");
        let kms_key = kms_key();
        let database = format!("sqlite:///{}", folder.path().join("app.db").display());
        let spec = Spec::of("orderdesk-gateway")
            .envs(fast_environment(&kms_key, &desk.base_url()))
            .env("DATABASE_URL", database)
            // The usual one: no second process waits for the lease to run out, and on a busy machine a short one makes
            // the worker hold requests back.
            .env("LEASE_TTL", "10s")
            .envs(self.environment);
        let node = Node::start_crashing(spec, self.crash.as_ref()).await;
        Gateway {
            desk,
            node,
            folder,
            kms_key,
        }
    }
}
