//! `DELETE /webhook-endpoints/{endpoint_id}`: somebody is told no more.

use app::{EndpointView, Outcome};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::{nothing, once};
use crate::answer::{self, Stored};
use crate::extract::{Caller, Change, EndpointPath, OptionalJsonBody, Params};
use crate::problem::Problem;
use crate::state::ApiState;

/// Removes an endpoint. What was yet to be told to it is told no more.
#[utoipa::path(
    delete, path = "/webhook-endpoints/{endpoint_id}", operation_id = "deleteWebhookEndpoint", tag = "webhooks",
    responses((status = 204, description = "It is gone.")),
    extensions(("x-problems" = json!(["invalid_json"]))),
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    EndpointPath(id): EndpointPath,
    change: Change,
    params: Params,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<Response, Problem> {
    params.finish()?;
    change.without_condition()?;
    let once = once(&state, &change, body.as_ref(), removed);
    nothing(body)?;
    match state.app.delete_endpoint(&caller, id, once).await? {
        Outcome::Done(view) => Ok(removed(&view).response()),
        Outcome::Replayed(stored) => answer::replayed(&stored),
    }
}

fn removed(_: &EndpointView) -> Stored {
    Stored::empty(StatusCode::NO_CONTENT)
}
