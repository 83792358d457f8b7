//! `GET …/orders/{order_id}`: the order itself.

use app::{CacheState, ReadOptions};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{AGE, CACHE_CONTROL, ETAG};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::extract::{Caller, IfNoneMatch, OrderPath, Params};
use crate::observe::Context;
use crate::problem::Problem;
use crate::routes::stores::resolve;
use crate::state::ApiState;

const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

/// Reads an order, with its strong tag; `304` if the client has it.
pub(crate) async fn read(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    OrderPath { store, order }: OrderPath,
    known: IfNoneMatch,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    params.finish()?;
    let store = resolve(&state.app, &caller, &context, &store).await?;
    let options = ReadOptions {
        no_cache: insists(&headers),
    };
    let read = state.app.read_order(&caller, &store, &order, options).await?;
    let mut response = if known.knows(read.etag.as_str()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Json(read.order.into_value()).into_response()
    };
    let headers = response.headers_mut();
    let tag = HeaderValue::from_str(read.etag.as_str()).map_err(Problem::internal)?;
    headers.insert(ETAG, tag);
    headers.insert(X_CACHE, HeaderValue::from_static(name(read.cache)));
    headers.insert(AGE, HeaderValue::from(read.age.as_secs()));
    Ok(response)
}

/// Whether the client wants no cached answer.
fn insists(headers: &HeaderMap) -> bool {
    let mut directives = headers
        .get_all(CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    directives.any(|directive| {
        let directive = directive.trim();
        directive.eq_ignore_ascii_case("no-cache") || directive.eq_ignore_ascii_case("no-store")
    })
}

fn name(cache: CacheState) -> &'static str {
    match cache {
        CacheState::Hit => "hit",
        CacheState::Miss => "miss",
        CacheState::Stale => "stale",
        CacheState::Bypass => "bypass",
    }
}
