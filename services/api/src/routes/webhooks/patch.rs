//! `PATCH /webhook-endpoints/{endpoint_id}`: told other things, elsewhere, not at all or again.

use app::{Outcome, PatchEndpoint};
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use super::{once, parse, shown};
use crate::answer;
use crate::extract::{Caller, Change, EndpointPath, JsonBody, Params, Shape};
use crate::openapi::schema;
use crate::problem::Problem;
use crate::state::ApiState;

/// Changes the members that are given. An endpoint that is enabled again begins anew: earlier failures count no more.
#[utoipa::path(
    patch, path = "/webhook-endpoints/{endpoint_id}", operation_id = "changeWebhookEndpoint", tag = "webhooks",
    request_body = schema::PatchWebhookEndpoint,
    responses((status = 200, description = "The endpoint as it is now.", body = schema::WebhookEndpoint)),
)]
pub(crate) async fn patch(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    EndpointPath(id): EndpointPath,
    change: Change,
    params: Params,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    params.finish()?;
    change.without_condition()?;
    let once = once(&state, &change, Some(&body), shown);
    let patch = read(body)?;
    match state.app.patch_endpoint(&caller, id, &patch, once).await? {
        Outcome::Done(view) => Ok(shown(&view).response()),
        Outcome::Replayed(stored) => answer::replayed(&stored),
    }
}

fn read(body: Value) -> Result<PatchEndpoint, Problem> {
    let mut shape = Shape::of(body)?;
    let patch = PatchEndpoint {
        url: shape.text("url"),
        events: parse::events(&mut shape),
        stores: parse::stores(&mut shape),
        enabled: shape.flag("enabled"),
    };
    shape.finish()?;
    Ok(patch)
}
