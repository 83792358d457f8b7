//! A tenant with endpoints, and tellers, without a worker: a test appends what is to be told.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::worker::webhooks::{Teller, TellerConfig, TellerParts};
use app::{App, AppConfig, Caller, EndpointBody, Purpose, RegisterStore, Seals, SigningSecret, TenantRef};
use domain::event::{EndpointCreated, EndpointTested, StorePaused};
use domain::store::{PauseReason, Store};
use domain::webhook::{Endpoint, WebhookEvent};
use domain::{EndpointId, SecretId, TenantId, Timestamp};
use ledger::{Append, AppenderConfig, Backend, Delivery, DeliveryFilter, DeliveryState, Ledger, Meta};
use ledger_sqlite::SqliteLedger;
use queue::Queue;
use queue::local::LocalQueue;
use runtime::{Clock, Lifecycle, ManualClock};
use testkit::{Received, Receiver, eventually};
use tokio::runtime::Runtime;
use uuid::Uuid;
use vault::{ArgonPool, Keyring, MasterKey, PoolConfig, RootKey, SystemEntropy};
use webhook::{RetrySchedule, Secret, Sender, SenderConfig};

use crate::support::{MASTER_KEY, PATIENCE};

/// The documented waits.
pub const WAITS: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(14),
    Duration::from_hours(20),
    Duration::from_hours(24),
];

/// A tenant and what it is told with.
pub struct Town {
    pub ledger: Ledger,
    pub clock: Arc<ManualClock>,
    pub seals: Seals,
    pub tenant: TenantId,
    pub store: Store,
    pub config: TellerConfig,
    pub waits: Vec<Duration>,
    pub timeout: Duration,
    keyring: Arc<Keyring>,
    queue: Arc<dyn Queue>,
    folder: tempfile::TempDir,
}

/// A running teller, in a runtime of its own, so that it can be killed.
pub struct Running {
    runtime: Option<Runtime>,
    lifecycle: Lifecycle,
}

