//! `GET …/orders/{order_id}`: the order itself.

use axum::extract::State;
use axum::response::Response;

use crate::extract::{Caller, OrderPath, Params};
use crate::observe::Context;
use crate::openapi::{parameter, schema};
use crate::problem::Problem;
use crate::routes::reading::Asked;
use crate::routes::stores::resolve_for_read;
use crate::state::ApiState;

/// Reads an order, with its strong tag; `304` if the client has it.
#[utoipa::path(
    get, path = "/stores/{store_id}/orders/{order_id}", operation_id = "getOrder", tag = "orders",
    params(parameter::Conditional),
    responses(
        (status = 200, description = "The order.", body = schema::Order, headers(("ETag"), ("X-Cache"), ("Age"))),
        (status = 304, description = "The client has it.", headers(("ETag"), ("X-Cache"), ("Age"))),
    ),
    extensions(("x-problems" = json!(["order_not_found", "credentials_rejected", "upstream_failed", "upstream_unavailable"]))),
)]
pub(crate) async fn read(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    OrderPath { store, order }: OrderPath,
    asked: Asked,
    params: Params,
) -> Result<Response, Problem> {
    params.finish()?;
    let store = resolve_for_read(&state.app, &caller, &context, &store).await?;
    let read = state
        .app
        .read_order(&caller, &store, &order, asked.options)
        .await?;
    asked.answer(read)
}
