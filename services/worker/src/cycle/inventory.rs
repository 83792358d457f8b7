//! Inventory items: created, updated whole, deleted.

use app::Sealer;
use app::payload::JobOutcome;
use domain::batch::{BatchOutcome, RequestKind};
use domain::event::JobSucceeded;
use domain::job::{ErrorCode, Job, JobResult};
use domain::order::diff::diff;
use domain::order::{Mutation, Object, OrderDoc, Patch, inventory};
use domain::{BatchId, OrderId};
use orderdesk::{Answer, CallError, Document, Guard};
use serde_json::Value;

use super::Cycle;
use super::batch_plan::{BatchPlan, JobShare};
use super::failure::seal_outcome;
use super::intent::{self, Intent, Opened};
use super::load::Loaded;
use crate::schedule::{Doubt, Finish};
use crate::upstream::may_write;

/// Creates an item.
pub(super) async fn create(cycle: &mut Cycle<'_>, mut jobs: Vec<Loaded>) -> Finish {
    let Loaded { job, mutation } = jobs.swap_remove(0);
    let Mutation::InventoryCreate { item } = mutation else {
        return Finish::default();
    };
    let Some(sealer) = super::create::sealer(cycle, &job).await else {
        return super::hold(cycle.context, cycle.plan, 1_000);
    };
    let plan = BatchPlan {
        after: Some(Value::Object(item.clone())),
        requests: cycle.requests(),
        ..BatchPlan::default()
    };
    let rows = vec![job];
    let opened = match intent::open(
        cycle,
        intent(&sealer, RequestKind::InventoryCreate, None, &plan),
        &rows,
    )
    .await
    {
        Ok(opened) => opened,
        Err(finish) => return finish,
    };
    let (context, partition) = (cycle.context, cycle.plan.partition);
    let go = move || may_write(context, partition);
    let (client, credentials) = (context.client.clone(), cycle.credentials.clone());
    let call = client.create_inventory_item(
        &credentials,
        &item,
        Guard::default()
            .until(cycle.write_deadline(opened.at))
            .asking(&go),
    );
    let outcome = cycle.purse.call(call).await;
    ended(
        cycle,
        &sealer,
        &plan,
        opened,
        outcome,
        ErrorCode::UpstreamRejected,
    )
    .await
}

/// Merges the given fields into the fetched item and writes it whole; neighbours in the lane travel together.
pub(super) async fn update(cycle: &mut Cycle<'_>, jobs: Vec<Loaded>) -> Finish {
    let Some(item_id) = Cycle::target(&jobs).cloned() else {
        return Finish::default();
    };
    let Some(sealer) = super::create::sealer(cycle, &jobs[0].job).await else {
        return super::hold(cycle.context, cycle.plan, 1_000);
    };
    let rows: Vec<Job> = jobs.iter().map(|loaded| loaded.job.clone()).collect();
    let (client, credentials) = (cycle.context.client.clone(), cycle.credentials.clone());
    let call = client.get_inventory_item(&credentials, item_id.as_str());
    let before: Object = match cycle.purse.call(call).await {
        Ok(answer) => answer.value,
        Err(error) => {
            let rows: Vec<&Job> = rows.iter().collect();
            return cycle
                .read_failed(&rows, &sealer, &error, ErrorCode::ItemNotFound)
                .await;
        }
    };
    runtime::crash::point("cycle.fetched");
    let mut after = before.clone();
    let mut shares = Vec::new();
    for Loaded { job, mutation } in &jobs {
        let Mutation::InventoryUpdate { item } = mutation else {
            continue;
        };
        let next = inventory::merge(&after, item);
        shares.push(JobShare {
            job: job.id,
            patch: patch(&after, &next),
        });
        after = next;
    }
    let plan = BatchPlan {
        before: Some(Value::Object(before)),
        after: Some(Value::Object(after.clone())),
        coalesced_with: rows.len() as u32 - 1,
        shares,
        requests: cycle.requests(),
        ..BatchPlan::default()
    };
    let opened = match intent::open(
        cycle,
        intent(&sealer, RequestKind::InventoryPut, Some(&item_id), &plan),
        &rows,
    )
    .await
    {
        Ok(opened) => opened,
        Err(finish) => return finish,
    };
    let (context, partition) = (cycle.context, cycle.plan.partition);
    let go = move || may_write(context, partition);
    let guard = Guard::default()
        .until(cycle.write_deadline(opened.at))
        .asking(&go);
    let call = client.update_inventory_item(&credentials, item_id.as_str(), &after, guard);
    let outcome = cycle.purse.call(call).await;
    ended(cycle, &sealer, &plan, opened, outcome, ErrorCode::ItemNotFound).await
}

