//! `POST /webhook-endpoints`: somebody more is told.

use app::{EndpointView, NewEndpoint, Outcome};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::Value;

use super::{once, parse};
use crate::answer::{self, Stored};
use crate::extract::{Caller, Change, JsonBody, Params, Shape};
use crate::openapi::schema;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::view;

/// Makes an endpoint and shows its secret, this once. It is told what happens from here on.
#[utoipa::path(
    post, path = "/webhook-endpoints", operation_id = "createWebhookEndpoint", tag = "webhooks",
    request_body = schema::CreateWebhookEndpoint,
    responses((
        status = 201, description = "The endpoint, with its secret.", body = schema::MadeWebhookEndpoint,
        headers(("Location"))
    )),
    extensions(("x-problems" = json!(["too_many_endpoints"]))),
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    change: Change,
    params: Params,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    params.finish()?;
    change.without_condition()?;
    let once = once(&state, &change, Some(&body), created);
    let new = read(body)?;
    match state.app.create_endpoint(&caller, &new, once).await? {
        Outcome::Done(made) => Ok(created(&made).response()),
        Outcome::Replayed(stored) => answer::replayed(&stored),
    }
}

fn created(view: &EndpointView) -> Stored {
    let path = format!("/webhook-endpoints/{}", view.endpoint.id);
    Stored::json(StatusCode::CREATED, view::endpoint(view)).located(path)
}

fn read(body: Value) -> Result<NewEndpoint, Problem> {
    let mut shape = Shape::of(body)?;
    let url = shape.text("url");
    let url = shape.require("url", url);
    let events = parse::events(&mut shape);
    let stores = parse::stores(&mut shape);
    shape.finish()?;
    Ok(NewEndpoint {
        url: url.unwrap_or_default(),
        events: events.unwrap_or_default(),
        stores: stores.unwrap_or_default(),
    })
}
