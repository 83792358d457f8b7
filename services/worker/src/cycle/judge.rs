//! Finding out what became of a request whose end was not seen.
//!
//! Fetch and compare: after-image or a surviving addition: applied. Every touched field still at its before-value:
//! not applied, and the same batch goes again. Else nobody can say: `needs_review`, never a guess. Attempts never
//! run out while a request is in doubt: only an answer ends it.

use std::time::Duration;

use app::{Purpose, Sealer};
use domain::BatchId;
use domain::batch::{BatchOutcome, OpenBatch, RequestKind};
use domain::job::{ErrorCode, Job, JobError};
use domain::order::{Object, OrderDoc, Verdict, inventory, judge};
use orderdesk::{CallError, Failure};
use serde_json::Value;

mod ends;

use self::ends::{close_empty, later, reload, store_deleted, unreadable, with_rows};
use super::batch_plan::BatchPlan;
use super::failure::Fate;
use super::record::{Recording, record_put};
use super::{Cycle, create, delete, mover};
use crate::schedule::Finish;

/// Judges a batch in doubt.
pub(super) async fn run(cycle: &mut Cycle<'_>, id: BatchId) -> Finish {
    let open = match cycle.context.ledger.open_batch(id).await {
        Ok(Some(open)) => open,
        // Never opened, or closed by an append whose answer we did not get: the feed brings what its jobs are now.
        Ok(None) => {
            cycle.context.news.notify_one();
            return reload(cycle).await;
        }
        Err(error) => {
            tracing::warn!(error = %error, "a batch cannot be read");
            return later(cycle, id, Duration::from_secs(1));
        }
    };
    let jobs = match cycle.context.ledger.jobs(&open.jobs).await {
        Ok(mut jobs) => {
            jobs.retain(|job| job.batch_id == Some(id));
            jobs.sort_by_key(|job| open.jobs.iter().position(|other| *other == job.id));
            jobs
        }
        Err(_) => return later(cycle, id, Duration::from_secs(1)),
    };
    cycle.subject.jobs(&jobs);
    if jobs.is_empty() {
        // Its jobs have ended otherwise; only the batch is left to close.
        return close_empty(cycle, id).await;
    }
    let opened = match open.plan.as_ref() {
        Some(plan) => {
            let seals = &cycle.context.seals;
            let sealer = seals.for_sealed(open.tenant_id, plan).await;
            let plan = seals
                .open_json::<BatchPlan>(open.tenant_id, Purpose::BatchPlan, id.0, plan)
                .await;
            sealer.and_then(|sealer| plan.map(|plan| (sealer, plan)))
        }
        None => Err(app::SealError::KeyGone),
    };
    let (sealer, plan) = match opened {
        Ok(opened) => opened,
        Err(app::SealError::Ledger(_)) => return later(cycle, id, Duration::from_secs(1)),
        Err(error) => {
            // Erased or damaged: what the request would have changed is not known any more.
            tracing::error!(error = %error, batch_id = %id, "a batch's plan cannot be opened");
            return unreadable(cycle, id, &jobs).await;
        }
    };
    let rows = jobs.clone();
    // What went before the intent, and the request itself.
    cycle.sent_before = plan.requests + 1;
    let finish = Judging {
        cycle,
        open,
        jobs,
        sealer,
        plan,
    }
    .run()
    .await;
    with_rows(finish, rows)
}

struct Judging<'c, 'a> {
    cycle: &'c mut Cycle<'a>,
    open: OpenBatch,
    jobs: Vec<Job>,
    sealer: Sealer,
    plan: BatchPlan,
}

/// What Order Desk has now.
enum Seen {
    Order(Box<OrderDoc>),
    Item(Object),
    Nothing,
}

impl Judging<'_, '_> {
    async fn run(mut self) -> Finish {
        let seen = match self.look().await {
            Ok(seen) => seen,
            Err(error) => return self.cannot_look(&error).await,
        };
        runtime::crash::point("judge.fetched");
        let verdict = self.verdict(&seen);
        tracing::info!(batch_id = %self.open.id, verdict = ?verdict, "a request in doubt was judged");
        match verdict {
            Verdict::Applied => {
                metrics::counter!("worker_recovered_total").increment(1);
                self.applied(seen).await
            }
            Verdict::NotApplied => self.not_applied().await,
            Verdict::Unclear => self.unclear().await,
        }
    }

