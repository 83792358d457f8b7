//! Moving an order to another folder, with an intent of its own.
//!
//! A pure move needs no PUT. A move that follows a PUT belongs to a job whose other changes are in Order Desk already:
//! it must never be folded again, so an open move batch with `after_put` is carried through by [`super::judge`]
//! until the move is done or refused.

use app::{Purpose, Sealer};
use domain::batch::RequestKind;
use domain::job::{ErrorCode, Job};
use domain::order::{FolderId, OrderDoc, Patch};
use domain::{BatchId, JobId, OrderId, Timestamp};
use orderdesk::{CallError, Failure, Guard};
use serde_json::Value;

mod ends;

pub(super) use ends::{Moved, partially, record};

use self::ends::not_taken;
use super::Cycle;
use super::batch_plan::{BatchPlan, JobShare};
use super::failure::Fate;
use super::image::External;
use super::write::Writing;
use crate::schedule::{Doubt, Finish};
use crate::upstream::may_write;

/// A move that needs no PUT; its destination has been looked up.
pub(super) struct PureMove<'a> {
    pub(super) order: &'a OrderId,
    pub(super) sealer: &'a Sealer,
    pub(super) jobs: Vec<Job>,
    pub(super) before: OrderDoc,
    pub(super) destination: FolderId,
    pub(super) shares: Vec<(JobId, Patch)>,
    pub(super) failed: Vec<(JobId, Fate)>,
    pub(super) external: Option<External>,
}

/// A move that follows a PUT, whose record is in `writing` and not committed yet.
pub(super) struct AfterPut<'a> {
    pub(super) order: &'a OrderId,
    pub(super) sealer: &'a Sealer,
    pub(super) job: Job,
    pub(super) folder: FolderId,
    pub(super) before: OrderDoc,
    pub(super) returned: OrderDoc,
    pub(super) differences: Vec<Value>,
    pub(super) plan: &'a BatchPlan,
    pub(super) recovered: bool,
    pub(super) writing: Writing,
}

/// Carries out a move that needs no PUT.
pub(super) async fn pure(cycle: &mut Cycle<'_>, pure: PureMove<'_>) -> Finish {
    let PureMove {
        order,
        sealer,
        jobs,
        before,
        destination,
        shares,
        failed,
        external,
    } = pure;
    let rows: Vec<&Job> = jobs.iter().collect();
    let travelling: Vec<&Job> = rows
        .iter()
        .copied()
        .filter(|job| is_in(&shares, job.id))
        .collect();
    let batch = BatchId(cycle.context.clock.uuid());
    let plan = BatchPlan {
        before: Some(before.to_value()),
        after: Some(before.with_folder(destination).to_value()),
        coalesced_with: shares.len() as u32 - 1,
        shares: shares
            .into_iter()
            .map(|(job, patch)| JobShare { job, patch })
            .collect(),
        etag_before: Some(cycle.tag(&before).as_str().to_owned()),
        destination: Some(destination),
        requests: cycle.requests(),
        ..BatchPlan::default()
    };
    let Some(mut writing) = cycle.writing() else {
        return Finish::default();
    };
    sealer.attach(&mut writing.append);
    if let Some(external) = &external {
        external.record(cycle, order, sealer, &mut writing);
    }
    super::record::record_failed(&mut writing, &jobs, &failed, sealer);
    open(
        cycle,
        Opening {
            order,
            sealer,
            writing,
            batch,
            plan,
            jobs: &travelling,
            known: &rows,
        },
    )
    .await
}

fn is_in(shares: &[(JobId, Patch)], id: JobId) -> bool {
    shares.iter().any(|(job, _)| *job == id)
}

/// Goes on with the move of a job whose PUT has just been recorded.
pub(super) async fn after_put(cycle: &mut Cycle<'_>, after: AfterPut<'_>) -> Finish {
    let AfterPut {
        order,
        sealer,
        job,
        folder,
        before,
        returned,
        differences,
        plan: put,
        recovered,
        writing,
    } = after;
    let batch = BatchId(cycle.context.clock.uuid());
    let plan = BatchPlan {
        before: Some(before.to_value()),
        after: Some(returned.to_value()),
        shares: put
            .shares
            .iter()
            .filter(|share| share.job == job.id)
            .cloned()
            .collect(),
        etag_before: put.etag_before.clone(),
        destination: Some(folder),
        after_put: true,
        put_recovered: recovered,
        differences,
        requests: cycle.requests(),
        coalesced_with: put.coalesced_with,
        ..BatchPlan::default()
    };
    // The PUT's intent has counted this attempt.
    let counted = Job {
        attempts: job.attempts.saturating_sub(1),
        ..job
    };
    open(
        cycle,
        Opening {
            order,
            sealer,
            writing,
            batch,
            plan,
            jobs: &[&counted],
            known: &[&counted],
        },
    )
    .await
}

/// Sends a move again whose job must not be folded again; `writing` closes the former batch.
pub(super) async fn again(
    cycle: &mut Cycle<'_>,
    order: &OrderId,
    sealer: &Sealer,
    job: &Job,
    plan: BatchPlan,
    writing: Writing,
) -> Finish {
    let batch = BatchId(cycle.context.clock.uuid());
    let plan = BatchPlan {
        requests: cycle.requests(),
        ..plan
    };
    open(
        cycle,
        Opening {
            order,
            sealer,
            writing,
            batch,
            plan,
            jobs: &[job],
            known: &[job],
        },
    )
    .await
}

