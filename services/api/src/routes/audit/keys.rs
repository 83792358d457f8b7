//! `GET /audit/keys`: who signs checkpoints.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::openapi::schema;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::view;

/// Lists the keys that sign checkpoints.
///
/// One for each generation of the log; a new one begins when it was restored from a backup. It is the same Ed25519 key
/// under another name. Note the verifier key before you need it: who could change the log could answer here, too.
#[utoipa::path(
    get, path = "/audit/keys", operation_id = "listLogKeys", tag = "audit", security(()),
    responses((status = 200, description = "The keys.", body = schema::LogKeys)),
    extensions(("x-problems" = json!(["unavailable"]))),
)]
pub(crate) async fn keys(State(state): State<ApiState>) -> Result<Json<Value>, Problem> {
    let keys = state.app.log_keys().await?;
    let keys: Vec<Value> = keys.iter().map(view::log_key).collect();
    Ok(Json(json!({"keys": keys})))
}
