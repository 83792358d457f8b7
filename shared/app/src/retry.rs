//! Submitting failed jobs anew, and changing many jobs at once.

use std::collections::BTreeSet;

use domain::event::{JobRetriedAs, JobSubmitted};
use domain::job::{ErrorCode, Job, JobStatus};
use domain::store::Store;
use domain::{JobId, Timestamp};
use ledger::{Append, AppendError, Guard, IdempotencyAnswer, Refusal};

use crate::after::News;
use crate::denied::may_be_denied;
use crate::jobs::{cancellable, cancelled};
use crate::payload::JobBody;
use crate::settle::Settled;
use crate::submit::{Submitted, job_news, lane, subject};
use crate::{App, Caller, Denied, IdempotencyKey, JobQuery, Once, Outcome, Purpose, SealError};

/// How often a decision is made anew because something changed meanwhile.
const MAX_TRIES: usize = 5;
/// The most jobs that one call for many changes.
const MAX_MANY: usize = 1000;
/// The most jobs in one append: two events each, far below the ledger's limit.
const CHUNK: usize = 100;

/// What the caller knows about a job that `needs_review`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assume {
    /// Order Desk has the change: there is nothing to retry.
    Applied,
    /// Order Desk has not got the change.
    NotApplied,
}

/// Why a job was not submitted anew.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    /// The caller has no such job.
    #[error("there is no such job")]
    NotFound,
    /// It has not failed.
    #[error("the job has not failed")]
    NotFailed,
    /// It was submitted anew before.
    #[error("the job was retried already")]
    AlreadyRetried(JobId),
    /// Whether Order Desk has its change is unknown, and the caller did not say either.
    #[error("the job needs review")]
    NeedsAssumption,
    /// The caller says that Order Desk has its change. Final states never change, so the job stays as it is.
    #[error("there is nothing to retry")]
    NothingToRetry,
    /// What it was to do was erased.
    #[error("the job's content was erased")]
    Erased,
    /// Its store is gone.
    #[error("the job's store is gone")]
    StoreGone,
    /// See [`Denied`].
    #[error(transparent)]
    Denied(#[from] Denied),
}

may_be_denied!(RetryError);

/// What became of a call for many jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Many {
    /// The jobs that were cancelled, or the new jobs.
    pub jobs: Vec<JobId>,
    /// How many matched and could not be changed.
    pub skipped: u64,
    /// Whether more may match than one call changes.
    pub more: bool,
}

