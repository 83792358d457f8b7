//! Ending what a deleted store leaves behind: its open jobs, then its credentials.

use std::sync::Arc;
use std::time::Duration;

use domain::JobId;
use domain::event::{JobCancelled, StoreCredentialsDestroyed};
use domain::job::CancelReason;
use domain::store::Store;
use ledger::{BackendError, DestroyKeys};
use queue::Subject;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::cycle::Writing;

/// Jobs per append.
const CHUNK: u32 = 200;

/// Looks for deleted stores of our partitions until `stopped`.
pub(crate) async fn run(context: Arc<Context>, stopped: CancellationToken) {
    loop {
        let deleted: Vec<Arc<Store>> = context.look(|schedule, _| {
            schedule
                .stores()
                .filter(|store| store.deleted_at.is_some() && store.credentials_destroyed_at.is_none())
                .cloned()
                .collect()
        });
        for store in deleted {
            if let Err(error) = end(&context, &store).await {
                tracing::warn!(error = %error, store_id = %store.store_id, "a deletion did not get on");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(250)) => {}
            () = stopped.cancelled() => return,
        }
    }
}

async fn end(context: &Context, store: &Store) -> Result<(), BackendError> {
    // No job can be submitted any more: the store's state is a guard of every submission.
    let open = context.ledger.open_jobs_of_store(store.id, CHUNK).await?;
    if open.is_empty() {
        return destroy(context, store.id).await;
    }
    let Some(mut writing) = Writing::begin(context, store.partition, store.tenant_id) else {
        return Ok(());
    };
    // Whole rows: what is written replaces them, and a job that has ended still has its body.
    let idle: Vec<JobId> = open
        .iter()
        .filter(|job| job.batch_id.is_none())
        .map(|job| job.id)
        .collect();
    let idle = context.ledger.jobs(&idle).await?;
    let mut any = false;
    for job in idle
        .iter()
        .filter(|job| job.batch_id.is_none() && !job.status.is_final())
    {
        let event = JobCancelled {
            at: writing.at(),
            job_id: job.id,
            reason: CancelReason::StoreDeleted,
        };
        writing.job(job, event, None);
        any = true;
    }
    if !any {
        // What is left is in flight or in doubt: it is proven first.
        return Ok(());
    }
    match writing.commit(context).await {
        Ok(jobs) => context.schedule(|schedule, now| {
            for job in &jobs {
                schedule.upsert(job, now);
            }
        }),
        Err(error) => tracing::debug!(error = %error, "jobs moved on while they were cancelled"),
    }
    Ok(())
}

async fn destroy(context: &Context, id: domain::StoreId) -> Result<(), BackendError> {
    let Some(store) = context.ledger.store(id).await? else {
        return Ok(());
    };
    if store.credentials_destroyed_at.is_some() {
        context.schedule(|schedule, now| schedule.set_store(Arc::new(store), now));
        return Ok(());
    }
    let Some(mut writing) = Writing::begin(context, store.partition, store.tenant_id) else {
        return Ok(());
    };
    let event = StoreCredentialsDestroyed {
        at: writing.at(),
        store_id: store.id,
    };
    let next = writing.append.store(&store, event, None);
    writing
        .append
        .destroy_keys
        .push(DestroyKeys::Credentials(store.id));
    writing.announce(Subject::Store { store_id: store.id });
    match writing.commit(context).await {
        Ok(_) => {
            tracing::info!(store_id = %store.store_id, tenant_id = %store.tenant_id, "a deleted store's credentials are destroyed");
            context.schedule(|schedule, now| schedule.set_store(Arc::new(next), now));
        }
        Err(error) => tracing::debug!(error = %error, "the store moved on"),
    }
    Ok(())
}
