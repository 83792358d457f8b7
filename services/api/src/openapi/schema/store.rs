//! Stores and the service itself.

use serde_json::{Value, json};

use super::{closed, nullable, object, timestamp, uuid, written};

fn label() -> Value {
    json!({
        "type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$",
        "description": "A name for people; while it is unique it addresses the store.",
    })
}

fn api_key() -> Value {
    json!({
        "type": "string", "minLength": 1, "maxLength": 512, "pattern": "^[!-~]+$", "writeOnly": true,
        "description": "The API key of the store, from its settings in Order Desk. It is stored sealed and never shown.",
    })
}

fn of_store() -> Value {
    json!({
        "id": uuid(),
        "store_id": {"type": "string", "pattern": "^[!-~]{1,64}$"},
        "label": nullable(label()),
        "created_at": timestamp(),
        "updated_at": timestamp(),
        "paused": {"type": "boolean"},
        "paused_reason": {"enum": ["user", "credentials_rejected", null]},
    })
}

fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn of_store_with_status() -> Value {
    let mut members = of_store();
    members["queue"] = object(json!({
        "queued": count(),
        "running": count(),
        "oldest_wait_ms": nullable(count()),
        "eta": nullable(timestamp()),
    }));
    members["tokens"] = object(json!({
        "available": nullable(json!({"type": "number"})),
        "size": count(),
        "refill_per_second": {"type": "number", "minimum": 0},
        "observed_at": nullable(timestamp()),
    }));
    members
}

written! {
    /// The body of `POST /stores`.
    RegisterStore = {
        let mut schema = closed(&["store_id", "api_key"], json!({
            "store_id": {"type": "string", "pattern": "^[!-~]{1,64}$", "description": "Order Desk's id of the store."},
            "api_key": api_key(),
            "label": nullable(label()),
        }));
        schema["examples"] = json!([{"store_id": "101", "api_key": "your-api-key", "label": "My Store"}]);
        schema
    };
    /// The body of `PATCH /stores/{store_id}`.
    PatchStore = {
        let mut schema = closed(&[], json!({
            "label": nullable(label()),
            "api_key": nullable(api_key()),
            "paused": {"type": ["boolean", "null"], "description": "`true` stops the store, `false` lets it go on."},
        }));
        schema["examples"] = json!([{"label": "My other store"}, {"paused": true}]);
        schema
    };
    /// A store.
    Store = object(of_store());
    /// A store with its queue and its token bucket.
    StoreWithStatus = object(of_store_with_status());
    /// A page of stores.
    StorePage = super::page("Store");
    /// The process runs.
    Health = object(json!({"status": {"const": "ok"}, "version": {"type": "string"}}));
    /// Whether the process can work.
    Readiness = object(json!({
        "status": {"enum": ["ready", "degraded", "unavailable"]},
        "checks": {"type": "object", "additionalProperties": object(json!({
            "status": {"enum": ["ok", "degraded", "unavailable"]},
            "latency_ms": count(),
        }))},
    }));
}
