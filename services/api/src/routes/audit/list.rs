//! `GET /audit`: what the tenant did and what came of it, newest first.

use app::AuditQuery;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use domain::event::Event;
use domain::{JobId, KeyId};
use http::Uri;
use ledger::audit::Actor;

use crate::extract::{Caller, Page, PageQuery, Params};
use crate::openapi::{parameter, schema};
use crate::problem::Problem;
use crate::routes::jobs::store_meant;
use crate::state::ApiState;
use crate::view;

const TYPE: &str = "must be one of the types that the OpenAPI document lists, such as job.submitted.v1";
const ACTOR: &str = "must be the id of a key or an IP address";
const JOB: &str = "must be the id of a job";

/// Shows the audit log.
///
/// Every event of the tenant, with who asked for it and from where; reads of personal data and refused log-ins are
/// among them. `tenant_position` counts without gaps from 1. A cursor stands for a position: whatever is recorded
/// meanwhile, the pages behind it stay as they are.
///
/// A page may hold fewer entries than `limit`, even none, although there are more: `next_cursor` is null on the last.
#[utoipa::path(
    get, path = "/audit", operation_id = "listAudit", tag = "audit",
    params(parameter::Paging, parameter::AuditSearch),
    responses((status = 200, description = "A page of entries.", body = schema::AuditPage, headers(("Link")))),
    extensions(("x-problems" = json!(["store_not_found", "store_ambiguous"]))),
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    uri: Uri,
    mut params: Params,
) -> Result<Response, Problem> {
    let page = PageQuery::take(&mut params)?;
    let store = params.text("store_id");
    let query = AuditQuery {
        store_id: None,
        order_id: params.parsed("order_id"),
        job_id: params.read("job_id", JOB, |text| text.parse::<JobId>().ok()),
        actor: params.read("actor", ACTOR, actor),
        type_name: params.read("type", TYPE, |text| {
            Event::TYPES.iter().copied().find(|name| *name == text)
        }),
        from: params.parsed("from"),
        to: params.parsed("to"),
        cursor: page.before,
        limit: page.limit,
    };
    params.finish()?;
    let query = AuditQuery {
        store_id: match store {
            Some(name) => Some(store_meant(&state.app, &caller, &name).await?),
            None => None,
        },
        ..query
    };
    let found = state.app.audit(&caller, &query).await?;
    let page = Page::new(found.entries.iter().map(view::audit_entry).collect(), found.next);
    Ok((page.link(uri.path(), uri.query()), Json(page.body())).into_response())
}

fn actor(text: &str) -> Option<Actor> {
    let key = || text.parse::<KeyId>().ok().map(Actor::Key);
    text.parse().ok().map(Actor::Address).or_else(key)
}
