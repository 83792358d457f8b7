//! `GET /jobs`: the caller's jobs, newest first.

use app::JobQuery;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::Uri;

use super::filter::Filter;
use crate::extract::{Caller, Page, PageQuery, Params};
use crate::openapi::{parameter, schema};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::view;

/// Lists jobs.
#[utoipa::path(
    get, path = "/jobs", operation_id = "listJobs", tag = "jobs",
    params(parameter::Paging, parameter::JobSearch),
    responses((status = 200, description = "A page of jobs.", body = schema::JobPage, headers(("Link")))),
    extensions(("x-problems" = json!(["store_not_found", "store_ambiguous"]))),
)]
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
