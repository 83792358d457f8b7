//! What all commands to Order Desk have in common: they are tried, or submitted and answered with their job.

use std::time::Duration;

use app::{Earlier, JobView, QueuePlace, Submission, Submitted};
use axum::Json;
use axum::response::{IntoResponse as _, Response};
use domain::OrderId;
use domain::job::Job;
use domain::order::CommandKind;
use domain::store::Store;
use http::header::LOCATION;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::stores::resolve;
use crate::answer;
use crate::extract::{CommandRequest, Options, Prefer};
use crate::observe::Context;
use crate::problem::{Code, Place, Problem, dry_run_problem};
use crate::replay;
use crate::state::ApiState;
use crate::view;

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// What a command does to what.
pub(crate) struct Target<'a> {
    /// What it does.
    pub(crate) kind: CommandKind,
    /// The store, as the path names it.
    pub(crate) store: &'a str,
    /// The order or item; none for creates.
    pub(crate) id: Option<OrderId>,
}

/// Tries or submits one command.
pub(crate) async fn run(
    state: &ApiState,
    caller: &app::Caller,
    context: &Context,
    target: Target<'_>,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let CommandRequest {
        change,
        prefer,
        options,
        body,
    } = request;
    let key = change.key(state.app.keyring(), Some(&body));
    let dry_run = options.dry_run;
    let store = match resolve(&state.app, caller, context, target.store).await {
        Ok(store) => store,
        Err(problem) => {
            return match replay::of_gone_store(state, caller, key.as_ref(), problem).await? {
                Earlier::Jobs(jobs) => {
                    let submitted = Submitted { jobs, replayed: true };
                    accepted(state, caller, context, submitted, prefer).await
                }
                Earlier::Answer(stored) => answer::replayed(&stored),
            };
        }
    };
    let submission = Submission {
        if_match: change.if_match().0.clone(),
        ..submission(target.kind, target.id, body, &options)
    };
    if dry_run {
        return try_out(state, caller, &store, &submission).await;
    }
    submit(state, caller, context, &store, submission, key, prefer).await
}

/// Shows what a command would do.
pub(crate) async fn try_out(
    state: &ApiState,
    caller: &app::Caller,
    store: &Store,
    submission: &Submission,
) -> Result<Response, Problem> {
    let is_order = submission.kind.is_order();
    let run = state.app.dry_run(caller, store, submission).await;
    Ok(tried(&run.map_err(|error| dry_run_problem(error, is_order))?))
}

/// Submits a command and answers with its job.
pub(crate) async fn submit(
    state: &ApiState,
    caller: &app::Caller,
    context: &Context,
    store: &Store,
    submission: Submission,
    key: Option<app::IdempotencyKey>,
    prefer: Prefer,
) -> Result<Response, Problem> {
    let submitted = state.app.submit(caller, store, vec![submission], key).await;
    accepted(
        state,
        caller,
        context,
        submitted.map_err(|error| Place::Alone.problem(error))?,
        prefer,
    )
    .await
}

/// A command with its options.
pub(crate) fn submission(
    kind: CommandKind,
    id: Option<OrderId>,
    body: Value,
    options: &Options,
) -> Submission {
    Submission {
        priority: options.priority,
        run_at: options.run_at,
        strict: options.strict,
        callback_url: options.callback_url.clone(),
        ..Submission::new(kind, id, body)
    }
}

fn tried(run: &app::DryRun) -> Response {
    Json(json!({
        "dry_run": true,
        "before": run.before,
        "after": run.after,
        "patch": run.patch,
        "etag_before": run.etag_before,
        "etag_after": run.etag_after,
        "pending": run.pending,
    }))
    .into_response()
}

/// Answers with the one job that was accepted, or found again: `202`, or `200` if the client wanted to wait and
/// the job has ended.
///
/// From here on nothing may fail: the job is accepted.
pub(crate) async fn accepted(
    state: &ApiState,
    caller: &app::Caller,
    context: &Context,
    submitted: Submitted,
    prefer: Prefer,
) -> Result<Response, Problem> {
    let Submitted { jobs, replayed } = submitted;
    let Some(job) = jobs.into_iter().next() else {
        // The record of the key outlives nothing but an erased tenant.
        return Err(Problem::new(
            Code::JobNotFound,
            "The job of this Idempotency-Key is gone.",
        ));
    };
    context.log(|fields| fields.job_id = Some(job.id.to_string()));
    let place = prefer
        .wait
        .and_then(|_| state.guards.wait(Some(job.tenant_id)).ok());
    let prefer = Prefer {
        // The job is accepted, so where too many wait the preference is not honoured, as RFC 7240 §2 allows.
        wait: prefer.wait.filter(|_| place.is_some()),
        ..prefer
    };
    let view = match prefer.wait {
        Some(wait) => waited(state, caller, job, wait).await,
        None => present(state, caller, job, replayed).await,
    };
    drop(place);
    let ended = view.job.status.is_final();
    let status = if prefer.wait.is_some() && ended {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    let mut response = (status, Json(view::job(&view))).into_response();
    let location = HeaderValue::from_str(&view::job_path(&view.job)).map_err(Problem::internal)?;
    response.headers_mut().insert(LOCATION, location);
    apply(&mut response, prefer, ended);
    Ok(if replayed {
        answer::mark(response)
    } else {
        response
    })
}

/// The job as it is, without waiting.
async fn present(state: &ApiState, caller: &app::Caller, job: Job, replayed: bool) -> JobView {
    // A job found again may have moved and have results; a new one only has its place.
    if replayed && let Ok(Some(view)) = state.app.job(caller, job.id).await {
        return view;
    }
    let ahead = state.app.ledger().jobs_ahead(&job).await.ok();
    JobView {
        queue: ahead.map(|ahead| QueuePlace { ahead, eta: None }),
        ..bare(job)
    }
}

/// The job at its end, or as it is when `wait` has passed or the process drains.
pub(crate) async fn waited(state: &ApiState, caller: &app::Caller, job: Job, wait: Duration) -> JobView {
    let seen = tokio::select! {
        seen = state.app.wait(caller, job.id, wait) => seen,
        () = state.draining.cancelled() => state.app.job(caller, job.id).await,
    };
    match seen {
        Ok(Some(view)) => view,
        Ok(None) | Err(_) => bare(job),
    }
}

/// A job of which nothing more is known.
pub(crate) fn bare(job: Job) -> JobView {
    JobView {
        job,
        patch: None,
        differences: Vec::new(),
        upstream_message: None,
        queue: None,
    }
}

/// Adds `Preference-Applied`.
pub(crate) fn apply(response: &mut Response, prefer: Prefer, ended: bool) {
    if let Some(applied) = prefer.applied(ended) {
        response.headers_mut().insert(PREFERENCE_APPLIED, applied);
    }
}
