//! `GET /ready`, `GET /health/ready`: the process can do its work.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::openapi::schema;
use crate::readiness::{Check, CheckStatus};
use crate::state::ApiState;

/// Looks at everything that the process needs; `503` only if it cannot work.
#[utoipa::path(
    get, path = "/ready", operation_id = "getReadiness", tag = "service", security(()),
    responses(schema::Ready),
)]
pub(crate) async fn ready(State(state): State<ApiState>) -> (StatusCode, Json<Value>) {
    let mut checks = state.readiness.checks().await;
    if state.draining.is_cancelled() {
        checks.push(Check {
            name: "lifecycle",
            status: CheckStatus::Unavailable,
            latency_ms: 0,
        });
    }
    let worst = checks
        .iter()
        .map(|check| check.status)
        .max()
        .unwrap_or(CheckStatus::Ok);
    let (status, name) = match worst {
        CheckStatus::Ok => (StatusCode::OK, "ready"),
        CheckStatus::Degraded => (StatusCode::OK, "degraded"),
        CheckStatus::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    let checks: Map<String, Value> = checks
        .into_iter()
        .map(|check| (check.name.to_owned(), json!(check)))
        .collect();
    (status, Json(json!({"status": name, "checks": checks})))
}

/// The same, under the name that orchestrators look for.
#[utoipa::path(
    get, path = "/health/ready", operation_id = "getHealthReady", tag = "service", security(()),
    responses(schema::Ready),
)]
pub(crate) async fn health_ready(state: State<ApiState>) -> (StatusCode, Json<Value>) {
    ready(state).await
}
