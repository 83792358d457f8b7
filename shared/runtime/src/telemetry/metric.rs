//! The metrics recorder, and what is measured of the process itself.

use std::path::Path;
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use tokio_util::sync::CancellationToken;

use super::disk::Disk;

/// Seconds-scale buckets from a tenth of a millisecond to a minute.
const SECONDS: &[f64] = &[
    0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];
/// Jobs live longer: an outage of Order Desk lasts minutes to hours, and a job is given up after a day.
const JOB_SECONDS: &[f64] = &[
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0,
];
/// Counts per batch.
const COUNTS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 250.0, 500.0, 1000.0];

/// How often the recorder folds its samples and the process is looked at.
const EVERY: Duration = Duration::from_secs(5);

/// Installs the metrics recorder for the whole process and returns what renders it.
///
/// # Errors
/// [`BuildError`] if another recorder is installed already.
pub fn init_metrics() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full("job_duration_seconds".to_owned()), JOB_SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_appends".to_owned()), COUNTS)?
        .install_recorder()?;
    super::trace::describe();
    let process = Collector::default();
    process.describe();
    process.collect();
    Ok(handle)
}

/// Lets the recorder fold its samples now and then, so that it does not grow without being read, and measures the
/// process and the room on the file system of `folder`.
pub async fn keep_metrics(handle: PrometheusHandle, folder: &Path, draining: CancellationToken) {
    let process = Collector::default();
    let disk = Disk::new(folder);
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = draining.cancelled() => return,
        }
        handle.run_upkeep();
        process.collect();
        disk.collect();
    }
}
