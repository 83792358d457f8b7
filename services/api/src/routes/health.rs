//! `GET /health`, `GET /health/live`: the process runs.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::state::ApiState;

/// Answers as long as the process does.
pub(crate) async fn health(State(state): State<ApiState>) -> Json<Value> {
    Json(json!({"status": "ok", "version": state.config.version}))
}