impl Town {
    /// A tenant with a store, at the present time.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let backend = SqliteLedger::open(folder.path().join("app.db"))
            .await
            .expect("the ledger opens");
        backend.migrate().await.expect("the schema");
        backend.init_partitions(2).await.expect("partitions");
        let ledger = Ledger::start(Arc::new(backend), AppenderConfig::default());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let clock = Arc::new(ManualClock::at(now.as_millis() as i64));
        let keyring = Arc::new(Keyring::new(&RootKey::generate(&mut SystemEntropy)));
        let queue: Arc<dyn Queue> = Arc::new(LocalQueue::new());
        let app = app(&ledger, &queue, &clock, &keyring);
        let key = || MasterKey::parse(MASTER_KEY).expect("a key");
        let caller = Caller {
            tenant: TenantRef::Provisional(key()),
            key_id: None,
            key: key(),
            client_ip: "192.0.2.7".to_owned(),
            request_id: "request-1".parse().expect("a request id"),
            traceparent: None,
        };
        let store = RegisterStore {
            store_id: "101".parse().expect("a store id"),
            api_key: vault::ApiKey::parse("an-api-key").expect("an API key"),
            label: None,
        };
        let store = app
            .register_store(&caller, store, false, None)
            .await
            .expect("registered")
            .done()
            .expect("new");
        Self {
            seals: app.seals().clone(),
            tenant: store.tenant_id,
            store,
            ledger,
            clock,
            config: TellerConfig {
                sweep_every: Duration::from_millis(50),
                ..TellerConfig::default()
            },
            waits: WAITS.to_vec(),
            timeout: Duration::from_secs(30),
            keyring,
            queue,
            folder,
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.unix_ms())
    }

    fn append(&self) -> Append {
        Append::new(self.now(), Meta::default())
    }

    /// An endpoint that is told of these events.
    pub async fn endpoint(&self, url: &str, events: &[WebhookEvent]) -> Hooked {
        self.endpoint_with(url, events, |_| {}).await
    }

    /// The same, its secrets as `change` leaves them.
    pub async fn endpoint_with(
        &self,
        url: &str,
        events: &[WebhookEvent],
        change: impl FnOnce(&mut Vec<SigningSecret>),
    ) -> Hooked {
        let id = EndpointId(Uuid::now_v7());
        let secret = Secret::new(vault::random(&mut SystemEntropy));
        let mut secrets = vec![SigningSecret {
            id: SecretId(Uuid::now_v7()),
            secret: secret.reveal().to_string(),
            until: None,
        }];
        change(&mut secrets);
        let event = EndpointCreated {
            at: self.now(),
            tenant_id: self.tenant,
            endpoint_id: id,
            events: events.to_vec(),
            store_ids: Vec::new(),
            secret_id: secrets[0].id,
        };
        let body = EndpointBody {
            url: url.to_owned(),
            secrets,
        };
        let sealer = self.seals.for_tenant(self.tenant).await.expect("a key");
        let mut append = self.append();
        sealer.attach(&mut append);
        let sealed = sealer.seal_json(Purpose::WebhookEndpoint, id.0, &body);
        append.create_endpoint(&event, Some(sealed));
        self.ledger.append(append).await.expect("appended");
        Hooked { id, secret }
    }

    /// Something that happens to the store, `count` times: each is told as `store.paused`.
    pub async fn pauses(&self, count: usize) {
        for _ in 0..count {
            let store = self
                .ledger
                .store(self.store.id)
                .await
                .expect("the ledger")
                .expect("there");
            let mut append = self.append();
            let event = StorePaused {
                at: append.now,
                store_id: store.id,
                reason: PauseReason::User,
            };
            append.store(&store, event, None);
            self.ledger.append(append).await.expect("appended");
        }
    }

    /// Asks for a test of an endpoint.
    pub async fn test(&self, hooked: &Hooked) {
        let endpoint = self.state(hooked).await;
        let mut append = self.append();
        let event = EndpointTested {
            at: append.now,
            endpoint_id: hooked.id,
        };
        append.endpoint(&endpoint, event, None);
        self.ledger.append(append).await.expect("appended");
    }

    /// An endpoint as it is now.
    pub async fn state(&self, hooked: &Hooked) -> Endpoint {
        self.ledger
            .endpoint(hooked.id)
            .await
            .expect("the ledger answers")
            .expect("there")
    }

    /// What an endpoint is, was or is to be told, oldest first.
    pub async fn deliveries(&self, hooked: &Hooked) -> Vec<Delivery> {
        let filter = DeliveryFilter {
            endpoint_id: hooked.id,
            state: None,
            before: None,
            limit: 10_000,
        };
        let mut page = self.ledger.deliveries_page(&filter).await.expect("the ledger");
        page.reverse();
        page
    }

    /// Waits until an endpoint's deliveries fulfil `condition`.
    pub async fn until(
        &self,
        hooked: &Hooked,
        what: &str,
        condition: impl Fn(&[Delivery]) -> bool,
    ) -> Vec<Delivery> {
        eventually(what, PATIENCE, async || {
            let deliveries = self.deliveries(hooked).await;
            if condition(&deliveries) {
                return Ok(deliveries);
            }
            let shown: Vec<_> = deliveries
                .iter()
                .take(5)
                .map(|delivery| (delivery.state, delivery.attempts, delivery.claimed))
                .collect();
            Err(format!("{} deliveries, {shown:?}", deliveries.len()))
        })
        .await
    }

    /// Waits until an endpoint has been told `count` things.
    pub async fn delivered(&self, hooked: &Hooked, count: usize) -> Vec<Delivery> {
        let what = format!("{count} deliveries");
        self.until(hooked, &what, |all| {
            all.len() == count && all.iter().all(|one| one.state == DeliveryState::Delivered)
        })
        .await
    }

    /// Waits until each of an endpoint's deliveries was tried so often, and waits for its next time.
    pub async fn failed(&self, hooked: &Hooked, deliveries: usize, attempts: u32) {
        let what = format!("{deliveries} deliveries with {attempts} attempts each");
        self.until(hooked, &what, |all| {
            all.len() == deliveries
                && all.iter().all(|one| {
                    one.attempts == attempts && !one.claimed && one.state == DeliveryState::Pending
                })
        })
        .await;
    }

    /// Starts a teller with connections of its own to the ledger.
    pub async fn teller(&self) -> Running {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let lifecycle = Lifecycle::new();
        let started = lifecycle.clone();
        let file = self.folder.path().join("app.db");
        let (queue, clock, keyring) = (
            Arc::clone(&self.queue),
            Arc::clone(&self.clock),
            Arc::clone(&self.keyring),
        );
        let (config, waits) = (self.config.clone(), self.waits.clone());
        let mut sending = SenderConfig::new(vec!["127.0.0.0/8".parse().expect("a net")]);
        sending.timeout = self.timeout;
        runtime
            .spawn(async move {
                let backend = SqliteLedger::open(file).await.expect("the ledger opens");
                let ledger = Ledger::start(Arc::new(backend), AppenderConfig::default());
                let app = app(&ledger, &queue, &clock, &keyring);
                let teller = Teller::new(TellerParts {
                    ledger,
                    queue,
                    clock,
                    app,
                    render: api::webhook_data,
                    sender: Sender::new(sending).expect("a sender"),
                    schedule: RetrySchedule::new(waits),
                    config,
                });
                teller.run(&started);
            })
            .await
            .expect("started");
        Running {
            runtime: Some(runtime),
            lifecycle,
        }
    }
}

