//! Deleting an order.

use app::Sealer;
use app::payload::JobOutcome;
use domain::batch::{BatchOutcome, RequestKind};
use domain::event::JobSucceeded;
use domain::job::{ErrorCode, Job, JobError, JobResult};
use domain::order::{IfMatch, OrderDoc};
use domain::{BatchId, OrderId};
use orderdesk::Guard;
use serde_json::Value;

use super::Cycle;
use super::batch_plan::BatchPlan;
use super::failure::{Fate, seal_outcome};
use super::image;
use super::intent::{self, Intent, Opened};
use super::load::Loaded;
use crate::schedule::Finish;
use crate::upstream::may_write;

/// Carries out one delete. The order is read first: its tag is compared, its last image kept.
pub(super) async fn run(cycle: &mut Cycle<'_>, mut jobs: Vec<Loaded>) -> Finish {
    let Loaded { job, .. } = jobs.swap_remove(0);
    let Some(order) = job.order_id.clone() else {
        return Finish::default();
    };
    let Some(sealer) = super::create::sealer(cycle, &job).await else {
        return super::hold(cycle.context, cycle.plan, 1_000);
    };
    let (client, credentials) = (cycle.context.client.clone(), cycle.credentials.clone());
    let call = client.get_order(&credentials, order.as_str());
    let before = match cycle.purse.call(call).await {
        Ok(answer) => match OrderDoc::from_value(Value::Object(answer.value)) {
            Ok(doc) => doc,
            Err(_) => return super::hold(cycle.context, cycle.plan, 5_000),
        },
        Err(error) => {
            return cycle
                .read_failed(&[&job], &sealer, &error, ErrorCode::OrderNotFound)
                .await;
        }
    };
    runtime::crash::point("cycle.fetched");
    let tag = cycle.tag(&before);
    let condition: Option<IfMatch> = job.if_match.as_deref().and_then(|text| text.parse().ok());
    if condition.is_some_and(|condition| !condition.allows(&tag)) {
        let error = JobError::new(
            ErrorCode::PreconditionFailed,
            "the order no longer carries the given tag",
        );
        return cycle
            .fail(&[&job], &sealer, None, &Fate { error, message: None })
            .await;
    }
    let last = image::last(cycle.context, cycle.plan.store_id, &order).await;
    let external = image::compare(cycle, &order, &before, last).await;
    let plan = BatchPlan {
        before: Some(before.to_value()),
        etag_before: Some(tag.as_str().to_owned()),
        requests: cycle.requests(),
        ..BatchPlan::default()
    };
    let intent = Intent {
        sealer: &sealer,
        request: RequestKind::Delete,
        target: Some(&order),
        plan: &plan,
        external: external.as_ref(),
    };
    let Opened {
        batch,
        at: opened_at,
        jobs: running,
    } = match intent::open(cycle, intent, &[job]).await {
        Ok(opened) => opened,
        Err(finish) => return finish,
    };
    let (context, partition) = (cycle.context, cycle.plan.partition);
    let go = move || may_write(context, partition);
    let call = client.delete_order(
        &credentials,
        order.as_str(),
        Guard::default()
            .until(cycle.write_deadline(opened_at))
            .asking(&go),
    );
    let outcome = cycle.purse.call(call).await;
    runtime::crash::point("request.after");
    match outcome {
        Ok(_) => record(cycle, &order, &sealer, batch, &plan, &running[0], false).await,
        Err(error) => {
            let not_found = ErrorCode::OrderNotFound;
            cycle
                .write_failed(&[&running[0]], &sealer, batch, opened_at, &error, not_found)
                .await
        }
    }
}

/// Records a delete.
pub(super) async fn record(
    cycle: &mut Cycle<'_>,
    order: &OrderId,
    sealer: &Sealer,
    batch: BatchId,
    plan: &BatchPlan,
    job: &Job,
    recovered: bool,
) -> Finish {
    let Some(mut writing) = cycle.writing() else {
        return Finish::default();
    };
    sealer.attach(&mut writing.append);
    writing.close_batch(cycle, batch, BatchOutcome::Applied, recovered);
    let result = JobResult {
        order_id: Some(order.to_string()),
        changed: true,
        etag_before: plan.etag_before.clone(),
        upstream_requests: cycle.requests(),
        recovered,
        ..JobResult::default()
    };
    let event = JobSucceeded {
        at: writing.at(),
        job_id: job.id,
        attempts: job.attempts,
        result,
    };
    writing.job(job, event, seal_outcome(sealer, job.id, &JobOutcome::default()));
    if job.kind.is_order() {
        writing.no_image(cycle, order);
    }
    let finish = cycle.commit(writing, &[job], Some(batch)).await;
    runtime::crash::point("record.after");
    finish
}
