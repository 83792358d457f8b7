//! `GET /jobs/{job_id}`: one job, at its end if the client waits.

use axum::Json;
use axum::extract::State;
use domain::order::FieldCode;
use serde_json::Value;

use super::note;
use crate::extract::{Caller, JobPath, MAX_WAIT, Params};
use crate::observe::Context;
use crate::openapi::{parameter, schema};
use crate::problem::{Problem, job_not_found};
use crate::state::ApiState;
use crate::view;
use std::time::Duration;

/// Shows one job; with `?wait=30` when it has ended, or after 30 s.
#[utoipa::path(
    get, path = "/jobs/{job_id}", operation_id = "getJob", tag = "jobs",
    params(parameter::Wait),
    responses((status = 200, description = "The job.", body = schema::Job)),
)]
pub(crate) async fn find(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    JobPath(id): JobPath,
    mut params: Params,
) -> Result<Json<Value>, Problem> {
    let wait = match params.text("wait") {
        None => None,
        Some(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => {
            Some(text.parse().map_or(MAX_WAIT, Duration::from_secs).min(MAX_WAIT))
        }
        Some(_) => {
            params.refuse(
                FieldCode::FieldInvalid,
                "wait",
                "must be a whole number of seconds",
            );
            None
        }
    };
    params.finish()?;
    let found = match wait {
        None => state.app.job(&caller, id).await,
        Some(wait) => {
            let _place = state.guards.wait(caller.tenant_id())?;
            tokio::select! {
                found = state.app.wait(&caller, id, wait) => found,
                () = state.draining.cancelled() => state.app.job(&caller, id).await,
            }
        }
    };
    let view = found?.ok_or_else(job_not_found)?;
    note(&context, &view);
    Ok(Json(view::job(&view)))
}
