//! `POST /jobs/{job_id}:cancel`: ends a job whose change is not on its way yet.

use std::sync::Arc;

use app::{JobView, Once, Outcome};
use axum::response::Response;
use http::StatusCode;

use super::note;
use super::verb::Call;
use crate::answer::{self, Stored};
use crate::extract::Shape;
use crate::openapi::schema;
use crate::problem::Problem;
use crate::view;

/// Cancels one job.
#[utoipa::path(
    post, path = "/jobs/{job_id}:cancel", operation_id = "cancelJob", tag = "jobs",
    responses((status = 200, description = "The job, cancelled.", body = schema::Job)),
    extensions(("x-problems" = json!(["invalid_json", "job_running", "job_finished"]))),
)]
pub(super) async fn cancel(call: Call) -> Result<Response, Problem> {
    let Call {
        state,
        caller,
        context,
        job,
        change,
        body,
        ..
    } = call;
    context.log(|fields| fields.route = Some("/jobs/{job_id}:cancel"));
    let key = change.key(state.app.keyring(), body.as_ref());
    if let Some(body) = body {
        Shape::of(body)?.finish()?;
    }
    let once = key.map(|key| Once {
        key,
        render: Arc::new(|view: &JobView| cancelled(view).keep()),
    });
    match state.app.cancel(&caller, job, once).await? {
        Outcome::Done(view) => {
            note(&context, &view);
            Ok(cancelled(&view).response())
        }
        Outcome::Replayed(stored) => answer::replayed(&stored),
    }
}

fn cancelled(view: &JobView) -> Stored {
    Stored::json(StatusCode::OK, view::job(view))
}
