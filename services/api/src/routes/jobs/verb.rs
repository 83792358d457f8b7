//! `POST /jobs/{job_id}:verb`: one route, since a path segment takes but one parameter.

use axum::extract::State;
use axum::response::Response;

use super::{cancel, retry, revert};
use crate::extract::{Caller, Change, JobVerb, JobVerbPath, OptionalJsonBody, Options, Params, Prefer};
use crate::observe::Context;
use crate::problem::Problem;
use crate::state::ApiState;

/// A call about one job.
pub(super) struct Call {
    pub(super) state: ApiState,
    pub(super) caller: app::Caller,
    pub(super) context: Context,
    pub(super) job: domain::JobId,
    pub(super) change: Change,
    pub(super) prefer: Prefer,
    pub(super) options: Options,
    pub(super) body: Option<serde_json::Value>,
}

/// Cancels, retries or reverts.
#[expect(clippy::too_many_arguments, reason = "each is an extractor")]
pub(crate) async fn verb(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    JobVerbPath { job, verb }: JobVerbPath,
    change: Change,
    prefer: Prefer,
    mut params: Params,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<Response, Problem> {
    // A revert is a command on an order, with the options of one.
    let options = match verb {
        JobVerb::Revert => Options::from_query(&mut params),
        JobVerb::Cancel | JobVerb::Retry => {
            change.without_condition()?;
            Options::from_query(&mut Params::default())
        }
    };
    params.finish()?;
    context.log(|fields| fields.job_id = Some(job.to_string()));
    let call = Call {
        state,
        caller,
        context,
        job,
        change,
        prefer,
        options,
        body,
    };
    match verb {
        JobVerb::Cancel => cancel::cancel(call).await,
        JobVerb::Retry => retry::retry(call).await,
        JobVerb::Revert => revert::revert(call).await,
    }
}
