//! `POST …/orders/{order_id}/add-items`: more items at the end of the order.

use axum::extract::State;
use axum::response::Response;
use domain::order::CommandKind;

use crate::extract::{Caller, CommandRequest, OrderPath};
use crate::observe::Context;
use crate::openapi::{parameter, schema};
use crate::problem::Problem;
use crate::routes::command::{Target, run};
use crate::state::ApiState;

/// Submits `order.add_items`.
#[utoipa::path(
    post, path = "/stores/{store_id}/orders/{order_id}/add-items", operation_id = "addItems", tag = "orders",
    params(parameter::Command),
    request_body = schema::AddItems,
    responses(schema::Accepted),
    extensions(("x-problems" = json!(["order_not_found", "precondition_failed", "patch_not_applicable", "test_failed", "folder_not_found", "field_read_only", "callback_secret_missing", "credentials_rejected", "upstream_failed", "upstream_unavailable"]))),
)]
pub(crate) async fn add_items(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    OrderPath { store, order }: OrderPath,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let target = Target {
        kind: CommandKind::OrderAddItems,
        store: &store,
        id: Some(order),
    };
    run(&state, &caller, &context, target, request).await
}
