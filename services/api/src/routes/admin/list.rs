//! `GET /admin/tenants`: all tenants.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::Uri;
use serde_json::Value;

use crate::extract::{Admin, Page, PageQuery, Params};
use crate::openapi::{parameter, schema};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::view;

/// Lists tenants, newest first, those that were erased included.
#[utoipa::path(
    get, path = "/admin/tenants", operation_id = "listTenants", tag = "admin",
    params(parameter::Paging),
    responses((status = 200, description = "A page of tenants.", body = schema::TenantRowPage, headers(("Link")))),
    extensions(("x-problems" = json!(["not_found"]))),
    security(("admin_token" = [])),
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Admin(_): Admin,
    uri: Uri,
    mut params: Params,
) -> Result<Response, Problem> {
    let (limit, before) = PageQuery::take_before(&mut params)?;
    params.finish()?;
    let found = state.app.tenants(before, limit).await?;
    let data: Vec<Value> = found.tenants.iter().map(view::tenant_row).collect();
    let page = Page::before(data, found.next);
    Ok((page.link(uri.path(), uri.query()), Json(page.body())).into_response())
}
