//! `GET /audit/proof/inclusion`: that an event of the caller is in the log.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::{needed, number};
use crate::extract::{Caller, Params};
use crate::openapi::schema;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::view;

/// Proves that an event is in the log.
///
/// The path of RFC 9162 §2.1.3 from the event's leaf to the root of the tree that was signed last, or of the tree of
/// `size` events. Only the tenant's own positions can be asked for; the hashes on the path say nothing about others.
#[utoipa::path(
    get, path = "/audit/proof/inclusion", operation_id = "proveInclusion", tag = "audit",
    params(
        ("position" = u64, Query, description = "The event's position in the log."),
        ("size" = Option<u64>, Query, description = "The tree's size; that of the last checkpoint if left out."),
    ),
    responses((status = 200, description = "The proof.", body = schema::InclusionProof)),
    extensions(("x-problems" = json!(["position_not_found", "not_sealed"]))),
)]
pub(crate) async fn inclusion(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    mut params: Params,
) -> Result<Json<Value>, Problem> {
    let position = needed(&mut params, "position");
    let size = number(&mut params, "size");
    params.finish()?;
    let proof = state.app.inclusion(&caller, position, size).await?;
    Ok(Json(view::inclusion(&proof)))
}
