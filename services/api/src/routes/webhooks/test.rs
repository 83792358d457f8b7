//! `POST /webhook-endpoints/{endpoint_id}/test`: does it arrive?

use app::{EndpointView, Outcome};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::json;

use super::{nothing, once};
use crate::answer::{self, Stored};
use crate::extract::{Caller, Change, EndpointPath, OptionalJsonBody, Params};
use crate::openapi::schema;
use crate::problem::Problem;
use crate::state::ApiState;

/// Has a `test` event told to the endpoint, whatever it has asked for. The deliveries show how that went.
#[utoipa::path(
    post, path = "/webhook-endpoints/{endpoint_id}/test", operation_id = "testWebhookEndpoint", tag = "webhooks",
    responses((status = 202, description = "It will be told.", body = schema::WebhookTest, headers(("Location")))),
    extensions(("x-problems" = json!(["endpoint_disabled", "invalid_json"]))),
)]
pub(crate) async fn test(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    EndpointPath(id): EndpointPath,
    change: Change,
    params: Params,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<Response, Problem> {
    params.finish()?;
    change.without_condition()?;
    let once = once(&state, &change, body.as_ref(), accepted);
    nothing(body)?;
    match state.app.test_endpoint(&caller, id, once).await? {
        Outcome::Done(view) => Ok(accepted(&view).response()),
        Outcome::Replayed(stored) => answer::replayed(&stored),
    }
}

fn accepted(view: &EndpointView) -> Stored {
    let deliveries = format!("/webhook-endpoints/{}/deliveries", view.endpoint.id);
    let body = json!({"endpoint_id": view.endpoint.id, "type": "test", "deliveries": deliveries});
    Stored::json(StatusCode::ACCEPTED, body).located(deliveries)
}
