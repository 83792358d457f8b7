//! `POST …/orders/{order_id}/update-address`: some fields of one address.

use axum::extract::State;
use axum::response::Response;
use domain::order::CommandKind;

use crate::extract::{Caller, CommandRequest, OrderPath};
use crate::observe::Context;
use crate::openapi::{parameter, schema};
use crate::problem::Problem;
use crate::routes::command::{Target, run};
use crate::state::ApiState;

/// Submits `order.update_address`.
#[utoipa::path(
    post, path = "/stores/{store_id}/orders/{order_id}/update-address", operation_id = "updateAddress", tag = "orders",
    params(parameter::Command),
    request_body = schema::UpdateAddress,
    responses(schema::Accepted),
    extensions(("x-problems" = json!(["order_not_found", "precondition_failed", "patch_not_applicable", "test_failed", "folder_not_found", "field_read_only", "callback_secret_missing", "credentials_rejected", "upstream_failed", "upstream_unavailable"]))),
)]
pub(crate) async fn update_address(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    OrderPath { store, order }: OrderPath,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let target = Target {
        kind: CommandKind::OrderUpdateAddress,
        store: &store,
        id: Some(order),
    };
    run(&state, &caller, &context, target, request).await
}
