//! Announcing a request that travels alone: the intent is on record before its first byte goes out.

use app::{Purpose, Sealer};
use domain::batch::RequestKind;
use domain::job::Job;
use domain::{BatchId, OrderId, Timestamp};
use ledger::AppendError;

use super::Cycle;
use super::batch_plan::BatchPlan;
use super::image::External;
use crate::schedule::Finish;

/// An intent on record.
pub(super) struct Opened {
    pub(super) batch: BatchId,
    pub(super) at: Timestamp,
    pub(super) jobs: Vec<Job>,
}

/// What is announced.
pub(super) struct Intent<'a> {
    pub(super) sealer: &'a Sealer,
    pub(super) request: RequestKind,
    /// The order or item, if it has an id yet.
    pub(super) target: Option<&'a OrderId>,
    pub(super) plan: &'a BatchPlan,
    /// A foreign change of the order that was noticed on the way.
    pub(super) external: Option<&'a External>,
}

/// Records an intent for `jobs`; its token is in hand before.
pub(super) async fn open(cycle: &mut Cycle<'_>, intent: Intent<'_>, jobs: &[Job]) -> Result<Opened, Finish> {
    let Intent {
        sealer,
        request,
        target,
        plan,
        external,
    } = intent;
    let batch = BatchId(cycle.context.clock.uuid());
    cycle.purse.have(1).await;
    runtime::crash::point("intent.before");
    let Some(mut writing) = cycle.writing() else {
        return Err(Finish::default());
    };
    sealer.attach(&mut writing.append);
    if let (Some(external), Some(order)) = (external, target) {
        external.record(cycle, order, sealer, &mut writing);
    }
    let at = writing.at();
    let sealed = sealer.seal_json(Purpose::BatchPlan, batch.0, plan);
    let rows: Vec<&Job> = jobs.iter().collect();
    let etag = plan.etag_before.clone();
    let running = writing.open_batch(cycle, batch, request, target, etag, &rows, sealed);
    if let Err(error) = writing.commit(cycle.context).await {
        return Err(cycle.not_committed(&rows, unknown(batch, &error), &error).await);
    }
    runtime::crash::point("intent.after");
    Ok(Opened {
        batch,
        at,
        jobs: running,
    })
}

/// The batch of an intent that was not committed, if it may be on record all the same.
pub(super) fn unknown(batch: BatchId, error: &AppendError) -> Option<BatchId> {
    (!matches!(error, AppendError::Refused(_))).then_some(batch)
}
