//! `GET /stores/{store_id}/customers`: customers, derived from the newest orders that match.

use app::{CustomerSearch, Reading};
use axum::extract::State;
use axum::response::Response;
use domain::order::FieldCode;
use http::Uri;
use serde_json::value::RawValue;

use super::resolve_for_read;
use crate::extract::{Caller, Page, PageQuery, Params, StorePath};
use crate::observe::Context;
use crate::openapi::{parameter, schema};
use crate::problem::Problem;
use crate::routes::reading::Asked;
use crate::state::ApiState;

/// Finds customers, the one with the newest order first. The cursor is a place in that list, so an order that arrives
/// between two pages may repeat a customer.
#[utoipa::path(
    get, path = "/stores/{store_id}/customers", operation_id = "findCustomers", tag = "stores",
    params(parameter::Paging, parameter::CustomerSearch, parameter::Conditional),
    responses(
        (status = 200, description = "A page of customers.", body = schema::CustomerPage, headers(("ETag"), ("X-Cache"), ("Age"), ("Link"))),
        (status = 304, description = "The client has it.", headers(("ETag"), ("X-Cache"), ("Age"))),
    ),
    extensions(("x-problems" = json!(["credentials_rejected", "upstream_failed", "upstream_unavailable"]))),
)]
pub(crate) async fn customers(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    StorePath(store): StorePath,
    uri: Uri,
    asked: Asked,
    mut params: Params,
) -> Result<Response, Problem> {
    let page = PageQuery::take(&mut params)?;
    let search = take(&mut params);
    params.finish()?;
    let store = resolve_for_read(&state.app, &caller, &context, &store).await?;
    let found = state
        .app
        .find_customers(&caller, &store, &search, asked.options)
        .await?;
    let (reading, link) = cut(found, page, &uri)?;
    let mut response = asked.answer(reading)?;
    response.headers_mut().extend(link);
    Ok(response)
}

fn take(params: &mut Params) -> CustomerSearch {
    let mut search = CustomerSearch::default();
    let mut is_given = false;
    for name in CustomerSearch::PARAMETERS {
        let Some(text) = params.text(name) else { continue };
        is_given = true;
        match search.clone().with(name, &text) {
            Some(narrower) => search = narrower,
            None => params.refuse(FieldCode::FieldInvalid, name, CustomerSearch::RULE),
        }
    }
    if !is_given {
        let detail = format!("one of {} is required", CustomerSearch::PARAMETERS.join(", "));
        params.refuse(FieldCode::FieldMissing, "email", detail);
    }
    search
}

/// The page that was asked for. Its tag is that of the whole list: the page is a function of it and of the URI.
fn cut(found: Reading, page: PageQuery, uri: &Uri) -> Result<(Reading, http::HeaderMap), Problem> {
    let all: Vec<&RawValue> = serde_json::from_slice(&found.body).map_err(Problem::internal)?;
    let begin = page
        .before
        .map_or(0, |place| usize::try_from(place).unwrap_or(usize::MAX));
    let end = begin.saturating_add(page.limit as usize).min(all.len());
    let data = all.get(begin..end).unwrap_or_default().to_vec();
    let page = Page::new(data, (end < all.len() && begin < end).then_some(end as u64));
    let link = page.link(uri.path(), uri.query());
    let body = serde_json::to_vec(&page).map_err(Problem::internal)?.into();
    Ok((Reading { body, ..found }, link))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use app::CacheState;
    use serde_json::{Value, json};

    use super::*;

    fn page(of: &Value, limit: u32, begin: Option<u64>) -> Value {
        let found = Reading {
            body: of.to_string().into(),
            etag: None,
            cache: CacheState::Hit,
            age: Duration::ZERO,
        };
        let query = PageQuery { limit, before: begin };
        let (reading, _) = cut(found, query, &Uri::from_static("/customers?email=a")).unwrap();
        serde_json::from_slice(&reading.body).unwrap()
    }

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let all = json!([{"n": 1}, {"n": 2}, {"n": 3}]);
        let first = page(&all, 2, None);
        assert_eq!(first["data"], json!([{"n": 1}, {"n": 2}]));
        assert!(first["next_cursor"].is_string());
        assert_eq!(
            page(&all, 2, Some(2)),
            json!({"data": [{"n": 3}], "next_cursor": null})
        );
        assert_eq!(page(&all, 3, None)["next_cursor"], Value::Null);
        for beyond in [3, u64::MAX] {
            assert_eq!(
                page(&all, 2, Some(beyond)),
                json!({"data": [], "next_cursor": null})
            );
        }
    }
}
