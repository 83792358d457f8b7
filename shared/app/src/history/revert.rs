//! Taking a job's change back: which command does it.

use domain::event::Event;
use domain::job::{ErrorCode, Job, JobStatus};
use domain::order::{Irreversible, OrderDoc, Patch, inverse, patch};
use domain::store::Store;
use domain::{BatchId, JobId, OrderId};
use ledger::{OrderEventFilter, Stream};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::denied::may_be_denied;
use crate::payload::{BatchBefore, ImageBody, JobOutcome};
use crate::seals::image_row;
use crate::{App, Caller, Denied, Purpose, SealError};

/// How many events of a job are read: each attempt leaves a few.
const MAX_EVENTS: u32 = 1_000;
/// How many images are looked at: between a job's update and its end lies at most the move that follows it.
const MAX_IMAGES: u32 = 10;

/// The command that takes a job's change back.
#[derive(Clone)]
pub struct Revert {
    /// Through which registration.
    pub store: Store,
    /// Of which order.
    pub order_id: OrderId,
    /// The body of an `order.mutate`.
    pub body: Value,
}

impl std::fmt::Debug for Revert {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Revert({}, ***)", self.order_id)
    }
}

/// Why there is no such command.
#[derive(Debug, thiserror::Error)]
pub enum RevertError {
    /// The caller has no such job.
    #[error("there is no such job")]
    NotFound,
    /// The job has not ended.
    #[error("the job has not ended")]
    NotEnded,
    /// The job ended without a change in Order Desk, or it is not sure that there is one.
    #[error("the job has changed nothing for certain")]
    NotApplied,
    /// What it did is no change of an order that goes on existing.
    #[error("a job of this kind cannot be reverted")]
    Kind,
    /// Its change cannot be taken back.
    #[error(transparent)]
    Irreversible(Irreversible),
    /// What it changed was erased.
    #[error("the job's content was erased")]
    Erased,
    /// Its store is gone.
    #[error("the job's store is gone")]
    StoreGone,
    /// See [`Denied`].
    #[error(transparent)]
    Denied(#[from] Denied),
}

may_be_denied!(RevertError);

impl App {
    /// The command that takes back what one of the caller's jobs changed, to be submitted with
    /// [`revert_of`](crate::Submission::revert_of). Where the order has changed in the same places since, its tests
    /// fail when its turn comes; all other changes stay.
    pub async fn revert(&self, caller: &Caller, id: JobId) -> Result<Revert, RevertError> {
        let job = self.own_job(caller, id).await?.ok_or(RevertError::NotFound)?;
        let order_id = revertible(&job)?.clone();
        let store = self
            .0
            .ledger
            .store(job.store_id)
            .await?
            .filter(|store| store.deleted_at.is_none())
            .ok_or(RevertError::StoreGone)?;
        let outcome = job.outcome.as_ref().ok_or(RevertError::Erased)?;
        let outcome: JobOutcome = self.reveal(&job, Purpose::JobOutcome, job.id.0, outcome).await?;
        let share: Patch = outcome
            .patch
            .and_then(|patch| serde_json::from_value(patch).ok())
            .ok_or(RevertError::NotApplied)?;
        let (plan, batches) = self.plan_of(&job).await?;
        let (before, sent) = around(&job, plan)?;
        let seen = self.returned(&job, &order_id, &batches).await?;
        let undo = inverse(&before, &share, &sent, &seen).map_err(RevertError::Irreversible)?;
        let body = json!({"operations": undo});
        Ok(Revert {
            store,
            order_id,
            body,
        })
    }

