//! What a failed call means for the jobs of a batch.

use app::payload::JobOutcome;
use app::{Purpose, Sealer};
use domain::batch::BatchOutcome;
use domain::event::{JobFailed, JobRequeued, JobRetryScheduled, StorePaused};
use domain::job::{ErrorCode, Job, JobError, JobResult, JobStatus};
use domain::store::PauseReason;
use domain::{BatchId, JobId, Sealed, Timestamp};
use ledger::{AppendError, Refusal};
use orderdesk::{CallError, Doubt as CallDoubt, Failure};
use queue::Subject;

use super::write::Writing;
use super::{Cycle, backoff, hold};
use crate::schedule::{Doubt, Finish};

/// A job's end or its next attempt, in the making.
#[derive(Clone)]
pub(super) struct Fate {
    pub(super) error: JobError,
    pub(super) message: Option<String>,
}

/// The error that a job gets for a failed call.
pub(super) fn describe(error: &CallError, not_found: ErrorCode) -> Fate {
    let message = error
        .upstream_message()
        .map(|message| message.reveal().to_owned());
    let (code, detail, status) = match error.failure() {
        Failure::NotFound => (not_found, "Order Desk does not know it".to_owned(), Some(404)),
        Failure::Refused { status } => (
            ErrorCode::UpstreamRejected,
            format!("Order Desk refused the request with status {status}"),
            Some(status),
        ),
        Failure::Unauthorized { status } => (
            ErrorCode::CredentialsRejected,
            "Order Desk rejected the store's credentials".to_owned(),
            Some(status),
        ),
        Failure::RateLimited { .. } => (
            ErrorCode::UpstreamUnavailable,
            "Order Desk's rate limit was reached".to_owned(),
            Some(429),
        ),
        Failure::NotSent(reason) => (
            ErrorCode::UpstreamUnavailable,
            format!("Order Desk could not be reached: {reason}"),
            None,
        ),
        Failure::InDoubt(doubt) => {
            let status = match doubt {
                CallDoubt::CompleteAnswer { status } => Some(status),
                CallDoubt::CannotKnow(_) => None,
            };
            (
                ErrorCode::UpstreamUnavailable,
                format!("Order Desk failed: {doubt}"),
                status,
            )
        }
    };
    let mut job_error = JobError::new(code, detail);
    job_error.upstream_status = status;
    Fate {
        error: job_error,
        message,
    }
}

/// A sealed outcome, if there is anything to seal.
pub(super) fn seal_outcome(sealer: &Sealer, job: JobId, outcome: &JobOutcome) -> Option<Sealed> {
    let empty =
        outcome.patch.is_none() && outcome.differences.is_empty() && outcome.upstream_message.is_none();
    (!empty).then(|| sealer.seal_json(Purpose::JobOutcome, job.0, outcome))
}

