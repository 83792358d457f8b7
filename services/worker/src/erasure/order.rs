//! One order: what is in flight ends, what waits is cancelled, then its data keys go.

use domain::OrderId;
use domain::event::{ErasureDone, JobCancelled};
use domain::job::CancelReason;
use ledger::view::ViewRow;
use ledger::{AppendError, DestroyKeys, EraseDeliveries, Refusal};
use queue::Subject;

use super::{Failure, Pending, begin, event};
use crate::context::Context;

/// Jobs per append.
const CHUNK: u32 = 200;

pub(super) async fn step(context: &Context, one: &mut Pending, order: &OrderId) -> Result<bool, Failure> {
    let request = &one.request;
    let (store, partition) = (request.store_id, request.partition);
    // From here on a cycle that begins cancels what it was to do; those that run have ended before the keys go.
    context.erasing.begin(request.erasure_id, store, order);
    let cycles = one
        .cycles
        .get_or_insert_with(|| context.look(|schedule, _| schedule.cycles_of(partition)));

    let mut open = context.ledger.open_jobs_of_order(store, order, CHUNK).await?;
    // Items of the inventory have numbers too.
    open.retain(|job| job.kind.is_order());
    let Some(mut writing) = begin(context, request) else {
        return Ok(false);
    };
    for job in open.iter().filter(|job| job.batch_id.is_none()) {
        let cancelled = JobCancelled {
            at: writing.at(),
            job_id: job.id,
            reason: CancelReason::Erased,
        };
        writing.job(job, cancelled, None);
    }
    if !writing.append.events.is_empty() {
        match writing.commit(context).await {
            Ok(jobs) => context.schedule(|schedule, now| {
                for job in &jobs {
                    schedule.upsert(job, now);
                }
            }),
            Err(error) => tracing::debug!(error = %error, "jobs moved on while they were cancelled"),
        }
        return Ok(false);
    }
    // What is left is in flight or in doubt: it is proven first, with the keys that are to go.
    cycles.retain(|cycle| context.look(|schedule, _| schedule.runs(*cycle)));
    if !open.is_empty() || !cycles.is_empty() {
        return Ok(false);
    }
    // What was answered may repeat what was told. Those that are pending are told what is left.
    let told = EraseDeliveries::Order(store, order.clone());
    if context.ledger.erase_deliveries(&told, CHUNK).await? > 0 {
        return Ok(false);
    }
    erase(context, one, order).await
}

/// Destroys the keys. A job that is submitted at this very moment is found without one and cancelled at its turn.
async fn erase(context: &Context, one: &Pending, order: &OrderId) -> Result<bool, Failure> {
    let request = &one.request;
    let Some(mut writing) = begin(context, request) else {
        return Ok(false);
    };
    let done = ErasureDone {
        at: writing.at(),
        erasure_id: request.erasure_id,
        tenant_id: request.tenant_id,
        store_id: request.store_id,
        order_id: Some(order.clone()),
        records: 1,
    };
    let done = event(request, request.erasure_id, 1, Some(order.clone()), done.into());
    let index = writing.append.event(done);
    let image = ViewRow::NoImage(request.store_id, order.clone());
    writing.append.view(image, index);
    let keys = DestroyKeys::Order(request.store_id, order.clone());
    writing.append.destroy_keys.push(keys);
    writing.forget_order(request.store_id, order);
    writing.announce(Subject::Erased {
        store_id: Some(request.store_id),
        order_id: Some(order.clone()),
    });
    let committed = writing.commit(context).await;
    context.seals.forget_keys();
    match committed {
        Ok(_) => {
            tracing::info!(
                tenant_id = %request.tenant_id,
                erasure_id = %request.erasure_id,
                "an order's personal data are erased"
            );
            Ok(true)
        }
        // Whoever had the partition before was faster.
        Err(AppendError::Refused(Refusal::Conflict { .. })) => Ok(true),
        Err(error) => Err(error.into()),
    }
}
