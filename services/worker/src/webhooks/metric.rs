//! What is measured of webhooks.

use std::time::Duration;

use domain::webhook::DisableReason;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// What an attempt can come to.
const OUTCOMES: [&str; 9] = [
    "delivered",
    "status",
    "gone",
    "refused",
    "unresolved",
    "connect",
    "tls",
    "timeout",
    "broken",
];

/// Tells the recorder of every metric of webhooks.
pub(crate) fn describe() {
    describe_counter!(
        "webhook_attempts_total",
        Unit::Count,
        "Attempts to tell a webhook by outcome: delivered, answered with another status, gone, or why there was no answer."
    );
    for outcome in OUTCOMES {
        counter!("webhook_attempts_total", "outcome" => outcome).increment(0);
    }
    describe_histogram!(
        "webhook_attempt_duration_seconds",
        Unit::Seconds,
        "How long attempts to tell a webhook took, connecting included."
    );
    describe_counter!(
        "webhook_deliveries_total",
        Unit::Count,
        "Deliveries that follow from the log: events times those who are told of them."
    );
    counter!("webhook_deliveries_total").increment(0);
    describe_counter!(
        "webhook_endpoints_disabled_total",
        Unit::Count,
        "Webhook endpoints that were disabled because they wanted no more, or had failed for too long."
    );
    for reason in [DisableReason::Gone, DisableReason::Failing] {
        counter!("webhook_endpoints_disabled_total", "reason" => reason.as_str()).increment(0);
    }
    describe_gauge!(
        "webhook_attempts_in_flight",
        Unit::Count,
        "Attempts to tell a webhook that are under way or not recorded yet."
    );
    gauge!("webhook_attempts_in_flight").increment(0.0);
    describe_gauge!(
        "webhook_deliveries_pending",
        Unit::Count,
        "Deliveries of all workers that are yet to be made, for the first time or again; renewed every 15 seconds."
    );
    gauge!("webhook_deliveries_pending").increment(0.0);
    describe_gauge!(
        "webhook_unread_events",
        Unit::Count,
        "Events of the log of which it is not decided yet who is told."
    );
    gauge!("webhook_unread_events").increment(0.0);
}

/// An attempt has ended.
pub(super) fn attempted(outcome: &'static str, took: Duration) {
    counter!("webhook_attempts_total", "outcome" => outcome).increment(1);
    histogram!("webhook_attempt_duration_seconds").record(took.as_secs_f64());
}

/// So many deliveries follow from what was read.
pub(super) fn kept(deliveries: usize) {
    counter!("webhook_deliveries_total").increment(deliveries as u64);
}

/// So many attempts have no recorded end.
pub(super) fn under_way(attempts: usize) {
    gauge!("webhook_attempts_in_flight").set(attempts as f64);
}

/// So many events are still to be read.
pub(super) fn lag(events: u64) {
    gauge!("webhook_unread_events").set(events as f64);
}

/// So many deliveries are pending, whoever will make them.
pub(super) fn pending(deliveries: u64) {
    gauge!("webhook_deliveries_pending").set(deliveries as f64);
}

/// An endpoint was disabled by us.
pub(super) fn disabled(reason: DisableReason) {
    counter!("webhook_endpoints_disabled_total", "reason" => reason.as_str()).increment(1);
}
