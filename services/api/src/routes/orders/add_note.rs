//! `POST …/orders/{order_id}/add-note`: one more note.

use axum::extract::State;
use axum::response::Response;
use domain::order::CommandKind;

use crate::extract::{Caller, CommandRequest, OrderPath};
use crate::observe::Context;
use crate::problem::Problem;
use crate::routes::command::{Target, run};
use crate::state::ApiState;

/// Submits `order.add_note`.
pub(crate) async fn add_note(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    OrderPath { store, order }: OrderPath,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let target = Target {
        kind: CommandKind::OrderAddNote,
        store: &store,
        id: Some(order),
    };
    run(&state, &caller, &context, target, request).await
}
