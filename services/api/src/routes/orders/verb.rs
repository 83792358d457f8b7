//! `POST …/orders/{order_id}:verb`: one route, since a path segment takes but one parameter.

use axum::extract::State;
use axum::response::Response;
use domain::order::CommandKind;

use crate::extract::{Caller, CommandRequest, OrderVerb, OrderVerbPath};
use crate::observe::Context;
use crate::problem::Problem;
use crate::routes::command::{Target, run};
use crate::state::ApiState;

/// Submits `order.mutate`.
pub(crate) async fn verb(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    OrderVerbPath { store, order, verb }: OrderVerbPath,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let (kind, route) = match verb {
        OrderVerb::Mutate => (
            CommandKind::OrderMutate,
            "/stores/{store_id}/orders/{order_id}:mutate",
        ),
    };
    context.log(|fields| fields.route = Some(route));
    let target = Target {
        kind,
        store: &store,
        id: Some(order),
    };
    run(&state, &caller, &context, target, request).await
}