impl App {
    /// Submits a failed job anew, at the end of its lane. A job that `needs_review` needs [`Assume::NotApplied`].
    pub async fn retry(
        &self,
        caller: &Caller,
        id: JobId,
        assume: Option<Assume>,
        key: Option<IdempotencyKey>,
    ) -> Result<Submitted, RetryError> {
        let mut job = self.own_job(caller, id).await?.ok_or(RetryError::NotFound)?;
        let settled = self.settle(caller).await?;
        for _ in 0..MAX_TRIES {
            if let Some(key) = &key
                && let Some(answer) = self.recorded(settled.tenant, key).await?
            {
                let IdempotencyAnswer::Job(id) = answer else {
                    return Err(Denied::KeyReused.into());
                };
                let jobs = self.present_jobs(settled.tenant, &[id]).await?;
                return Ok(Submitted { jobs, replayed: true });
            }
            let mut append = Append::new(self.now(), settled.meta.clone());
            settled.attach(&mut append);
            let (index, new) = self.plan_retry(caller, &mut append, &job, assume).await?;
            if let Some(key) = &key {
                let record = self.record(&append, settled.tenant, key, IdempotencyAnswer::Job(new.id));
                append.idempotency.push(record);
            }
            let news = News {
                tenant: settled.tenant,
                partitions: vec![new.partition],
                subjects: vec![job_news(&new)],
            };
            match self.commit(append, news).await {
                Ok(appended) => {
                    let position = appended.first + index as u64;
                    let new = Job {
                        position,
                        last_position: position,
                        ..new
                    };
                    return Ok(Submitted {
                        jobs: vec![new],
                        replayed: false,
                    });
                }
                Err(AppendError::Refused(Refusal::StoreGone)) => return Err(RetryError::StoreGone),
                Err(AppendError::Refused(
                    Refusal::Conflict { .. } | Refusal::Exists(_) | Refusal::DataKeyGone,
                )) => {
                    // A destroyed key must not be believed in any longer; caches are dropped by the look-up.
                    self.forget_keys_of(&job).await;
                    job = self.own_job(caller, id).await?.ok_or(RetryError::NotFound)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Denied::contended().into())
    }

    /// Submits the failed jobs that `query` finds anew, up to 1000, oldest first. Those that need review, were
    /// retried before or cannot be read any more are skipped.
    pub async fn retry_many(
        &self,
        caller: &Caller,
        query: &JobQuery,
        once: Option<Once<Many>>,
    ) -> Result<Outcome<Many>, Denied> {
        self.change_many(caller, query, once, Change::Retry).await
    }

    /// Cancels the waiting jobs that `query` finds, up to 1000.
    pub async fn cancel_many(
        &self,
        caller: &Caller,
        query: &JobQuery,
        once: Option<Once<Many>>,
    ) -> Result<Outcome<Many>, Denied> {
        self.change_many(caller, query, once, Change::Cancel).await
    }

    async fn change_many(
        &self,
        caller: &Caller,
        query: &JobQuery,
        once: Option<Once<Many>>,
        change: Change,
    ) -> Result<Outcome<Many>, Denied> {
        if caller.tenant_id().is_none() {
            // Nobody's key has no jobs. To found a tenant for that would cost strangers nothing and us an argon2.
            return Ok(Outcome::Done(Many::default()));
        }
        let once = once.as_ref();
        let settled = self.settle(caller).await?;
        if let Some(answer) = self.replay(settled.tenant, once).await? {
            return Ok(Outcome::Replayed(answer));
        }
        let (mut ids, more) = self.matching(caller, query, change).await?;
        ids.reverse();
        let mut many = Many {
            more,
            ..Many::default()
        };
        for chunk in ids.chunks(CHUNK) {
            let jobs = self.present_jobs(settled.tenant, chunk).await?;
            if !self
                .change_chunk(caller, &settled, &jobs, change, &mut many)
                .await?
            {
                // One of them moved meanwhile: each for itself, as it is now.
                for job in self.present_jobs(settled.tenant, chunk).await? {
                    if !self
                        .change_chunk(caller, &settled, &[job], change, &mut many)
                        .await?
                    {
                        many.skipped += 1;
                    }
                }
            }
        }
        if once.is_some() {
            let mut append = Append::new(self.now(), settled.meta.clone());
            settled.attach(&mut append);
            self.remember(&mut append, &settled, once, &many).await?;
            match self.0.ledger.append(append).await {
                Ok(_) => {}
                Err(AppendError::Refused(Refusal::Exists(_))) => {
                    if let Some(answer) = self.replay(settled.tenant, once).await? {
                        return Ok(Outcome::Replayed(answer));
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Outcome::Done(many))
    }

    /// The jobs that a call for many may change, newest first, and whether there may be more. Their ids only: a
    /// thousand whole jobs at once are more than a process has to spare.
    async fn matching(
        &self,
        caller: &Caller,
        query: &JobQuery,
        change: Change,
    ) -> Result<(Vec<JobId>, bool), Denied> {
        let Some(mut filter) = query.filter(caller) else {
            return Ok((Vec::new(), false));
        };
        filter.status.retain(|status| change.statuses().contains(status));
        if filter.status.is_empty() {
            if !query.status.is_empty() {
                return Ok((Vec::new(), false));
            }
            filter.status = change.statuses().to_vec();
        }
        filter.limit = CHUNK as u32;
        let mut found = Vec::new();
        while found.len() < MAX_MANY {
            let page = self.0.ledger.jobs_page(&filter).await?;
            let full = page.len() == filter.limit as usize;
            filter.before = page.last().map(|job| job.position);
            found.extend(page.into_iter().map(|job| job.id));
            if !full {
                return Ok((found, false));
            }
        }
        Ok((found, true))
    }

    /// Changes all of `chunk` in one append; false if that was refused.
    async fn change_chunk(
        &self,
        caller: &Caller,
        settled: &Settled,
        chunk: &[Job],
        change: Change,
        many: &mut Many,
    ) -> Result<bool, Denied> {
        let mut append = Append::new(self.now(), settled.meta.clone());
        settled.attach(&mut append);
        let (mut made, mut skipped) = (Vec::new(), 0);
        for job in chunk {
            match change {
                Change::Cancel if cancellable(job).is_ok() => made.push(cancelled(&mut append, job)),
                Change::Cancel => skipped += 1,
                Change::Retry => match self.plan_retry(caller, &mut append, job, None).await {
                    Ok((_, new)) => made.push(new),
                    Err(RetryError::Denied(denied)) => return Err(denied),
                    Err(_) => skipped += 1,
                },
            }
        }
        if !made.is_empty() {
            let partitions: BTreeSet<u16> = made.iter().map(|job| job.partition).collect();
            let news = News {
                tenant: settled.tenant,
                partitions: partitions.into_iter().collect(),
                subjects: made.iter().map(job_news).collect(),
            };
            match self.commit(append, news).await {
                Ok(_) => {}
                Err(AppendError::Refused(Refusal::TenantGone)) => return Err(Denied::KeyRevoked),
                Err(AppendError::Refused(_)) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        many.jobs.extend(made.iter().map(|job| job.id));
        many.skipped += skipped;
        Ok(true)
    }

    /// Adds the job that repeats `job`; returns it with the index of the event that makes it.
    async fn plan_retry(
        &self,
        caller: &Caller,
        append: &mut Append,
        job: &Job,
        assume: Option<Assume>,
    ) -> Result<(usize, Job), RetryError> {
        if job.status != JobStatus::Failed {
            return Err(RetryError::NotFailed);
        }
        if let Some(new) = job.retried_as {
            return Err(RetryError::AlreadyRetried(new));
        }
        let needs_review = job
            .error
            .as_ref()
            .is_some_and(|error| error.code == ErrorCode::NeedsReview);
        match (needs_review, assume) {
            (true, None) => return Err(RetryError::NeedsAssumption),
            (_, Some(Assume::Applied)) => return Err(RetryError::NothingToRetry),
            (true, Some(Assume::NotApplied)) | (false, _) => {}
        }
        let store = self
            .0
            .ledger
            .store(job.store_id)
            .await?
            .filter(|store| store.deleted_at.is_none());
        let store = store.ok_or(RetryError::StoreGone)?;
        let sealed = job.body.as_ref().ok_or(RetryError::Erased)?;
        let opened = self
            .0
            .seals
            .open_json(job.tenant_id, Purpose::JobBody, job.id.0, sealed)
            .await;
        let body: JobBody = match opened {
            Err(SealError::KeyGone) => return Err(RetryError::Erased),
            body => body?,
        };
        let id: JobId = self.id();
        let order = subject(job.kind, job.order_id.as_ref());
        let sealer = self.0.seals.for_order(job.tenant_id, job.store_id, order).await?;
        let sealed = sealer.seal_json(Purpose::JobBody, id.0, &body);
        let submitted = self.resubmitted(caller, &store, job, &body, id, append.now);
        let guard = Guard::StoreOpen(store.id);
        if !append.guards.contains(&guard) {
            append.guards.push(guard);
        }
        sealer.attach(append);
        let index = append.events.len();
        append.submit_job(&submitted, Some(sealed.clone()));
        append.job(
            job,
            JobRetriedAs {
                at: append.now,
                job_id: job.id,
                new_job_id: id,
            },
            None,
        );
        Ok((index, Job::submitted(&submitted, Some(sealed))))
    }

    fn resubmitted(
        &self,
        caller: &Caller,
        store: &Store,
        job: &Job,
        body: &JobBody,
        id: JobId,
        now: Timestamp,
    ) -> JobSubmitted {
        JobSubmitted {
            at: now,
            job_id: id,
            tenant_id: job.tenant_id,
            store_id: job.store_id,
            upstream_store_id: job.upstream_store_id.clone(),
            partition: store.partition,
            kind: job.kind,
            class: body.mutation.class(),
            order_id: if job.kind.is_create() {
                None
            } else {
                job.order_id.clone()
            },
            lane: lane(
                &self.0.keyring,
                &body.mutation,
                job.order_id.as_ref().filter(|_| !job.kind.is_create()),
                id,
            ),
            priority: job.priority,
            run_at: None,
            due_at: now,
            deadline_at: now.plus(self.0.config.job_deadline),
            store_paused_ms: store.paused_ms_at(now),
            max_attempts: self.0.config.max_attempts,
            if_match: job.if_match.clone(),
            strict: job.strict,
            has_callback: job.has_callback,
            key_id: caller.key_id,
            request_id: caller.request_id.clone(),
            retry_of: Some(job.id),
            revert_of: job.revert_of,
        }
    }

    async fn forget_keys_of(&self, job: &Job) {
        let order = subject(job.kind, job.order_id.as_ref());
        if let Ok(sealer) = self.0.seals.for_order(job.tenant_id, job.store_id, order).await {
            self.0.seals.forget_key(sealer.key_id()).await;
        }
    }
}

#[derive(Clone, Copy)]
enum Change {
    Retry,
    Cancel,
}

impl Change {
    fn statuses(self) -> &'static [JobStatus] {
        match self {
            Self::Retry => &[JobStatus::Failed],
            Self::Cancel => &[JobStatus::Queued, JobStatus::Retrying],
        }
    }
}
