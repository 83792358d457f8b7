//! Webhook endpoints and deliveries.

use domain::webhook::WebhookEvent;
use serde_json::{Value, json};

use super::{closed, nullable, object, refer, timestamp, uuid, written};

fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn url() -> Value {
    json!({
        "type": "string", "format": "uri", "maxLength": 2048,
        "description": "Absolute, `https`, without user name and fragment, and not of a private address.",
        "examples": ["https://example.com/hooks"],
    })
}

fn names() -> Value {
    let all = WebhookEvent::ALL.iter().copied();
    all.map(WebhookEvent::as_str).collect::<Vec<_>>().into()
}

fn events() -> Value {
    json!({
        "type": ["array", "null"], "minItems": 1, "items": {"enum": names()},
        "description": "What it is told about; null means everything. `test` is told whenever it is asked for.",
    })
}

fn stores() -> Value {
    json!({
        "type": ["array", "null"], "minItems": 1, "maxItems": 100, "items": {"type": "string"},
        "description": "Of which stores, by Order Desk's id (as input also as in paths); null means of all.",
    })
}

fn secret() -> Value {
    json!({
        "type": "string", "pattern": "^whsec_[A-Za-z0-9+/]{43}=$",
        "description": "What signs (Standard Webhooks 1.0). It is shown this once: note it down now.",
    })
}

fn endpoint() -> Value {
    json!({
        "id": uuid(),
        "url": url(),
        "events": events(),
        "store_ids": stores(),
        "enabled": {"type": "boolean"},
        "disabled_reason": {
            "enum": ["user", "gone", "failing", null],
            "description": "`gone`: it answered 410. `failing`: it did nothing but fail for five days.",
        },
        "disabled_at": nullable(timestamp()),
        "secret_id": uuid(),
        "old_secret_until": {
            "anyOf": [timestamp(), {"type": "null"}], "description": "Until then the secret before it signs, too.",
        },
        "created_at": timestamp(),
        "updated_at": timestamp(),
        "failing_since": nullable(timestamp()),
        "last_success_at": nullable(timestamp()),
        "last_failure_at": nullable(timestamp()),
    })
}

fn made_endpoint() -> Value {
    let mut members = endpoint();
    members["secret"] = secret();
    members
}

written! {
    /// The body of `POST /webhook-endpoints`.
    CreateWebhookEndpoint = {
        let mut schema = closed(&["url"], json!({"url": url(), "events": events(), "store_ids": stores()}));
        schema["examples"] = json!([
            {"url": "https://example.com/hooks", "events": ["job.succeeded", "job.failed"], "store_ids": null},
        ]);
        schema
    };
    /// The body of `PATCH /webhook-endpoints/{endpoint_id}`.
    PatchWebhookEndpoint = {
        let mut schema = closed(&[], json!({
            "url": nullable(url()),
            "events": events(),
            "store_ids": stores(),
            "enabled": {"type": ["boolean", "null"]},
        }));
        schema["examples"] = json!([{"enabled": true}]);
        schema
    };
    /// An endpoint, without its secret.
    WebhookEndpoint = object(endpoint());
    /// An endpoint, with the secret that was just made.
    MadeWebhookEndpoint = object(made_endpoint());
    /// A page of endpoints.
    WebhookEndpointPage = super::page("WebhookEndpoint");
    /// The secret that signs callbacks.
    CallbackSecret = object(json!({"id": uuid(), "secret": secret(), "created_at": timestamp()}));
    /// A test that was asked for.
    WebhookTest = object(json!({
        "endpoint_id": uuid(),
        "type": {"const": "test"},
        "deliveries": {"type": "string", "description": "Where it is shown how that went."},
    }));
    /// The body of `POST /webhook-endpoints/{endpoint_id}:replay`.
    ReplayWebhooks = {
        let mut schema = closed(&["from", "to"], json!({
            "from": timestamp(),
            "to": timestamp(),
            "only_failed": {"type": ["boolean", "null"], "description": "Only what did not arrive."},
        }));
        schema["examples"] = json!([{"from": "2026-01-31T12:00:00Z", "to": "2026-01-31T13:00:00Z", "only_failed": true}]);
        schema
    };
    /// What is told again.
    WebhookReplay = object(json!({
        "endpoint_id": uuid(),
        "from": timestamp(),
        "to": timestamp(),
        "only_failed": {"type": "boolean"},
        "deliveries": count(),
    }));
    /// Where a delivery stands. `skipped`: its endpoint was disabled or removed, or its address or content is gone.
    DeliveryStatus = json!({"enum": ["pending", "delivered", "failed", "skipped"]});
    /// One event for one receiver.
    WebhookDelivery = object(json!({
        "id": {"type": "string", "format": "uuid", "description": "The `webhook-id` of every attempt."},
        "endpoint_id": {"anyOf": [uuid(), {"type": "null"}], "description": "Null for the callback of a job."},
        "job_id": nullable(uuid()),
        "type": {"enum": names()},
        "sequence": {"type": "integer", "minimum": 1, "description": "Position of the event in the log."},
        "occurred_at": timestamp(),
        "status": refer("DeliveryStatus"),
        "attempt_count": count(),
        "next_attempt_at": nullable(timestamp()),
        "ended_at": nullable(timestamp()),
        "attempts": {"type": "array", "items": refer("WebhookAttempt"), "description": "The last 20, ascending."},
    }));
    /// A page of deliveries.
    WebhookDeliveryPage = super::page("WebhookDelivery");
    /// One attempt at a delivery.
    WebhookAttempt = object(json!({
        "number": {"type": "integer", "minimum": 1},
        "at": timestamp(),
        "latency_ms": count(),
        "status": {"type": ["integer", "null"], "description": "The status of the answer, if there was one."},
        "error": {"type": ["string", "null"], "description": "What went wrong, as a short code."},
        "answer": {"type": ["string", "null"], "description": "The first 2 KB of the answer."},
    }));
}
