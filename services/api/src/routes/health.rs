//! `GET /health`, `GET /health/live`: the process runs.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::openapi::schema;
use crate::state::ApiState;

/// Answers as long as the process does.
#[utoipa::path(
    get, path = "/health", operation_id = "getHealth", tag = "service", security(()),
    responses((status = 200, description = "The process runs.", body = schema::Health)),
)]
pub(crate) async fn health(State(state): State<ApiState>) -> Json<Value> {
    Json(json!({"status": "ok", "version": state.config.version}))
}

/// The same, under the name that orchestrators look for.
#[utoipa::path(
    get, path = "/health/live", operation_id = "getLiveness", tag = "service", security(()),
    responses((status = 200, description = "The process runs.", body = schema::Health)),
)]
pub(crate) async fn live(state: State<ApiState>) -> Json<Value> {
    health(state).await
}
