//! `GET /jobs`: the caller's jobs, newest first.

use app::JobQuery;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::Uri;

use super::filter::Filter;
use crate::extract::{Caller, Page, PageQuery, Params};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::view;

/// Lists jobs.
pub(crate) async fn list(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    uri: Uri,
    mut params: Params,
) -> Result<Response, Problem> {
    let page = PageQuery::take(&mut params)?;
    let filter = Filter::from_query(&mut params);
    params.finish()?;
    let query = filter.resolve(&state.app, &caller).await?;
    let query = JobQuery {
        cursor: page.before,
        limit: page.limit,
        ..query
    };
    let found = state.app.jobs(&caller, &query).await?;
    let page = Page::new(found.jobs.iter().map(view::job).collect(), found.next);
    Ok((page.link(uri.path(), uri.query()), Json(page.body())).into_response())
}
