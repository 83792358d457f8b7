//! What every handler may use.

use std::sync::Arc;
use std::time::Duration;

use app::App;
use ipnet::IpNet;
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::ExposeSecret as _;
use tokio_util::sync::CancellationToken;
use vault::MasterKey;

use crate::cors::Origins;
use crate::guard::Guards;
use crate::readiness::Readiness;

/// Everything that the routes need; cheap to clone.
#[derive(Clone)]
pub struct ApiState {
    /// Commands and queries.
    pub app: App,
    /// What can be set about the transport.
    pub config: Arc<ApiConfig>,
    /// Renders the metrics; `/metrics` is empty without one.
    pub metrics: Option<PrometheusHandle>,
    /// What keeps clients from taking the service away from each other.
    pub guards: Arc<Guards>,
    /// What `/ready` looks at.
    pub readiness: Arc<dyn Readiness>,
    /// Cancelled when the process drains: `/ready` says so, waits end early.
    pub draining: CancellationToken,
}

/// What can be set about the transport.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// Whether forwarding headers of trusted peers count.
    pub trust_proxy: bool,
    /// Those peers.
    pub trusted_proxies: Vec<IpNet>,
    /// The origins whose pages may call from a browser.
    pub allowed_origins: Origins,
    /// The administrator's token, which opens no tenant's route.
    pub admin_token: Option<MasterKey>,
    /// What `/health` shows.
    pub version: &'static str,
    /// The token bucket of every store, as Order Desk documents it.
    pub bucket: BucketSize,
    /// How long a request body may take to arrive.
    pub body_timeout: Duration,
    /// How long a handler may take beside its body and the wait that the client asked for; calls to Order Desk are
    /// part of it.
    pub work_timeout: Duration,
    /// How long a stream of events stays silent before a comment shows that it is alive.
    pub heartbeat: Duration,
}

/// The size and speed of a store's token bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BucketSize {
    /// Tokens of a full bucket.
    pub size: u32,
    /// Tokens that come back each second.
    pub refill_per_second: f64,
}

impl Default for ApiConfig {
    /// Trusts proxies, but knows none; no administrator; Order Desk's documented bucket; 30 s for a body, a minute
    /// for the rest; a comment each 15 s.
    fn default() -> Self {
        Self {
            trust_proxy: true,
            trusted_proxies: Vec::new(),
            allowed_origins: Origins::default(),
            admin_token: None,
            version: env!("CARGO_PKG_VERSION"),
            bucket: BucketSize {
                size: 20,
                refill_per_second: 3.0,
            },
            body_timeout: Duration::from_secs(30),
            work_timeout: Duration::from_mins(1),
            heartbeat: Duration::from_secs(15),
        }
    }
}

impl ApiConfig {
    /// The transport's part of the process configuration.
    pub fn of(config: &runtime::Config) -> Self {
        let token = config.admin_token.as_ref();
        Self {
            trust_proxy: config.trust_proxy,
            trusted_proxies: config.trusted_proxies.clone(),
            allowed_origins: Origins::new(config.allowed_origins.iter().map(String::as_str)),
            admin_token: token.and_then(|token| MasterKey::parse(token.expose_secret()).ok()),
            // A dry run makes two calls to Order Desk: for the folders and for the order.
            work_timeout: config.orderdesk_timeout * 2 + Duration::from_secs(30),
            bucket: BucketSize {
                size: config.bucket_size,
                refill_per_second: config.refill_per_second,
            },
            ..Self::default()
        }
    }
}
