//! What is measured here.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

/// Tells the recorder of every metric of this crate, so that each is there from the start.
pub fn describe() {
    describe_gauge!(
        "rate_limit_shared",
        Unit::Count,
        "1 while rates are limited in Redis for all processes together, 0 while this process counts alone."
    );
    describe_counter!(
        "rate_limit_backend_failures_total",
        Unit::Count,
        "Requests whose rate Redis did not count."
    );
    gauge!("rate_limit_shared").increment(0.0);
    counter!("rate_limit_backend_failures_total").increment(0);
}
