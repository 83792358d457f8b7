//! `DELETE …/orders/{order_id}`: the order goes.

use axum::extract::State;
use axum::response::Response;
use domain::order::CommandKind;

use crate::extract::{Caller, CommandRequest, OrderPath};
use crate::observe::Context;
use crate::openapi::{parameter, schema};
use crate::problem::Problem;
use crate::routes::command::{Target, run};
use crate::state::ApiState;

/// Submits `order.delete`.
#[utoipa::path(
    delete, path = "/stores/{store_id}/orders/{order_id}", operation_id = "deleteOrder", tag = "orders",
    params(parameter::Command),
    responses(schema::Accepted),
    extensions(("x-problems" = json!(["order_not_found", "precondition_failed", "callback_secret_missing", "credentials_rejected", "upstream_failed", "upstream_unavailable"]))),
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    OrderPath { store, order }: OrderPath,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let target = Target {
        kind: CommandKind::OrderDelete,
        store: &store,
        id: Some(order),
    };
    run(&state, &caller, &context, target, request).await
}
