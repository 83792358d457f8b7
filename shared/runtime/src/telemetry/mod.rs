//! Logs as one JSON object a line on standard output, the metrics recorder, and traces.

mod context;
mod disk;
mod json;
mod metric;
mod panics;
pub mod trace;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use url::Url;

use crate::config::LogLevel;
pub use context::{LogContext, log_context};
pub use metric::{init_metrics, keep_metrics};
use trace::{TRACE, Traces, TracesError};

/// Installs the log format for the whole process. Our own crates log at `level`, libraries at `warn` unless the
/// level is `trace`. Panics are logged too. A second call changes nothing.
pub fn init_logs(level: LogLevel) {
    let logs = tracing_subscriber::fmt()
        .event_format(json::Json)
        .with_env_filter(filter(level));
    let _ = logs.try_init();
    panics::install();
}

/// As [`init_logs`], and sends traces to the collector at `endpoint` as those of `service`. Needs a tokio runtime and
/// the process's choice of cryptography.
///
/// # Errors
/// [`TracesError`] if the endpoint cannot be used. Whether anybody listens there is not tried.
pub fn init_logs_and_traces(
    level: LogLevel,
    endpoint: &Url,
    service: &'static str,
) -> Result<Traces, TracesError> {
    let traces = Traces::new(endpoint, service)?;
    let logs = tracing_subscriber::fmt::layer().event_format(json::Json);
    let spans = tracing_opentelemetry::layer()
        .with_tracer(traces.tracer())
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_level(false)
        .with_tracked_inactivity(false);
    let only_spans = Targets::new().with_target(TRACE, LevelFilter::INFO);
    let _ = tracing_subscriber::registry()
        .with(logs.with_filter(filter(level)))
        .with(spans.with_filter(only_spans))
        .try_init();
    panics::install();
    Ok(traces)
}

fn filter(level: LogLevel) -> EnvFilter {
    let filter = match level {
        LogLevel::Trace => "trace,h2=info,hyper=info,trace=off".to_owned(),
        LogLevel::Off => "off".to_owned(),
        level => {
            let ours = level.as_str();
            let libraries = if level == LogLevel::Error { "error" } else { "warn" };
            let mut filter = libraries.to_owned();
            for name in OUR_CRATES {
                filter.extend([",", name, "=", ours]);
            }
            filter
        }
    };
    EnvFilter::new(filter)
}

const OUR_CRATES: &[&str] = &[
    "api",
    "app",
    "cache",
    "cache_redis",
    "cache_sqlite",
    "domain",
    "gateway",
    "ledger",
    "ledger_postgres",
    "ledger_sqlite",
    "limit",
    "limit_redis",
    "merkle",
    "orderdesk",
    "orderdesk_gateway",
    "queue",
    "queue_jetstream",
    "runtime",
    "simulator",
    "vault",
    "worker",
];
