//! Checking and recording an update that Order Desk has taken.

use app::payload::JobOutcome;
use app::{Purpose, Sealer};
use domain::batch::BatchOutcome;
use domain::event::{JobFailed, JobSucceeded, OrderEditOverwritten};
use domain::job::{ErrorCode, Job, JobError, JobResult};
use domain::order::check::{Check, Difference, Presence, check};
use domain::order::{OrderDoc, Patch};
use domain::{BatchId, JobId, OrderId};
use serde_json::Value;

use super::batch_plan::BatchPlan;
use super::failure::{Fate, seal_outcome};
use super::write::Writing;
use super::{Cycle, image, mover};
use crate::schedule::Finish;

/// Members that tell of somebody's doing and that a PUT does not take.
pub(super) const TELLING: [&str; 5] = [
    "/folder_id",
    "/tag_color",
    "/tag_name",
    "/refund_total",
    "/order_shipments",
];

/// Adds the ends of jobs that could not be folded.
pub(super) fn record_failed(writing: &mut Writing, rows: &[Job], failed: &[(JobId, Fate)], sealer: &Sealer) {
    for (id, fate) in failed {
        let Some(job) = rows.iter().find(|job| job.id == *id) else {
            continue;
        };
        let event = JobFailed {
            at: writing.at(),
            job_id: job.id,
            attempts: job.attempts + 1,
            error: fate.error.clone(),
            result: None,
        };
        let outcome = JobOutcome {
            upstream_message: fate.message.clone(),
            ..JobOutcome::default()
        };
        writing.job(job, event, seal_outcome(sealer, job.id, &outcome));
    }
}

/// A PUT that Order Desk has taken, or is known to have taken.
pub(super) struct Recording<'a> {
    pub(super) order: &'a OrderId,
    pub(super) sealer: &'a Sealer,
    pub(super) batch: BatchId,
    pub(super) plan: &'a BatchPlan,
    pub(super) jobs: &'a [Job],
    pub(super) returned: OrderDoc,
    pub(super) recovered: bool,
    pub(super) window_ms: Option<u64>,
}

/// Checks and records a PUT; goes on with the move that belongs to it.
pub(super) async fn record_put(cycle: &mut Cycle<'_>, recording: Recording<'_>) -> Finish {
    let Recording {
        order,
        sealer,
        batch,
        plan,
        jobs,
        returned,
        recovered,
        window_ms,
    } = recording;
    let (Some(before), Some(sent)) = (plan.before_doc(), plan.after_doc()) else {
        tracing::error!(batch_id = %batch, "a batch's plan has no images");
        return super::hold(cycle.context, cycle.plan, 5_000);
    };
    let shares: Vec<(JobId, &Patch)> = plan
        .shares
        .iter()
        .map(|share| (share.job, &share.patch))
        .collect();
    let Check {
        jobs: presences,
        differences,
    } = check(&before, &shares, &sent, &returned);
    let tag = cycle.tag(&returned);
    let requests = cycle.requests();
    let result = |id: JobId| JobResult {
        order_id: Some(order.to_string()),
        changed: plan.share_of(id).is_some_and(|patch| !patch.0.is_empty()),
        coalesced_with: plan.coalesced_with,
        etag_before: plan.etag_before.clone(),
        etag_after: Some(tag.as_str().to_owned()),
        upstream_requests: requests,
        recovered,
        window_ms,
    };
    let shown: Vec<Value> = differences
        .iter()
        .filter_map(|difference| serde_json::to_value(difference).ok())
        .collect();
    let Some(mut writing) = cycle.writing() else {
        return Finish::default();
    };
    sealer.attach(&mut writing.append);
    writing.close_batch(cycle, batch, BatchOutcome::Applied, recovered);
    let image = image::seal(cycle, order, sealer, returned.to_value());
    writing.written(cycle, order, batch, &tag, image);
    note_overwritten(
        cycle,
        &mut writing,
        order,
        sealer,
        batch,
        &before,
        &differences,
        &returned,
    );
    let mut pending = None;
    for job in jobs {
        let presence = presences
            .iter()
            .find(|(id, _)| *id == job.id)
            .map_or(Presence::Absent, |(_, presence)| *presence);
        let outcome = JobOutcome {
            patch: plan
                .share_of(job.id)
                .and_then(|patch| serde_json::to_value(patch).ok()),
            differences: shown.clone(),
            upstream_message: None,
        };
        let failed = match presence {
            Presence::Present => {
                if let Some((mover, folder)) = plan.then_move
                    && mover == job.id
                {
                    pending = Some((job.clone(), folder));
                    continue;
                }
                let event = JobSucceeded {
                    at: writing.at(),
                    job_id: job.id,
                    attempts: job.attempts,
                    result: result(job.id),
                };
                writing.job(job, event, seal_outcome(sealer, job.id, &outcome));
                continue;
            }
            Presence::Absent => JobError::new(
                ErrorCode::NotTaken,
                "Order Desk accepted the update and did not take the change",
            ),
            Presence::Partial => JobError::new(
                ErrorCode::PartiallyApplied,
                "Order Desk took only a part of the change",
            ),
        };
        let event = JobFailed {
            at: writing.at(),
            job_id: job.id,
            attempts: job.attempts,
            error: failed,
            result: Some(result(job.id)),
        };
        writing.job(job, event, seal_outcome(sealer, job.id, &outcome));
    }
    if let Some((job, folder)) = pending {
        return mover::after_put(
            cycle,
            mover::AfterPut {
                order,
                sealer,
                job,
                folder,
                before,
                returned,
                differences: shown,
                plan,
                recovered,
                writing,
            },
        )
        .await;
    }
    let rows: Vec<&Job> = jobs.iter().collect();
    let finish = cycle.commit(writing, &rows, Some(batch)).await;
    runtime::crash::point("record.after");
    finish
}

/// A change, within our window, of something that a PUT does not take: somebody was at work on the order between
/// our last read and the update, and what else they did then is overwritten.
#[expect(
    clippy::too_many_arguments,
    reason = "one use; a struct would only repeat the names"
)]
fn note_overwritten(
    cycle: &Cycle<'_>,
    writing: &mut Writing,
    order: &OrderId,
    sealer: &Sealer,
    batch_id: BatchId,
    before: &OrderDoc,
    differences: &[Difference],
    returned: &OrderDoc,
) {
    let (old, new) = (before.to_value(), returned.to_value());
    let telling: Vec<&Difference> = differences
        .iter()
        .filter(|d| {
            TELLING.iter().any(|t| d.pointer.starts_with(t))
                && old.pointer(&d.pointer) != new.pointer(&d.pointer)
        })
        .collect();
    if telling.is_empty() {
        return;
    }
    let event = OrderEditOverwritten {
        at: writing.at(),
        tenant_id: cycle.plan.tenant_id,
        store_id: cycle.plan.store_id,
        order_id: order.clone(),
        batch_id,
    };
    let body = app::payload::ImageBody {
        image: before.to_value(),
        diff: serde_json::to_value(&telling).ok(),
    };
    let row = app::seals::image_row(cycle.plan.store_id, order);
    let sealed = sealer.seal_json(Purpose::OrderImage, row, &body);
    writing.order_event(cycle, order, event.into(), Some(sealed));
    metrics::counter!("orders_edit_overwritten_total").increment(1);
}
