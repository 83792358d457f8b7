//! `DELETE /tenant`: erases the caller's tenant.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use domain::TenantId;
use http::{HeaderMap, StatusCode};

use crate::extract::{Caller, Change, OptionalJsonBody, Params};
use crate::openapi::schema;
use crate::problem::{Code, Problem};
use crate::state::ApiState;
use crate::view;

/// Begins the erasure: the keys are refused from here on, the rest follows.
#[utoipa::path(
    delete, path = "/tenant", operation_id = "eraseOwnTenant", tag = "tenant",
    params((
        "Confirm" = String, Header,
        description = "The tenant's id, which `GET /tenant` shows: what cannot be undone is asked for twice.",
    )),
    responses((status = 202, description = "It is being erased.", body = schema::TenantRow)),
    extensions(("x-problems" = json!(["tenant_not_found", "invalid_json"]))),
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    headers: HeaderMap,
    change: Change,
    params: Params,
    OptionalJsonBody(_): OptionalJsonBody,
) -> Result<Response, Problem> {
    params.finish()?;
    change.without_condition()?;
    if let Some(tenant) = caller.tenant_id() {
        confirmed(&headers, tenant)?;
    }
    let tenant = state.app.delete_tenant(&caller).await?;
    Ok((StatusCode::ACCEPTED, Json(view::tenant_row(&tenant))).into_response())
}

/// What cannot be undone is asked for twice.
fn confirmed(headers: &HeaderMap, tenant: TenantId) -> Result<(), Problem> {
    let mut values = headers.get_all("confirm").iter();
    let given = values
        .next()
        .and_then(|value| value.to_str().ok()?.trim().parse().ok());
    if given == Some(tenant) && values.next().is_none() {
        return Ok(());
    }
    Err(Problem::new(
        Code::InvalidHeader,
        "This erases the tenant for ever: send the header `Confirm` with its tenant_id, which GET /tenant shows.",
    ))
}
