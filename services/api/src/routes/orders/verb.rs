//! `POST …/orders/{order_id}:verb`: one route, since a path segment takes but one parameter.

use axum::extract::State;
use axum::response::Response;
use domain::order::CommandKind;

use crate::extract::{Caller, CommandRequest, OrderVerb, OrderVerbPath};
use crate::observe::Context;
use crate::openapi::{parameter, schema};
use crate::problem::Problem;
use crate::routes::command::{Target, run};
use crate::state::ApiState;

/// Submits `order.mutate`.
#[utoipa::path(
    post, path = "/stores/{store_id}/orders/{order_id}:mutate", operation_id = "mutateOrder", tag = "orders",
    params(parameter::Command),
    request_body = schema::Mutate,
    responses(schema::Accepted),
    extensions(("x-problems" = json!(["order_not_found", "precondition_failed", "patch_not_applicable", "test_failed", "folder_not_found", "field_read_only", "callback_secret_missing", "credentials_rejected", "upstream_failed", "upstream_unavailable"]))),
)]
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
