//! Where a judgement ends without a look at Order Desk, or is put off.

use std::time::Duration;

use app::Sealer;
use domain::batch::BatchOutcome;
use domain::job::{ErrorCode, Job, JobError};
use domain::{BatchId, OrderId};

use crate::cycle::batch_plan::BatchPlan;
use crate::cycle::failure::Fate;
use crate::cycle::{Cycle, mover};
use crate::schedule::{Doubt, Finish};

/// A batch that stays in doubt keeps its jobs as they are.
pub(super) fn with_rows(mut finish: Finish, rows: Vec<Job>) -> Finish {
    if finish.jobs.is_empty() && finish.doubt.is_some() {
        finish.jobs = rows;
    }
    finish
}

pub(super) fn later(cycle: &Cycle<'_>, batch: BatchId, wait: Duration) -> Finish {
    let not_before = cycle.context.now().at.plus(wait);
    Finish {
        doubt: Some(Doubt { batch, not_before }),
        ..Finish::default()
    }
}

/// The lane's open jobs, whatever became of the batch.
pub(super) async fn reload(cycle: &Cycle<'_>) -> Finish {
    let jobs = match cycle
        .context
        .ledger
        .open_jobs_of_store(cycle.plan.store_id, 10_000)
        .await
    {
        Ok(jobs) => jobs
            .into_iter()
            .filter(|job| job.lane == cycle.plan.lane)
            .collect(),
        Err(_) => Vec::new(),
    };
    Finish {
        jobs,
        ..Finish::default()
    }
}

pub(super) async fn close_empty(cycle: &mut Cycle<'_>, id: BatchId) -> Finish {
    let Some(mut writing) = cycle.writing() else {
        return Finish::default();
    };
    writing.close_batch(cycle, id, BatchOutcome::Unclear, false);
    cycle.commit(writing, &[], None).await
}

pub(super) async fn unreadable(cycle: &mut Cycle<'_>, id: BatchId, jobs: &[Job]) -> Finish {
    let Some(mut writing) = cycle.writing() else {
        return Finish::default();
    };
    writing.close_batch(cycle, id, BatchOutcome::Unclear, false);
    for job in jobs {
        let error = JobError::new(
            ErrorCode::NeedsReview,
            "what the request would have changed cannot be read",
        );
        let event = domain::event::JobFailed {
            at: writing.at(),
            job_id: job.id,
            attempts: job.attempts,
            error,
            result: None,
        };
        writing.job(job, event, None);
    }
    let rows: Vec<&Job> = jobs.iter().collect();
    cycle.commit(writing, &rows, None).await
}

pub(super) async fn store_deleted(
    cycle: &mut Cycle<'_>,
    batch: BatchId,
    sealer: &Sealer,
    rows: &[&Job],
    plan: &BatchPlan,
    order: Option<&OrderId>,
) -> Finish {
    if let (true, Some(order)) = (plan.after_put, order) {
        let jobs: Vec<Job> = rows.iter().map(|job| (*job).clone()).collect();
        return mover::partially(cycle, order, sealer, batch, plan, &jobs, None).await;
    }
    let error = JobError::new(
        ErrorCode::StoreDeleted,
        "the store was deleted before the change was made",
    );
    cycle
        .fail(rows, sealer, Some(batch), &Fate { error, message: None })
        .await
}
