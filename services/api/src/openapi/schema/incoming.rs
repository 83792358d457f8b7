//! What others tell of orders.

use serde_json::json;

use super::{closed, written};

written! {
    /// A form as Order Desk posts it.
    PostedOrder = json!({
        "type": "object",
        "required": ["order"],
        "properties": {"order": {"type": "string", "description": "The order as JSON."}},
    });
    /// An order as a relay sends it.
    RelayedOrder = closed(&["event_id", "store_id", "order"], json!({
        "event_id": {"type": "string", "minLength": 1, "maxLength": 255},
        "store_id": {"type": ["string", "integer"], "description": "Order Desk's id of the store."},
        "order": {"type": "object", "required": ["id"], "description": "The whole order.", "additionalProperties": true},
    }));
    /// It was taken.
    OrderTaken = closed(&["status"], json!({"status": {"const": "ok"}}));
}
