//! `GET /tenant/keys`: the caller's keys, never themselves.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::Uri;
use serde_json::Value;

use crate::extract::{Caller, Page, PageQuery, Params};
use crate::openapi::{parameter, schema};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::view;

/// Lists keys, newest first, those that were revoked included.
#[utoipa::path(
    get, path = "/tenant/keys", operation_id = "listKeys", tag = "tenant",
    params(parameter::Paging),
    responses((status = 200, description = "A page of keys.", body = schema::KeyPage, headers(("Link")))),
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    uri: Uri,
    mut params: Params,
) -> Result<Response, Problem> {
    let page = PageQuery::take(&mut params)?;
    params.finish()?;
    let mut keys = state.app.keys(&caller).await?;
    // Oldest first from the ledger, where the place of a key never changes: the cursor counts from there.
    let end = page
        .before
        .map_or(keys.len(), |before| usize::try_from(before).unwrap_or(usize::MAX));
    keys.truncate(end);
    let begin = keys.len().saturating_sub(page.limit as usize);
    let shown = |key: &domain::tenant::Key| {
        let mut json = view::key(key);
        json["current"] = (Some(key.id) == caller.key_id).into();
        json
    };
    let data: Vec<Value> = keys[begin..].iter().rev().map(shown).collect();
    let page = Page::new(data, (begin > 0).then_some(begin as u64));
    Ok((page.link(uri.path(), uri.query()), Json(page.body())).into_response())
}
