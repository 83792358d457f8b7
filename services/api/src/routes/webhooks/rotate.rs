//! `POST /webhook-endpoints/{endpoint_id}/rotate-secret`: a new secret.

use app::Outcome;
use axum::extract::State;
use axum::response::Response;

use super::{nothing, once, shown};
use crate::answer;
use crate::extract::{Caller, Change, EndpointPath, OptionalJsonBody, Params};
use crate::openapi::schema;
use crate::problem::Problem;
use crate::state::ApiState;

/// Makes a new secret and shows it, this once. The old one signs 24 hours more, beside the new one.
#[utoipa::path(
    post, path = "/webhook-endpoints/{endpoint_id}/rotate-secret", operation_id = "rotateWebhookSecret", tag = "webhooks",
    responses((status = 200, description = "The endpoint, with its new secret.", body = schema::MadeWebhookEndpoint)),
    extensions(("x-problems" = json!(["invalid_json"]))),
)]
pub(crate) async fn rotate(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    EndpointPath(id): EndpointPath,
    change: Change,
    params: Params,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<Response, Problem> {
    params.finish()?;
    change.without_condition()?;
    let once = once(&state, &change, body.as_ref(), shown);
    nothing(body)?;
    match state.app.rotate_endpoint_secret(&caller, id, once).await? {
        Outcome::Done(view) => Ok(shown(&view).response()),
        Outcome::Replayed(stored) => answer::replayed(&stored),
    }
}
