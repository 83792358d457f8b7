//! A tenant with endpoints, and tellers, without a worker: a test appends what is to be told.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::worker::webhooks::TellerConfig;
use app::{App, AppConfig, Caller, EndpointBody, Purpose, RegisterStore, Seals, SigningSecret, TenantRef};
use domain::event::{EndpointCreated, EndpointTested, Event, StorePaused};
use domain::store::{PauseReason, Store};
use domain::webhook::{Endpoint, WebhookEvent};
use domain::{EndpointId, SecretId, TenantId, Timestamp};
use ledger::{Append, AppenderConfig, Delivery, DeliveryFilter, DeliveryState, Ledger, Meta};
use queue::Queue;
use queue::local::LocalQueue;
use runtime::{Clock, ManualClock};
use testkit::{Received, Receiver, eventually};
use uuid::Uuid;
use vault::{ArgonPool, Keyring, MasterKey, PoolConfig, RootKey, SystemEntropy};
use webhook::Secret;

use crate::support::{Database, MASTER_KEY, PATIENCE};

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
    app: App,
    caller: Caller,
    pub(super) keyring: Arc<Keyring>,
    pub(super) queue: Arc<dyn Queue>,
    pub(super) database: Database,
}

impl Town {
    /// A tenant with a store, at the present time.
    pub async fn new() -> Self {
        Self::on(Database::sqlite().await).await
    }

    /// The same, in a given database.
    pub async fn on(database: Database) -> Self {
        let backend = database.open().await;
        backend.init_partitions(2).await.expect("partitions");
        let ledger = Ledger::start(backend, AppenderConfig::default());
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
        let store = register(&app, &caller, "101").await;
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
            app,
            caller,
            keyring,
            queue,
            database,
        }
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.unix_ms())
    }

    fn append(&self) -> Append {
        Append::new(self.now(), Meta::default())
    }

    /// An endpoint that is told of these events.
    pub async fn endpoint(&self, url: &str, events: &[WebhookEvent]) -> Hooked {
        self.endpoint_with(url, events, |_, _| {}).await
    }

    /// The same, itself and its secrets as `change` leaves them.
    pub async fn endpoint_with(
        &self,
        url: &str,
        events: &[WebhookEvent],
        change: impl FnOnce(&mut EndpointCreated, &mut Vec<SigningSecret>),
    ) -> Hooked {
        let id = EndpointId(Uuid::now_v7());
        let secret = Secret::new(vault::random(&mut SystemEntropy));
        let mut secrets = vec![SigningSecret {
            id: SecretId(Uuid::now_v7()),
            secret: secret.reveal().to_string(),
            until: None,
        }];
        let mut event = EndpointCreated {
            at: self.now(),
            tenant_id: self.tenant,
            endpoint_id: id,
            events: events.to_vec(),
            store_ids: Vec::new(),
            secret_id: secrets[0].id,
        };
        change(&mut event, &mut secrets);
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

    /// Another store of the tenant.
    pub async fn another_store(&self, id: &str) -> Store {
        let caller = Caller {
            tenant: TenantRef::Known(self.tenant),
            ..self.caller.clone()
        };
        register(&self.app, &caller, id).await
    }

    /// Something that happens to the store, `count` times: each is told as `store.paused`.
    pub async fn pauses(&self, count: usize) {
        self.pauses_of(&self.store, count).await;
    }

    /// The same, of any store.
    pub async fn pauses_of(&self, store: &Store, count: usize) {
        const AT_ONCE: usize = 100;
        let store = self.ledger.store(store.id).await;
        let mut store = store.expect("the ledger answers").expect("there");
        let mut left = count;
        while left > 0 {
            let mut append = self.append();
            for _ in 0..left.min(AT_ONCE) {
                let event = StorePaused {
                    at: append.now,
                    store_id: store.id,
                    reason: PauseReason::User,
                };
                store = append.store(&store, event, None);
            }
            self.ledger.append(append).await.expect("appended");
            left -= left.min(AT_ONCE);
        }
    }

    /// Asks for a test of an endpoint.
    pub async fn test(&self, hooked: &Hooked) {
        let event = EndpointTested {
            at: self.now(),
            endpoint_id: hooked.id,
        };
        self.happens_to(hooked, event).await;
    }

    /// Something that happens to an endpoint.
    pub async fn happens_to(&self, hooked: &Hooked, event: impl Into<Event>) {
        let endpoint = self.state(hooked).await;
        let mut append = self.append();
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
}

async fn register(app: &App, caller: &Caller, id: &str) -> Store {
    let store = RegisterStore {
        store_id: id.parse().expect("a store id"),
        api_key: vault::ApiKey::parse("an-api-key").expect("an API key"),
        label: None,
    };
    let registered = app.register_store(caller, store, false, None).await;
    registered.expect("registered").done().expect("new")
}

pub(super) fn app(
    ledger: &Ledger,
    queue: &Arc<dyn Queue>,
    clock: &Arc<ManualClock>,
    keyring: &Arc<Keyring>,
) -> App {
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
