//! Changing an order: fetch, fold, intent, update, check, record.

use app::payload::JobOutcome;
use app::{Purpose, Sealer};
use domain::batch::{BatchOutcome, RequestKind};
use domain::event::{JobFailed, JobSucceeded, OrderEditOverwritten};
use domain::job::{ErrorCode, Job, JobError, JobResult};
use domain::order::batch::{BatchJob, fold};
use domain::order::check::{Check, Difference, Presence, check};
use domain::order::{FolderId, OrderDoc, Patch, folder_change};
use domain::{BatchId, JobId, OrderId, Timestamp};
use ledger::AppendError;
use orderdesk::Guard;
use serde_json::Value;

use super::batch_plan::{BatchPlan, JobShare};
use super::failure::{Fate, describe, seal_outcome};
use super::image::{self, External};
use super::load::Loaded;
use super::{Cycle, mover};
use crate::schedule::Finish;
use crate::upstream::{Wanted, find_folder, may_write};

/// How often an intent is tried anew after the ledger moved on, and a strict read after the order did.
const ROUNDS: usize = 3;

/// Members that tell of somebody's doing and that a PUT does not take.
const TELLING: [&str; 5] = ["/folder_id", "/tag_color", "/tag_name", "/refund_total", "/order_shipments"];

/// Carries out jobs that change one order.
pub(super) async fn run(cycle: &mut Cycle<'_>, jobs: Vec<Loaded>) -> Finish {
    let Some(order) = Cycle::target(&jobs).cloned() else { return Finish::default() };
    let sealer = match cycle.context.seals.for_order(cycle.plan.tenant_id, cycle.plan.store_id, Some(&order)).await {
        Ok(sealer) => sealer,
        Err(error) => {
            tracing::warn!(error = %error, "no key for an order's data");
            return super::hold(cycle.context, cycle.plan, 1_000);
        }
    };
    Change { cycle, order, sealer, jobs }.run().await
}

struct Change<'c, 'a> {
    cycle: &'c mut Cycle<'a>,
    order: OrderId,
    sealer: Sealer,
    jobs: Vec<Loaded>,
}

/// A fold that is ready to be sent.
struct Ready {
    before: OrderDoc,
    /// What a PUT sends: the fold, with the fetched folder.
    sent: OrderDoc,
    destination: Option<FolderId>,
    /// Jobs that could be folded, with their shares.
    shares: Vec<(JobId, Patch)>,
    failed: Vec<(JobId, Fate)>,
    external: Option<External>,
    read_at: Timestamp,
}

impl Change<'_, '_> {
    async fn run(mut self) -> Finish {
        if let Err(finish) = self.find_folders().await {
            return finish;
        }
        if self.jobs.is_empty() {
            return Finish::default();
        }
        let mut fetched = match self.fetch().await {
            Ok(doc) => doc,
            Err(finish) => return finish,
        };
        runtime::crash::point("cycle.fetched");
        let external = image::compare(self.cycle, &self.order, &fetched).await;
        let mut read_at = self.cycle.context.now().at;
        let mut ready = self.fold(fetched.clone(), external, read_at);
        if self.jobs.iter().any(|job| job.job.strict) && !ready.shares.is_empty() {
            let mut rounds = 0;
            loop {
                let again = match self.fetch().await {
                    Ok(doc) => doc,
                    Err(finish) => return finish,
                };
                read_at = self.cycle.context.now().at;
                if self.cycle.tag(&again) == self.cycle.tag(&fetched) && same_telling(&fetched, &again) {
                    ready.read_at = read_at;
                    break;
                }
                rounds += 1;
                if rounds == ROUNDS {
                    let error = JobError::new(ErrorCode::ConflictUnresolved, "the order kept changing under us");
                    let jobs: Vec<Job> = self.rows();
                    let jobs: Vec<&Job> = jobs.iter().collect();
                    return self.cycle.try_again(&jobs, &self.sealer, None, &Fate { error, message: None }).await;
                }
                fetched = again;
                let external = image::compare(self.cycle, &self.order, &fetched).await;
                ready = self.fold(fetched.clone(), external, read_at);
            }
        }
        let blocked = self.cycle.purse.blocked_for();
        if !blocked.is_zero() {
            return super::hold(self.cycle.context, self.cycle.plan, blocked.as_millis() as u64);
        }
        self.send(ready).await
    }

    fn rows(&self) -> Vec<Job> {
        self.jobs.iter().map(|job| job.job.clone()).collect()
    }

