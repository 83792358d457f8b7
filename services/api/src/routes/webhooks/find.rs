//! `GET /webhook-endpoints/{endpoint_id}`: one of those who are told.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use crate::extract::{Caller, EndpointPath, Params};
use crate::openapi::schema;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::view;

/// Shows an endpoint, with how it has been doing.
#[utoipa::path(
    get, path = "/webhook-endpoints/{endpoint_id}", operation_id = "getWebhookEndpoint", tag = "webhooks",
    responses((status = 200, description = "The endpoint.", body = schema::WebhookEndpoint)),
)]
pub(crate) async fn find(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    EndpointPath(id): EndpointPath,
    params: Params,
) -> Result<Json<Value>, Problem> {
    params.finish()?;
    Ok(Json(view::endpoint(&state.app.find_endpoint(&caller, id).await?)))
}
