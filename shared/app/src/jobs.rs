//! Jobs: showing them, waiting for them, cancelling them.

use std::time::Duration;

use domain::event::JobCancelled;
use domain::job::{CancelReason, Job, JobStatus};
use domain::order::CommandKind;
use domain::{JobId, OrderId, StoreId, Timestamp};
use ledger::{Append, AppendError, JobFilter, Refusal};
use serde_json::Value;
use tokio::time::Instant;

use crate::after::News;
use crate::bus::Topic;
use crate::denied::may_be_denied;
use crate::payload::JobOutcome;
use crate::settle::Settled;
use crate::submit::job_news;
use crate::{App, Caller, Denied, Once, Outcome, Purpose, SealError};

/// The longest that a call waits for a job.
const MAX_WAIT: Duration = Duration::from_mins(1);
/// How often a waiting call looks by itself, should an announcement be lost.
pub(crate) const POLL: Duration = Duration::from_secs(1);
/// How many jobs are read at once for a list.
const SLICE: u32 = 50;
/// A page of a list ends early beyond so much sealed content: one job may have two megabytes of it.
const MAX_PAGE_BYTES: usize = 4 << 20;
/// How often a cancellation is decided anew because the job moved meanwhile.
const MAX_TRIES: usize = 5;

/// A job with what is kept sealed of it, which its `Debug` form does not show.
#[derive(Clone)]
pub struct JobView {
    /// The job.
    pub job: Job,
    /// Its own share of the change; none after erasure.
    pub patch: Option<Value>,
    /// What Order Desk made of it unasked.
    pub differences: Vec<Value>,
    /// What Order Desk said about a failure; for the caller alone.
    pub upstream_message: Option<String>,
    /// Where it stands in its lane; none if it has ended, and in lists.
    pub queue: Option<QueuePlace>,
}

impl std::fmt::Debug for JobView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobView")
            .field("job", &self.job)
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

/// A place in a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuePlace {
    /// How many stand before it; at most 1000, then there may be more.
    pub ahead: u64,
    /// When it will be done, roughly.
    pub eta: Option<Timestamp>,
}

/// Which of the caller's jobs a list shows.
#[derive(Clone, Debug, Default)]
pub struct JobQuery {
    /// Of this registration.
    pub store_id: Option<StoreId>,
    /// Of this order or item.
    pub order_id: Option<OrderId>,
    /// In one of these states; empty means any.
    pub status: Vec<JobStatus>,
    /// Of this kind.
    pub kind: Option<CommandKind>,
    /// Submitted at or after.
    pub from: Option<Timestamp>,
    /// Submitted before.
    pub to: Option<Timestamp>,
    /// The `next` of the page before.
    pub cursor: Option<u64>,
    /// At most this many; 0 means 50.
    pub limit: u32,
}

/// A page of jobs, newest first.
#[derive(Clone, Debug)]
pub struct JobPage {
    /// The jobs.
    pub jobs: Vec<JobView>,
    /// The cursor of the page after, if there is one.
    pub next: Option<u64>,
}

/// Why a job was not cancelled.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// The caller has no such job.
    #[error("there is no such job")]
    NotFound,
    /// Its change is on its way to Order Desk.
    #[error("the job is running")]
    Running,
    /// It has ended.
    #[error("the job has ended")]
    Finished,
    /// See [`Denied`].
    #[error(transparent)]
    Denied(#[from] Denied),
}

may_be_denied!(CancelError);

/// When a lane with so many jobs before one will have come to it: two tokens a job, three tokens a second.
pub(crate) fn eta(from: Timestamp, ahead: u64) -> Timestamp {
    from.plus(Duration::from_millis(
        ahead.saturating_add(1).saturating_mul(2000) / 3,
    ))
}

impl JobQuery {
    pub(crate) fn filter(&self, caller: &Caller) -> Option<JobFilter> {
        Some(JobFilter {
            tenant_id: caller.tenant_id()?,
            store_id: self.store_id,
            order_id: self.order_id.clone(),
            status: self.status.clone(),
            kind: self.kind,
            from: self.from,
            to: self.to,
            before: self.cursor,
            limit: match self.limit {
                0 => 50,
                limit => limit.min(500),
            },
        })
    }
}

impl App {
    /// One of the caller's jobs.
    pub async fn job(&self, caller: &Caller, id: JobId) -> Result<Option<JobView>, Denied> {
        match self.own_job(caller, id).await? {
            Some(job) => Ok(Some(self.view(job).await?)),
            None => Ok(None),
        }
    }

    /// A page of the caller's jobs; it may hold fewer than asked for although there are more.
    pub async fn jobs(&self, caller: &Caller, query: &JobQuery) -> Result<JobPage, Denied> {
        let Some(mut filter) = query.filter(caller) else {
            return Ok(JobPage {
                jobs: Vec::new(),
                next: None,
            });
        };
        let limit = filter.limit as usize;
        let (mut jobs, mut next, mut bytes) = (Vec::new(), None, 0);
        loop {
            // One more than are shown, to see whether there is a next page.
            filter.limit = SLICE.min((limit - jobs.len()) as u32) + 1;
            let mut found = self.0.ledger.jobs_page(&filter).await?;
            let more = found.len() == filter.limit as usize;
            found.truncate(filter.limit as usize - 1);
            for job in found {
                if bytes > MAX_PAGE_BYTES {
                    return Ok(JobPage { jobs, next });
                }
                bytes += job.outcome.as_ref().map_or(0, |sealed| sealed.as_bytes().len());
                next = Some(job.position);
                jobs.push(self.opened(job).await?);
            }
            if !more || jobs.len() >= limit {
                return Ok(JobPage {
                    jobs,
                    next: next.filter(|_| more),
                });
            }
            filter.before = next;
        }
    }

