//! What is measured here.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

use crate::appender::AppendError;

/// Tells the recorder of every metric of this crate, so that each is there from the start.
pub fn describe() {
    describe_counter!(
        "ledger_appends_total",
        Unit::Count,
        "Appends by outcome: committed, refused by a guard, or failed."
    );
    describe_histogram!(
        "ledger_batch_appends",
        Unit::Count,
        "Appends that were committed in one transaction."
    );
    describe_histogram!(
        "ledger_commit_duration_seconds",
        Unit::Seconds,
        "How long a transaction of the ledger took."
    );
    for outcome in ["committed", "refused", "failed"] {
        counter!("ledger_appends_total", "outcome" => outcome).increment(0);
    }
    drop(histogram!("ledger_batch_appends"));
    drop(histogram!("ledger_commit_duration_seconds"));
}

pub(crate) fn committed(appends: usize, took: Duration) {
    histogram!("ledger_batch_appends").record(appends as f64);
    histogram!("ledger_commit_duration_seconds").record(took.as_secs_f64());
}

pub(crate) fn ended<T>(outcome: &Result<T, AppendError>) {
    let outcome = match outcome {
        Ok(_) => "committed",
        Err(AppendError::Refused(_)) => "refused",
        Err(_) => "failed",
    };
    counter!("ledger_appends_total", "outcome" => outcome).increment(1);
}
