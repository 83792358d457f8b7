//! Creating an order: marked, so that a lost answer can be found again.

use app::Sealer;
use app::payload::JobOutcome;
use domain::batch::{BatchOutcome, RequestKind};
use domain::event::JobSucceeded;
use domain::job::{ErrorCode, Job, JobError, JobResult};
use domain::order::create::{Marker, is_marked, upstream_body};
use domain::order::{Mutation, Object, OrderDoc, Verdict, inventory};
use domain::{BatchId, OrderId};
use orderdesk::Guard;
use serde_json::Value;

use super::Cycle;
use super::batch_plan::BatchPlan;
use super::failure::{Fate, seal_outcome};
use super::image;
use super::intent::{self, Intent, Opened};
use super::load::Loaded;
use crate::schedule::{Doubt, Finish};
use crate::upstream::may_write;

/// Carries out one create.
pub(super) async fn run(cycle: &mut Cycle<'_>, mut jobs: Vec<Loaded>) -> Finish {
    let Loaded { job, mutation } = jobs.swap_remove(0);
    let source_id = mutation.source_id().map(str::to_owned);
    let Mutation::Create { order } = mutation else {
        return Finish::default();
    };
    let Some(sealer) = sealer(cycle, &job).await else {
        return super::hold(cycle.context, cycle.plan, 1_000);
    };
    let body = upstream_body(&order, &job.id.to_string(), cycle.context.config.marker);
    let found = match &source_id {
        Some(source_id) => {
            find_by_source(cycle, source_id, order.get("source_name").and_then(Value::as_str)).await
        }
        // An earlier request may have arrived later than we thought possible: one look costs less than a second order.
        None if job.attempts > 0 => find_made(cycle, &job, job.submitted_at, None).await,
        None => Ok(None),
    };
    match found {
        Ok(None) => {}
        Ok(Some(found)) if is_marked(&found, &job.id.to_string()) => {
            return record(cycle, &sealer, None, &job, &found, true).await;
        }
        Ok(Some(found)) => return exists(cycle, &sealer, &job, &found).await,
        Err(error) => {
            return cycle
                .read_failed(&[&job], &sealer, &error, ErrorCode::UpstreamRejected)
                .await;
        }
    }
    let plan = BatchPlan {
        after: Some(Value::Object(body.clone())),
        requests: cycle.requests(),
        ..BatchPlan::default()
    };
    let intent = Intent {
        sealer: &sealer,
        request: RequestKind::Create,
        target: None,
        plan: &plan,
        external: None,
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
    let (client, credentials) = (context.client.clone(), cycle.credentials.clone());
    let call = client.create_order(
        &credentials,
        &body,
        Guard::default()
            .until(cycle.write_deadline(opened_at))
            .asking(&go),
    );
    let outcome = cycle.purse.call(call).await;
    runtime::crash::point("request.after");
    match outcome {
        Ok(answer) => match answer
            .value
            .and_then(|order| OrderDoc::from_value(Value::Object(order)).ok())
        {
            Some(created) if order_id(&created).is_some() => {
                record(cycle, &sealer, Some(batch), &running[0], &created, false).await
            }
            // Created, and we do not know as what: look for the mark.
            _ => Finish {
                doubt: Some(Doubt {
                    batch,
                    not_before: cycle.context.now().at,
                }),
                ..Finish::default()
            },
        },
        Err(error) => {
            let not_found = ErrorCode::UpstreamRejected;
            cycle
                .write_failed(&[&running[0]], &sealer, batch, opened_at, &error, not_found)
                .await
        }
    }
}

pub(super) async fn sealer(cycle: &Cycle<'_>, job: &Job) -> Option<Sealer> {
    let body = job.body.as_ref()?;
    match cycle.context.seals.for_sealed(job.tenant_id, body).await {
        Ok(sealer) => Some(sealer),
        Err(error) => {
            tracing::warn!(error = %error, job_id = %job.id, "no key for a job's data");
            None
        }
    }
}

fn order_id(order: &OrderDoc) -> Option<OrderId> {
    order.id().and_then(|id| id.parse().ok())
}

async fn find_by_source(
    cycle: &mut Cycle<'_>,
    source_id: &str,
    source_name: Option<&str>,
) -> Result<Option<OrderDoc>, orderdesk::CallError> {
    let (client, credentials) = (cycle.context.client.clone(), cycle.credentials.clone());
    let mut params = vec![("source_id", source_id), ("limit", "50")];
    if let Some(name) = source_name.filter(|name| !name.is_empty()) {
        params.push(("source_name", name));
    }
    let page = cycle
        .purse
        .call(client.list_orders(&credentials, &params))
        .await?
        .value;
    Ok(page
        .rows
        .into_iter()
        .filter_map(|row| OrderDoc::from_value(Value::Object(row)).ok())
        .find(|order| order.source_id() == Some(source_id)))
}

async fn exists(cycle: &mut Cycle<'_>, sealer: &Sealer, job: &Job, found: &OrderDoc) -> Finish {
    let mut error = JobError::new(
        ErrorCode::OrderExists,
        "an order with this source_id exists already",
    );
    error.existing_order_id = found.id();
    cycle
        .fail(&[job], sealer, None, &Fate { error, message: None })
        .await
}

/// Looks for the order that a create in doubt made: the one with its mark, or, if `source_id` is the only mark, the
/// one that carries it.
pub(super) async fn find_made(
    cycle: &mut Cycle<'_>,
    job: &Job,
    opened_at: domain::Timestamp,
    source_id: Option<&str>,
) -> Result<Option<OrderDoc>, orderdesk::CallError> {
    let (client, credentials) = (cycle.context.client.clone(), cycle.credentials.clone());
    let id = job.id.to_string();
    // Clocks differ: a generous start costs nothing but a longer page.
    let since = opened_at
        .minus(std::time::Duration::from_mins(15))
        .to_order_desk();
    for page in 0..20_u32 {
        let offset = (page * 500).to_string();
        let mut params = vec![
            ("limit", "500"),
            ("offset", offset.as_str()),
            ("order_by", "date_added"),
            ("order", "asc"),
        ];
        match source_id {
            Some(source) => params.push(("source_id", source)),
            None => params.push(("search_start_date", since.as_str())),
        }
        let found = cycle
            .purse
            .call(client.list_orders(&credentials, &params))
            .await?
            .value;
        let full = found.rows.len() >= 500;
        let marked = found
            .rows
            .into_iter()
            .filter_map(|row| OrderDoc::from_value(Value::Object(row)).ok())
            .find(|order| {
                is_marked(order, &id)
                    || cycle.context.config.marker == Marker::SourceId
                        && source_id.is_some()
                        && order.source_id() == source_id
            });
        if marked.is_some() || !full {
            return Ok(marked);
        }
    }
    Ok(None)
}

/// Whether `found` is what the create of `job` made of `body`.
///
/// An order that carries nothing but the same `source_id` was not there before the request, and Order Desk refuses a
/// second; it is ours if all that was given about the whole order agrees, and otherwise nobody can say whose it is.
pub(super) fn verdict(job: &Job, body: Option<&Object>, found: &OrderDoc) -> Verdict {
    if is_marked(found, &job.id.to_string()) {
        return Verdict::Applied;
    }
    let plain = |value: &Value| value.is_string() || value.is_number();
    let given = body.map(|body| {
        body.iter()
            .filter(|(_, v)| plain(v))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    });
    match given {
        Some(given) if inventory::agrees(&given, found.as_object()) => Verdict::Applied,
        _ => Verdict::Unclear,
    }
}

/// Records a create; without a batch if an earlier attempt turns out to have made the order.
pub(super) async fn record(
    cycle: &mut Cycle<'_>,
    sealer: &Sealer,
    batch: Option<BatchId>,
    job: &Job,
    created: &OrderDoc,
    recovered: bool,
) -> Finish {
    let Some(order) = order_id(created) else {
        return super::hold(cycle.context, cycle.plan, 1_000);
    };
    let tag = cycle.tag(created);
    let Some(mut writing) = cycle.writing() else {
        return Finish::default();
    };
    sealer.attach(&mut writing.append);
    writing.append.bind_keys.push((sealer.key_id(), order.clone()));
    if let Some(batch) = batch {
        writing.close_batch(cycle, batch, BatchOutcome::Applied, recovered);
        let image = image::seal(cycle, &order, sealer, created.to_value());
        writing.written(cycle, &order, batch, &tag, image);
    }
    let result = JobResult {
        order_id: Some(order.to_string()),
        changed: true,
        coalesced_with: 0,
        etag_before: None,
        etag_after: Some(tag.as_str().to_owned()),
        upstream_requests: cycle.requests(),
        recovered,
        window_ms: None,
    };
    let attempts = job.attempts + u32::from(batch.is_none());
    let event = JobSucceeded {
        at: writing.at(),
        job_id: job.id,
        attempts,
        result,
    };
    let sealed = seal_outcome(sealer, job.id, &JobOutcome::default());
    writing.job(job, event, sealed);
    let finish = cycle.commit(writing, &[job], batch).await;
    runtime::crash::point("record.after");
    finish
}