struct Opening<'a> {
    order: &'a OrderId,
    sealer: &'a Sealer,
    writing: Writing,
    batch: BatchId,
    plan: BatchPlan,
    jobs: &'a [&'a Job],
    known: &'a [&'a Job],
}

async fn open(cycle: &mut Cycle<'_>, opening: Opening<'_>) -> Finish {
    let Opening {
        order,
        sealer,
        mut writing,
        batch,
        plan,
        jobs,
        known,
    } = opening;
    let opened_at = writing.at();
    let sealed = sealer.seal_json(Purpose::BatchPlan, batch.0, &plan);
    let etag = plan.etag_before.clone();
    let running = writing.open_batch(cycle, batch, RequestKind::Move, Some(order), etag, jobs, sealed);
    let ended = match writing.commit(cycle.context).await {
        Ok(rows) => rows
            .into_iter()
            .filter(|job| job.status.is_final())
            .collect::<Vec<_>>(),
        Err(error) => {
            let unknown = super::intent::unknown(batch, &error);
            return cycle.not_committed(known, unknown, &error).await;
        }
    };
    runtime::crash::point("move.intent.after");
    let mut finish = request(cycle, order, sealer, batch, opened_at, &plan, &running).await;
    finish.jobs.extend(ended);
    finish
}

async fn request(
    cycle: &mut Cycle<'_>,
    order: &OrderId,
    sealer: &Sealer,
    batch: BatchId,
    opened_at: Timestamp,
    plan: &BatchPlan,
    jobs: &[Job],
) -> Finish {
    let Some(destination) = plan.destination else {
        return Finish::default();
    };
    let (context, partition) = (cycle.context, cycle.plan.partition);
    let go = move || may_write(context, partition);
    let (client, credentials) = (context.client.clone(), cycle.credentials.clone());
    let ids = [order.to_string()];
    let to = destination.to_string();
    let call = client.move_orders(
        &credentials,
        &ids,
        &to,
        Guard::default()
            .until(cycle.write_deadline(opened_at))
            .asking(&go),
    );
    let outcome = cycle.purse.call(call).await;
    runtime::crash::point("move.request.after");
    let rows: Vec<&Job> = jobs.iter().collect();
    if let Err(error) = outcome {
        return failed(cycle, order, sealer, batch, opened_at, plan, &rows, &error).await;
    }
    // The answer carries no order: one read shows where it lies.
    let call = client.get_order(&credentials, order.as_str());
    match cycle
        .purse
        .call(call)
        .await
        .ok()
        .and_then(|a| OrderDoc::from_value(Value::Object(a.value)).ok())
    {
        Some(now) if now.folder_id() == Some(destination) => {
            record(
                cycle,
                Moved {
                    order,
                    sealer,
                    batch,
                    plan,
                    jobs,
                    now,
                    recovered: false,
                },
            )
            .await
        }
        Some(_) => not_taken(cycle, order, sealer, batch, plan, jobs).await,
        None => {
            let not_before = context.now().at.plus(std::time::Duration::from_secs(1));
            Finish {
                doubt: Some(Doubt { batch, not_before }),
                ..Finish::default()
            }
        }
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "one use; a struct would only repeat the names"
)]
async fn failed(
    cycle: &mut Cycle<'_>,
    order: &OrderId,
    sealer: &Sealer,
    batch: BatchId,
    opened_at: Timestamp,
    plan: &BatchPlan,
    jobs: &[&Job],
    error: &CallError,
) -> Finish {
    if !plan.after_put {
        return cycle
            .write_failed(jobs, sealer, batch, opened_at, error, ErrorCode::OrderNotFound)
            .await;
    }
    match error.failure() {
        Failure::Refused { .. } | Failure::NotFound => {
            let fate = super::failure::describe(error, ErrorCode::OrderNotFound);
            let rows: Vec<Job> = jobs.iter().map(|job| (*job).clone()).collect();
            partially(cycle, order, sealer, batch, plan, &rows, fate.message).await
        }
        Failure::InDoubt(orderdesk::Doubt::CannotKnow(_)) => {
            let not_before = cycle.settled_at(opened_at);
            Finish {
                doubt: Some(Doubt { batch, not_before }),
                ..Finish::default()
            }
        }
        // The batch stays open: it is what remembers that only the move is left, once the store goes on.
        Failure::Unauthorized { .. } => {
            cycle.pause_store().await;
            let not_before = cycle.context.now().at.plus(std::time::Duration::from_millis(500));
            Finish {
                doubt: Some(Doubt { batch, not_before }),
                ..Finish::default()
            }
        }
        Failure::NotSent(_) | Failure::RateLimited { .. } | Failure::InDoubt(_) => {
            let attempt = jobs.first().map_or(1, |job| job.attempts);
            let wait = super::backoff::delay(attempt, cycle.context.clock.uuid());
            Finish {
                doubt: Some(Doubt {
                    batch,
                    not_before: cycle.context.now().at.plus(wait),
                }),
                ..Finish::default()
            }
        }
    }
}