impl Cycle<'_> {
    /// A read before any intent failed: nobody's change was sent.
    pub(super) async fn read_failed(
        &mut self,
        jobs: &[&Job],
        sealer: &Sealer,
        error: &CallError,
        not_found: ErrorCode,
    ) -> Finish {
        match error.failure() {
            Failure::RateLimited { retry_after } => {
                hold(self.context, self.plan, retry_after.as_millis() as u64)
            }
            Failure::Unauthorized { .. } => self.pause(jobs, None).await,
            Failure::NotFound | Failure::Refused { .. } => {
                self.fail(jobs, sealer, None, &describe(error, not_found)).await
            }
            Failure::NotSent(orderdesk::NotSent::HeldBack) => hold(self.context, self.plan, 200),
            Failure::NotSent(_) | Failure::InDoubt(_) => {
                // While the circuit is open, time and attempts do not count; the circuit decides when to look again.
                if self.circuit_is_open() {
                    return Finish::default();
                }
                self.try_again(jobs, sealer, None, &describe(error, not_found))
                    .await
            }
        }
    }

    /// A write whose intent is open failed; `None` for `batch` is not possible here.
    pub(super) async fn write_failed(
        &mut self,
        jobs: &[&Job],
        sealer: &Sealer,
        batch: BatchId,
        opened_at: Timestamp,
        error: &CallError,
        not_found: ErrorCode,
    ) -> Finish {
        let fate = describe(error, not_found);
        match error.failure() {
            Failure::InDoubt(doubt) => {
                metrics::counter!("worker_in_doubt_total").increment(1);
                let not_before = match doubt {
                    // The application has ended its work: what it did can be judged at once.
                    CallDoubt::CompleteAnswer { .. } => self.context.now().at,
                    CallDoubt::CannotKnow(_) => self.settled_at(opened_at),
                };
                tracing::info!(batch_id = %batch, doubt = %doubt, "a request is in doubt");
                Finish {
                    doubt: Some(Doubt { batch, not_before }),
                    ..Finish::default()
                }
            }
            Failure::RateLimited { retry_after } => {
                let mut finish = self.requeue(jobs, batch).await;
                finish.hold_until = Some(self.context.now().at.plus(retry_after));
                finish
            }
            Failure::Unauthorized { .. } => self.pause(jobs, Some(batch)).await,
            Failure::Refused { .. } | Failure::NotFound if jobs.len() > 1 => {
                // Fails nobody: one of them is the poison, halving finds it.
                metrics::counter!("worker_batches_halved_total").increment(1);
                let mut finish = self.requeue(jobs, batch).await;
                let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
                let (first, second) = ids.split_at(ids.len() / 2);
                finish.groups = vec![first.to_vec(), second.to_vec()];
                finish
            }
            Failure::Refused { .. } | Failure::NotFound => self.fail(jobs, sealer, Some(batch), &fate).await,
            Failure::NotSent(orderdesk::NotSent::HeldBack) => {
                let mut finish = self.requeue(jobs, batch).await;
                finish.hold_until = Some(self.context.now().at.plus(std::time::Duration::from_millis(200)));
                finish
            }
            // As before an intent: what an open circuit stops is no attempt.
            Failure::NotSent(_) if self.circuit_is_open() => self.requeue(jobs, batch).await,
            Failure::NotSent(_) => self.try_again(jobs, sealer, Some(batch), &fate).await,
        }
    }

    fn circuit_is_open(&self) -> bool {
        self.context
            .look(|schedule, _| schedule.circuit_is_open(&self.plan.upstream))
    }

    /// Ends jobs with an error.
    pub(super) async fn fail(
        &mut self,
        jobs: &[&Job],
        sealer: &Sealer,
        batch: Option<BatchId>,
        fate: &Fate,
    ) -> Finish {
        let Some(mut writing) = self.writing() else {
            return Finish::default();
        };
        if let Some(batch) = batch {
            let outcome = match fate.error.code {
                ErrorCode::NeedsReview => BatchOutcome::Unclear,
                _ => BatchOutcome::NotApplied,
            };
            writing.close_batch(self, batch, outcome, false);
        }
        sealer.attach(&mut writing.append);
        for job in jobs {
            let outcome = JobOutcome {
                upstream_message: fate.message.clone(),
                ..JobOutcome::default()
            };
            let sealed = seal_outcome(sealer, job.id, &outcome);
            let event = JobFailed {
                at: writing.at(),
                job_id: job.id,
                // An intent has counted this attempt already.
                attempts: job.attempts + u32::from(batch.is_none()),
                error: fate.error.clone(),
                result: self.failed_result(job),
            };
            writing.job(job, event, sealed);
        }
        if fate.error.code == ErrorCode::NeedsReview {
            metrics::counter!("jobs_needs_review_total").increment(jobs.len() as u64);
        }
        self.commit(writing, jobs, batch).await
    }

    fn failed_result(&self, job: &Job) -> Option<JobResult> {
        (self.requests() > 0).then(|| JobResult {
            order_id: job.order_id.as_ref().map(ToString::to_string),
            upstream_requests: self.requests(),
            ..JobResult::default()
        })
    }

    /// Schedules another attempt, or ends jobs that have none left.
    pub(super) async fn try_again(
        &mut self,
        jobs: &[&Job],
        sealer: &Sealer,
        batch: Option<BatchId>,
        fate: &Fate,
    ) -> Finish {
        let Some(mut writing) = self.writing() else {
            return Finish::default();
        };
        if let Some(batch) = batch {
            writing.close_batch(self, batch, BatchOutcome::NotApplied, false);
        }
        sealer.attach(&mut writing.append);
        let random = self.context.clock.uuid();
        for job in jobs {
            // An intent has counted this attempt already.
            let attempts = if batch.is_some() {
                job.attempts
            } else {
                job.attempts + 1
            };
            if attempts >= job.max_attempts {
                let mut error = JobError::new(
                    ErrorCode::AttemptsExhausted,
                    format!("{attempts} attempts failed; the last one: {}", fate.error.detail),
                );
                error.cause = Some(fate.error.code);
                error.upstream_status = fate.error.upstream_status;
                let outcome = JobOutcome {
                    upstream_message: fate.message.clone(),
                    ..JobOutcome::default()
                };
                let sealed = seal_outcome(sealer, job.id, &outcome);
                let result = self.failed_result(job);
                writing.job(
                    job,
                    JobFailed {
                        at: writing.at(),
                        job_id: job.id,
                        attempts,
                        error,
                        result,
                    },
                    sealed,
                );
            } else {
                // One wait for all, so that they stay together.
                let next_attempt_at = writing.at().plus(backoff::delay(attempts, random));
                let event = JobRetryScheduled {
                    at: writing.at(),
                    job_id: job.id,
                    attempts,
                    next_attempt_at,
                    cause: fate.error.clone(),
                };
                writing.job(job, event, None);
            }
        }
        metrics::counter!("jobs_retried_total").increment(jobs.len() as u64);
        let mut finish = self.commit(writing, jobs, batch).await;
        if jobs.len() > 1 {
            // The same batch again, no newcomers.
            finish.groups = vec![jobs.iter().map(|job| job.id).collect()];
        }
        finish
    }

    /// Closes a batch that was certainly not applied; its jobs wait again and the attempt does not count.
    pub(super) async fn requeue(&mut self, jobs: &[&Job], batch: BatchId) -> Finish {
        let Some(mut writing) = self.writing() else {
            return Finish::default();
        };
        writing.close_batch(self, batch, BatchOutcome::NotApplied, false);
        for job in jobs {
            let event = JobRequeued {
                at: writing.at(),
                job_id: job.id,
                attempts: job.attempts.saturating_sub(1),
            };
            writing.job(job, event, None);
        }
        self.commit(writing, jobs, Some(batch)).await
    }

    /// Order Desk rejected the credentials: the store pauses, its jobs wait.
    async fn pause(&mut self, jobs: &[&Job], batch: Option<BatchId>) -> Finish {
        let mut finish = match batch {
            Some(batch) => self.requeue(jobs, batch).await,
            None => self.back_in_the_queue(jobs).await,
        };
        self.pause_store().await;
        finish.hold_until = Some(self.context.now().at.plus(std::time::Duration::from_millis(500)));
        finish
    }

    /// Jobs that wait for another attempt go back to the queue: a new key, not time, is what they wait for.
    async fn back_in_the_queue(&mut self, jobs: &[&Job]) -> Finish {
        let Some(mut writing) = self.writing() else {
            return Finish::default();
        };
        let waiting = jobs.iter().filter(|job| job.status == JobStatus::Retrying);
        for job in waiting {
            let event = JobRequeued {
                at: writing.at(),
                job_id: job.id,
                attempts: job.attempts,
            };
            writing.job(job, event, None);
        }
        self.commit(writing, jobs, None).await
    }

    /// Pauses the store, unless it was changed since this cycle began.
    pub(super) async fn pause_store(&mut self) {
        tracing::warn!("Order Desk rejected the store's credentials, pausing it");
        // The store's row may be newer than ours: a key replaced meanwhile must not be paused.
        let Ok(Some(store)) = self.context.ledger.store(self.store.id).await else {
            return;
        };
        if store.paused.is_none()
            && store.deleted_at.is_none()
            && store.upstream_key == self.store.upstream_key
        {
            let Some(mut writing) = self.writing() else { return };
            let event = StorePaused {
                at: writing.at(),
                store_id: store.id,
                reason: PauseReason::CredentialsRejected,
            };
            let next = writing.append.store(&store, event, None);
            writing.announce(Subject::Store { store_id: store.id });
            match writing.commit(self.context).await {
                Ok(_) => self.context.schedule(|schedule, now| {
                    schedule.set_store(std::sync::Arc::new(next), now);
                }),
                Err(error) => tracing::debug!(error = %error, "the store was changed meanwhile"),
            }
        }
    }

    pub(super) fn writing(&self) -> Option<Writing> {
        Writing::begin(self.context, self.plan.partition, self.plan.tenant_id)
    }

    /// Commits and makes the cycle's end of it.
    pub(super) async fn commit(&mut self, writing: Writing, jobs: &[&Job], batch: Option<BatchId>) -> Finish {
        match writing.commit(self.context).await {
            Ok(jobs) => Finish {
                jobs,
                ..Finish::default()
            },
            Err(error) => self.not_committed(jobs, batch, &error).await,
        }
    }

    /// What to do after an append that was refused or whose outcome is unknown.
    pub(super) async fn not_committed(
        &self,
        jobs: &[&Job],
        batch: Option<BatchId>,
        error: &AppendError,
    ) -> Finish {
        let context = self.context;
        match error {
            AppendError::Refused(Refusal::NotOwner { partition }) => {
                tracing::warn!(partition, "deposed: the append was refused");
                // The next heartbeat takes the partition away; until then nothing is tried again.
                return hold(self.context, self.plan, 1_000);
            }
            AppendError::Refused(refusal) => {
                tracing::info!(refusal = %refusal, "the ledger had moved on, looking again");
            }
            AppendError::Unavailable(_) | AppendError::Failed(_) | AppendError::Closed => {
                tracing::warn!(error = %error, "the ledger did not take an append");
            }
        }
        // Whatever was or was not written shows in the rows; an open batch is judged by what Order Desk has.
        let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
        let rows = context.ledger.jobs(&ids).await.unwrap_or_default();
        let pause = match error {
            AppendError::Refused(_) => 20,
            _ => 1_000,
        };
        let hold_until = context.now().at.plus(std::time::Duration::from_millis(pause));
        let doubt = batch.map(|batch| Doubt {
            batch,
            not_before: hold_until,
        });
        Finish {
            jobs: rows,
            doubt,
            hold_until: Some(hold_until),
            ..Finish::default()
        }
    }
}