    async fn fetch(&mut self) -> Result<OrderDoc, Finish> {
        let (client, credentials) = (self.cycle.context.client.clone(), self.cycle.credentials.clone());
        let call = client.get_order(&credentials, self.order.as_str());
        match self.cycle.purse.call(call).await {
            Ok(answer) => OrderDoc::from_value(Value::Object(answer.value)).map_err(|error| {
                tracing::warn!(error = %error, order_id = %self.order, "the order cannot be read");
                super::hold(self.cycle.context, self.cycle.plan, 5_000)
            }),
            Err(error) => {
                let jobs = self.rows();
                let jobs: Vec<&Job> = jobs.iter().collect();
                Err(self.cycle.read_failed(&jobs, &self.sealer, &error, ErrorCode::OrderNotFound).await)
            }
        }
    }

    /// Looks up folders that commands name, and checks those that they number.
    async fn find_folders(&mut self) -> Result<(), Finish> {
        let mut unknown = Vec::new();
        for index in 0..self.jobs.len() {
            let Some(name) = self.jobs[index].mutation.folder_name().map(str::to_owned) else { continue };
            let credentials = self.cycle.credentials.clone();
            let store = self.cycle.plan.store_id;
            match find_folder(&mut self.cycle.purse, &credentials, store, &Wanted::Name(&name)).await {
                Ok(Some(folder)) => {
                    let loaded = &mut self.jobs[index];
                    loaded.mutation = loaded.mutation.clone().with_folder(folder);
                }
                Ok(None) => unknown.push(index),
                Err(error) => {
                    let jobs = self.rows();
                    let jobs: Vec<&Job> = jobs.iter().collect();
                    let finish = self.cycle.read_failed(&jobs, &self.sealer, &error, ErrorCode::FolderNotFound).await;
                    return Err(finish);
                }
            }
        }
        self.drop_folderless(unknown).await;
        Ok(())
    }

    async fn drop_folderless(&mut self, unknown: Vec<usize>) {
        for index in unknown.into_iter().rev() {
            let loaded = self.jobs.remove(index);
            let error = JobError::new(ErrorCode::FolderNotFound, "the store has no folder of this name");
            super::end(self.cycle.context, &loaded.job, error).await;
        }
    }

    fn fold(&self, before: OrderDoc, external: Option<External>, read_at: Timestamp) -> Ready {
        let jobs: Vec<BatchJob<JobId>> = self
            .jobs
            .iter()
            .map(|loaded| BatchJob {
                id: loaded.job.id,
                mutation: loaded.mutation.clone(),
                if_match: loaded.job.if_match.as_deref().and_then(|tag| tag.parse().ok()),
            })
            .collect();
        let folded = fold(&before, &jobs, |doc| self.cycle.tag(doc));
        let destination = folder_change(&before, &folded.after);
        let sent = match before.folder_id() {
            Some(folder) if destination.is_some() => folded.after.with_folder(folder),
            _ => folded.after.clone(),
        };
        let mut shares = Vec::new();
        let mut failed = Vec::new();
        for outcome in folded.jobs {
            match outcome.result {
                Ok(share) => shares.push((outcome.id, share.patch)),
                Err(error) => {
                    let detail = match &error.pointer {
                        Some(pointer) => format!("{} ({pointer})", error.detail),
                        None => error.detail,
                    };
                    failed.push((outcome.id, Fate { error: JobError::new(error.code, detail), message: None }));
                }
            }
        }
        Ready { before, sent, destination, shares, failed, external, read_at }
    }

    /// Decides which request the fold needs, if any.
    async fn send(mut self, ready: Ready) -> Finish {
        let needs_put = ready.sent != ready.before;
        if needs_put {
            return self.put(ready).await;
        }
        match ready.destination {
            Some(destination) => {
                let Change { cycle, order, sealer, jobs } = self;
                let jobs: Vec<Job> = jobs.into_iter().map(|loaded| loaded.job).collect();
                mover::pure(
                    cycle,
                    mover::PureMove {
                        order: &order,
                        sealer: &sealer,
                        jobs,
                        before: ready.before,
                        destination,
                        shares: ready.shares,
                        failed: ready.failed,
                        external: ready.external,
                    },
                )
                .await
            }
            None => self.unchanged(ready).await,
        }
    }

