//! How a move ends: done, accepted and not carried out, or refused after the PUT before it was taken.

use app::Sealer;
use app::payload::JobOutcome;
use domain::batch::BatchOutcome;
use domain::event::{JobFailed, JobSucceeded};
use domain::job::{ErrorCode, Job, JobError, JobResult};
use domain::order::{OrderDoc, Patch};
use domain::{BatchId, OrderId};

use crate::cycle::Cycle;
use crate::cycle::batch_plan::BatchPlan;
use crate::cycle::failure::{Fate, seal_outcome};
use crate::cycle::image;
use crate::schedule::Finish;

/// A move that Order Desk has carried out.
pub(in crate::cycle) struct Moved<'a> {
    pub(in crate::cycle) order: &'a OrderId,
    pub(in crate::cycle) sealer: &'a Sealer,
    pub(in crate::cycle) batch: BatchId,
    pub(in crate::cycle) plan: &'a BatchPlan,
    pub(in crate::cycle) jobs: &'a [Job],
    pub(in crate::cycle) now: OrderDoc,
    pub(in crate::cycle) recovered: bool,
}

/// Records a move.
pub(in crate::cycle) async fn record(cycle: &mut Cycle<'_>, moved: Moved<'_>) -> Finish {
    let Moved {
        order,
        sealer,
        batch,
        plan,
        jobs,
        now,
        recovered,
    } = moved;
    let tag = cycle.tag(&now);
    let Some(mut writing) = cycle.writing() else {
        return Finish::default();
    };
    sealer.attach(&mut writing.append);
    writing.close_batch(cycle, batch, BatchOutcome::Applied, recovered);
    let image = image::seal(cycle, order, sealer, now.to_value());
    writing.written(cycle, order, batch, &tag, image);
    let requests = cycle.requests();
    for job in jobs {
        let result = JobResult {
            order_id: Some(order.to_string()),
            changed: plan.share_of(job.id).is_some_and(|patch| !patch.0.is_empty()),
            coalesced_with: plan.coalesced_with,
            etag_before: plan.etag_before.clone(),
            etag_after: Some(tag.as_str().to_owned()),
            upstream_requests: requests,
            recovered: recovered || plan.put_recovered,
            window_ms: None,
        };
        let event = JobSucceeded {
            at: writing.at(),
            job_id: job.id,
            attempts: job.attempts,
            result,
        };
        let outcome = JobOutcome {
            patch: plan
                .share_of(job.id)
                .and_then(|patch| serde_json::to_value(patch).ok()),
            differences: plan.differences.clone(),
            upstream_message: None,
        };
        writing.job(job, event, seal_outcome(sealer, job.id, &outcome));
    }
    let rows: Vec<&Job> = jobs.iter().collect();
    let finish = cycle.commit(writing, &rows, Some(batch)).await;
    runtime::crash::point("record.after");
    finish
}

pub(super) async fn not_taken(
    cycle: &mut Cycle<'_>,
    order: &OrderId,
    sealer: &Sealer,
    batch: BatchId,
    plan: &BatchPlan,
    jobs: &[Job],
) -> Finish {
    if plan.after_put {
        return partially(cycle, order, sealer, batch, plan, jobs, None).await;
    }
    let error = JobError::new(
        ErrorCode::NotTaken,
        "Order Desk accepted the move and did not carry it out",
    );
    let rows: Vec<&Job> = jobs.iter().collect();
    cycle
        .fail(&rows, sealer, Some(batch), &Fate { error, message: None })
        .await
}

/// Ends jobs whose PUT was taken and whose move was refused.
pub(in crate::cycle) async fn partially(
    cycle: &mut Cycle<'_>,
    order: &OrderId,
    sealer: &Sealer,
    batch: BatchId,
    plan: &BatchPlan,
    jobs: &[Job],
    message: Option<String>,
) -> Finish {
    let Some(mut writing) = cycle.writing() else {
        return Finish::default();
    };
    sealer.attach(&mut writing.append);
    writing.close_batch(cycle, batch, BatchOutcome::NotApplied, false);
    for job in jobs {
        let error = JobError::new(
            ErrorCode::PartiallyApplied,
            "the order's other changes are in Order Desk; the move to another folder is not",
        );
        // What was applied: the share without its move.
        let applied = plan.share_of(job.id).map(|patch| {
            let operations = patch
                .0
                .iter()
                .filter(|op| op.path().as_str() != "/folder_id")
                .cloned()
                .collect();
            Patch { 0: operations }
        });
        let result = JobResult {
            order_id: Some(order.to_string()),
            changed: true,
            coalesced_with: plan.coalesced_with,
            etag_before: plan.etag_before.clone(),
            etag_after: plan.after_doc().map(|doc| cycle.tag(&doc).as_str().to_owned()),
            upstream_requests: cycle.requests(),
            recovered: plan.put_recovered,
            window_ms: None,
        };
        let event = JobFailed {
            at: writing.at(),
            job_id: job.id,
            attempts: job.attempts,
            error,
            result: Some(result),
        };
        let outcome = JobOutcome {
            patch: applied.and_then(|patch| serde_json::to_value(patch).ok()),
            differences: plan.differences.clone(),
            upstream_message: message.clone(),
        };
        writing.job(job, event, seal_outcome(sealer, job.id, &outcome));
    }
    let rows: Vec<&Job> = jobs.iter().collect();
    cycle.commit(writing, &rows, Some(batch)).await
}
