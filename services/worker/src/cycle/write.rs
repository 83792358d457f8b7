//! Committing what came of a cycle.

use domain::batch::{BatchOutcome, OpenBatch, RequestKind};
use domain::event::{
    BatchClosed, BatchOpened, Event, JobIntentRecorded, OrderChangedExternally, OrderWritten,
};
use domain::image::OrderImage;
use domain::job::Job;
use domain::order::ETag;
use domain::{BatchId, OrderId, Sealed, StoreId, TenantId, Timestamp};
use ledger::view::ViewRow;
use ledger::{Append, AppendError, Expected, NewEvent, Stream};
use queue::Subject;

use super::Cycle;
use super::forget::Forget;
use crate::context::Context;

/// An append in the making, with the job rows that it leaves.
pub(crate) struct Writing {
    pub(crate) append: Append,
    tenant: TenantId,
    rows: Vec<(usize, Job)>,
    subjects: Vec<Subject>,
    forget: Forget,
}

impl Writing {
    /// Begins an append guarded by our ownership; `None` if the partition is no longer ours.
    pub(crate) fn begin(context: &Context, partition: u16, tenant: TenantId) -> Option<Self> {
        let append = context.append_for(partition)?;
        Some(Self {
            append,
            tenant,
            rows: Vec::new(),
            subjects: Vec::new(),
            forget: Forget::default(),
        })
    }

    /// The time of the decision.
    pub(crate) fn at(&self) -> Timestamp {
        self.append.now
    }

    /// Adds an event of a job; returns the job after it.
    pub(crate) fn job(&mut self, job: &Job, event: impl Into<Event>, sealed: Option<Sealed>) -> Job {
        let next = self.append.job(job, event, sealed);
        let index = self.append.events.len() - 1;
        self.rows.retain(|(_, row)| row.id != next.id);
        self.rows.push((index, next.clone()));
        self.subjects
            .retain(|subject| !matches!(subject, Subject::Job { job_id, .. } if *job_id == next.id));
        self.subjects.push(Subject::Job {
            job_id: next.id,
            store_id: next.store_id,
            order_id: next.order_id.clone(),
            ended: next.status.is_final(),
        });
        self.forget.job(&next);
        next
    }

