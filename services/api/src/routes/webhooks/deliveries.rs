//! `GET /webhook-endpoints/{endpoint_id}/deliveries`: what was told, and how that went.

use app::DeliveryQuery;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::Uri;

use crate::extract::{Caller, EndpointPath, Page, PageQuery, Params};
use crate::openapi::{parameter, schema};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::view;

/// Lists deliveries, that of the newest event first, with the last attempts at each: status, latency and the first 2 KB
/// of the answer.
#[utoipa::path(
    get, path = "/webhook-endpoints/{endpoint_id}/deliveries", operation_id = "listWebhookDeliveries", tag = "webhooks",
    params(parameter::DeliverySearch, parameter::Paging),
    responses((
        status = 200, description = "A page of deliveries.", body = schema::WebhookDeliveryPage, headers(("Link"))
    )),
)]
pub(crate) async fn deliveries(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    EndpointPath(id): EndpointPath,
    uri: Uri,
    mut params: Params,
) -> Result<Response, Problem> {
    let page = PageQuery::take(&mut params)?;
    let query = DeliveryQuery {
        state: params.parsed("status"),
        before: page.before,
        limit: page.limit,
    };
    params.finish()?;
    let found = state.app.deliveries(&caller, id, query).await?;
    let page = Page::new(found.deliveries.iter().map(view::delivery).collect(), found.next);
    Ok((page.link(uri.path(), uri.query()), Json(page.body())).into_response())
}
