//! `GET /stores/{store_id}/inventory/{item_id}`: the item itself.

use app::ReadError;
use axum::extract::State;
use axum::response::Response;

use crate::extract::{Caller, ItemPath, Params};
use crate::observe::Context;
use crate::openapi::{parameter, schema};
use crate::problem::{Problem, item_not_found};
use crate::routes::reading::Asked;
use crate::routes::stores::resolve_for_read;
use crate::state::ApiState;

/// Reads an inventory item; `304` if the client has it.
#[utoipa::path(
    get, path = "/stores/{store_id}/inventory/{item_id}", operation_id = "getInventoryItem", tag = "inventory",
    params(parameter::Conditional),
    responses(
        (status = 200, description = "The item.", body = schema::InventoryItem, headers(("ETag"), ("X-Cache"), ("Age"))),
        (status = 304, description = "The client has it.", headers(("ETag"), ("X-Cache"), ("Age"))),
    ),
    extensions(("x-problems" = json!(["item_not_found", "credentials_rejected", "upstream_failed", "upstream_unavailable"]))),
)]
pub(crate) async fn read(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    ItemPath { store, item }: ItemPath,
    asked: Asked,
    params: Params,
) -> Result<Response, Problem> {
    params.finish()?;
    let store = resolve_for_read(&state.app, &caller, &context, &store).await?;
    match state.app.read_item(&caller, &store, &item, asked.options).await {
        Err(ReadError::NotFound) => Err(item_not_found()),
        read => asked.answer(read?),
    }
}