    /// Waits until one of the caller's jobs has ended, at most `patience` (cut to 60 s), and shows it as it is then.
    pub async fn wait(
        &self,
        caller: &Caller,
        id: JobId,
        patience: Duration,
    ) -> Result<Option<JobView>, Denied> {
        let until = Instant::now() + patience.min(MAX_WAIT);
        // Registered before reading: an end between the two is news.
        let mut waiter = self.0.waiters.register(Topic::Job(id));
        loop {
            let Some(job) = self.own_job(caller, id).await? else {
                return Ok(None);
            };
            let now = Instant::now();
            if job.status.is_final() || now >= until {
                return Ok(Some(self.view(job).await?));
            }
            let look_again = until.min(now + POLL);
            // Whether by news or by time, the ledger says what is true.
            let _ = tokio::time::timeout_at(look_again, waiter.news()).await;
        }
    }

    /// Cancels one of the caller's jobs, unless its change is already on its way.
    pub async fn cancel(
        &self,
        caller: &Caller,
        id: JobId,
        once: Option<Once<JobView>>,
    ) -> Result<Outcome<JobView>, CancelError> {
        let once = once.as_ref();
        let mut job = self.own_job(caller, id).await?.ok_or(CancelError::NotFound)?;
        let settled = self.settle(caller).await?;
        if let Some(answer) = self.replay(settled.tenant, once).await? {
            return Ok(Outcome::Replayed(answer));
        }
        for _ in 0..MAX_TRIES {
            let (append, view) = self.plan_cancel(&settled, &job, once).await?;
            let subjects = vec![job_news(&view.job)];
            let news = News {
                tenant: settled.tenant,
                partitions: vec![job.partition],
                subjects,
            };
            match self.commit(append, news).await {
                Ok(appended) => {
                    let job = Job {
                        last_position: appended.last,
                        ..view.job
                    };
                    return Ok(Outcome::Done(JobView { job, ..view }));
                }
                Err(AppendError::Refused(
                    Refusal::Conflict { .. } | Refusal::Exists(_) | Refusal::DataKeyGone,
                )) => {
                    if let Some(answer) = self.replay(settled.tenant, once).await? {
                        return Ok(Outcome::Replayed(answer));
                    }
                    job = self.own_job(caller, id).await?.ok_or(CancelError::NotFound)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Denied::contended().into())
    }

    async fn plan_cancel(
        &self,
        settled: &Settled,
        job: &Job,
        once: Option<&Once<JobView>>,
    ) -> Result<(Append, JobView), CancelError> {
        cancellable(job)?;
        let mut append = Append::new(self.now(), settled.meta.clone());
        settled.attach(&mut append);
        let next = cancelled(&mut append, job);
        let view = self.view(next).await?;
        self.remember(&mut append, settled, once, &view).await?;
        Ok((append, view))
    }

    pub(crate) async fn own_job(&self, caller: &Caller, id: JobId) -> Result<Option<Job>, Denied> {
        let Some(tenant) = caller.tenant_id() else {
            return Ok(None);
        };
        Ok(self.0.ledger.job(id).await?.filter(|job| job.tenant_id == tenant))
    }

    /// A job with its place in the lane.
    pub(crate) async fn view(&self, job: Job) -> Result<JobView, Denied> {
        let queue = if job.status.is_final() {
            None
        } else {
            let ahead = self.0.ledger.jobs_ahead(&job).await?;
            Some(QueuePlace {
                ahead,
                eta: Some(eta(self.now().max(job.eligible_at()), ahead)),
            })
        };
        Ok(JobView {
            queue,
            ..self.opened(job).await?
        })
    }

    /// A job as it may be shown: every job that a user sees comes through here.
    pub(crate) async fn opened(&self, job: Job) -> Result<JobView, Denied> {
        self.before_showing(&job).await;
        let JobOutcome {
            patch,
            differences,
            upstream_message,
        } = match &job.outcome {
            None => JobOutcome::default(),
            Some(sealed) => {
                let opened = self
                    .0
                    .seals
                    .open_json(job.tenant_id, Purpose::JobOutcome, job.id.0, sealed)
                    .await;
                match opened {
                    Ok(outcome) => outcome,
                    // Erased: the job stays, its content is gone.
                    Err(SealError::KeyGone) => JobOutcome::default(),
                    Err(SealError::Damaged) => {
                        tracing::error!(job_id = %job.id, "a job's outcome cannot be opened");
                        JobOutcome::default()
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        };
        Ok(JobView {
            job,
            patch,
            differences,
            upstream_message,
            queue: None,
        })
    }
}

/// Whether a job can still be cancelled.
pub(crate) fn cancellable(job: &Job) -> Result<(), CancelError> {
    if job.status.is_final() {
        return Err(CancelError::Finished);
    }
    if job.status == JobStatus::Running || job.batch_id.is_some() {
        return Err(CancelError::Running);
    }
    Ok(())
}

/// Adds a job's cancellation; an intent that comes first makes the append fail.
pub(crate) fn cancelled(append: &mut Append, job: &Job) -> Job {
    append.job(
        job,
        JobCancelled {
            at: append.now,
            job_id: job.id,
            reason: CancelReason::User,
        },
        None,
    )
}
