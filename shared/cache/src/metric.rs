//! What is measured here.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

/// Tells the recorder of every metric of this crate, so that each is there from the start.
pub fn describe() {
    describe_counter!(
        "cache_requests_total",
        Unit::Count,
        "Reads by topic and where the answer came from: hit, miss, stale, bypass, or error for none."
    );
    describe_counter!(
        "cache_errors_total",
        Unit::Count,
        "Operations that the cache's backend did not carry out; the gateway did without."
    );
    describe_gauge!(
        "cache_entries",
        Unit::Count,
        "Answers in the memory of this process."
    );
    describe_gauge!(
        "cache_bytes",
        Unit::Bytes,
        "Memory that the answers in this process take."
    );
    describe_gauge!(
        "cache_backend_up",
        Unit::Count,
        "1 while the cache's backend can be used, 0 while reads go on without a cache."
    );
    // A backend that is somewhere else says so itself once it has been looked for.
    gauge!("cache_backend_up").set(1.0);
    for operation in ["look", "fill", "raise"] {
        counter!("cache_errors_total", "operation" => operation).increment(0);
    }
    gauge!("cache_entries").increment(0.0);
    gauge!("cache_bytes").increment(0.0);
}