    /// The plan of the last update that the job travelled in, or of its move if that was all; and all its batches.
    async fn plan_of(&self, job: &Job) -> Result<(BatchBefore, Vec<BatchId>), RevertError> {
        let events = self
            .0
            .ledger
            .stream_after(&Stream::Job(job.id), 0, MAX_EVENTS)
            .await?;
        let mut batches = Vec::new();
        for event in &events {
            if let Event::JobIntentRecorded(intent) = event.event().map_err(Denied::internal)? {
                batches.push(intent.batch_id);
            }
        }
        for batch in batches.iter().rev() {
            let opened = self.0.ledger.stream_after(&Stream::Batch(*batch), 0, 1).await?;
            let sealed = opened.first().and_then(|event| event.sealed.as_ref());
            let sealed = sealed.ok_or(RevertError::Erased)?;
            let plan: BatchBefore = self.reveal(job, Purpose::BatchPlan, batch.0, sealed).await?;
            // A move after an update remembers only its own job's share of that update.
            if !plan.after_put {
                return Ok((plan, batches));
            }
        }
        Err(RevertError::NotApplied)
    }

    /// The order as Order Desk returned it last for the job.
    async fn returned(
        &self,
        job: &Job,
        order: &OrderId,
        batches: &[BatchId],
    ) -> Result<OrderDoc, RevertError> {
        let mut filter = OrderEventFilter {
            store_id: job.store_id,
            order_id: order.clone(),
            types: vec!["order.written.v1"],
            before: Some(job.last_position + 1),
            until: None,
            limit: MAX_IMAGES,
        };
        loop {
            let rows = self.0.ledger.order_events(&filter).await?;
            for row in &rows {
                let Event::OrderWritten(written) = row.event().map_err(Denied::internal)? else {
                    continue;
                };
                if batches.contains(&written.batch_id) {
                    let sealed = row.sealed.as_ref().ok_or(RevertError::Erased)?;
                    let place = image_row(job.store_id, order);
                    let body: ImageBody = self.reveal(job, Purpose::OrderImage, place, sealed).await?;
                    let image = OrderDoc::from_value(body.image).map_err(Denied::internal)?;
                    return Ok(image);
                }
            }
            // Older than the job itself: there is none.
            let last = rows.last().map(|row| row.position);
            filter.before = last.filter(|last| *last > job.position);
            if filter.before.is_none() {
                return Err(RevertError::NotApplied);
            }
        }
    }

    async fn reveal<T: DeserializeOwned>(
        &self,
        job: &Job,
        purpose: Purpose,
        place: uuid::Uuid,
        sealed: &domain::Sealed,
    ) -> Result<T, RevertError> {
        let opened = self
            .0
            .seals
            .open_json(job.tenant_id, purpose, place, sealed)
            .await;
        match opened {
            Err(SealError::KeyGone) => Err(RevertError::Erased),
            opened => Ok(opened?),
        }
    }
}

/// The order of a job whose change is in Order Desk and can be taken back.
fn revertible(job: &Job) -> Result<&OrderId, RevertError> {
    if !job.status.is_final() {
        return Err(RevertError::NotEnded);
    }
    if !job.kind.is_order() || job.kind.is_create() || job.kind == domain::order::CommandKind::OrderDelete {
        return Err(RevertError::Kind);
    }
    let changed = job.result.as_ref().is_some_and(|result| result.changed);
    let applied = match job.status {
        JobStatus::Succeeded => changed,
        JobStatus::Failed => {
            changed
                && job
                    .error
                    .as_ref()
                    .is_some_and(|error| error.code == ErrorCode::PartiallyApplied)
        }
        JobStatus::Queued | JobStatus::Running | JobStatus::Retrying | JobStatus::Cancelled => false,
    };
    job.order_id
        .as_ref()
        .filter(|_| applied)
        .ok_or(RevertError::NotApplied)
}

/// The order before the job's share of its batch, and after all shares.
fn around(job: &Job, plan: BatchBefore) -> Result<(OrderDoc, OrderDoc), RevertError> {
    let foreign = || RevertError::Irreversible(Irreversible::Foreign);
    let mut doc = OrderDoc::from_value(plan.before.ok_or_else(foreign)?).map_err(|_| foreign())?;
    let mut before = None;
    for share in &plan.shares {
        if share.job == job.id {
            before = Some(doc.clone());
        }
        doc = patch::apply(&share.patch, &doc).map_err(|_| foreign())?;
    }
    Ok((before.ok_or_else(foreign)?, doc))
}
