//! `POST /tenant/keys`: one more key.

use std::sync::Arc;

use app::{MadeKey, NewKey, Once, Outcome};
use axum::extract::State;
use axum::response::Response;
use domain::Timestamp;
use domain::order::FieldCode;
use http::StatusCode;
use serde_json::Value;

use crate::answer::{self, Stored};
use crate::extract::{Caller, Change, JsonBody, Params, Shape};
use crate::openapi::schema;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::view;

/// Makes a key and shows it, this once.
#[utoipa::path(
    post, path = "/tenant/keys", operation_id = "createKey", tag = "tenant",
    request_body = schema::CreateKey,
    responses((status = 201, description = "The key, which is shown this once.", body = schema::MadeKey)),
    extensions(("x-problems" = json!(["too_many_keys"]))),
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
    let key = change.key(state.app.keyring(), Some(&body));
    let new = parse(body, state.app.now())?;
    let once = key.map(|key| Once {
        key,
        render: Arc::new(|made: &MadeKey| created(made).keep()),
    });
    match state.app.add_key(&caller, &new, once).await? {
        Outcome::Done(made) => Ok(created(&made).response()),
        Outcome::Replayed(stored) => answer::replayed(&stored),
    }
}

fn parse(body: Value, now: Timestamp) -> Result<NewKey, Problem> {
    let mut shape = Shape::of(body)?;
    let label = shape.label();
    let expires_at = shape.read(
        "expires_at",
        "must be an RFC 3339 timestamp such as 2026-01-31T12:00:00Z",
        |value| value.as_str()?.parse::<Timestamp>().ok(),
    );
    if expires_at.is_some_and(|at| at <= now) {
        shape.refuse(FieldCode::FieldInvalid, "expires_at", "must be in the future");
    }
    shape.finish()?;
    Ok(NewKey {
        label: label.unwrap_or_default(),
        expires_at,
    })
}

fn created(made: &MadeKey) -> Stored {
    let mut json = view::key(&made.key);
    json["master_key"] = made.secret.expose().into();
    Stored::json(StatusCode::CREATED, json)
}
