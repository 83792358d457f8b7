//! Logs as one JSON object a line on standard output, and the metrics recorder.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::LogLevel;

/// Installs the log format for the whole process. Our own crates log at `level`, libraries at `warn` unless the
/// level is `trace`. A second call changes nothing.
pub fn init_logs(level: LogLevel) {
    let filter = match level {
        LogLevel::Trace => "trace,h2=info,hyper=info".to_owned(),
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
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_env_filter(EnvFilter::new(filter))
        .try_init();
}

const OUR_CRATES: &[&str] = &[
    "api",
    "app",
    "domain",
    "gateway",
    "ledger",
    "ledger_postgres",
    "ledger_sqlite",
    "orderdesk",
    "orderdesk_gateway",
    "queue",
    "queue_jetstream",
    "runtime",
    "simulator",
    "vault",
    "worker",
];

/// Seconds-scale buckets from a tenth of a millisecond to a minute.
const SECONDS: &[f64] = &[
    0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];
/// Counts per batch.
const COUNTS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 250.0, 500.0, 1000.0];

/// Installs the metrics recorder for the whole process and returns what renders it.
///
/// # Errors
/// [`BuildError`] if another recorder is installed already.
pub fn init_metrics() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_appends".to_owned()), COUNTS)?
        .set_buckets_for_metric(Matcher::Suffix("_jobs".to_owned()), COUNTS)?
        .install_recorder()
}
