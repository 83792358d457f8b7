//! News from the ledger: jobs submitted or cancelled, stores changed.
//!
//! A hint only says "look"; what is new is found by position, so that a lost hint costs no more than the time to
//! the next sweep. Positions are gapless and committed in order, so nothing is skipped.

use std::sync::Arc;
use std::time::Duration;

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
    let mut told = true;
    loop {
        match catch_up(&context, &mut cursor).await {
            Ok(found) if !told && found > 0 => crate::metric::swept(found),
            Ok(_) => {}
            Err(error) => tracing::warn!(error = %error, "news could not be read"),
        }
        told = tokio::select! {
            () = context.news.notified() => true,
            () = tokio::time::sleep(context.config.sweep_every) => false,
            () = stopped.cancelled() => return,
        }
    }
}

/// Reads on after `cursor`; how many open jobs were not known before.
pub(crate) async fn catch_up(context: &Context, cursor: &mut Option<u64>) -> Result<usize, BackendError> {
    if let Some(position) = context.take_rewind() {
        *cursor = Some(cursor.map_or(position, |cursor| cursor.min(position)));
    }
    // The head comes first: whatever is above it is found the next time, whatever the pages below show. A partition
    // that is gained after it lets us read again from where its load began.
    let head = context.ledger.head().await?.position;
    let from = *cursor.get_or_insert(head);
    let partitions: Vec<u16> = context
        .lease
        .owned()
        .into_iter()
        .map(|(partition, _)| partition)
        .collect();
    let mut found = 0;
    if head > from && !partitions.is_empty() {
        stores(context, &partitions, from).await?;
        found = jobs(context, &partitions, from).await?;
    }
    *cursor = Some(head.max(from));
    Ok(found)
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

async fn jobs(context: &Context, partitions: &[u16], mut after: u64) -> Result<usize, BackendError> {
    let mut found = 0;
    loop {
        let page = context.ledger.jobs_changed(partitions, after, PAGE).await?;
        let full = page.len() as u32 == PAGE;
        after = page.last().map_or(after, |job| job.last_position);
        found += admit(context, page).await?;
        if !full {
            return Ok(found);
        }
    }
}

/// Puts jobs into the schedule, their stores first; how many open ones were not there before.
async fn admit(context: &Context, jobs: Vec<Job>) -> Result<usize, BackendError> {
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
    let mut found = 0;
    context.schedule(|schedule, now| {
        for job in &jobs {
            found += usize::from(schedule.is_news(job));
            schedule.upsert(job, now);
        }
    });
    Ok(found)
}

/// Loads everything open of a newly taken partition and lets it start. Tries until it succeeds; drop it when the
/// partition is lost.
pub(crate) async fn load(context: &Context, partition: u16) {
    let mut wait = Duration::from_millis(100);
    while let Err(error) = load_once(context, partition).await {
        tracing::warn!(error = %error, partition, "a partition could not be loaded, trying again");
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(1));
    }
}

async fn load_once(context: &Context, partition: u16) -> Result<(), BackendError> {
    let head = context.ledger.head().await?.position;
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
    let grace = context.config.settle();
    context.schedule(|schedule, now| {
        for batch in &batches {
            schedule.set_doubt(batch, batch.opened_at.plus(grace), now);
        }
        // Nothing has started until now: a newcomer must not overtake a job that was not loaded yet.
        schedule.open_partition(partition);
    });
    if !batches.is_empty() {
        metrics::counter!("worker_in_doubt_total").increment(batches.len() as u64);
    }
    // What came while we read has positions above the head of the beginning.
    context.read_again_after(head);
    Ok(())
}

/// Listens for a partition's hints; drop it when the partition is lost.
pub(crate) async fn listen(context: &Context, partition: u16) {
    let mut hints = context.queue.hints(partition).await;
    while hints.next().await.is_some() {
        context.news.notify_one();
    }
}

/// The time at which a request of `opened_at` cannot arrive any more, for one that this process sent itself.
pub(crate) fn settled_at(context: &Context, opened_at: Timestamp) -> Timestamp {
    opened_at.plus(context.config.upstream_timeout + context.config.doubt_margin)
}
