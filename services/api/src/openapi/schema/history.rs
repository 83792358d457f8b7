//! What became of an order.

use serde_json::{Value, json};

use super::{nullable, object, refer, timestamp, uuid, written};

fn tag() -> Value {
    json!({"type": ["string", "null"], "description": "A strong entity tag, in its quotes."})
}

fn change() -> Value {
    let mut change = object(json!({
        "position": {"type": "integer", "minimum": 1, "description": "Where the event stands in the log."},
        "type": {"type": "string", "description": "The type of the event."},
        "at": timestamp(),
        "source": {"enum": ["gateway", "external"], "description": "Whether a job made the change, or somebody else."},
        "actor": nullable(object(json!({"key_id": nullable(uuid())}))),
        "request_id": {"type": ["string", "null"]},
        "job_id": nullable(uuid()),
        "kind": nullable(refer("CommandKind")),
        "status": nullable(refer("Status")),
        "patch": nullable(refer("JsonPatch")),
        "diff": nullable(refer("JsonPatch")),
        "differences": {
            "type": "array",
            "description": "What Order Desk, or others at the same time, made of the order beside the change.",
            "items": {
                "type": "object",
                "required": ["pointer"],
                "properties": {"pointer": {"type": "string"}, "sent": true, "returned": true},
            },
        },
        "etag_before": tag(),
        "etag_after": tag(),
    }));
    change["description"] =
        "A recorded change of an order. `actor`, `request_id`, `job_id`, `kind`, `status` and `patch` \
        belong to changes by jobs, `diff` to those by others; `patch` and `diff` are null after erasure."
            .into();
    change
}

written! {
    /// A change of an order.
    OrderChange = change();
    /// A page of an order's history.
    OrderChangePage = super::page("OrderChange");
}
