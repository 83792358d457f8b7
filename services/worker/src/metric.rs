//! What is measured here.

use std::time::Duration;

use domain::job::JobStatus;
use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

use crate::schedule::Census;

/// Tells the recorder of every metric of this crate, so that each is there from the start.
pub fn describe() {
    gauges();
    counters();
    crate::webhooks::metric::describe();
}

fn gauges() {
    let known: [(&str, Unit, &str); 12] = [
        (
            "worker_jobs_open",
            Unit::Count,
            "Jobs of this worker's partitions that have not ended, by status.",
        ),
        (
            "worker_oldest_wait_seconds",
            Unit::Seconds,
            "How long the job that waits longest has been ready to be carried out.",
        ),
        (
            "worker_cycles_running",
            Unit::Count,
            "Batches that are being carried out or judged.",
        ),
        (
            "worker_batches_in_doubt",
            Unit::Count,
            "Requests to Order Desk whose outcome is still to be found out.",
        ),
        (
            "worker_partitions_owned",
            Unit::Count,
            "Partitions that this worker owns.",
        ),
        (
            "worker_lease_left_seconds",
            Unit::Seconds,
            "How long this worker may act without a further heartbeat.",
        ),
        (
            "worker_upstreams",
            Unit::Count,
            "Order Desk stores with something to do, or with a bucket that is not full yet.",
        ),
        (
            "worker_upstreams_without_tokens",
            Unit::Count,
            "Order Desk stores whose bucket is empty.",
        ),
        (
            "worker_circuits_open",
            Unit::Count,
            "Order Desk stores that count as down and are only probed.",
        ),
        (
            "worker_tokens_left",
            Unit::Count,
            "Tokens in the buckets of all Order Desk stores together.",
        ),
        (
            "worker_readers_waiting",
            Unit::Count,
            "Reads that wait for a token.",
        ),
        (
            "worker_sealed_position",
            Unit::Count,
            "The last position of the log that this worker has sealed and signed.",
        ),
    ];
    for (name, unit, help) in known {
        describe_gauge!(name, unit, help);
        if name != "worker_jobs_open" {
            gauge!(name).increment(0.0);
        }
    }
    for status in [JobStatus::Queued, JobStatus::Running, JobStatus::Retrying] {
        gauge!("worker_jobs_open", "status" => status.as_str()).increment(0.0);
    }
}

fn counters() {
    let plain: [(&str, &str); 11] = [
        (
            "jobs_needs_review_total",
            "Jobs that ended because nobody can say what became of their request.",
        ),
        (
            "jobs_retried_total",
            "Attempts that failed and were to be tried again, or were the last.",
        ),
        (
            "worker_in_doubt_total",
            "Requests to Order Desk whose outcome had to be found out.",
        ),
        (
            "worker_recovered_total",
            "Requests in doubt that turned out to have been carried out.",
        ),
        (
            "worker_batches_halved_total",
            "Batches that Order Desk refused and that were divided to find out why.",
        ),
        (
            "worker_take_overs_total",
            "Partitions that were taken over from another or an earlier worker.",
        ),
        (
            "worker_partitions_lost_total",
            "Partitions that another worker took because this one was late.",
        ),
        (
            "worker_sweep_finds_total",
            "Jobs that a sweep of the ledger found before any hint told of them.",
        ),
        ("worker_seals_total", "Heads of the log that were signed."),
        (
            "worker_seal_alarms_total",
            "Times that the log was found to be another than the one that was signed.",
        ),
        (
            "orderdesk_tokens_saved_total",
            "Requests to Order Desk that were not needed because jobs travelled together.",
        ),
    ];
    for (name, help) in plain {
        describe_counter!(name, Unit::Count, help);
        counter!(name).increment(0);
    }
    describe_counter!(
        "worker_read_grants_total",
        Unit::Count,
        "Answers to reads that asked for a token: granted or refused."
    );
    for outcome in ["granted", "refused"] {
        counter!("worker_read_grants_total", "outcome" => outcome).increment(0);
    }
}

/// Shows how the worker stands.
pub(crate) fn stand(census: &Census, partitions: usize, lease: Duration, readers: usize) {
    let Census {
        queued,
        running,
        retrying,
        ..
    } = *census;
    for (status, count) in [
        (JobStatus::Queued, queued),
        (JobStatus::Running, running),
        (JobStatus::Retrying, retrying),
    ] {
        gauge!("worker_jobs_open", "status" => status.as_str()).set(count as f64);
    }
    gauge!("worker_oldest_wait_seconds").set(census.oldest_wait.as_secs_f64());
    gauge!("worker_cycles_running").set(census.cycles as f64);
    gauge!("worker_batches_in_doubt").set(census.in_doubt as f64);
    gauge!("worker_partitions_owned").set(partitions as f64);
    gauge!("worker_lease_left_seconds").set(lease.as_secs_f64());
    gauge!("worker_upstreams").set(census.upstreams as f64);
    gauge!("worker_upstreams_without_tokens").set(census.without_tokens as f64);
    gauge!("worker_circuits_open").set(census.circuits_open as f64);
    gauge!("worker_tokens_left").set(census.tokens as f64);
    gauge!("worker_readers_waiting").set(readers as f64);
}

/// A sweep found `jobs` that no hint had told of.
pub(crate) fn swept(jobs: usize) {
    counter!("worker_sweep_finds_total").increment(jobs as u64);
}

/// The log is signed up to `position`.
pub(crate) fn sealed(position: u64) {
    counter!("worker_seals_total").increment(1);
    gauge!("worker_sealed_position").set(position as f64);
}

/// The log is not what was signed.
pub(crate) fn seal_alarm() {
    counter!("worker_seal_alarms_total").increment(1);
}

/// A read was given a token, or not.
pub(crate) fn granted(granted: bool) {
    let outcome = if granted { "granted" } else { "refused" };
    counter!("worker_read_grants_total", "outcome" => outcome).increment(1);
}

/// `jobs` jobs that travelled together took `requests`; each alone would have taken a read and a write.
pub(crate) fn saved(jobs: usize, requests: u32) {
    if jobs > 1 {
        let alone = 2 * jobs as u64;
        counter!("orderdesk_tokens_saved_total").increment(alone.saturating_sub(u64::from(requests)));
    }
}
