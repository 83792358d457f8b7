//! `GET /stores/{store_id}/inventory`: a page of inventory items, searched by Order Desk's own parameters.

use app::Listing;
use axum::extract::State;
use axum::response::Response;

use crate::extract::{Caller, Params, StorePath, search};
use crate::observe::Context;
use crate::openapi::{parameter, schema};
use crate::problem::Problem;
use crate::routes::reading::Asked;
use crate::routes::stores::resolve_for_read;
use crate::state::ApiState;

/// Lists inventory items, rows as Order Desk sent them.
#[utoipa::path(
    get, path = "/stores/{store_id}/inventory", operation_id = "listInventory", tag = "inventory",
    params(parameter::InventorySearch, parameter::Conditional),
    responses(
        (status = 200, description = "A page of items.", body = schema::InventoryPage, headers(("ETag"), ("X-Cache"), ("Age"))),
        (status = 304, description = "The client has it.", headers(("ETag"), ("X-Cache"), ("Age"))),
    ),
    extensions(("x-problems" = json!(["credentials_rejected", "upstream_failed", "upstream_unavailable"]))),
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    StorePath(store): StorePath,
    asked: Asked,
    mut params: Params,
) -> Result<Response, Problem> {
    let search = search(Listing::Inventory, &mut params);
    params.finish()?;
    let store = resolve_for_read(&state.app, &caller, &context, &store).await?;
    let page = state.app.list(&caller, &store, &search, asked.options).await?;
    asked.answer(page)
}
