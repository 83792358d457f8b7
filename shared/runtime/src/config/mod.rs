//! Configuration: environment variables, a `.env` file, and `NAME_FILE` for every secret.
//!
//! A bad value stops the start with one line that names the variable, what it was (secrets excepted) and what
//! is accepted.
//!
//! A new variable is a field of [`Config`] and a line in its `read`; the list that `check-config` prints follows from
//! that line. A test then asks for a row in the README's table and a line in `.env.example`.

mod error;
mod parse;
mod reader;
mod report;
mod setting;
mod source;
mod unknown;
mod values;

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;

use reader::Reader;

pub use error::ConfigError;
pub use report::Report;
pub use setting::{Kind, Setting};
pub use source::{Origin, Source};
pub use values::{CacheBackend, CreateMarker, Database, LogLevel};

/// Everything that can be configured, for every role.
#[derive(Clone, Debug)]
pub struct Config {
    /// `HOST`: address to listen on. Default `0.0.0.0`.
    pub host: IpAddr,
    /// `PORT`: port of the HTTP service; 0 takes a free one. Default 8080.
    pub port: u16,
    /// `WORKER_PORT`: port of the worker's health and metrics. Default 9090.
    pub worker_port: u16,
    /// `TRUST_PROXY`: whether forwarding headers of trusted peers count. Default true.
    pub trust_proxy: bool,
    /// `TRUSTED_PROXIES`: CIDRs of those peers. Default loopback, private and link-local ranges.
    pub trusted_proxies: Vec<IpNet>,
    /// `LOG_LEVEL`. Default `info`.
    pub log_level: LogLevel,
    /// `MCP_KMS_KEY`: 32+ bytes in base64 or base64url; wraps the root key. Required.
    pub kms_key: SecretString,
    /// `MCP_KMS_KEY_PREVIOUS`: the key before a rotation.
    pub kms_key_previous: Option<SecretString>,
    /// `AUTO_PROVISION_TENANT`: whether an unknown key makes a tenant by its first write. Default true.
    pub auto_provision: bool,
    /// `RATE_LIMIT_RPM`: requests per minute and tenant; 0 = off. Default 120.
    pub rate_limit_rpm: u32,
    /// `AUTH_FAILURES_PER_MINUTE`: failed log-ins per client address; 0 = off. Default 20.
    pub auth_failures_per_minute: u32,
    /// `PROVISION_PER_HOUR`: new tenants per client address; 0 = off. Default 20.
    pub provision_per_hour: u32,
    /// `MAX_CONNECTIONS`: connections at a time; one address that is no proxy may have a sixteenth. Default 4096.
    pub max_connections: u32,
    /// `CACHE_BACKEND`. Default memory.
    pub cache_backend: CacheBackend,
    /// `REDIS_URL`. Default `redis://redis:6379/0`.
    pub redis_url: SecretString,
    /// `CACHE_TTL_ORDERS`. Default 15 s.
    pub cache_ttl_orders: Duration,
    /// `CACHE_TTL_PRODUCTS`. Default 60 s.
    pub cache_ttl_products: Duration,
    /// `CACHE_TTL_CUSTOMERS`. Default 5 min.
    pub cache_ttl_customers: Duration,
    /// `CACHE_TTL_STORE`. Default 1 h.
    pub cache_ttl_store: Duration,
    /// `WEBHOOK_SECRET`: proves the JSON form of incoming webhooks.
    pub webhook_secret: Option<SecretString>,
    /// `WEBHOOK_ALLOW_NETS`: private ranges that outgoing webhooks may reach.
    pub webhook_allow_nets: Vec<IpNet>,
    /// `WEBHOOK_RETRY_SCHEDULE`: waits between deliveries.
    pub webhook_retry_schedule: Vec<Duration>,
    /// `ALLOWED_ORIGINS`: CORS origins. Default none.
    pub allowed_origins: Vec<String>,
    /// `DATABASE_URL`. Default `sqlite:///data/app.db`.
    pub database: Database,
    /// `NATS_URL`; unset: in-process queue.
    pub nats_url: Option<SecretString>,
    /// `ORDERDESK_BASE_URL`. Default `https://app.orderdesk.me/api/v2`.
    pub orderdesk_base_url: url::Url,
    /// `ORDERDESK_TIMEOUT`: one call's total time. Default 30 s.
    pub orderdesk_timeout: Duration,
    /// `ORDERDESK_BUCKET_SIZE`: tokens of a full bucket. Default 20.
    pub bucket_size: u32,
    /// `ORDERDESK_REFILL_PER_SECOND`. Default 3.
    pub refill_per_second: f64,
    /// `ADMIN_TOKEN`: opens the administrator's routes; unset: they are off.
    pub admin_token: Option<SecretString>,
    /// `MAX_ATTEMPTS` of a job. Default 8.
    pub max_attempts: u32,
    /// `JOB_DEADLINE`: time from submission or `run_at` to the end. Default 24 h.
    pub job_deadline: Duration,
    /// `PARTITIONS`: fixed when a ledger is first started. Default 64.
    pub partitions: u16,
    /// `LEASE_TTL`: a dead worker is replaced within this time. Default 10 s.
    pub lease_ttl: Duration,
    /// `SHUTDOWN_GRACE`: time to drain. Default 30 s.
    pub shutdown_grace: Duration,
    /// `IDEMPOTENCY_TTL`: how long answers are kept. Default 24 h.
    pub idempotency_ttl: Duration,
    /// `AUDIT_READS`: whether reads of personal data are audited. Default true.
    pub audit_reads: bool,
    /// `CREATE_MARKER`: where a created order carries its job. Default metadata.
    pub create_marker: CreateMarker,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`: where traces go; unset: nowhere.
    pub otlp_endpoint: Option<url::Url>,
}

impl Config {
    /// Reads every variable.
    ///
    /// # Errors
    /// [`ConfigError`] of the first bad one.
    pub fn load(source: &Source) -> Result<Self, ConfigError> {
        let reader = Reader::of(source);
        let config = Self::read(&reader);
        match reader.finish().1.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(config),
        }
    }

    /// Reads every variable and tells of each: what is in effect, what is wrong, what is probably misspelt.
    pub fn report(source: &Source) -> Report {
        let reader = Reader::of(source);
        let _ = Self::read(&reader);
        let (settings, errors) = reader.finish();
        Report::new(source, settings, errors)
    }

    fn read(s: &Reader<'_>) -> Self {
        Self {
            kms_key: s.required(
                "MCP_KMS_KEY",
                "32 or more bytes in base64, e.g. from: python -c \"import secrets; print(secrets.token_urlsafe(32))\"",
                parse::kms_key,
            ),
            kms_key_previous: s.secret("MCP_KMS_KEY_PREVIOUS", parse::kms_key),
            database: s.masked("DATABASE_URL", "sqlite:///data/app.db", Database::parse),
            host: s.value("HOST", "0.0.0.0", parse::ip),
            port: s.value("PORT", "8080", parse::port),
            worker_port: s.value("WORKER_PORT", "9090", parse::port),
            trust_proxy: s.value("TRUST_PROXY", "true", parse::boolean),
            trusted_proxies: s.value(
                "TRUSTED_PROXIES",
                "127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7,169.254.0.0/16,fe80::/10",
                parse::nets,
            ),
            log_level: s.value("LOG_LEVEL", "info", LogLevel::parse),
            auto_provision: s.value("AUTO_PROVISION_TENANT", "true", parse::boolean),
            rate_limit_rpm: s.value("RATE_LIMIT_RPM", "120", |t| parse::integer(t, 0, 10_000_000)),
            auth_failures_per_minute: s
                .value("AUTH_FAILURES_PER_MINUTE", "20", |t| parse::integer(t, 0, 1_000_000)),
            provision_per_hour: s.value("PROVISION_PER_HOUR", "20", |t| parse::integer(t, 0, 1_000_000)),
            max_connections: s.value("MAX_CONNECTIONS", "4096", |t| parse::integer(t, 16, 1_000_000)),
            cache_backend: s.value("CACHE_BACKEND", "memory", CacheBackend::parse),
            redis_url: s.masked("REDIS_URL", "redis://redis:6379/0", |t| {
                parse::url(t, &["redis", "rediss"]).map(|u| SecretString::from(u.to_string()))
            }),
            cache_ttl_orders: s.value("CACHE_TTL_ORDERS", "15s", parse::duration),
            cache_ttl_products: s.value("CACHE_TTL_PRODUCTS", "60s", parse::duration),
            cache_ttl_customers: s.value("CACHE_TTL_CUSTOMERS", "5m", parse::duration),
            cache_ttl_store: s.value("CACHE_TTL_STORE", "1h", parse::duration),
            webhook_secret: s.secret("WEBHOOK_SECRET", parse::non_empty),
            webhook_allow_nets: s.value("WEBHOOK_ALLOW_NETS", "", parse::nets),
            webhook_retry_schedule: s
                .value("WEBHOOK_RETRY_SCHEDULE", "5s,5m,30m,2h,5h,10h,14h,20h,24h", parse::durations),
            allowed_origins: s.value("ALLOWED_ORIGINS", "", parse::origins),
            nats_url: s.secret("NATS_URL", parse::nats_urls),
            orderdesk_base_url: s
                .masked("ORDERDESK_BASE_URL", "https://app.orderdesk.me/api/v2", |t| {
                    parse::url(t, &["http", "https"])
                }),
            orderdesk_timeout: s.value("ORDERDESK_TIMEOUT", "30s", |t| {
                parse::duration_between(t, Duration::from_millis(100), Duration::from_mins(10))
            }),
            bucket_size: s.value("ORDERDESK_BUCKET_SIZE", "20", |t| parse::integer(t, 2, 1_000_000)),
            refill_per_second: s.value("ORDERDESK_REFILL_PER_SECOND", "3", parse::rate),
            admin_token: s.secret("ADMIN_TOKEN", parse::admin_token),
            max_attempts: s.value("MAX_ATTEMPTS", "8", |t| parse::integer(t, 1, 1_000)),
            job_deadline: s.value("JOB_DEADLINE", "24h", |t| {
                parse::duration_between(t, Duration::from_secs(1), Duration::from_hours(366 * 24))
            }),
            partitions: s.value("PARTITIONS", "64", |t| parse::integer(t, 1, 4_096)).try_into().unwrap_or(64),
            lease_ttl: s.value("LEASE_TTL", "10s", |t| {
                parse::duration_between(t, Duration::from_secs(3), Duration::from_mins(10))
            }),
            shutdown_grace: s.value("SHUTDOWN_GRACE", "30s", parse::duration),
            idempotency_ttl: s.value("IDEMPOTENCY_TTL", "24h", |t| {
                parse::duration_between(t, Duration::from_secs(1), Duration::from_hours(366 * 24))
            }),
            audit_reads: s.value("AUDIT_READS", "true", parse::boolean),
            create_marker: s.value("CREATE_MARKER", "metadata", CreateMarker::parse),
            otlp_endpoint: s.optional("OTEL_EXPORTER_OTLP_ENDPOINT", |t| {
                parse::url(t, &["http", "https"])
            }),
        }
    }
}

#[cfg(test)]
mod tests;