fn app(ledger: &Ledger, queue: &Arc<dyn Queue>, clock: &Arc<ManualClock>, keyring: &Arc<Keyring>) -> App {
    let base_url: url::Url = "http://127.0.0.1:9/api/v2".parse().expect("a URL");
    let costs = PoolConfig {
        memory_kib: 32,
        passes: 1,
        ..PoolConfig::default()
    };
    let mut config = AppConfig::new(base_url.clone());
    config.partitions = 2;
    App::new(app::Parts {
        ledger: ledger.clone(),
        queue: Arc::clone(queue),
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        keyring: Arc::clone(keyring),
        pool: ArgonPool::new(costs).expect("a pool"),
        upstream: orderdesk::Client::new(orderdesk::Config::new(base_url)).expect("a client"),
        cache: cache::Cache::in_memory(app::cache_time(Arc::clone(clock) as Arc<dyn Clock>)),
        config,
    })
}

impl Running {
    /// Ends the teller wherever it is: nothing is handed over.
    pub async fn kill(mut self) {
        let runtime = self.runtime.take().expect("a runtime");
        tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(10)))
            .await
            .expect("the runtime ends");
    }

    /// Asks it to give back what it holds and end, and waits until it has.
    pub async fn stop(mut self) {
        let runtime = self.runtime.take().expect("a runtime");
        let lifecycle = self.lifecycle.clone();
        lifecycle.stop();
        let ended = runtime.spawn(async move { lifecycle.wait(Duration::from_secs(20)).await });
        assert!(ended.await.expect("joined"), "the teller ended in order");
        runtime.shutdown_background();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// An endpoint of a test.
pub struct Hooked {
    pub id: EndpointId,
    pub secret: Secret,
}

impl Hooked {
    /// Whether the library of the standard finds the endpoint's signature under what came.
    pub fn has_signed(&self, received: &Received) -> bool {
        signs(&self.secret, received)
    }
}

/// Whether the library of the standard finds this secret's signature under what came. It makes the signature anew rather
/// than verifying it, since it would compare the time with the system's clock.
pub fn signs(secret: &Secret, received: &Received) -> bool {
    let library = standardwebhooks::Webhook::new(&secret.reveal()).expect("a secret of the standard");
    let timestamp: i64 = received.header("webhook-timestamp").parse().expect("a number");
    let expected = library
        .sign(received.header("webhook-id"), timestamp, received.body.as_bytes())
        .expect("signed");
    received
        .header("webhook-signature")
        .split(' ')
        .any(|signature| signature == expected)
}

/// What came, by `webhook-id`.
pub fn by_id(receiver: &Receiver) -> HashMap<String, Vec<Received>> {
    let mut by_id: HashMap<String, Vec<Received>> = HashMap::new();
    for received in receiver.received() {
        let id = received.header("webhook-id").to_owned();
        by_id.entry(id).or_default().push(received);
    }
    by_id
}