fn patch(before: &Object, after: &Object) -> Patch {
    let doc = |object: &Object| OrderDoc::from_value(Value::Object(object.clone()));
    match (doc(before), doc(after)) {
        (Ok(before), Ok(after)) => diff(&before, &after),
        _ => Patch::default(),
    }
}

/// Deletes an item.
pub(super) async fn delete(cycle: &mut Cycle<'_>, mut jobs: Vec<Loaded>) -> Finish {
    let Loaded { job, .. } = jobs.swap_remove(0);
    let Some(item_id) = job.order_id.clone() else {
        return Finish::default();
    };
    let Some(sealer) = super::create::sealer(cycle, &job).await else {
        return super::hold(cycle.context, cycle.plan, 1_000);
    };
    let plan = BatchPlan {
        requests: cycle.requests(),
        ..BatchPlan::default()
    };
    let rows = vec![job];
    let opened = match intent::open(
        cycle,
        intent(&sealer, RequestKind::InventoryDelete, Some(&item_id), &plan),
        &rows,
    )
    .await
    {
        Ok(opened) => opened,
        Err(finish) => return finish,
    };
    let (context, partition) = (cycle.context, cycle.plan.partition);
    let go = move || may_write(context, partition);
    let (client, credentials) = (context.client.clone(), cycle.credentials.clone());
    let call = client.delete_inventory_item(
        &credentials,
        item_id.as_str(),
        Guard::default()
            .until(cycle.write_deadline(opened.at))
            .asking(&go),
    );
    let outcome = cycle.purse.call(call).await.map(|answer| Answer {
        value: None,
        tokens_remaining: answer.tokens_remaining,
        status: answer.status,
    });
    ended(cycle, &sealer, &plan, opened, outcome, ErrorCode::ItemNotFound).await
}

fn intent<'a>(
    sealer: &'a Sealer,
    request: RequestKind,
    target: Option<&'a OrderId>,
    plan: &'a BatchPlan,
) -> Intent<'a> {
    Intent {
        sealer,
        request,
        target,
        plan,
        external: None,
    }
}

async fn ended(
    cycle: &mut Cycle<'_>,
    sealer: &Sealer,
    plan: &BatchPlan,
    opened: Opened,
    outcome: Result<Answer<Option<Document>>, CallError>,
    not_found: ErrorCode,
) -> Finish {
    runtime::crash::point("request.after");
    let Opened { batch, at, jobs } = opened;
    let rows: Vec<&Job> = jobs.iter().collect();
    match outcome {
        Err(error) => {
            cycle
                .write_failed(&rows, sealer, batch, at, &error, not_found)
                .await
        }
        Ok(answer) => {
            let created = jobs[0].order_id.is_none();
            let id = answer.value.as_ref().and_then(item_id);
            if created && id.is_none() {
                // Created, and we do not know as what: look for its code.
                let not_before = cycle.context.now().at;
                return Finish {
                    doubt: Some(Doubt { batch, not_before }),
                    ..Finish::default()
                };
            }
            record(cycle, sealer, batch, plan, &jobs, id, false).await
        }
    }
}

/// The id of an item, as text.
pub(super) fn item_id(item: &Document) -> Option<String> {
    match item.get("id")? {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

/// Records a change of an item.
pub(super) async fn record(
    cycle: &mut Cycle<'_>,
    sealer: &Sealer,
    batch: BatchId,
    plan: &BatchPlan,
    jobs: &[Job],
    created: Option<String>,
    recovered: bool,
) -> Finish {
    let Some(mut writing) = cycle.writing() else {
        return Finish::default();
    };
    sealer.attach(&mut writing.append);
    writing.close_batch(cycle, batch, BatchOutcome::Applied, recovered);
    for job in jobs {
        let share: Option<&Patch> = plan.share_of(job.id);
        let result = JobResult {
            order_id: job
                .order_id
                .as_ref()
                .map(ToString::to_string)
                .or_else(|| created.clone()),
            changed: share.is_none_or(|patch| !patch.0.is_empty()),
            coalesced_with: plan.coalesced_with,
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
        let outcome = JobOutcome {
            patch: share.and_then(|patch| serde_json::to_value(patch).ok()),
            ..JobOutcome::default()
        };
        writing.job(job, event, seal_outcome(sealer, job.id, &outcome));
    }
    let rows: Vec<&Job> = jobs.iter().collect();
    let finish = cycle.commit(writing, &rows, Some(batch)).await;
    runtime::crash::point("record.after");
    finish
}
