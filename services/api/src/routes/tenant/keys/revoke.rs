//! `DELETE /tenant/keys/{key_id}`: a key is refused from here on, for ever.

use std::sync::Arc;

use app::{Once, Outcome};
use axum::extract::State;
use axum::response::Response;
use domain::tenant::Key;
use http::StatusCode;

use crate::answer::{self, Stored};
use crate::extract::{Caller, Change, KeyPath, OptionalJsonBody, Params};
use crate::problem::Problem;
use crate::state::ApiState;

/// Revokes a key. A repeat changes nothing.
#[utoipa::path(
    delete, path = "/tenant/keys/{key_id}", operation_id = "revokeKey", tag = "tenant",
    responses((status = 204, description = "It is revoked.")),
    extensions(("x-problems" = json!(["key_not_found", "last_key", "invalid_json"]))),
)]
pub(crate) async fn revoke(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    KeyPath(id): KeyPath,
    change: Change,
    params: Params,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<Response, Problem> {
    params.finish()?;
    change.without_condition()?;
    let once = change.key(state.app.keyring(), body.as_ref()).map(|key| Once {
        key,
        render: Arc::new(|_: &Key| gone().keep()),
    });
    match state.app.revoke_key(&caller, id, once).await? {
        Outcome::Done(_) => Ok(gone().response()),
        Outcome::Replayed(stored) => answer::replayed(&stored),
    }
}

fn gone() -> Stored {
    Stored::empty(StatusCode::NO_CONTENT)
}
