//! `GET /audit/proof/consistency`: that the log was only added to.

use axum::Json;
use axum::extract::State;
use domain::order::FieldCode;
use serde_json::Value;

use super::{needed, number};
use crate::extract::{Caller, Params};
use crate::openapi::schema;
use crate::problem::{Field, Problem};
use crate::state::ApiState;
use crate::view;

/// Proves that the log was only added to.
///
/// The proof of RFC 9162 §2.1.4 that the tree of the first `from` events is the beginning of that of `to` events, with
/// both roots. Compare the first root with the checkpoint that you kept, and the second one with the present checkpoint.
#[utoipa::path(
    get, path = "/audit/proof/consistency", operation_id = "proveConsistency", tag = "audit",
    params(
        ("from" = u64, Query, description = "The smaller tree's size: that of a checkpoint which you kept."),
        ("to" = Option<u64>, Query, description = "The larger tree's size; that of the last checkpoint if left out."),
    ),
    responses((status = 200, description = "The proof.", body = schema::ConsistencyProof)),
    extensions(("x-problems" = json!(["not_sealed"]))),
)]
pub(crate) async fn consistency(
    State(state): State<ApiState>,
    Caller(_): Caller,
    mut params: Params,
) -> Result<Json<Value>, Problem> {
    let from = needed(&mut params, "from");
    let to = number(&mut params, "to");
    params.finish()?;
    let proof = state.app.consistency(from, to).await?;
    let Some(proof) = proof else {
        let detail = "must not be larger than the tree that it is compared with";
        let field = Field::query(FieldCode::FieldInvalid, "from", detail);
        return Err(Problem::validation(vec![field]));
    };
    Ok(Json(view::consistency(&proof)))
}
