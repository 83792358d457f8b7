//! Repeats whose store is gone meanwhile: they find what their first led to all the same.

use app::{Earlier, IdempotencyKey};

use crate::problem::{Code, Problem};
use crate::state::ApiState;

/// What an earlier request under `key` led to, if `problem` says that there is no such store any more.
///
/// # Errors
/// `problem`, if there was no such request.
pub(crate) async fn of_gone_store(
    state: &ApiState,
    caller: &app::Caller,
    key: Option<&IdempotencyKey>,
    problem: Problem,
) -> Result<Earlier, Problem> {
    match key {
        Some(key) if problem.code() == Code::StoreNotFound => {
            state.app.idempotent_lookup(caller, key).await?.ok_or(problem)
        }
        Some(_) | None => Err(problem),
    }
}
