//! `PUT …/orders/{order_id}`: the complete order; a top-level member left out stays as it is.

use axum::extract::State;
use axum::response::Response;
use domain::order::CommandKind;

use crate::extract::{Caller, CommandRequest, OrderPath};
use crate::observe::Context;
use crate::problem::Problem;
use crate::routes::command::{Target, run};
use crate::state::ApiState;

/// Submits `order.replace`.
pub(crate) async fn replace(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    OrderPath { store, order }: OrderPath,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let target = Target {
        kind: CommandKind::OrderReplace,
        store: &store,
        id: Some(order),
    };
    run(&state, &caller, &context, target, request).await
}