    async fn look(&mut self) -> Result<Seen, CallError> {
        let (client, credentials) = (self.cycle.context.client.clone(), self.cycle.credentials.clone());
        let id = self
            .open
            .order_id
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        let purse = &mut self.cycle.purse;
        let found = match self.open.request {
            RequestKind::Put | RequestKind::Move | RequestKind::Delete => purse
                .call(client.get_order(&credentials, &id))
                .await
                .map(|answer| {
                    OrderDoc::from_value(Value::Object(answer.value))
                        .map_or(Seen::Nothing, |doc| Seen::Order(Box::new(doc)))
                }),
            RequestKind::InventoryPut | RequestKind::InventoryDelete => purse
                .call(client.get_inventory_item(&credentials, &id))
                .await
                .map(|answer| Seen::Item(answer.value)),
            RequestKind::Create => {
                let body = self.plan.after_doc();
                let source = body
                    .as_ref()
                    .and_then(OrderDoc::source_id)
                    .filter(|source| !source.is_empty());
                let (job, opened_at) = (self.jobs[0].clone(), self.open.opened_at);
                let found = create::find_made(self.cycle, &job, opened_at, source).await?;
                return Ok(found.map_or(Seen::Nothing, |doc| Seen::Order(Box::new(doc))));
            }
            RequestKind::InventoryCreate => {
                let code = self
                    .plan
                    .after
                    .as_ref()
                    .and_then(|item| item.get("code"))
                    .and_then(Value::as_str);
                let code = code.unwrap_or_default().to_owned();
                let params = [("code", code.as_str()), ("limit", "50")];
                let page = purse
                    .call(client.list_inventory(&credentials, &params))
                    .await?
                    .value;
                let found = page
                    .rows
                    .into_iter()
                    .find(|row| row.get("code").and_then(Value::as_str) == Some(&code));
                return Ok(found.map_or(Seen::Nothing, Seen::Item));
            }
        };
        match found {
            Err(error) if error.failure() == Failure::NotFound => Ok(Seen::Nothing),
            other => other,
        }
    }

    fn verdict(&self, seen: &Seen) -> Verdict {
        match (self.open.request, seen) {
            (RequestKind::Put, Seen::Order(now)) => match (self.plan.before_doc(), self.plan.after_doc()) {
                (Some(before), Some(after)) => judge(&before, &after, now),
                _ => Verdict::Unclear,
            },
            (RequestKind::Move, Seen::Order(now)) => {
                let origin = self.plan.before_doc().and_then(|before| before.folder_id());
                match now.folder_id() {
                    Some(folder) if Some(folder) == self.plan.destination => Verdict::Applied,
                    folder if folder == origin => Verdict::NotApplied,
                    _ => Verdict::Unclear,
                }
            }
            (RequestKind::Delete | RequestKind::InventoryDelete, Seen::Nothing) => Verdict::Applied,
            (RequestKind::Delete, Seen::Order(_)) | (RequestKind::InventoryDelete, Seen::Item(_)) => {
                Verdict::NotApplied
            }
            (RequestKind::Create, Seen::Order(found)) => create::verdict(
                &self.jobs[0],
                self.plan.after.as_ref().and_then(Value::as_object),
                found,
            ),
            (RequestKind::Create | RequestKind::InventoryCreate, Seen::Nothing) => Verdict::NotApplied,
            (RequestKind::InventoryCreate, Seen::Item(item)) => match self.plan.after.as_ref() {
                Some(Value::Object(given)) if inventory::agrees(given, item) => Verdict::Applied,
                _ => Verdict::Unclear,
            },
            (RequestKind::InventoryPut, Seen::Item(now)) => match (&self.plan.before, &self.plan.after) {
                (Some(Value::Object(before)), Some(Value::Object(after))) => {
                    inventory::judge(before, after, now)
                }
                _ => Verdict::Unclear,
            },
            // The order or item is gone: whether the change was in it before can no longer be seen.
            _ => Verdict::Unclear,
        }
    }

