//! `POST /jobs/{job_id}:revert`: queues the command that takes a job's change back.

use app::{Earlier, Submission, Submitted};
use axum::response::Response;
use domain::order::CommandKind;

use super::verb::Call;
use crate::answer;
use crate::extract::Shape;
use crate::openapi::{parameter, schema};
use crate::problem::Problem;
use crate::routes::command::{accepted, submission, submit, try_out};

/// Reverts one job.
///
/// The new job is an `order.mutate` with the inverse of the job's `result.patch`, guarded by `test` operations: where
/// the order has changed in the same places since, it fails with `test_failed` and touches nothing; all other changes
/// stay. Its `revert_of` names the job. A revert can be reverted.
#[utoipa::path(
    post, path = "/jobs/{job_id}:revert", operation_id = "revertJob", tag = "jobs",
    params(parameter::Command),
    responses(schema::Accepted),
    extensions(("x-problems" = json!(["invalid_json", "job_not_finished", "not_revertible", "erased", "store_deleted", "order_not_found", "precondition_failed", "patch_not_applicable", "test_failed", "folder_not_found", "callback_secret_missing", "credentials_rejected", "upstream_failed", "upstream_unavailable"]))),
)]
pub(super) async fn revert(call: Call) -> Result<Response, Problem> {
    let Call {
        state,
        caller,
        context,
        job,
        change,
        prefer,
        options,
        body,
    } = call;
    context.log(|fields| fields.route = Some("/jobs/{job_id}:revert"));
    let key = change.key(state.app.keyring(), body.as_ref());
    if let Some(body) = body {
        Shape::of(body)?.finish()?;
    }
    let revert = match state.app.revert(&caller, job).await {
        Ok(revert) => revert,
        // What a first call led to stays its answer, whatever became of the reverted job's data.
        Err(error) => {
            let earlier = match &key {
                Some(key) => state.app.idempotent_lookup(&caller, key).await?,
                None => None,
            };
            return match earlier {
                Some(Earlier::Jobs(jobs)) => {
                    let submitted = Submitted { jobs, replayed: true };
                    accepted(&state, &caller, &context, submitted, prefer).await
                }
                Some(Earlier::Answer(stored)) => answer::replayed(&stored),
                None => Err(error.into()),
            };
        }
    };
    let submission = Submission {
        if_match: change.if_match().0.clone(),
        revert_of: Some(job),
        ..submission(
            CommandKind::OrderMutate,
            Some(revert.order_id),
            revert.body,
            &options,
        )
    };
    if options.dry_run {
        return try_out(&state, &caller, &revert.store, &submission).await;
    }
    submit(&state, &caller, &context, &revert.store, submission, key, prefer).await
}
