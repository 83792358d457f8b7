//! `POST /tenant/callback-secret`: what signs the callbacks of jobs.

use std::sync::Arc;

use app::{MadeSecret, Once, Outcome};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::json;

use crate::answer::{self, Stored};
use crate::extract::{Caller, Change, OptionalJsonBody, Params, Shape};
use crate::openapi::schema;
use crate::problem::Problem;
use crate::state::ApiState;

/// Makes the secret that signs what the `callback_url` of jobs is told, and shows it, this once. One that was there
/// signs 24 hours more, beside the new one.
#[utoipa::path(
    post, path = "/tenant/callback-secret", operation_id = "createCallbackSecret", tag = "tenant",
    responses((status = 201, description = "The secret.", body = schema::CallbackSecret)),
    extensions(("x-problems" = json!(["invalid_json"]))),
)]
pub(crate) async fn callback_secret(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    change: Change,
    params: Params,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<Response, Problem> {
    params.finish()?;
    change.without_condition()?;
    let key = change.key(state.app.keyring(), body.as_ref());
    if let Some(body) = body {
        Shape::of(body)?.finish()?;
    }
    let once = key.map(|key| Once {
        key,
        render: Arc::new(|made: &MadeSecret| created(made).keep()),
    });
    match state.app.create_callback_secret(&caller, once).await? {
        Outcome::Done(made) => Ok(created(&made).response()),
        Outcome::Replayed(stored) => answer::replayed(&stored),
    }
}

fn created(made: &MadeSecret) -> Stored {
    let body = json!({"id": made.id, "secret": made.secret, "created_at": made.created_at});
    Stored::json(StatusCode::CREATED, body)
}