    /// The order already is as wanted, or every job failed: nothing is sent.
    async fn unchanged(&mut self, ready: Ready) -> Finish {
        let Some(mut writing) = self.cycle.writing() else { return Finish::default() };
        self.sealer.attach(&mut writing.append);
        let tag = self.cycle.tag(&ready.before);
        if let Some(external) = &ready.external {
            external.record(self.cycle, &self.order, &self.sealer, &mut writing);
        }
        let rows = self.rows();
        record_failed(&mut writing, &rows, &ready.failed, &self.sealer);
        for (id, _) in &ready.shares {
            let Some(job) = rows.iter().find(|job| job.id == *id) else { continue };
            let result = JobResult {
                order_id: Some(self.order.to_string()),
                changed: false,
                coalesced_with: ready.shares.len() as u32 - 1,
                etag_before: Some(tag.as_str().to_owned()),
                etag_after: Some(tag.as_str().to_owned()),
                upstream_requests: self.cycle.purse.spent,
                recovered: false,
                window_ms: None,
            };
            let event = JobSucceeded { at: writing.at(), job_id: job.id, attempts: job.attempts + 1, result };
            let outcome = JobOutcome { patch: Some(Value::Array(Vec::new())), ..JobOutcome::default() };
            writing.job(job, event, seal_outcome(&self.sealer, job.id, &outcome));
        }
        let rows: Vec<&Job> = rows.iter().collect();
        self.cycle.commit(writing, &rows, None).await
    }

    async fn put(mut self, ready: Ready) -> Finish {
        let all = self.rows();
        let travelling: Vec<&Job> =
            all.iter().filter(|job| ready.shares.iter().any(|(id, _)| *id == job.id)).collect();
        let batch = BatchId(self.cycle.context.clock.uuid());
        let mover = ready.destination.and_then(|folder| ready.shares.last().map(|(id, _)| (*id, folder)));
        let plan = BatchPlan {
            before: Some(ready.before.to_value()),
            after: Some(ready.sent.to_value()),
            shares: ready
                .shares
                .iter()
                .map(|(job, patch)| JobShare { job: *job, patch: patch.clone() })
                .collect(),
            etag_before: Some(self.cycle.tag(&ready.before).as_str().to_owned()),
            then_move: mover,
            requests: self.cycle.purse.spent,
            coalesced_with: ready.shares.len() as u32 - 1,
            ..BatchPlan::default()
        };
        runtime::crash::point("intent.before");
        let Some(mut writing) = self.cycle.writing() else { return Finish::default() };
        self.sealer.attach(&mut writing.append);
        if let Some(external) = &ready.external {
            external.record(self.cycle, &self.order, &self.sealer, &mut writing);
        }
        record_failed(&mut writing, &all, &ready.failed, &self.sealer);
        let opened_at = writing.at();
        let sealed = self.sealer.seal_json(Purpose::BatchPlan, batch.0, &plan);
        let running = writing.open_batch(
            self.cycle,
            batch,
            RequestKind::Put,
            Some(&self.order),
            plan.etag_before.clone(),
            &travelling,
            sealed,
        );
        let ended = match writing.commit(self.cycle.context).await {
            Ok(rows) => rows.into_iter().filter(|job| job.status.is_final()).collect::<Vec<_>>(),
            Err(error) => {
                let known = if matches!(error, AppendError::Refused(_)) { None } else { Some(batch) };
                return self.cycle.not_committed(&all.iter().collect::<Vec<_>>(), known, &error).await;
            }
        };
        runtime::crash::point("intent.after");
        let mut finish = self.request(ready, plan, batch, opened_at, running).await;
        finish.jobs.extend(ended);
        finish
    }

    async fn request(
        &mut self,
        ready: Ready,
        plan: BatchPlan,
        batch: BatchId,
        opened_at: Timestamp,
        running: Vec<Job>,
    ) -> Finish {
        let (context, partition) = (self.cycle.context, self.cycle.plan.partition);
        let go = move || may_write(context, partition);
        let guard = Guard::default().asking(&go);
        let (client, credentials) = (context.client.clone(), self.cycle.credentials.clone());
        let call = client.put_order(&credentials, self.order.as_str(), ready.sent.as_object(), guard);
        let outcome = self.cycle.purse.call(call).await;
        let window_ms = context.now().at.since(ready.read_at).as_millis() as u64;
        runtime::crash::point("request.after");
        let jobs: Vec<&Job> = running.iter().collect();
        let returned = match outcome {
            Ok(answer) => answer.value,
            Err(error) => {
                let not_found = ErrorCode::OrderNotFound;
                return self.cycle.write_failed(&jobs, &self.sealer, batch, opened_at, &error, not_found).await;
            }
        };
        let returned = match returned.and_then(|order| OrderDoc::from_value(Value::Object(order)).ok()) {
            Some(doc) => doc,
            // No order in the answer: one read shows what became of it. Until then the batch stays open.
            None => match self.look_after(batch).await {
                Ok(doc) => doc,
                Err(finish) => return finish,
            },
        };
        let recording = Recording {
            order: &self.order,
            sealer: &self.sealer,
            batch,
            plan: &plan,
            jobs: &running,
            returned,
            recovered: false,
            window_ms: Some(window_ms),
        };
        record_put(self.cycle, recording).await
    }

