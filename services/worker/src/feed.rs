//! News from the ledger: jobs submitted or cancelled, stores changed.
//!
//! A hint only says "look"; what is new is found by position, so that a lost hint costs no more than the time to
//! the next sweep. Positions are gapless and committed in order, so nothing is skipped.

use std::sync::Arc;
use std::time::Duration;

use domain::batch::OpenBatch;
use domain::job::Job;
use domain::{StoreId, Timestamp};
use futures::StreamExt;
use ledger::BackendError;
use tokio_util::sync::CancellationToken;

use crate::context::Context;

/// Rows per query.
const PAGE: u32 = 1_000;

/// Brings news into the schedule until `stopped`.
pub(crate) async fn run(context: Arc<Context>, stopped: CancellationToken) {
    let mut cursor: Option<u64> = None;
    loop {
        match catch_up(&context, &mut cursor).await {
            Ok(()) => {}
            Err(error) => tracing::warn!(error = %error, "news could not be read"),
        }
        tokio::select! {
            () = context.news.notified() => {}
            () = tokio::time::sleep(context.config.sweep_every) => {}
            () = stopped.cancelled() => return,
        }
    }
}

async fn catch_up(context: &Context, cursor: &mut Option<u64>) -> Result<(), BackendError> {
    let from = match *cursor {
        Some(position) => position,
        None => context.ledger.head().await?.position,
    };
    cursor.get_or_insert(from);
    let partitions: Vec<u16> = context.lease.owned().into_iter().map(|(partition, _)| partition).collect();
    if partitions.is_empty() {
        *cursor = Some(context.ledger.head().await?.position);
        return Ok(());
    }
    // Whatever is above the head read here is found the next time, whatever the pages below show.
    let head = context.ledger.head().await?.position;
    if head == from {
        return Ok(());
    }
    stores(context, &partitions, from).await?;
    jobs(context, &partitions, from).await?;
    *cursor = Some(head);
    Ok(())
}

async fn stores(context: &Context, partitions: &[u16], mut after: u64) -> Result<(), BackendError> {
    loop {
        let page = context.ledger.stores_changed(partitions, after, PAGE).await?;
        let full = page.len() as u32 == PAGE;
        after = page.last().map_or(after, |store| store.last_position);
        context.schedule(|schedule, now| {
            for store in page {
                schedule.set_store(Arc::new(store), now);
            }
        });
        if !full {
            return Ok(());
        }
    }
}

async fn jobs(context: &Context, partitions: &[u16], mut after: u64) -> Result<(), BackendError> {
    loop {
        let page = context.ledger.jobs_changed(partitions, after, PAGE).await?;
        let full = page.len() as u32 == PAGE;
        after = page.last().map_or(after, |job| job.last_position);
        admit(context, page).await?;
        if !full {
            return Ok(());
        }
    }
}

/// Puts jobs into the schedule, their stores first.
async fn admit(context: &Context, jobs: Vec<Job>) -> Result<(), BackendError> {
    let unknown: Vec<StoreId> = context.look(|schedule, _| {
        let mut unknown: Vec<StoreId> = jobs
            .iter()
            .filter(|job| !job.status.is_final() && schedule.store(job.store_id).is_none())
            .map(|job| job.store_id)
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        unknown
    });
    for id in unknown {
        if let Some(store) = context.ledger.store(id).await? {
            context.look(|schedule, now| schedule.set_store(Arc::new(store), now));
        }
    }
    context.schedule(|schedule, now| {
        for job in &jobs {
            schedule.upsert(job, now);
        }
    });
    Ok(())
}

/// Loads everything open of newly taken partitions. Retries until it succeeds or the partitions are lost.
pub(crate) async fn load(context: &Arc<Context>, partitions: &[u16]) {
    for partition in partitions {
        let mut wait = Duration::from_millis(100);
        while context.lease.owns(*partition) {
            match load_one(context, *partition).await {
                Ok(()) => break,
                Err(error) => {
                    tracing::warn!(error = %error, partition, "a partition could not be loaded, trying again");
                    if context.lease.left(context.clock.boot()).is_zero() {
                        break;
                    }
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(Duration::from_secs(1));
                }
            }
        }
        if context.config.hints {
            listen(context, *partition).await;
        }
    }
    context.news.notify_one();
}

async fn load_one(context: &Context, partition: u16) -> Result<(), BackendError> {
    let batches = context.ledger.open_batches(partition).await?;
    stores(context, &[partition], 0).await?;
    let mut after = 0;
    loop {
        let page = context.ledger.open_jobs(partition, after, PAGE).await?;
        let full = page.len() as u32 == PAGE;
        after = page.last().map_or(after, |job| job.position);
        admit(context, page).await?;
        if !full {
            break;
        }
    }
    let grace = context.config.upstream_timeout
        + context.config.doubt_margin
        + if context.config.sole { Duration::ZERO } else { context.config.lease_ttl };
    context.schedule(|schedule, now| {
        for batch in &batches {
            schedule.set_doubt(batch, batch.opened_at.plus(grace), now);
        }
    });
    doubts_metric(&batches);
    // A job that was submitted between these queries has a position above the feed's cursor, or is in the pages.
    Ok(())
}

fn doubts_metric(batches: &[OpenBatch]) {
    if !batches.is_empty() {
        metrics::counter!("worker_in_doubt_total").increment(batches.len() as u64);
    }
}

/// Listens for a partition's hints as long as it is ours.
async fn listen(context: &Arc<Context>, partition: u16) {
    let mut hints = context.queue.hints(partition).await;
    let context = Arc::clone(context);
    let epoch = context.lease.owned().into_iter().find(|(owned, _)| *owned == partition);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                hint = hints.next() => match hint {
                    Some(_) => context.news.notify_one(),
                    None => return,
                },
                () = tokio::time::sleep(Duration::from_millis(500)) => {}
            }
            if context.lease.owned().into_iter().find(|(owned, _)| *owned == partition) != epoch {
                return;
            }
        }
    });
}

/// The time at which a request of `opened_at` cannot arrive any more, for one that this process sent itself.
pub(crate) fn settled_at(context: &Context, opened_at: Timestamp) -> Timestamp {
    opened_at.plus(context.config.upstream_timeout + context.config.doubt_margin)
}
