//! `GET /tenant`: who the caller is, and how much waits.

use axum::Json;
use axum::extract::State;
use ledger::{BackendError, QueueCounts, TokenCounts};
use serde_json::Value;

use crate::extract::{Caller, Params};
use crate::openapi::schema;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::view;

/// Shows the caller's tenant.
#[utoipa::path(
    get, path = "/tenant", operation_id = "getTenant", tag = "tenant",
    responses((status = 200, description = "The tenant.", body = schema::Tenant)),
)]
pub(crate) async fn find(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    params: Params,
) -> Result<Json<Value>, Problem> {
    params.finish()?;
    let Some(id) = caller.tenant_id() else {
        return Ok(Json(view::tenant(
            None,
            0,
            QueueCounts::default(),
            TokenCounts::default(),
        )));
    };
    let ledger = state.app.ledger();
    let (tenant, stores, jobs, tokens) = tokio::try_join!(
        ledger.tenant(id),
        ledger.stores_of(id),
        ledger.tenant_queue_counts(id),
        ledger.tenant_tokens(id)
    )
    .map_err(failed)?;
    Ok(Json(view::tenant(tenant.as_ref(), stores.len(), jobs, tokens)))
}

fn failed(error: BackendError) -> Problem {
    app::Denied::from(error).into()
}
