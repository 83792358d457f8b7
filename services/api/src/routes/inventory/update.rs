//! `PUT /stores/{store_id}/inventory/{item_id}`: some fields of the item.

use axum::extract::State;
use axum::response::Response;
use domain::order::CommandKind;

use crate::extract::{Caller, CommandRequest, ItemPath};
use crate::observe::Context;
use crate::openapi::{parameter, schema};
use crate::problem::Problem;
use crate::routes::command::{Target, run};
use crate::state::ApiState;

/// Submits `inventory.update`.
#[utoipa::path(
    put, path = "/stores/{store_id}/inventory/{item_id}", operation_id = "updateInventoryItem", tag = "inventory",
    params(parameter::Untagged),
    request_body = schema::InventoryChange,
    responses(schema::Accepted),
    extensions(("x-problems" = json!(["item_not_found", "field_read_only", "callback_secret_missing", "credentials_rejected", "upstream_failed", "upstream_unavailable"]))),
)]
pub(crate) async fn update(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    ItemPath { store, item }: ItemPath,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let target = Target {
        kind: CommandKind::InventoryUpdate,
        store: &store,
        id: Some(item),
    };
    run(&state, &caller, &context, target, request).await
}
