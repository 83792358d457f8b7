//! A gateway's API without a network: requests go straight into the router.

use std::net::SocketAddr;
use std::sync::{Arc, Once};

use crate::conformance;

use api::{ApiConfig, ApiState, AppReadiness, GuardConfig, Guards};
use app::{App, AppConfig, Parts};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use domain::JobId;
use domain::event::{JobFailed, JobIntentRecorded, JobSucceeded};
use domain::job::{ErrorCode, Job, JobError, JobResult};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use ledger::{Append, AppenderConfig, Ledger, Meta};
use ledger_sqlite::SqliteLedger;
use queue::local::LocalQueue;
use queue::{Announcement, Grant, GrantAnswer, GrantHandler, GrantRequest, Queue, Subject};
use runtime::{Clock, SystemClock};
use serde_json::{Value, json};
use simulator::{Simulator, SimulatorConfig, StoreConfig};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use uuid::Uuid;
use vault::{ArgonPool, Keyring, MasterKey, PoolConfig, RootKey, SystemEntropy};

pub const KEY: &str = "a-master-key-that-is-long-enough-to-provision";
pub const OTHER_KEY: &str = "another-key-that-is-long-enough-to-provision";
pub const ADMIN: &str = "the-administrators-token-which-is-long-too";

/// Everything that one test needs.
pub struct Place {
    pub app: App,
    pub router: Router,
    pub queue: Arc<LocalQueue>,
    pub desk: Simulator,
    pub draining: CancellationToken,
    pub state: ApiState,
    bus: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
    _grants: Vec<Box<dyn Send + Sync>>,
}

impl Place {
    pub async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub async fn with(change: impl FnOnce(&mut ApiConfig)) -> Self {
        Self::with_both(change, |_| ()).await
    }

    /// With other commands and queries.
    pub async fn with_app(change: impl FnOnce(&mut AppConfig)) -> Self {
        Self::with_both(|_| (), change).await
    }

    async fn with_both(change: impl FnOnce(&mut ApiConfig), change_app: impl FnOnce(&mut AppConfig)) -> Self {
        static TLS: Once = Once::new();
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
        let queue = Arc::new(LocalQueue::new());
        let pool = PoolConfig {
            memory_kib: 8,
            passes: 1,
            lanes: 1,
            ..PoolConfig::default()
        };
        let mut app_config = AppConfig::new(base_url.clone());
        app_config.partitions = 1;
        change_app(&mut app_config);
        // A worker that grants every read, so that reads need not wait for the trickle.
        let grants = vec![queue.serve_grants(0, Arc::new(Generous)).await];
        let app = App::new(Parts {
            ledger: Ledger::start(Arc::new(backend), AppenderConfig::default()),
            queue: Arc::clone(&queue) as Arc<dyn Queue>,
            clock: Arc::new(SystemClock) as Arc<dyn Clock>,
            keyring: Arc::new(Keyring::new(&RootKey::generate(&mut SystemEntropy))),
            pool: ArgonPool::new(pool).unwrap(),
            upstream: orderdesk::Client::new(orderdesk::Config::new(base_url)).unwrap(),
            cache: cache::Cache::in_memory(app::cache_time(Arc::new(SystemClock))),
            config: app_config,
        });
        let draining = CancellationToken::new();
        let bus = tokio::spawn({
            let (app, draining) = (app.clone(), draining.clone());
            async move { app.start_bus(draining).await }
        });
        let mut config = ApiConfig {
            trusted_proxies: vec!["127.0.0.0/8".parse().unwrap(), "10.0.0.0/8".parse().unwrap()],
            admin_token: Some(MasterKey::parse(ADMIN).unwrap()),
            ..ApiConfig::default()
        };
        change(&mut config);
        let state = ApiState {
            app: app.clone(),
            config: Arc::new(config),
            metrics: None,
            guards: Arc::new(Guards::new(&GuardConfig::default(), app.clock())),
            readiness: AppReadiness::new(app.clone()),
            draining: draining.clone(),
        };
        let router = api::router(state.clone());
        Self {
            app,
            router,
            queue,
            desk,
            draining,
            state,
            bus,
            _folder: folder,
            _grants: grants,
        }
    }

    /// The same place with other parts.
    pub fn changed(mut self, change: impl FnOnce(&mut ApiState)) -> Self {
        change(&mut self.state);
        self.router = api::router(self.state.clone());
        self
    }

    /// Nothing that others announce is heard from here on.
    pub fn without_bus(self) -> Self {
        self.bus.abort();
        self
    }

    /// A place where [`KEY`] has store 101 with one order, whose id is returned.
    pub async fn with_order() -> (Self, String) {
        let place = Self::new().await;
        place.register(KEY, "101").await;
        let order = place.desk.seed_orders("101", 1).unwrap().remove(0);
        (place, order)
    }

