//! `POST /webhook-deliveries/{delivery_id}:redeliver`: one thing, once more.

use app::{DeliveryView, Outcome};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::{nothing, once};
use crate::answer::{self, Stored};
use crate::extract::{Caller, Change, DeliveryVerbPath, OptionalJsonBody, Params};
use crate::observe::Context;
use crate::openapi::schema;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::view;

/// Has one delivery made again, at once, under the same `webhook-id`; the callback of a job too. One that is under way is
/// left alone.
#[utoipa::path(
    post, path = "/webhook-deliveries/{delivery_id}:redeliver", operation_id = "redeliverWebhook", tag = "webhooks",
    responses((status = 202, description = "It is made again.", body = schema::WebhookDelivery)),
    extensions(("x-problems" = json!(["endpoint_disabled", "invalid_json"]))),
)]
pub(crate) async fn redeliver(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    DeliveryVerbPath(id): DeliveryVerbPath,
    change: Change,
    params: Params,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<Response, Problem> {
    params.finish()?;
    change.without_condition()?;
    context.log(|fields| fields.route = Some("/webhook-deliveries/{delivery_id}:redeliver"));
    let once = once(&state, &change, body.as_ref(), accepted);
    nothing(body)?;
    match state.app.redeliver(&caller, id, once).await? {
        Outcome::Done(view) => Ok(accepted(&view).response()),
        Outcome::Replayed(stored) => answer::replayed(&stored),
    }
}

fn accepted(view: &DeliveryView) -> Stored {
    Stored::json(StatusCode::ACCEPTED, view::delivery(view))
}
