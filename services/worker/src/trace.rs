//! One trace from the request through the job to the calls of Order Desk.
//!
//! Each job of a cycle gets a span below that of the request which asked for it. The batch is below its first job and
//! linked to the others, so that the shared calls are found from every one of them.

use std::sync::Arc;

use domain::JobId;
use domain::job::{Job, JobStatus};
use futures::StreamExt as _;
use ledger::Stream;
use runtime::telemetry::trace::{self, TRACE};
use tracing::Span;
use tracing::field::Empty;

use crate::context::Context;
use crate::schedule::{Finish, Plan, Work};

/// Jobs of a batch that are traced; the ledger is asked for the beginning of each.
const MOST: usize = 32;
/// Questions to the ledger at once.
const AT_ONCE: usize = 8;

/// The spans of a cycle; none if traces are not wanted.
pub(crate) struct Spans {
    jobs: Vec<(JobId, Span)>,
    /// The batch's own, under which it is carried out.
    pub(crate) batch: Span,
}

impl Spans {
    /// Begins them.
    pub(crate) async fn begin(context: &Arc<Context>, plan: &Plan) -> Self {
        if !trace::is_on() {
            return Self {
                jobs: Vec::new(),
                batch: Span::none(),
            };
        }
        let (work, ids) = match &plan.work {
            Work::Change(ids) => ("run", ids.clone()),
            Work::Judge(batch) => {
                let open = context.ledger.open_batch(*batch).await.ok().flatten();
                ("judge", open.map(|open| open.jobs).unwrap_or_default())
            }
        };
        let count = ids.len();
        let origins = futures::stream::iter(ids.into_iter().take(MOST))
            .map(|id| async move { (id, origin(context, id).await) })
            .buffered(AT_ONCE);
        let jobs: Vec<(JobId, Span)> = origins.map(|(id, origin)| (id, job(id, origin))).collect().await;
        let parent = jobs.first().map_or_else(Span::none, |(_, span)| span.clone());
        let batch = tracing::info_span!(
            target: TRACE,
            parent: &parent,
            "job.batch.run",
            otel.name = format_args!("job.batch.{work}"),
            job.count = count,
            lane = %plan.lane,
        );
        for (_, job) in jobs.iter().skip(1) {
            trace::link(&batch, job);
        }
        Self { jobs, batch }
    }

    /// Ends them.
    pub(crate) fn end(self, finish: &Finish) {
        for (id, span) in &self.jobs {
            if let Some(job) = finish.jobs.iter().find(|job| job.id == *id) {
                tell(span, job);
            }
        }
    }
}

/// The trace context of the request that asked for a job.
async fn origin(context: &Context, id: JobId) -> Option<String> {
    let first = context.ledger.stream_after(&Stream::Job(id), 0, 1).await.ok()?;
    first.first()?.meta().traceparent
}

fn job(id: JobId, origin: Option<String>) -> Span {
    let span = tracing::info_span!(
        target: TRACE,
        parent: None,
        "job.command.run",
        otel.kind = "consumer",
        otel.status_code = Empty,
        job.id = %id,
        job.kind = Empty,
        job.status = Empty,
        job.attempts = Empty,
        request.id = Empty,
        "error.type" = Empty,
    );
    if let Some(origin) = origin {
        trace::continue_from(&span, &origin);
    }
    span
}

fn tell(span: &Span, job: &Job) {
    span.record("job.kind", job.kind.as_str());
    span.record("job.status", job.status.as_str());
    span.record("job.attempts", job.attempts);
    span.record("request.id", tracing::field::display(&job.request_id));
    if let Some(error) = &job.error {
        span.record("error.type", error.code.as_str());
    }
    if job.status == JobStatus::Failed {
        span.record("otel.status_code", "ERROR");
    }
}
