//! Webhook endpoints and deliveries as JSON.

use app::{AttemptView, DeliveryView, EndpointView};
use domain::webhook::{DisableReason, Target};
use ledger::DeliveryState;
use serde_json::{Value, json};

/// An endpoint; its secret only in the answer of the call that made it.
pub(crate) fn endpoint(view: &EndpointView) -> Value {
    let endpoint = &view.endpoint;
    let all = |is_empty: bool, list: Value| if is_empty { Value::Null } else { list };
    let health = view.health.as_ref();
    let mut json = json!({
        "id": endpoint.id,
        "url": view.url,
        "events": all(endpoint.events.is_empty(), json!(endpoint.events)),
        "store_ids": all(endpoint.store_ids.is_empty(), json!(endpoint.store_ids)),
        "enabled": endpoint.disabled.is_none(),
        "disabled_reason": endpoint.disabled.map(DisableReason::as_str),
        "disabled_at": endpoint.disabled_at,
        "secret_id": endpoint.secret_id,
        "old_secret_until": endpoint.old_secret_until,
        "created_at": endpoint.created_at,
        "updated_at": endpoint.updated_at,
        "failing_since": health.and_then(|health| health.failing_since),
        "last_success_at": health.and_then(|health| health.last_success_at),
        "last_failure_at": health.and_then(|health| health.last_failure_at),
    });
    if let Some(secret) = &view.secret {
        json["secret"] = secret.as_str().into();
    }
    json
}

/// A delivery with the last attempts at it.
pub(crate) fn delivery(view: &DeliveryView) -> Value {
    let delivery = &view.delivery;
    let endpoint = match delivery.target {
        Target::Endpoint(id) => Some(id),
        Target::Callback(_) => None,
    };
    let waits = delivery.state == DeliveryState::Pending && !delivery.claimed;
    json!({
        "id": delivery.id,
        "endpoint_id": endpoint,
        "job_id": delivery.job_id,
        "type": delivery.kind,
        "sequence": delivery.position,
        "occurred_at": delivery.recorded_at,
        "status": delivery.state.as_str(),
        "attempt_count": delivery.attempts,
        "next_attempt_at": waits.then_some(delivery.due_at),
        "ended_at": delivery.ended_at,
        "attempts": view.attempts.iter().map(attempt).collect::<Vec<_>>(),
    })
}

fn attempt(view: &AttemptView) -> Value {
    json!({
        "number": view.attempt.number,
        "at": view.attempt.at,
        "latency_ms": view.attempt.latency_ms,
        "status": view.attempt.status,
        "error": view.attempt.error,
        "answer": view.answer,
    })
}