    pub async fn register(&self, key: &str, store: &str) -> Value {
        let body =
            json!({"store_id": store, "api_key": format!("key-{store}"), "label": format!("Shop {store}")});
        let reply = self.post("/stores").key(key).json(&body).await;
        assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.text);
        reply.body
    }

    pub fn call(&self, method: &str, uri: &str) -> Call<'_> {
        let request = Request::builder().method(method).uri(uri);
        Call {
            place: self,
            request,
            key: Some(KEY.to_owned()),
            peer: None,
        }
    }

    pub fn get(&self, uri: &str) -> Call<'_> {
        self.call("GET", uri)
    }

    pub fn post(&self, uri: &str) -> Call<'_> {
        self.call("POST", uri)
    }

    /// Submits a note and returns its job.
    pub async fn note(&self, order: &str, text: &str) -> Value {
        let uri = format!("/stores/101/orders/{order}/add-note");
        let reply = self.post(&uri).json(&json!({"note": text})).await;
        assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.text);
        reply.body
    }

    pub async fn job(&self, shown: &Value) -> Job {
        let id: JobId = shown["id"].as_str().unwrap().parse().unwrap();
        self.app.ledger().job(id).await.unwrap().unwrap()
    }

    async fn append(&self, job: &Job, event: impl Into<domain::event::Event>) {
        let mut append = Append::new(self.app.now(), Meta::default());
        let next = append.job(job, event, None);
        let appended = self.app.ledger().append(append).await.unwrap();
        let subject = Subject::Job {
            job_id: job.id,
            store_id: job.store_id,
            order_id: job.order_id.clone(),
            ended: next.status.is_final(),
        };
        let news = Announcement {
            tenant_id: job.tenant_id,
            position: appended.last,
            subject,
        };
        self.queue.announce(&news).await;
    }

    /// What a worker appends when it begins to send a job's change.
    pub async fn begin(&self, job: &Job) {
        let (at, batch_id) = (self.app.now(), domain::BatchId(Uuid::now_v7()));
        self.append(
            job,
            JobIntentRecorded {
                at,
                job_id: job.id,
                batch_id,
                attempt: 1,
            },
        )
        .await;
    }

    /// What a worker appends when a job has failed.
    pub async fn fail(&self, job: &Job, code: ErrorCode) {
        let error = JobError::new(code, "It failed.");
        let event = JobFailed {
            at: self.app.now(),
            job_id: job.id,
            attempts: 1,
            error,
            result: None,
        };
        self.append(job, event).await;
    }

    /// What a worker appends when a job has succeeded.
    pub async fn succeed(&self, job: &Job) {
        let order_id = job.order_id.as_ref().map(ToString::to_string);
        let result = JobResult {
            order_id,
            changed: true,
            ..JobResult::default()
        };
        self.append(
            job,
            JobSucceeded {
                at: self.app.now(),
                job_id: job.id,
                attempts: 1,
                result,
            },
        )
        .await;
    }
}

struct Generous;

#[async_trait]
impl GrantHandler for Generous {
    async fn grant(&self, _: GrantRequest) -> GrantAnswer {
        GrantAnswer::Granted {
            grant: Grant {
                id: Uuid::now_v7(),
                valid_ms: 2_000,
                show_within_ms: 10_000,
            },
        }
    }

    async fn released(&self, _: u16, _: Uuid) {}
}

/// A request in the making.
pub struct Call<'p> {
    place: &'p Place,
    request: http::request::Builder,
    key: Option<String>,
    peer: Option<SocketAddr>,
}

impl Call<'_> {
    pub fn key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    pub fn anonymous(mut self) -> Self {
        self.key = None;
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// As if the connection came from this address.
    pub fn peer(mut self, ip: &str) -> Self {
        self.peer = Some(SocketAddr::new(ip.parse().unwrap(), 4711));
        self
    }

    pub async fn json(self, body: &Value) -> Reply {
        self.header("content-type", "application/json")
            .raw(body.to_string())
            .await
    }

    pub async fn send(self) -> Reply {
        self.raw("").await
    }

    pub async fn raw(self, body: impl Into<Body>) -> Reply {
        let method = self.request.method_ref().unwrap().to_string();
        let path = self.request.uri_ref().unwrap().path().to_owned();
        let response = self.response(body).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        conformance::check(&method, &path, parts.status, &parts.headers, &bytes);
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Reply {
            status: parts.status,
            headers: parts.headers,
            body,
            text,
        }
    }

    /// The answer with its body still to come.
    pub async fn response(self, body: impl Into<Body>) -> Response {
        let mut request = self.request;
        if let Some(key) = self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let mut request = request.body(body.into()).unwrap();
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        self.place.router.clone().oneshot(request).await.unwrap()
    }
}

/// An answer.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Asserts that this is a whole problem document of this status and code.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!(
            (self.status.as_u16(), &self.body["code"]),
            (status, &json!(code)),
            "{}",
            self.text
        );
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.body["type"], format!("/problems/{code}"));
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["request_id"].as_str(), self.header("x-request-id"));
        for member in ["title", "detail"] {
            assert!(!self.body[member].as_str().unwrap().is_empty(), "{}", self.text);
        }
        self
    }

    /// Asserts the status and returns the body.
    #[track_caller]
    pub fn ok(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self.body
    }

    /// The pointers of the errors.
    pub fn pointers(&self) -> Vec<&str> {
        self.body["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["pointer"].as_str().unwrap())
            .collect()
    }
}
