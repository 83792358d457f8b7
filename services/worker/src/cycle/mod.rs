//! One cycle: a batch of one lane, carried out or judged.
//!
//! - `order` changes an order: fetch and fold; `folders` looks up where it is to go, `put` announces and sends the
//!   update, `record` checks and records it;
//! - `mover` moves it to another folder, with an intent of its own;
//! - `create`, `delete` and `inventory` are the kinds that run alone; `intent` announces their requests;
//! - `judge` finds out what became of a request whose end was not seen;
//! - `forget` names what the cache must forget of all that;
//! - `load` reads the jobs, `write` commits what came of them, `failure` decides what a failed call means.
//!
//! Crash points, for tests: `cycle.loaded`, `cycle.fetched`, `intent.before`, `intent.after`, `request.after`,
//! `record.after`, `move.intent.after`, `move.request.after`, `judge.fetched`.

mod backoff;
mod batch_plan;
mod create;
mod delete;
mod failure;
mod folders;
mod forget;
mod image;
mod intent;
mod inventory;
mod judge;
mod load;
mod mover;
mod order;
mod put;
mod record;
pub(crate) mod write;

use std::sync::Arc;

use domain::JobId;
use domain::event::{JobCancelled, JobFailed};
use domain::job::{CancelReason, ErrorCode, Job, JobError, JobStatus};
use domain::order::CommandKind;
use domain::store::Store;
use orderdesk::Credentials;

use crate::context::Context;
use crate::logs::Subject;
use crate::metric;
use crate::schedule::{Finish, Plan, Work};
use crate::upstream::Purse;

use load::{Loaded, Loading};
pub(crate) use write::Writing;

/// What a running cycle has at hand.
pub(crate) struct Cycle<'a> {
    pub(crate) context: &'a Context,
    pub(crate) plan: &'a Plan,
    pub(crate) store: Arc<Store>,
    pub(crate) credentials: Credentials,
    pub(crate) purse: Purse<'a>,
    /// What its log lines are about.
    pub(crate) subject: &'a Subject,
    /// Requests of this attempt that earlier cycles sent.
    pub(crate) sent_before: u32,
}

/// Carries out a plan.
pub(crate) async fn run(context: &Context, plan: &Plan, subject: &Subject) -> Finish {
    // Made first, so that the plan's tokens go back however the cycle ends.
    let purse = Purse::new(context, &plan.upstream, plan.tokens);
    if !crate::upstream::may_read(context, plan.partition) {
        return hold(context, plan, 200);
    }
    let Some(store) = context.store(plan.store_id).await else {
        return hold(context, plan, 1_000);
    };
    let credentials = match context.seals.credentials(&store).await {
        Ok(credentials) => credentials,
        Err(error) => {
            tracing::error!(error = %error, "credentials cannot be opened");
            return hold(context, plan, 5_000);
        }
    };
    let mut cycle = Cycle {
        context,
        plan,
        store,
        credentials,
        purse,
        subject,
        sent_before: 0,
    };
    match &plan.work {
        Work::Judge(batch) => judge::run(&mut cycle, *batch).await,
        Work::Change(jobs) => change(&mut cycle, jobs).await,
    }
}

async fn change(cycle: &mut Cycle<'_>, ids: &[JobId]) -> Finish {
    let (jobs, ended) = match load::jobs(cycle, ids).await {
        Loading::Ready { jobs, ended } => (jobs, ended),
        Loading::Over(finish) => return finish,
    };
    runtime::crash::point("cycle.loaded");
    let mut finish = match jobs[0].job.kind {
        CommandKind::OrderCreate => create::run(cycle, jobs).await,
        CommandKind::OrderDelete => delete::run(cycle, jobs).await,
        CommandKind::InventoryCreate => inventory::create(cycle, jobs).await,
        CommandKind::InventoryUpdate => inventory::update(cycle, jobs).await,
        CommandKind::InventoryDelete => inventory::delete(cycle, jobs).await,
        CommandKind::OrderReplace
        | CommandKind::OrderMutate
        | CommandKind::OrderMoveFolder
        | CommandKind::OrderAddItems
        | CommandKind::OrderUpdateAddress
        | CommandKind::OrderAddNote => order::run(cycle, jobs).await,
    };
    let succeeded = finish
        .jobs
        .iter()
        .filter(|job| job.status == JobStatus::Succeeded);
    metric::saved(succeeded.count(), cycle.purse.spent);
    finish.jobs.extend(ended);
    finish
}