    async fn applied(self, seen: Seen) -> Finish {
        let Self {
            cycle,
            open,
            jobs,
            sealer,
            plan,
        } = self;
        let batch = open.id;
        match (open.request, seen) {
            (RequestKind::Put, Seen::Order(now)) => {
                let Some(order) = &open.order_id else {
                    return Finish::default();
                };
                let recording = Recording {
                    order,
                    sealer: &sealer,
                    batch,
                    plan: &plan,
                    jobs: &jobs,
                    returned: *now,
                    recovered: true,
                    window_ms: None,
                };
                record_put(cycle, recording).await
            }
            (RequestKind::Move, Seen::Order(now)) => {
                let Some(order) = &open.order_id else {
                    return Finish::default();
                };
                let moved = mover::Moved {
                    order,
                    sealer: &sealer,
                    batch,
                    plan: &plan,
                    jobs: &jobs,
                    now: *now,
                    recovered: true,
                };
                mover::record(cycle, moved).await
            }
            (RequestKind::Create, Seen::Order(created)) => {
                create::record(cycle, &sealer, Some(batch), &jobs[0], &created, true).await
            }
            (RequestKind::Delete, _) => {
                let Some(order) = &open.order_id else {
                    return Finish::default();
                };
                delete::record(cycle, order, &sealer, batch, &plan, &jobs[0], true).await
            }
            (_, Seen::Item(item)) => {
                let id = super::inventory::item_id(&item);
                super::inventory::record(cycle, &sealer, batch, &plan, &jobs, id, true).await
            }
            _ => super::inventory::record(cycle, &sealer, batch, &plan, &jobs, None, true).await,
        }
    }

    async fn not_applied(self) -> Finish {
        let Self {
            cycle,
            open,
            jobs,
            sealer,
            plan,
        } = self;
        let rows: Vec<&Job> = jobs.iter().collect();
        if cycle.store.deleted_at.is_some() {
            return store_deleted(cycle, open.id, &sealer, &rows, &plan, open.order_id.as_ref()).await;
        }
        if plan.after_put {
            return move_again(cycle, open, jobs, sealer, plan).await;
        }
        let error = JobError::new(
            ErrorCode::UpstreamUnavailable,
            "the request did not reach Order Desk",
        );
        cycle
            .try_again(&rows, &sealer, Some(open.id), &Fate { error, message: None })
            .await
    }

    async fn unclear(self) -> Finish {
        let rows: Vec<&Job> = self.jobs.iter().collect();
        let error = JobError::new(
            ErrorCode::NeedsReview,
            "the request may have been applied: the order has changed since in a way that hides it",
        );
        self.cycle
            .fail(
                &rows,
                &self.sealer,
                Some(self.open.id),
                &Fate { error, message: None },
            )
            .await
    }

    async fn cannot_look(self, error: &CallError) -> Finish {
        let Self {
            cycle,
            open,
            jobs,
            sealer,
            plan,
        } = self;
        let rejected = matches!(error.failure(), Failure::Unauthorized { .. });
        match (error.failure(), cycle.store.deleted_at) {
            (Failure::RateLimited { retry_after }, _) => later(cycle, open.id, retry_after),
            // Credentials that no longer work can never prove anything; a deleted store's jobs must end.
            (_, Some(deleted_at))
                if rejected || cycle.context.now().at >= deleted_at.plus(proof_time(cycle)) =>
            {
                if let (true, Some(order)) = (plan.after_put, &open.order_id) {
                    return mover::partially(cycle, order, &sealer, open.id, &plan, &jobs, None).await;
                }
                let rows: Vec<&Job> = jobs.iter().collect();
                let error = JobError::new(
                    ErrorCode::StoreDeleted,
                    "the store was deleted; whether the last request was applied could not be found out",
                );
                cycle
                    .fail(&rows, &sealer, Some(open.id), &Fate { error, message: None })
                    .await
            }
            (Failure::Unauthorized { .. }, None) => {
                cycle.pause_store().await;
                later(cycle, open.id, Duration::from_millis(500))
            }
            _ => {
                tracing::info!(batch_id = %open.id, failure = %error.failure(), "a request in doubt cannot be judged yet");
                later(cycle, open.id, Duration::from_secs(2))
            }
        }
    }
}

/// How long a deleted store's request in doubt may wait for its proof: Order Desk may be away for a moment.
fn proof_time(cycle: &Cycle<'_>) -> Duration {
    (cycle.context.config.upstream_timeout + cycle.context.config.doubt_margin) * 2
}

/// Only the move is left of a job: it is sent again while there are attempts.
async fn move_again(
    cycle: &mut Cycle<'_>,
    open: OpenBatch,
    jobs: Vec<Job>,
    sealer: Sealer,
    plan: BatchPlan,
) -> Finish {
    let (Some(order), Some(job)) = (&open.order_id, jobs.first()) else {
        return Finish::default();
    };
    if job.attempts >= job.max_attempts {
        return mover::partially(cycle, order, &sealer, open.id, &plan, &jobs, None).await;
    }
    let Some(mut writing) = cycle.writing() else {
        return Finish::default();
    };
    sealer.attach(&mut writing.append);
    writing.close_batch(cycle, open.id, BatchOutcome::NotApplied, false);
    mover::again(cycle, order, &sealer, job, plan, writing).await
}
