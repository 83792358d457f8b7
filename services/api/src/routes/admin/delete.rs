//! `DELETE /admin/tenants/{tenant_id}`: erases a tenant.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;

use crate::extract::{Admin, Change, OptionalJsonBody, Params, TenantPath};
use crate::observe::Context;
use crate::openapi::schema;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::view;

/// Begins the erasure. A repeat shows how far it has got.
#[utoipa::path(
    delete, path = "/admin/tenants/{tenant_id}", operation_id = "eraseTenant", tag = "admin",
    responses((status = 202, description = "It is being erased, or was.", body = schema::TenantRow)),
    extensions(("x-problems" = json!(["tenant_not_found", "invalid_json"]))),
    security(("admin_token" = [])),
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Admin(admin): Admin,
    context: Context,
    TenantPath(id): TenantPath,
    change: Change,
    params: Params,
    OptionalJsonBody(_): OptionalJsonBody,
) -> Result<Response, Problem> {
    params.finish()?;
    change.without_condition()?;
    let tenant = state.app.delete_tenant_as(&admin, id).await?;
    context.log(|fields| fields.tenant_id = Some(id.to_string()));
    Ok((StatusCode::ACCEPTED, Json(view::tenant_row(&tenant))).into_response())
}
