//! What is measured here.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// Tells the recorder of every metric of this crate, so that each is there from the start.
pub fn describe() {
    describe_gauge!(
        "argon2_pending",
        Unit::Count,
        "Master keys that are being hashed or wait for it."
    );
    describe_counter!(
        "argon2_refused_total",
        Unit::Count,
        "Master keys that were not hashed because too many waited."
    );
    describe_histogram!(
        "argon2_duration_seconds",
        Unit::Seconds,
        "How long hashing a master key took, the wait for a turn included."
    );
    gauge!("argon2_pending").increment(0.0);
    counter!("argon2_refused_total").increment(0);
    drop(histogram!("argon2_duration_seconds"));
}
