//! `GET /audit/checkpoint`: the signed head of the log.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use crate::extract::{Caller, Params};
use crate::problem::Problem;
use crate::state::ApiState;

/// Shows the last checkpoint.
///
/// A signed note (C2SP `tlog-checkpoint`): the log's name, the number of its events, the root of the Merkle tree over
/// them (RFC 9162), and a signature with one of the keys of `/audit/keys`. Keep one now and then: a later consistency
/// proof shows that nothing before it was changed.
#[utoipa::path(
    get, path = "/audit/checkpoint", operation_id = "getCheckpoint", tag = "audit",
    responses((status = 200, description = "The signed note.", body = String, content_type = "text/plain")),
    extensions(("x-problems" = json!(["not_sealed"]))),
)]
pub(crate) async fn checkpoint(
    State(state): State<ApiState>,
    Caller(_): Caller,
    params: Params,
) -> Result<Response, Problem> {
    params.finish()?;
    let head = state.app.checkpoint().await?;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    Ok(([(CONTENT_TYPE, kind)], head.note).into_response())
}
