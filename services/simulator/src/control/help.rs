//! The list of calls that `GET /_control` shows.

use serde_json::{Value, json};

/// Method and path, what it does, and an example of its body.
pub(super) fn calls() -> Value {
    let match_example = json!({"kind": "put_order", "store": "1001", "order": "7"});
    json!({"calls": [
        {"call": "POST /_control/reset", "does": "back to the state of the start"},
        {"call": "GET /_control/stores", "does": "store ids"},
        {"call": "POST /_control/stores", "does": "adds a store or changes its settings",
         "body": {"id": "1001", "api_key": "…", "folders": [{"id": 1, "name": "New"}], "locked": false}},
        {"call": "GET|POST /_control/stores/{store}/orders", "does": "all orders; puts one in place, as given"},
        {"call": "POST /_control/stores/{store}/seed", "does": "puts sample orders in place", "body": {"count": 10}},
        {"call": "GET /_control/stores/{store}/orders/{order}", "does": "the order as stored"},
        {"call": "GET /_control/stores/{store}/orders/{order}/history", "does": "its history"},
        {"call": "POST /_control/stores/{store}/orders/{order}/edit", "does": "a foreign edit, without a token",
         "body": [{"type": "merge", "patch": {}}, {"type": "replace", "order": {}},
                  {"type": "note", "username": "u", "content": "c"}, {"type": "move", "folder_id": 2},
                  {"type": "delete"}]},
        {"call": "POST /_control/stores/{store}/orders/{order}/schedule", "does": "a foreign edit at a moment",
         "body": {"when": "after_get | before_put | after_put", "edit": {"type": "merge", "patch": {}}, "times": 1}},
        {"call": "GET|POST /_control/stores/{store}/inventory", "does": "all inventory items; puts one in place"},
        {"call": "GET|PUT /_control/stores/{store}/tokens", "does": "the bucket's level", "body": {"tokens": 0}},
        {"call": "GET|PUT|POST|DELETE /_control/faults", "does": "shows, replaces, adds, clears fault rules",
         "body": {"match": match_example, "fault": {"type": "reset_after"}, "times": 1, "skip": 0},
         "faults": ["reset_before", "reset_after", "timeout", "timeout_late_write {delay_ms}",
            "late_write {delay_ms, status}", "throttle {retry_after}", "server_error {status, applied}",
            "status_error {message, applied}", "reject {status, message}", "garbage {applied}",
            "html {status, applied}", "truncated {applied}", "oversized {bytes, declared, applied}",
            "slow {delay_ms, applied_first}"]},
        {"call": "GET|PUT /_control/poison", "does": "texts that make a PUT be refused with 400", "body": ["X"]},
        {"call": "GET|PATCH|PUT /_control/quirks", "does": "shows, changes some, replaces all quirks",
         "body": {"empty_maps_as_lists": true}},
        {"call": "GET|PUT /_control/bucket", "does": "size, speed and force of the buckets",
         "body": {"size": 20, "refill_per_second": 3.0, "enforced": true}},
        {"call": "PUT /_control/latency", "does": "time added to every answer", "body": {"latency_ms": 50}},
        {"call": "GET|POST /_control/holds", "does": "shows holds; adds one and answers its id",
         "body": {"match": match_example, "phase": "before_apply | before_answer"}},
        {"call": "POST /_control/holds/{hold}/wait", "does": "waits until so many requests are held",
         "body": {"count": 1, "timeout_ms": 5000}},
        {"call": "POST /_control/holds/{hold}/release", "does": "ends the hold, or lets only `count` requests go",
         "body": {"count": 1}},
        {"call": "POST /_control/refuse", "does": "refuses connections for a while", "body": {"for_ms": 500}},
        {"call": "GET /_control/log?since=SEQ&limit=N&store=ID", "does": "requests after SEQ"},
        {"call": "DELETE /_control/log", "does": "forgets them"},
        {"call": "GET /_control/counters", "does": "counts per store and kind"},
        {"call": "POST /_control/webhook", "does": "posts an order as a merchant's rule does",
         "body": {"store": "1001", "order": "7", "url": "http://127.0.0.1:8080/webhooks/orderdesk",
                  "appointment": "a-1"}},
    ]})
}