    /// Adds an intent: the batch, and an event in each of its jobs' streams. Returns the jobs after it.
    #[expect(
        clippy::too_many_arguments,
        reason = "what an intent holds; a struct would only repeat the names"
    )]
    pub(super) fn open_batch(
        &mut self,
        cycle: &Cycle<'_>,
        id: BatchId,
        request: RequestKind,
        order: Option<&OrderId>,
        etag_before: Option<String>,
        jobs: &[&Job],
        plan: Sealed,
    ) -> Vec<Job> {
        let opened = BatchOpened {
            at: self.at(),
            batch_id: id,
            tenant_id: cycle.plan.tenant_id,
            store_id: cycle.plan.store_id,
            partition: cycle.plan.partition,
            order_id: order.cloned(),
            lane: cycle.plan.lane.clone(),
            request,
            jobs: jobs.iter().map(|job| job.id).collect(),
            etag_before,
        };
        let row = OpenBatch::opened(&opened, Some(plan.clone()));
        let index = self.append.event(NewEvent {
            stream: Stream::Batch(id),
            expected: Expected::Version(0),
            tenant_id: cycle.plan.tenant_id,
            store_id: Some(cycle.plan.store_id),
            order_id: order.cloned(),
            job_id: None,
            event: opened.into(),
            sealed: Some(plan),
        });
        self.append.view(ViewRow::OpenBatch(Box::new(row)), index);
        jobs.iter()
            .map(|job| {
                let event = JobIntentRecorded {
                    at: self.at(),
                    job_id: job.id,
                    batch_id: id,
                    attempt: job.attempts + 1,
                };
                self.job(job, event, None)
            })
            .collect()
    }

    /// Adds the end of a batch.
    pub(super) fn close_batch(
        &mut self,
        cycle: &Cycle<'_>,
        id: BatchId,
        outcome: BatchOutcome,
        recovered: bool,
    ) {
        let index = self.append.event(NewEvent {
            stream: Stream::Batch(id),
            expected: Expected::Version(1),
            tenant_id: cycle.plan.tenant_id,
            store_id: Some(cycle.plan.store_id),
            order_id: None,
            job_id: None,
            event: BatchClosed {
                at: self.at(),
                batch_id: id,
                outcome,
                recovered,
            }
            .into(),
            sealed: None,
        });
        self.append.view(ViewRow::ClosedBatch(id), index);
    }

    /// Adds what we wrote, as the order's last image.
    pub(super) fn written(
        &mut self,
        cycle: &Cycle<'_>,
        order: &OrderId,
        batch_id: BatchId,
        tag: &ETag,
        image: Sealed,
    ) {
        let event = OrderWritten {
            at: self.at(),
            tenant_id: cycle.plan.tenant_id,
            store_id: cycle.plan.store_id,
            order_id: order.clone(),
            batch_id,
            digest: tag.as_str().to_owned(),
        };
        self.forget
            .written(cycle.plan.tenant_id, cycle.plan.store_id, order);
        self.image(cycle, order, event.into(), tag, image);
    }

    /// Adds what somebody else changed, as the order's last image.
    pub(super) fn changed_externally(
        &mut self,
        cycle: &Cycle<'_>,
        order: &OrderId,
        digest_before: String,
        tag: &ETag,
        image: Sealed,
    ) {
        let event = OrderChangedExternally {
            at: self.at(),
            tenant_id: cycle.plan.tenant_id,
            store_id: cycle.plan.store_id,
            order_id: order.clone(),
            digest_before,
            digest_after: tag.as_str().to_owned(),
        };
        self.forget
            .changed_externally(cycle.plan.tenant_id, cycle.plan.store_id, order);
        self.image(cycle, order, event.into(), tag, image);
        self.subjects.push(Subject::Order {
            store_id: cycle.plan.store_id,
            order_id: order.clone(),
        });
    }

    fn image(&mut self, cycle: &Cycle<'_>, order: &OrderId, event: Event, tag: &ETag, image: Sealed) {
        let row = OrderImage {
            tenant_id: cycle.plan.tenant_id,
            store_id: cycle.plan.store_id,
            order_id: order.clone(),
            digest: tag.as_str().to_owned(),
            at: self.at(),
            position: 0,
            image: Some(image.clone()),
        };
        let index = self.order_event(cycle, order, event, Some(image));
        self.append.view(ViewRow::Image(Box::new(row)), index);
    }

    /// Adds an event of the order's own stream.
    pub(super) fn order_event(
        &mut self,
        cycle: &Cycle<'_>,
        order: &OrderId,
        event: Event,
        sealed: Option<Sealed>,
    ) -> usize {
        self.append.event(NewEvent {
            stream: Stream::Order(cycle.plan.store_id, order.clone()),
            expected: Expected::Any,
            tenant_id: cycle.plan.tenant_id,
            store_id: Some(cycle.plan.store_id),
            order_id: Some(order.clone()),
            job_id: None,
            event,
            sealed,
        })
    }

    /// Adds that the order is gone.
    pub(super) fn no_image(&mut self, cycle: &Cycle<'_>, order: &OrderId) {
        let index = self.append.events.len().saturating_sub(1);
        self.append
            .view(ViewRow::NoImage(cycle.plan.store_id, order.clone()), index);
    }

    /// What is cached of an order is to be forgotten.
    pub(crate) fn forget_order(&mut self, store: StoreId, order: &OrderId) {
        self.forget.written(self.tenant, store, order);
    }

    /// What is cached of all a store's lists of orders is to be forgotten.
    pub(crate) fn forget_lists(&mut self, store: StoreId) {
        self.forget.lists(self.tenant, store);
    }

    /// Adds something to announce after the commit.
    pub(crate) fn announce(&mut self, subject: Subject) {
        self.subjects.push(subject);
    }

    /// Commits, announces, and returns the job rows with their positions.
    pub(crate) async fn commit(self, context: &Context) -> Result<Vec<Job>, AppendError> {
        let Self {
            append,
            tenant,
            rows,
            subjects,
            forget,
        } = self;
        if append.events.is_empty() {
            return Ok(Vec::new());
        }
        if !forget.before().is_empty() {
            context.cache.raise(forget.before()).await;
        }
        let appended = context.append(append, tenant, subjects, forget.after()).await?;
        let rows = rows
            .into_iter()
            .map(|(index, mut job)| {
                job.last_position = appended.first + index as u64;
                if job.status.is_final() {
                    count_end(&job);
                }
                job
            })
            .collect();
        Ok(rows)
    }
}

fn count_end(job: &Job) {
    app::metric::ended(job);
    tracing::info!(
        job_id = %job.id,
        tenant_id = %job.tenant_id,
        store_id = %job.upstream_store_id,
        request_id = %job.request_id,
        kind = job.kind.as_str(),
        status = job.status.as_str(),
        code = job.error.as_ref().map(|error| error.code.as_str()),
        attempts = job.attempts,
        "job ended"
    );
}
