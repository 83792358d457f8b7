//! `GET /stores/{store_id}/orders`: a page of orders, searched by Order Desk's own parameters.

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

/// Lists orders, rows as Order Desk sent them.
#[utoipa::path(
    get, path = "/stores/{store_id}/orders", operation_id = "listOrders", tag = "orders",
    params(parameter::OrderSearch, parameter::Conditional),
    responses(
        (status = 200, description = "A page of orders.", body = schema::OrderPage, headers(("ETag"), ("X-Cache"), ("Age"))),
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
    let search = search(Listing::Orders, &mut params);
    params.finish()?;
    let store = resolve_for_read(&state.app, &caller, &context, &store).await?;
    let page = state.app.list(&caller, &store, &search, asked.options).await?;
    asked.answer(page)
}
