//! `POST /jobs/{job_id}:retry`: submits a failed job anew, at the end of its lane.

use app::{Assume, RetryError};
use axum::Json;
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

use super::verb::Call;
use crate::extract::Shape;
use crate::openapi::{parameter, schema};
use crate::problem::{Problem, job_not_found};
use crate::routes::command::accepted;
use crate::view;

/// Retries one job.
#[utoipa::path(
    post, path = "/jobs/{job_id}:retry", operation_id = "retryJob", tag = "jobs",
    params(parameter::Waiting),
    request_body = Option<schema::RetryJob>,
    responses(schema::Retried),
    extensions(("x-problems" = json!(["job_not_failed", "job_retried", "assumption_needed", "erased", "store_deleted"]))),
)]
pub(super) async fn retry(call: Call) -> Result<Response, Problem> {
    let Call {
        state,
        caller,
        context,
        job,
        change,
        prefer,
        body,
        ..
    } = call;
    context.log(|fields| fields.route = Some("/jobs/{job_id}:retry"));
    let key = change.key(state.app.keyring(), body.as_ref());
    let assume = body.map(assume).transpose()?.flatten();
    match state.app.retry(&caller, job, assume, key).await {
        Ok(submitted) => accepted(&state, &caller, &context, submitted, prefer).await,
        // The client knows that Order Desk has the change: nothing is to be done, and that succeeds.
        Err(RetryError::NothingToRetry) => {
            let view = state.app.job(&caller, job).await?.ok_or_else(job_not_found)?;
            Ok(Json(view::job(&view)).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

fn assume(body: Value) -> Result<Option<Assume>, Problem> {
    let mut shape = Shape::of(body)?;
    let assume = shape.read("assume", "must be applied or not_applied", |value| {
        match value.as_str()? {
            "applied" => Some(Assume::Applied),
            "not_applied" => Some(Assume::NotApplied),
            _ => None,
        }
    });
    shape.finish()?;
    Ok(assume)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_assumption_is_one_of_two_words() {
        assert_eq!(assume(json!({})).unwrap(), None);
        assert_eq!(
            assume(json!({"assume": "not_applied"})).unwrap(),
            Some(Assume::NotApplied)
        );
        assert!(assume(json!({"assume": "perhaps"})).is_err());
        assert!(assume(json!({"asume": "applied"})).is_err());
    }
}
