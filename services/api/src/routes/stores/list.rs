//! `GET /stores`: the caller's stores.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use crate::extract::{Caller, Page, PageQuery, Params};
use crate::openapi::{parameter, schema};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::view;
use axum::response::{IntoResponse as _, Response};
use http::Uri;

/// Lists stores, newest first.
#[utoipa::path(
    get, path = "/stores", operation_id = "listStores", tag = "stores",
    params(parameter::Paging),
    responses((status = 200, description = "A page of stores.", body = schema::StorePage, headers(("Link")))),
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    uri: Uri,
    mut params: Params,
) -> Result<Response, Problem> {
    let page = PageQuery::take(&mut params)?;
    params.finish()?;
    let mut stores = state.app.list_stores(&caller).await?;
    // Oldest first from the ledger, where the place of a store never changes: the cursor counts from there.
    let end = page.before.map_or(stores.len(), |before| {
        usize::try_from(before).unwrap_or(usize::MAX)
    });
    stores.truncate(end);
    let begin = stores.len().saturating_sub(page.limit as usize);
    let data: Vec<Value> = stores[begin..].iter().rev().map(view::store).collect();
    let page = Page::new(data, (begin > 0).then_some(begin as u64));
    Ok((page.link(uri.path(), uri.query()), Json(page.body())).into_response())
}
