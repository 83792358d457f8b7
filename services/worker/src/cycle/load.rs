//! Reading a batch's jobs as the ledger has them now.

use app::payload::JobBody;
use app::{Purpose, SealError};
use domain::JobId;
use domain::job::{CancelReason, Job};
use domain::order::Mutation;

use super::{Cycle, cancel, hold};
use crate::schedule::{Doubt, Finish};

/// A job with its opened body.
pub(super) struct Loaded {
    pub(super) job: Job,
    pub(super) mutation: Mutation,
}

/// What loading came to.
pub(super) enum Loading {
    /// At least one job is to be carried out; `ended` need nothing more.
    Ready { jobs: Vec<Loaded>, ended: Vec<Job> },
    /// There is nothing to carry out.
    Over(Finish),
}

/// Loads the jobs in the given order and opens their bodies.
pub(super) async fn jobs(cycle: &Cycle<'_>, ids: &[JobId]) -> Loading {
    let context = cycle.context;
    let mut rows = match context.ledger.jobs(ids).await {
        Ok(rows) => rows,
        Err(error) => {
            tracing::warn!(error = %error, "jobs could not be read");
            return Loading::Over(hold(context, cycle.plan, 1_000));
        }
    };
    cycle.subject.jobs(&rows);
    rows.sort_by_key(|job| ids.iter().position(|id| *id == job.id));
    let mut ended = Vec::new();
    let mut jobs = Vec::new();
    for job in rows {
        if job.status.is_final() {
            ended.push(job);
            continue;
        }
        if let Some(batch) = job.batch_id {
            // An intent that we do not remember writing: its outcome is unknown.
            return Loading::Over(in_doubt(cycle, batch, job).await);
        }
        let erasing = |order| job.kind.is_order() && context.erasing.has(job.store_id, order);
        if job.order_id.as_ref().is_some_and(erasing) {
            cancel(context, &job, CancelReason::Erased).await;
            continue;
        }
        match open(cycle, &job).await {
            Ok(body) => jobs.push(Loaded {
                mutation: body.mutation,
                job,
            }),
            Err(SealError::KeyGone) => {
                cancel(context, &job, CancelReason::Erased).await;
            }
            Err(error) => {
                tracing::error!(error = %error, job_id = %job.id, "a job's body cannot be opened");
                return Loading::Over(hold(context, cycle.plan, 5_000));
            }
        }
    }
    if jobs.is_empty() {
        return Loading::Over(Finish {
            jobs: ended,
            ..Finish::default()
        });
    }
    Loading::Ready { jobs, ended }
}

async fn open(cycle: &Cycle<'_>, job: &Job) -> Result<JobBody, SealError> {
    let Some(body) = &job.body else {
        return Err(SealError::KeyGone);
    };
    cycle
        .context
        .seals
        .open_json(job.tenant_id, Purpose::JobBody, job.id.0, body)
        .await
}

async fn in_doubt(cycle: &Cycle<'_>, batch: domain::BatchId, job: Job) -> Finish {
    let opened_at = match cycle.context.ledger.open_batch(batch).await {
        Ok(Some(open)) => open.opened_at,
        Ok(None) => {
            return Finish {
                jobs: vec![job],
                ..Finish::default()
            };
        }
        Err(_) => return hold(cycle.context, cycle.plan, 1_000),
    };
    let not_before = cycle.settled_at(opened_at);
    Finish {
        jobs: vec![job],
        doubt: Some(Doubt { batch, not_before }),
        ..Finish::default()
    }
}
