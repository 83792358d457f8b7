//! `GET …/orders/{order_id}`: the order itself, as it is or as it was.

use axum::extract::State;
use axum::response::Response;
use domain::Timestamp;

use crate::extract::{Caller, OrderPath, Params};
use crate::observe::Context;
use crate::openapi::{parameter, schema};
use crate::problem::Problem;
use crate::routes::reading::Asked;
use crate::routes::stores::resolve_for_read;
use crate::state::ApiState;

/// Reads an order, with its strong tag; `304` if the client has it.
///
/// With `at`, the order as it was known then: as the gateway had last written it or seen it. It is `order_not_found` if
/// nothing was known of it then, which says nothing of what Order Desk had, and `erased` if what was known was erased.
#[utoipa::path(
    get, path = "/stores/{store_id}/orders/{order_id}", operation_id = "getOrder", tag = "orders",
    params(
        parameter::Conditional,
        ("at" = Option<String>, Query, format = DateTime, description = "Show the order as it was known at this time."),
    ),
    responses(
        (status = 200, description = "The order.", body = schema::Order, headers(("ETag"), ("X-Cache"), ("Age"))),
        (status = 304, description = "The client has it.", headers(("ETag"), ("X-Cache"), ("Age"))),
    ),
    extensions(("x-problems" = json!(["order_not_found", "erased", "credentials_rejected", "upstream_failed", "upstream_unavailable"]))),
)]
pub(crate) async fn read(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    OrderPath { store, order }: OrderPath,
    asked: Asked,
    mut params: Params,
) -> Result<Response, Problem> {
    let at: Option<Timestamp> = params.parsed("at");
    params.finish()?;
    let store = resolve_for_read(&state.app, &caller, &context, &store).await?;
    if let Some(at) = at {
        return asked.answer(state.app.order_at(&caller, &store, &order, at).await?);
    }
    let read = state
        .app
        .read_order(&caller, &store, &order, asked.options)
        .await?;
    asked.answer(read)
}
