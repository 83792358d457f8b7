//! A ledger that was restored from a backup: what happened after the backup is lost, and must not happen twice.
//!
//! Between the backup and now, jobs that are open in it may have been carried out. A request with a recorded intent is
//! in doubt as after any crash, and the worker judges it by what Order Desk shows. For an open job without one there is
//! nothing to judge by: whether its change was made can be neither proven nor excluded, so it ends as `needs_review`.
//! Jobs that were not due yet cannot have begun and stay.

use std::time::Duration;

use domain::event::JobFailed;
use domain::job::{ErrorCode, Job, JobError};
use domain::{IncarnationId, JobId, Timestamp};
use ledger::seal::Identity;
use ledger::{Append, AppendError, BackendError, Claimed, Guard, Ledger, Meta};

/// How long the partitions are ours between two pages.
const LEASE: Duration = Duration::from_mins(5);
/// Jobs per append.
const PAGE: u32 = 200;

/// What was found and done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// The ledger's new generation.
    pub generation: u32,
    /// Requests in doubt, which the worker judges.
    pub in_doubt: usize,
    /// Jobs that ended as `needs_review`.
    pub to_review: usize,
    /// Jobs that are due later and stay.
    pub later: usize,
}

/// Why a restored ledger was not made fit for use; calling again goes on.
#[derive(Debug, thiserror::Error)]
pub enum RestoredError {
    /// Somebody works on it.
    #[error("a worker uses this ledger, or did until a moment ago: stop it and try again after LEASE_TTL")]
    InUse,
    /// See [`BackendError`].
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// See [`AppendError`].
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// Starts a new generation of a restored ledger and ends what may have been carried out in the lost one.
///
/// Nobody else may use the ledger. With `alone` that is proven, and heartbeats in it are those of the dead; else a worker
/// that uses it, or did within its lease, is noticed. Safe to repeat.
///
/// # Errors
/// [`RestoredError`]; what was done before it stays.
pub async fn restored(
    ledger: &Ledger,
    incarnation: IncarnationId,
    now: Timestamp,
    alone: bool,
) -> Result<Restored, RestoredError> {
    let members = ledger.heartbeat(incarnation, LEASE, false).await?;
    let ended = if alone || members.live == [incarnation] {
        let partitions: Vec<u16> = members.partitions.iter().map(|owned| owned.partition).collect();
        // The higher epochs refuse the appends of whoever is left over from the lost generation.
        let claimed = ledger.claim(incarnation, &partitions, alone).await?;
        if claimed.len() == partitions.len() {
            take(ledger, incarnation, claimed, now).await
        } else {
            Err(RestoredError::InUse)
        }
    } else {
        Err(RestoredError::InUse)
    };
    ledger.goodbye(incarnation).await?;
    ended
}

async fn take(
    ledger: &Ledger,
    incarnation: IncarnationId,
    claimed: Vec<Claimed>,
    now: Timestamp,
) -> Result<Restored, RestoredError> {
    let mut done = Restored {
        generation: Identity::renew(&**ledger).await?,
        ..Restored::default()
    };
    for claim in claimed {
        let owner = Guard::Owner {
            partition: claim.partition,
            incarnation,
            epoch: claim.epoch,
        };
        done.in_doubt += ledger.open_batches(claim.partition).await?.len();
        let mut after = 0;
        loop {
            ledger.heartbeat(incarnation, LEASE, false).await?;
            let page = ledger.open_jobs(claim.partition, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.position;
            let (due, later): (Vec<Job>, Vec<Job>) = page
                .into_iter()
                .filter(|job| job.batch_id.is_none())
                .partition(|job| job.due_at <= now);
            done.later += later.len();
            done.to_review += due.len();
            // Pages come without what the jobs were to do, which must stay in their rows.
            let due: Vec<JobId> = due.iter().map(|job| job.id).collect();
            end(ledger, owner.clone(), &ledger.jobs(&due).await?, now).await?;
        }
    }
    Ok(done)
}

/// Ends jobs, each tenant's in an append of its own.
async fn end(ledger: &Ledger, owner: Guard, jobs: &[Job], now: Timestamp) -> Result<(), AppendError> {
    let mut tenants: Vec<_> = jobs.iter().map(|job| job.tenant_id).collect();
    tenants.sort_unstable();
    tenants.dedup();
    for tenant in tenants {
        let meta = Meta {
            actor: Some("restore".to_owned()),
            ..Meta::default()
        };
        let mut append = Append::new(now, meta).guard(owner.clone());
        for job in jobs.iter().filter(|job| job.tenant_id == tenant) {
            let event = JobFailed {
                at: now,
                job_id: job.id,
                attempts: job.attempts,
                error: JobError::new(
                    ErrorCode::NeedsReview,
                    "the service was restored from a backup in which this job was open; it may have been carried out since",
                ),
                result: None,
            };
            append.job(job, event, None);
        }
        ledger.append(append).await?;
    }
    Ok(())
}
