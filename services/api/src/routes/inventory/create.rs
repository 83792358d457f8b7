//! `POST /stores/{store_id}/inventory`: a new inventory item.

use axum::extract::State;
use axum::response::Response;
use domain::order::CommandKind;

use crate::extract::{Caller, CommandRequest, StorePath};
use crate::observe::Context;
use crate::problem::Problem;
use crate::routes::command::{Target, run};
use crate::state::ApiState;

/// Submits `inventory.create`.
pub(crate) async fn create(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    StorePath(store): StorePath,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let target = Target {
        kind: CommandKind::InventoryCreate,
        store: &store,
        id: None,
    };
    run(&state, &caller, &context, target, request).await
}
