//! `POST /admin/projections/{name}:rebuild`: the views anew from the log.

use app::PROJECTIONS;
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde_json::json;
use std::time::Duration;

use crate::extract::{Admin, Params, part, split_verb, unknown_verb};
use crate::observe::Context;
use crate::problem::{Code, Problem};
use crate::state::ApiState;

/// All projections are made anew together, whichever is named.
const ALL: &str = "all";
/// How long the answer waits for the end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes the views anew, while everybody works on: `200` when it is done, `202` if it takes longer than half a minute.
pub(crate) async fn rebuild(
    State(state): State<ApiState>,
    Admin(_): Admin,
    context: Context,
    params: Params,
    request: Request,
) -> Result<Response, Problem> {
    params.finish()?;
    let (mut parts, _) = request.into_parts();
    let last = part(&mut parts, &state, "projection").await?;
    let (name, verb) = split_verb(&last);
    if verb != Some("rebuild") {
        return Err(unknown_verb());
    }
    context.log(|fields| fields.route = Some("/admin/projections/{name}:rebuild"));
    if name != ALL && !PROJECTIONS.contains(&name) {
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
