//! `GET /stores/{store_id}`: one store, with its queue and its tokens.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::resolve;
use crate::extract::{Caller, Params, StorePath};
use crate::observe::Context;
use crate::openapi::schema;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::view;

/// Shows one store.
#[utoipa::path(
    get, path = "/stores/{store_id}", operation_id = "getStore", tag = "stores",
    responses((status = 200, description = "The store.", body = schema::StoreWithStatus)),
)]
pub(crate) async fn find(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    StorePath(name): StorePath,
    params: Params,
) -> Result<Json<Value>, Problem> {
    params.finish()?;
    let store = resolve(&state.app, &caller, &context, &name).await?;
    let status = state.app.store_status(&caller, &store).await?;
    Ok(Json(view::store_with_status(
        &store,
        &status,
        state.config.bucket,
    )))
}
