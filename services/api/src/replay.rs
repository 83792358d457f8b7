//! Repeats whose target is gone because their first did away with it.

use app::IdempotencyKey;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use ledger::{BackendError, IdempotencyAnswer};

use crate::answer;
use crate::problem::Problem;
use crate::state::ApiState;

/// The answer to an earlier request under `key`, if it was the same request and its answer had no body.
pub(crate) async fn bodiless(
    state: &ApiState,
    caller: &app::Caller,
    key: Option<&IdempotencyKey>,
) -> Result<Option<Response>, Problem> {
    let (Some(tenant), Some(key)) = (caller.tenant_id(), key) else { return Ok(None) };
    let record = state.app.ledger().idempotency(tenant, &key.key, state.app.now()).await;
    let record = record.map_err(|error: BackendError| Problem::from(app::Denied::from(error)))?;
    let Some(record) = record.filter(|record| record.fingerprint == key.fingerprint) else { return Ok(None) };
    match record.answer {
        IdempotencyAnswer::Response { status, body } if body.as_bytes().is_empty() => {
            let status = StatusCode::from_u16(status).map_err(Problem::internal)?;
            Ok(Some(answer::mark(status.into_response())))
        }
        IdempotencyAnswer::Response { .. } | IdempotencyAnswer::Job(_) | IdempotencyAnswer::Jobs(_) => Ok(None),
    }
}
