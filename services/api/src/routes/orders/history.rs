//! `GET …/orders/{order_id}/history`: every recorded change of an order, newest first.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::Uri;

use crate::extract::{Caller, OrderPath, Page, PageQuery, Params};
use crate::observe::Context;
use crate::openapi::{parameter, schema};
use crate::problem::Problem;
use crate::routes::stores::resolve;
use crate::state::ApiState;
use crate::view;

/// Lists what changed an order: the jobs of the tenant, and what others changed between two reads.
///
/// An entry's `at` is a time that `GET …/orders/{order_id}?at=` takes: it shows the order as the change left it.
#[utoipa::path(
    get, path = "/stores/{store_id}/orders/{order_id}/history", operation_id = "getOrderHistory", tag = "orders",
    params(parameter::Paging),
    responses((status = 200, description = "A page of changes.", body = schema::OrderChangePage, headers(("Link")))),
)]
pub(crate) async fn history(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    OrderPath { store, order }: OrderPath,
    uri: Uri,
    mut params: Params,
) -> Result<Response, Problem> {
    let page = PageQuery::take(&mut params)?;
    params.finish()?;
    let store = resolve(&state.app, &caller, &context, &store).await?;
    let found = state
        .app
        .order_history(&caller, &store, &order, page.before, page.limit)
        .await?;
    let page = Page::new(found.changes.iter().map(view::order_change).collect(), found.next);
    Ok((page.link(uri.path(), uri.query()), Json(page.body())).into_response())
}
