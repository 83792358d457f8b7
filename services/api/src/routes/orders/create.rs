//! `POST /stores/{store_id}/orders`: a new order.

use axum::extract::State;
use axum::response::Response;
use domain::order::CommandKind;

use crate::extract::{Caller, CommandRequest, StorePath};
use crate::observe::Context;
use crate::openapi::{parameter, schema};
use crate::problem::Problem;
use crate::routes::command::{Target, run};
use crate::state::ApiState;

/// Submits `order.create`.
#[utoipa::path(
    post, path = "/stores/{store_id}/orders", operation_id = "createOrder", tag = "orders",
    params(parameter::Untagged),
    request_body = schema::NewOrder,
    responses(schema::Accepted),
    extensions(("x-problems" = json!(["field_read_only", "folder_not_found", "callback_secret_missing", "credentials_rejected", "upstream_failed", "upstream_unavailable"]))),
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    StorePath(store): StorePath,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let target = Target {
        kind: CommandKind::OrderCreate,
        store: &store,
        id: None,
    };
    run(&state, &caller, &context, target, request).await
}
