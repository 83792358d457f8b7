//! `DELETE /stores/{store_id}`: takes a store away; its worker ends its jobs and destroys its credentials.

use std::sync::Arc;

use app::{Earlier, Once, Outcome};
use axum::extract::State;
use axum::response::Response;
use domain::store::Store;
use http::StatusCode;

use super::resolve;
use crate::answer::{self, Stored};
use crate::extract::{Caller, Change, OptionalJsonBody, Params, StorePath};
use crate::observe::Context;
use crate::problem::Problem;
use crate::replay;
use crate::state::ApiState;

/// Asks for the deletion.
#[utoipa::path(
    delete, path = "/stores/{store_id}", operation_id = "deleteStore", tag = "stores",
    responses((status = 204, description = "It is gone for its tenant.")),
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    StorePath(name): StorePath,
    change: Change,
    params: Params,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<Response, Problem> {
    params.finish()?;
    change.without_condition()?;
    let key = change.key(state.app.keyring(), body.as_ref());
    let store = match resolve(&state.app, &caller, &context, &name).await {
        Ok(store) => store,
        // A repeat may find no store, because its first or another call did away with it.
        Err(problem) => {
            return match replay::of_gone_store(&state, &caller, key.as_ref(), problem).await? {
                Earlier::Answer(stored) => answer::replayed(&stored),
                Earlier::Jobs(_) => Err(app::Denied::KeyReused.into()),
            };
        }
    };
    let once = key.map(|key| Once {
        key,
        render: Arc::new(|_: &Store| gone().keep()),
    });
    match state.app.delete_store(&caller, &store, once).await? {
        Outcome::Done(_) => Ok(gone().response()),
        Outcome::Replayed(stored) => answer::replayed(&stored),
    }
}

fn gone() -> Stored {
    Stored::empty(StatusCode::NO_CONTENT)
}
