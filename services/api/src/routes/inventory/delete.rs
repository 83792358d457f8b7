//! `DELETE /stores/{store_id}/inventory/{item_id}`: the item goes.

use axum::extract::State;
use axum::response::Response;
use domain::order::CommandKind;

use crate::extract::{Caller, CommandRequest, ItemPath};
use crate::observe::Context;
use crate::openapi::{parameter, schema};
use crate::problem::Problem;
use crate::routes::command::{Target, run};
use crate::state::ApiState;

/// Submits `inventory.delete`.
#[utoipa::path(
    delete, path = "/stores/{store_id}/inventory/{item_id}", operation_id = "deleteInventoryItem", tag = "inventory",
    params(parameter::Untagged),
    responses(schema::Accepted),
    extensions(("x-problems" = json!(["item_not_found", "callback_secret_missing", "credentials_rejected", "upstream_failed", "upstream_unavailable"]))),
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    ItemPath { store, item }: ItemPath,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let target = Target {
        kind: CommandKind::InventoryDelete,
        store: &store,
        id: Some(item),
    };
    run(&state, &caller, &context, target, request).await
}