/// Nothing was done; the lane waits a little. A batch in doubt stays in doubt.
pub(crate) fn hold(context: &Context, plan: &Plan, ms: u64) -> Finish {
    let until = context.now().at.plus(std::time::Duration::from_millis(ms));
    let doubt = match plan.work {
        Work::Judge(batch) => Some(crate::schedule::Doubt {
            batch,
            not_before: until,
        }),
        Work::Change(_) => None,
    };
    Finish {
        hold_until: Some(until),
        doubt,
        ..Finish::default()
    }
}

/// Ends a job whose time is over.
pub(crate) async fn expire(context: &Context, id: JobId) {
    let Ok(Some(job)) = context.ledger.job(id).await else {
        return;
    };
    if job.status.is_final() || job.batch_id.is_some() {
        context.schedule(|schedule, now| schedule.upsert(&job, now));
        return;
    }
    let mut error = JobError::new(
        ErrorCode::DeadlineExceeded,
        "the job did not end before its deadline",
    );
    error.cause = job.error.as_ref().map(|last| last.code);
    tracing::info!(
        job_id = %id,
        tenant_id = %job.tenant_id,
        store_id = %job.upstream_store_id,
        request_id = %job.request_id,
        "job ran out of time"
    );
    let Some(mut writing) = Writing::begin(context, job.partition, job.tenant_id) else {
        return;
    };
    let event = JobFailed {
        at: writing.at(),
        job_id: job.id,
        attempts: job.attempts,
        error,
        result: None,
    };
    writing.job(&job, event, None);
    finish_outside(context, writing, &job).await;
}

/// Cancels a job that is not in any batch.
pub(crate) async fn cancel(context: &Context, job: &Job, reason: CancelReason) {
    let Some(mut writing) = Writing::begin(context, job.partition, job.tenant_id) else {
        return;
    };
    let event = JobCancelled {
        at: writing.at(),
        job_id: job.id,
        reason,
    };
    writing.job(job, event, None);
    finish_outside(context, writing, job).await;
}

async fn finish_outside(context: &Context, writing: Writing, job: &Job) {
    match writing.commit(context).await {
        Ok(jobs) => context.schedule(|schedule, now| {
            for job in &jobs {
                schedule.upsert(job, now);
            }
        }),
        Err(error) => {
            tracing::debug!(error = %error, job_id = %job.id, "a job was not ended; it is looked at again");
            if let Ok(Some(job)) = context.ledger.job(job.id).await {
                context.schedule(|schedule, now| schedule.upsert(&job, now));
            }
        }
    }
}

impl Cycle<'_> {
    /// Requests to Order Desk that this attempt has cost so far.
    pub(crate) fn requests(&self) -> u32 {
        self.sent_before + self.purse.spent
    }

    /// The tag of an order, which is also the digest of its image.
    pub(crate) fn tag(&self, doc: &domain::order::OrderDoc) -> domain::order::ETag {
        domain::order::ETag::of(self.context.keyring.etag_key(), doc)
    }

    /// When a write announced at `opened_at` must have ended: then its intent alone says when it cannot arrive any more,
    /// however long the way from the intent to the socket took.
    pub(crate) fn write_deadline(&self, opened_at: domain::Timestamp) -> tokio::time::Instant {
        let until = opened_at.plus(self.context.config.upstream_timeout);
        tokio::time::Instant::now() + until.since(self.context.now().at)
    }

    /// How long a request sent now must be given until it cannot arrive any more.
    pub(crate) fn settled_at(&self, opened_at: domain::Timestamp) -> domain::Timestamp {
        crate::feed::settled_at(self.context, opened_at)
    }

    /// The order or item of the batch.
    fn target(jobs: &[Loaded]) -> Option<&domain::OrderId> {
        jobs[0].job.order_id.as_ref()
    }
}
