//! The audit log, and proofs about it.

use serde_json::{Value, json};

use super::{nullable, object, page, refer, timestamp, uuid, written};

/// 32 bytes in base64.
fn hash() -> Value {
    json!({"type": "string", "contentEncoding": "base64", "pattern": "^[A-Za-z0-9+/]{43}=$"})
}

fn hashes() -> Value {
    json!({"type": "array", "maxItems": 64, "items": hash()})
}

fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn checkpoint() -> Value {
    json!({"type": "string", "description": "The signed checkpoint of that size; null if that size was not signed."})
}

fn tree() -> Value {
    object(json!({"tree_size": count(), "root_hash": hash()}))
}

fn text() -> Value {
    json!({"type": ["string", "null"]})
}

written! {
    /// What happened, once.
    AuditEntry = object(json!({
        "tenant_position": {
            "type": "integer", "minimum": 1,
            "description": "Counts the tenant's events without gaps; part of what is hashed.",
        },
        "position": {"type": "integer", "minimum": 1, "description": "The place in the log, as in proofs."},
        "type": refer("EventType"),
        "at": timestamp(),
        "actor": object(json!({
            "key_id": nullable(uuid()),
            "client_ip": text(),
            "program": {"type": ["string", "null"], "description": "The part of the gateway that acted by itself."},
        })),
        "request_id": text(),
        "subject": object(json!({
            "kind": {"type": "string", "examples": ["tenant", "store", "job", "batch", "order", "erasure"]},
            "id": {"type": "string"},
            "store_id": {"type": ["string", "null"], "description": "Order Desk's id of the store."},
            "registration_id": nullable(uuid()),
            "order_id": {"type": ["string", "null"], "description": "Order Desk's id of the order or inventory item."},
            "job_id": nullable(uuid()),
        })),
        "data": {
            "type": "object",
            "description": "What happened in detail, by its type; the tenant's own personal data are readable.",
            "additionalProperties": true,
        },
        "erased": {"type": "boolean", "description": "Personal data belonged to it and were erased."},
    }));
    /// A page of the audit log.
    AuditPage = page("AuditEntry");
    /// That an event is in the log.
    InclusionProof = object(json!({
        "position": {"type": "integer", "minimum": 1},
        "leaf_index": count(),
        "leaf_hash": hash(),
        "tree_size": count(),
        "hashes": hashes(),
        "checkpoint": nullable(checkpoint()),
    }));
    /// That the log was only added to.
    ConsistencyProof = object(json!({
        "from": tree(),
        "to": tree(),
        "hashes": hashes(),
        "checkpoint": nullable(checkpoint()),
    }));
    /// The keys that sign checkpoints.
    LogKeys = object(json!({"keys": {"type": "array", "minItems": 1, "items": object(json!({
        "name": {"type": "string", "description": "The checkpoint's first line, and the name in its signature line."},
        "key_id": {"type": "string", "pattern": "^[0-9a-f]{8}$"},
        "algorithm": {"const": "ed25519"},
        "public_key": hash(),
        "verifier_key": {"type": "string", "description": "As the tools for signed notes take it: name, id and key."},
        "generation": {"type": "integer", "minimum": 1},
        "current": {"type": "boolean"},
    }))}}));
}
