//! Tenants, their keys, and what the administrator sees.

use serde_json::{Value, json};

use super::{closed, nullable, object, refer, timestamp, uuid, written};

fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn label() -> Value {
    json!({
        "type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$",
        "description": "A name for people.",
    })
}

fn secret() -> Value {
    json!({
        "type": "string", "pattern": "^odgk_[A-Za-z0-9_-]{43}$",
        "description": "The key itself. It is kept nowhere: note it down now.",
    })
}

fn row() -> Value {
    json!({
        "tenant_id": uuid(),
        "label": nullable(label()),
        "created_at": timestamp(),
        "deleted_at": nullable(timestamp()),
        "erased_at": nullable(timestamp()),
    })
}

fn key() -> Value {
    json!({
        "id": uuid(),
        "label": nullable(label()),
        "created_at": timestamp(),
        "expires_at": nullable(timestamp()),
        "revoked_at": nullable(timestamp()),
    })
}

fn with(mut members: Value, name: &str, schema: Value) -> Value {
    members[name] = schema;
    members
}

fn partition() -> Value {
    object(json!({
        "partition": count(),
        "owner": {"type": ["string", "null"], "description": "The worker that owned it last."},
        "owner_live": {"type": "boolean", "description": "Whether it still does."},
        "epoch": count(),
        "queued": count(),
        "running": count(),
        "lag": {"type": "integer", "minimum": 0, "description": "Jobs whose time has come and that are not on their way."},
        "oldest_wait_ms": nullable(count()),
    }))
}

written! {
    /// The caller's tenant.
    Tenant = object(json!({
        "tenant_id": {"type": ["string", "null"], "format": "uuid", "description": "Null until the first change is made."},
        "label": {"type": ["string", "null"]},
        "created_at": nullable(timestamp()),
        "stores": count(),
        "jobs": object(json!({"queued": count(), "running": count()})),
        "tokens": object(json!({
            "spent": {"type": "integer", "minimum": 0, "description": "Requests to Order Desk that succeeded jobs took."},
            "saved": {
                "type": "integer", "minimum": 0,
                "description": "Requests that jobs which travelled together did not take, at two for each job alone.",
            },
        })),
        "callback_secret_id": {"type": ["string", "null"]},
    }));
    /// The body of `POST /tenants`.
    CreateTenant = {
        let mut schema = closed(&["label"], json!({"label": label()}));
        schema["examples"] = json!([{"label": "My shop"}]);
        schema
    };
    /// An erasure that was asked for.
    Erasure = object(json!({
        "id": {"type": "string", "format": "uuid", "description": "The log names it so."},
        "store_id": {"type": "string"},
        "order_id": {"type": ["string", "null"], "description": "Null for a customer's."},
        "requested_at": timestamp(),
    }));
    /// A tenant that was made.
    MadeTenant = object(json!({
        "tenant_id": uuid(),
        "label": nullable(label()),
        "created_at": timestamp(),
        "master_key": secret(),
    }));
    /// A tenant as the administrator sees it, and as it is told of its end.
    TenantRow = object(row());
    /// A page of tenants.
    TenantRowPage = super::page("TenantRow");
    /// The body of `POST /tenant/keys`.
    CreateKey = {
        let mut schema = closed(&["label"], json!({
            "label": label(),
            "expires_at": {
                "anyOf": [timestamp(), {"type": "null"}],
                "description": "In the future; from then on the key is refused for ever. Null or left out: never.",
            },
        }));
        schema["examples"] = json!([{"label": "CI"}]);
        schema
    };
    /// A key that was made.
    MadeKey = object(with(key(), "master_key", secret()));
    /// A key, never itself.
    Key = object(with(key(), "current", json!({"type": "boolean", "description": "Whether this call was made with it."})));
    /// A page of keys.
    KeyPage = super::page("Key");
    /// What waits, and who owns it.
    QueueOverview = object(json!({
        "queued": count(),
        "running": count(),
        "lag": count(),
        "oldest_wait_ms": nullable(count()),
        "unowned": count(),
        "partitions": {"type": "array", "items": refer("QueuePartition")},
    }));
    /// One partition of the queue.
    QueuePartition = partition();
    /// What became of a rebuild.
    Rebuild = object(json!({
        "status": {"enum": ["rebuilt", "running"]},
        "projections": {"type": "array", "items": {"type": "string"}},
        "events": {"type": ["integer", "null"], "minimum": 0, "description": "How many were folded; null while it goes on."},
    }));
}
