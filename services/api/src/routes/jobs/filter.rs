//! Which jobs are meant: query parameters of the list, members of the body of calls for many.

use app::{App, FindStoreError, JobQuery};
use domain::job::JobStatus;
use domain::order::CommandKind;
use domain::{OrderId, StoreId, Timestamp};
use serde_json::Value;

use crate::extract::{Params, Shape};
use crate::problem::Problem;

const STATUS: &str = "must be of queued, running, retrying, succeeded, failed, cancelled";
const KIND: &str = "must be a kind of command such as order.add_note";
const ORDER: &str = "must be 1 to 20 digits";
const TIME: &str = "must be an RFC 3339 timestamp such as 2026-01-31T12:00:00Z";

/// A filter whose store is yet to be looked up.
#[derive(Debug)]
pub(super) struct Filter {
    store: Option<String>,
    query: JobQuery,
}

impl Filter {
    /// Takes the query parameters.
    pub(super) fn from_query(params: &mut Params) -> Self {
        let store = params.text("store_id");
        let order_id = params.parsed::<OrderId>("order_id");
        let status = params.all("status").join(",");
        let status = if status.is_empty() {
            Some(Vec::new())
        } else {
            statuses(&status)
        };
        if status.is_none() {
            params.refuse(domain::order::FieldCode::FieldInvalid, "status", STATUS);
        }
        let query = JobQuery {
            order_id,
            status: status.unwrap_or_default(),
            kind: params.read("kind", KIND, |text| text.parse().ok()),
            from: params.parsed("from"),
            to: params.parsed("to"),
            ..JobQuery::default()
        };
        Self { store, query }
    }

    /// Reads a body.
    pub(super) fn from_body(body: Value) -> Result<Self, Problem> {
        let mut shape = Shape::of(body)?;
        let store = shape.text("store_id");
        let query = JobQuery {
            order_id: shape.read("order_id", ORDER, |value| value.as_str()?.parse::<OrderId>().ok()),
            status: shape.read("status", STATUS, status_value).unwrap_or_default(),
            kind: shape.read("kind", KIND, |value| value.as_str()?.parse::<CommandKind>().ok()),
            from: shape.read("from", TIME, |value| value.as_str()?.parse::<Timestamp>().ok()),
            to: shape.read("to", TIME, |value| value.as_str()?.parse::<Timestamp>().ok()),
            ..JobQuery::default()
        };
        shape.finish()?;
        Ok(Self { store, query })
    }

    /// Looks the store up.
    pub(super) async fn resolve(self, app: &App, caller: &app::Caller) -> Result<JobQuery, Problem> {
        let Some(name) = self.store else {
            return Ok(self.query);
        };
        let store_id = store_meant(app, caller, &name).await?;
        Ok(JobQuery {
            store_id: Some(store_id),
            ..self.query
        })
    }
}

/// The store that a filter names. A deleted one is found by our id alone.
pub(crate) async fn store_meant(app: &App, caller: &app::Caller, name: &str) -> Result<StoreId, Problem> {
    match app.find_store(caller, name).await {
        Ok(store) => Ok(store.id),
        Err(FindStoreError::NotFound) if name.parse::<StoreId>().is_ok() => {
            name.parse().map_err(Problem::internal)
        }
        Err(error) => Err(error.into()),
    }
}

fn statuses(text: &str) -> Option<Vec<JobStatus>> {
    text.split(',').map(|one| JobStatus::parse(one.trim())).collect()
}

/// One status or a list of them.
fn status_value(value: &Value) -> Option<Vec<JobStatus>> {
    match value {
        Value::String(text) => statuses(text),
        Value::Array(list) => list.iter().map(|one| JobStatus::parse(one.as_str()?)).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn query_and_body_say_the_same() {
        let mut params = Params::parse("status=failed,cancelled&status=queued&kind=order.delete&order_id=7");
        let query = Filter::from_query(&mut params).query;
        params.finish().unwrap();
        let body =
            json!({"status": ["failed", "cancelled", "queued"], "kind": "order.delete", "order_id": "7"});
        let body = Filter::from_body(body).unwrap().query;
        assert_eq!(
            (query.status, query.kind, query.order_id),
            (body.status, body.kind, body.order_id)
        );
    }

    #[test]
    fn a_misspelt_filter_is_refused_rather_than_matching_everything() {
        for body in [
            json!({"stauts": "failed"}),
            json!({"status": "fialed"}),
            json!({"order_id": 7}),
            json!([]),
        ] {
            assert!(Filter::from_body(body).is_err());
        }
        let mut params = Params::parse("status=fialed");
        let _ = Filter::from_query(&mut params);
        assert!(params.finish().is_err());
    }
}
