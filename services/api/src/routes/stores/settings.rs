//! `GET /stores/{store_id}/settings`: the store's settings and folders as Order Desk has them.

use axum::extract::State;
use axum::response::Response;

use super::resolve_for_read;
use crate::extract::{Caller, Params, StorePath};
use crate::observe::Context;
use crate::openapi::{parameter, schema};
use crate::problem::Problem;
use crate::routes::reading::Asked;
use crate::state::ApiState;

/// Shows settings that are known to hold no credentials, and the folders.
#[utoipa::path(
    get, path = "/stores/{store_id}/settings", operation_id = "getStoreSettings", tag = "stores",
    params(parameter::Conditional),
    responses(
        (status = 200, description = "Settings and folders.", body = schema::StoreSettings, headers(("ETag"), ("X-Cache"), ("Age"))),
        (status = 304, description = "The client has it.", headers(("ETag"), ("X-Cache"), ("Age"))),
    ),
    extensions(("x-problems" = json!(["credentials_rejected", "upstream_failed", "upstream_unavailable"]))),
)]
pub(crate) async fn settings(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    StorePath(store): StorePath,
    asked: Asked,
    params: Params,
) -> Result<Response, Problem> {
    params.finish()?;
    let store = resolve_for_read(&state.app, &caller, &context, &store).await?;
    let read = state.app.store_settings(&caller, &store, asked.options).await?;
    asked.answer(read)
}
