//! A store as JSON.

use app::StoreStatus;
use domain::store::Store;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::state::BucketSize;

/// What a path segment keeps (RFC 3986 §2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The store in a path.
pub(crate) fn address(store: &Store) -> String {
    segment(store.store_id.as_str())
}

/// One segment of a path.
pub(super) fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// The store, never its key.
pub(crate) fn store(store: &Store) -> Value {
    json!({
        "id": store.id,
        "store_id": store.store_id,
        "label": store.label,
        "created_at": store.created_at,
        "updated_at": store.updated_at,
        "paused": store.paused.is_some(),
        "paused_reason": store.paused.map(domain::store::PauseReason::as_str),
    })
}

/// The store with its queue and its token bucket.
pub(crate) fn store_with_status(of: &Store, status: &StoreStatus, bucket: BucketSize) -> Value {
    let mut json = store(of);
    json["queue"] = json!({
        "queued": status.queued,
        "running": status.running,
        "oldest_wait_ms": status.oldest_wait_ms,
        "eta": status.eta,
    });
    json["tokens"] = json!({
        "available": status.tokens.map(|tokens| tokens.available),
        "size": bucket.size,
        "refill_per_second": bucket.refill_per_second,
        "observed_at": status.tokens.map(|tokens| tokens.observed_at),
    });
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_cannot_leave_its_place() {
        assert_eq!(segment("a/b?c%"), "a%2Fb%3Fc%25");
        assert_eq!(segment("101-x_y.z~"), "101-x_y.z~");
    }
}
