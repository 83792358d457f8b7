//! `POST /jobs:retry`, `POST /jobs:cancel`: many jobs at once, by a filter.

use std::sync::Arc;

use app::{Earlier, Many, Once, Outcome};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::json;

use super::filter::Filter;
use crate::answer::{self, Stored};
use crate::extract::{Caller, Change, JsonBody, Params};
use crate::openapi::schema;
use crate::problem::Problem;
use crate::replay;
use crate::state::ApiState;

/// Submits the failed jobs that the filter finds anew; skips those that need review.
#[utoipa::path(
    post, path = "/jobs:retry", operation_id = "retryJobs", tag = "jobs",
    request_body = schema::JobFilter,
    responses((status = 202, description = "What was submitted anew.", body = schema::ManyJobs)),
    extensions(("x-problems" = json!(["store_not_found", "store_ambiguous"]))),
)]
pub(crate) async fn retry_many(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    change: Change,
    params: Params,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    params.finish()?;
    change.without_condition()?;
    let key = change.key(state.app.keyring(), Some(&body));
    let query = match Filter::from_body(body)?.resolve(&state.app, &caller).await {
        Ok(query) => query,
        Err(problem) => return repeated(&state, &caller, key.as_ref(), problem).await,
    };
    let once = key.map(|key| Once {
        key,
        render: Arc::new(|many: &Many| retried(many).keep()),
    });
    match state.app.retry_many(&caller, &query, once).await? {
        Outcome::Done(many) => Ok(retried(&many).response()),
        Outcome::Replayed(stored) => answer::replayed(&stored),
    }
}

/// Cancels the waiting jobs that the filter finds.
#[utoipa::path(
    post, path = "/jobs:cancel", operation_id = "cancelJobs", tag = "jobs",
    request_body = schema::JobFilter,
    responses((status = 200, description = "What was cancelled.", body = schema::ManyJobs)),
    extensions(("x-problems" = json!(["store_not_found", "store_ambiguous"]))),
)]
pub(crate) async fn cancel_many(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    change: Change,
    params: Params,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    params.finish()?;
    change.without_condition()?;
    let key = change.key(state.app.keyring(), Some(&body));
    let query = match Filter::from_body(body)?.resolve(&state.app, &caller).await {
        Ok(query) => query,
        Err(problem) => return repeated(&state, &caller, key.as_ref(), problem).await,
    };
    let once = key.map(|key| Once {
        key,
        render: Arc::new(|many: &Many| cancelled(many).keep()),
    });
    match state.app.cancel_many(&caller, &query, once).await? {
        Outcome::Done(many) => Ok(cancelled(&many).response()),
        Outcome::Replayed(stored) => answer::replayed(&stored),
    }
}

/// A repeat may find no store, because it was deleted meanwhile.
async fn repeated(
    state: &ApiState,
    caller: &app::Caller,
    key: Option<&app::IdempotencyKey>,
    problem: Problem,
) -> Result<Response, Problem> {
    match replay::of_gone_store(state, caller, key, problem).await? {
        Earlier::Answer(stored) => answer::replayed(&stored),
        Earlier::Jobs(_) => Err(app::Denied::KeyReused.into()),
    }
}

fn retried(many: &Many) -> Stored {
    body(StatusCode::ACCEPTED, many)
}

fn cancelled(many: &Many) -> Stored {
    body(StatusCode::OK, many)
}

/// `jobs` are the new or the cancelled ones; `more` says that a repeat would find more.
fn body(status: StatusCode, many: &Many) -> Stored {
    let json =
        json!({"jobs": many.jobs, "count": many.jobs.len(), "skipped": many.skipped, "more": many.more});
    Stored::json(status, json)
}
