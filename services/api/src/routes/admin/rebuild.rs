//! `POST /admin/projections/{name}:rebuild`: the views anew from the log.

use std::time::Duration;

use app::PROJECTIONS;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde_json::json;

use crate::extract::{Admin, Change, OptionalJsonBody, Params, ProjectionVerbPath};
use crate::observe::Context;
use crate::openapi::schema;
use crate::problem::{Code, Problem};
use crate::state::ApiState;

/// All projections are made anew together, whichever is named.
const ALL: &str = "all";
/// How long the answer waits for the end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes the views anew, while everybody works on: `200` when it is done, `202` if it takes longer than half a minute.
#[utoipa::path(
    post, path = "/admin/projections/{name}:rebuild", operation_id = "rebuildProjection", tag = "admin",
    params(("name" = String, Path, description = "`all`, or a projection by name; all are made anew together.")),
    responses(
        (status = 200, description = "They are anew.", body = schema::Rebuild),
        (status = 202, description = "It goes on.", body = schema::Rebuild),
    ),
    extensions(("x-problems" = json!(["projection_not_found", "rebuild_under_way", "invalid_json"]))),
    security(("admin_token" = [])),
)]
pub(crate) async fn rebuild(
    State(state): State<ApiState>,
    Admin(_): Admin,
    context: Context,
    ProjectionVerbPath(name): ProjectionVerbPath,
    change: Change,
    params: Params,
    OptionalJsonBody(_): OptionalJsonBody,
) -> Result<Response, Problem> {
    params.finish()?;
    change.without_condition()?;
    context.log(|fields| fields.route = Some("/admin/projections/{name}:rebuild"));
    if name != ALL && !PROJECTIONS.contains(&name.as_str()) {
        let detail = format!("There are {ALL} and {}.", PROJECTIONS.join(", "));
        return Err(Problem::new(Code::ProjectionNotFound, detail));
    }
    let rebuilt = tokio::time::timeout(PATIENCE, state.app.rebuild_views()).await;
    let events = rebuilt.ok().transpose()?;
    let (status, name) = match events {
        Some(_) => (StatusCode::OK, "rebuilt"),
        None => (StatusCode::ACCEPTED, "running"),
    };
    let body = json!({"status": name, "projections": PROJECTIONS, "events": events});
    Ok((status, Json(body)).into_response())
}