    async fn look_after(&mut self, batch: BatchId) -> Result<OrderDoc, Finish> {
        let (client, credentials) = (self.cycle.context.client.clone(), self.cycle.credentials.clone());
        let call = client.get_order(&credentials, self.order.as_str());
        let outcome = self.cycle.purse.call(call).await;
        outcome.ok().and_then(|answer| OrderDoc::from_value(Value::Object(answer.value)).ok()).ok_or_else(|| {
            let not_before = self.cycle.context.now().at.plus(std::time::Duration::from_secs(1));
            Finish { doubt: Some(crate::schedule::Doubt { batch, not_before }), ..Finish::default() }
        })
    }
}

fn same_telling(one: &OrderDoc, other: &OrderDoc) -> bool {
    let (one, other) = (one.to_value(), other.to_value());
    TELLING.iter().all(|pointer| one.pointer(pointer) == other.pointer(pointer))
}

/// Adds the ends of jobs that could not be folded.
pub(super) fn record_failed(
    writing: &mut super::write::Writing,
    rows: &[Job],
    failed: &[(JobId, Fate)],
    _sealer: &Sealer,
) {
    for (id, fate) in failed {
        let Some(job) = rows.iter().find(|job| job.id == *id) else { continue };
        let event = JobFailed {
            at: writing.at(),
            job_id: job.id,
            attempts: job.attempts + 1,
            error: fate.error.clone(),
            result: None,
        };
        writing.job(job, event, None);
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
    let Recording { order, sealer, batch, plan, jobs, returned, recovered, window_ms } = recording;
    let (Some(before), Some(sent)) = (plan.before_doc(), plan.after_doc()) else {
        tracing::error!(batch_id = %batch, "a batch's plan has no images");
        return super::hold(cycle.context, cycle.plan, 5_000);
    };
    let shares: Vec<(JobId, &Patch)> = plan.shares.iter().map(|share| (share.job, &share.patch)).collect();
    let Check { jobs: presences, differences } = check(&before, &shares, &sent, &returned);
    let tag = cycle.tag(&returned);
    let requests = if recovered { plan.requests + 1 + cycle.purse.spent } else { cycle.purse.spent };
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
    let shown: Vec<Value> =
        differences.iter().filter_map(|difference| serde_json::to_value(difference).ok()).collect();
    let Some(mut writing) = cycle.writing() else { return Finish::default() };
    sealer.attach(&mut writing.append);
    writing.close_batch(cycle, batch, BatchOutcome::Applied, recovered);
    let image = image::seal(cycle, order, sealer, returned.to_value());
    writing.written(cycle, order, batch, &tag, image);
    note_overwritten(cycle, &mut writing, order, sealer, batch, &before, &differences, &returned);
    let mut pending = None;
    for job in jobs {
        let presence = presences
            .iter()
            .find(|(id, _)| *id == job.id)
            .map_or(Presence::Absent, |(_, presence)| *presence);
        let outcome = JobOutcome {
            patch: plan.share_of(job.id).and_then(|patch| serde_json::to_value(patch).ok()),
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
            Presence::Absent => {
                JobError::new(ErrorCode::NotTaken, "Order Desk accepted the update and did not take the change")
            }
            Presence::Partial => {
                JobError::new(ErrorCode::PartiallyApplied, "Order Desk took only a part of the change")
            }
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
            mover::AfterPut { order, sealer, job, folder, before, returned, differences: shown, plan, writing },
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
#[expect(clippy::too_many_arguments, reason = "one use; a struct would only repeat the names")]
fn note_overwritten(
    cycle: &Cycle<'_>,
    writing: &mut super::write::Writing,
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
        .filter(|d| TELLING.iter().any(|t| d.pointer.starts_with(t)) && old.pointer(&d.pointer) != new.pointer(&d.pointer))
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
    let body = app::payload::ImageBody { image: before.to_value(), diff: serde_json::to_value(&telling).ok() };
    let row = app::seals::image_row(cycle.plan.store_id, order);
    let sealed = sealer.seal_json(Purpose::OrderImage, row, &body);
    writing.order_event(cycle, order, event.into(), Some(sealed));
    metrics::counter!("orders_edit_overwritten_total").increment(1);
}

/// The fate of jobs whose request was refused.
pub(super) fn refused(error: &orderdesk::CallError) -> Fate {
    describe(error, ErrorCode::OrderNotFound)
}
