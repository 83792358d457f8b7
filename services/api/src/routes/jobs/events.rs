//! `GET /jobs/{job_id}/events`, `GET /jobs/events`: what becomes of jobs, as it happens.

use app::Following;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;

use super::filter::Filter;
use crate::extract::{Caller, JobPath, LastEventId, Params};
use crate::observe::Context;
use crate::openapi::{parameter, schema};
use crate::problem::{Problem, job_not_found};
use crate::state::ApiState;
use crate::stream::tell;

/// Tells of one job: its present state, or what came after the last event that the client saw, and then each change
/// up to the end. `204` if the client has seen the end: by that an `EventSource` stops asking.
#[utoipa::path(
    get, path = "/jobs/{job_id}/events", operation_id = "followJob", tag = "jobs",
    params(parameter::Following),
    responses(
        (status = 200, description = "`id:` a ledger position, `event: job.<status>`, `data:` the job.", body = schema::JobEvent, content_type = "text/event-stream"),
        (status = 204, description = "The client has seen the end."),
    ),
    extensions(("x-problems" = json!(["not_acceptable", "invalid_header"]))),
)]
pub(crate) async fn events_of_one(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    JobPath(id): JobPath,
    LastEventId(after): LastEventId,
    params: Params,
) -> Result<Response, Problem> {
    params.finish()?;
    let place = state.guards.wait(caller.tenant_id())?;
    let following = state.app.follow_job(&caller, id, after).await?;
    let following = following.ok_or_else(job_not_found)?;
    context.log(|fields| fields.job_id = Some(id.to_string()));
    Ok(match following {
        Following::Open(follow) => tell(&state, *follow, false, place),
        Following::Over => StatusCode::NO_CONTENT.into_response(),
    })
}

/// Tells of all of the caller's jobs, or of those that the filter means: what came after the last event that the
/// client saw, else from now on.
#[utoipa::path(
    get, path = "/jobs/events", operation_id = "followJobs", tag = "jobs",
    params(parameter::JobSearch, parameter::Following),
    responses(
        (status = 200, description = "`id:` a ledger position, `event: job.<status>`, `data:` the job.", body = schema::JobEvent, content_type = "text/event-stream"),
    ),
    extensions(("x-problems" = json!(["not_acceptable", "invalid_header", "store_not_found", "store_ambiguous"]))),
)]
pub(crate) async fn events_of_all(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    LastEventId(after): LastEventId,
    mut params: Params,
) -> Result<Response, Problem> {
    let filter = Filter::from_query(&mut params);
    params.finish()?;
    let query = filter.resolve(&state.app, &caller).await?;
    let place = state.guards.wait(caller.tenant_id())?;
    let follow = state.app.follow_jobs(&caller, &query, after).await?;
    Ok(tell(&state, follow, true, place))
}
