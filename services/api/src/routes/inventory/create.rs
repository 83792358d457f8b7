//! `POST /stores/{store_id}/inventory`: a new inventory item.

use axum::extract::State;
use axum::response::Response;
use domain::order::CommandKind;

use crate::extract::{Caller, CommandRequest, StorePath};
use crate::observe::Context;
use crate::openapi::{parameter, schema};
use crate::problem::Problem;
use crate::routes::command::{Target, run};
use crate::state::ApiState;

/// Submits `inventory.create`.
#[utoipa::path(
    post, path = "/stores/{store_id}/inventory", operation_id = "createInventoryItem", tag = "inventory",
    params(parameter::Untagged),
    request_body = schema::NewInventoryItem,
    responses(schema::Accepted),
    extensions(("x-problems" = json!(["field_read_only", "callback_secret_missing", "credentials_rejected", "upstream_failed", "upstream_unavailable"]))),
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    StorePath(store): StorePath,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let target = Target {
        kind: CommandKind::InventoryCreate,
        store: &store,
        id: None,
    };
    run(&state, &caller, &context, target, request).await
}
