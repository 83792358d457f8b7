//! `GET /webhook-endpoints`: who is told.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::Uri;

use crate::extract::{Caller, Page, PageQuery, Params};
use crate::openapi::{parameter, schema};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::view;

/// Lists endpoints, newest first, with how they have been doing.
#[utoipa::path(
    get, path = "/webhook-endpoints", operation_id = "listWebhookEndpoints", tag = "webhooks",
    params(parameter::Paging),
    responses((
        status = 200, description = "A page of endpoints.", body = schema::WebhookEndpointPage, headers(("Link"))
    )),
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    uri: Uri,
    mut params: Params,
) -> Result<Response, Problem> {
    let page = PageQuery::take(&mut params)?;
    params.finish()?;
    let found = state.app.endpoints(&caller, page.before, page.limit).await?;
    let page = Page::new(found.endpoints.iter().map(view::endpoint).collect(), found.next);
    Ok((page.link(uri.path(), uri.query()), Json(page.body())).into_response())
}
