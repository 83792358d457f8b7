//! What became of an order: every change that is on record, and the order as it was known at any time.
//!
//! Times here are those of the log: what an entry of the history says happened at `t` is in the order as it was known
//! at `t`, since a change and the image that it leaves are appended together.

mod at;
mod revert;

use std::collections::HashMap;

use domain::event::{Event, OrderView};
use domain::job::{ErrorCode, Job};
use domain::store::Store;
use domain::{JobId, OrderId, Timestamp};
use ledger::{OrderEventFilter, Recorded};
use serde_json::Value;

pub use at::OrderAtError;
pub use revert::{Revert, RevertError};

use crate::payload::ImageBody;
use crate::seals::image_row;
use crate::{App, Caller, Denied, JobView, Purpose, SealError};

/// How many events are read at once: each may carry a whole order.
const SLICE: u32 = 20;
/// A page ends early after so many events, should few of them be changes of the order.
const MAX_READ: usize = 2_000;
/// A page ends early beyond so much sealed content.
const MAX_PAGE_BYTES: usize = 4 << 20;

/// What tells of changes.
const CHANGES: [&str; 4] = [
    "job.failed.v1",
    "job.succeeded.v1",
    "order.changed_externally.v1",
    "order.edit_overwritten.v1",
];

/// One recorded change of an order. Its `Debug` form shows no content.
#[derive(Clone)]
pub struct OrderChange {
    /// Position of the event that tells of it.
    pub position: u64,
    /// Type of that event.
    pub type_name: String,
    /// When it was recorded.
    pub at: Timestamp,
    /// What changed, and by whom.
    pub what: Changed,
}

/// What changed in an order, and by whom.
#[derive(Clone)]
pub enum Changed {
    /// One of the tenant's jobs made it.
    ByJob(Box<JobView>),
    /// Somebody else made it, between two of our reads.
    Externally {
        /// The order's tag as it was known before; none if nothing was known of it.
        etag_before: Option<String>,
        /// Its tag afterwards.
        etag_after: String,
        /// The RFC 6902 patch; none after erasure, or if the order before had been erased or was not
        /// known.
        diff: Option<Value>,
    },
    /// Somebody else changed something while one of our updates was on its way, which may have overwritten other
    /// parts of that change.
    Overwritten {
        /// What shows it; none after erasure.
        differences: Vec<Value>,
    },
}

/// A page of an order's history, newest first.
#[derive(Clone, Debug)]
pub struct OrderHistory {
    /// The changes.
    pub changes: Vec<OrderChange>,
    /// The cursor of the page after, if there is one.
    pub next: Option<u64>,
}

impl std::fmt::Debug for OrderChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OrderChange({}, {}, ***)", self.position, self.type_name)
    }
}

impl App {
    /// What is on record about an order of the caller's store, newest first; a page may hold fewer entries than asked
    /// for although there are more.
    pub async fn order_history(
        &self,
        caller: &Caller,
        store: &Store,
        order: &OrderId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<OrderHistory, Denied> {
        let mut page = OrderHistory {
            changes: Vec::new(),
            next: None,
        };
        if caller.tenant_id() != Some(store.tenant_id) {
            return Ok(page);
        }
        let mut filter = OrderEventFilter {
            store_id: store.id,
            order_id: order.clone(),
            types: CHANGES.to_vec(),
            before,
            until: None,
            limit: SLICE,
        };
        let (mut read, mut bytes) = (0, 0);
        loop {
            let rows = self.0.ledger.order_events(&filter).await?;
            let mut jobs = self.jobs_among(&rows).await?;
            read += rows.len();
            let more = rows.len() == SLICE as usize;
            for row in rows {
                let job = row.job_id.and_then(|id| jobs.remove(&id));
                if !is_change(&row, job.as_ref())? {
                    filter.before = Some(row.position);
                    continue;
                }
                if page.changes.len() >= limit as usize || bytes > MAX_PAGE_BYTES {
                    page.next = filter.before;
                    return Ok(page);
                }
                filter.before = Some(row.position);
                let sealed = job
                    .as_ref()
                    .map_or(row.sealed.as_ref(), |job| job.outcome.as_ref());
                bytes += sealed.map_or(0, |sealed| sealed.as_bytes().len());
                page.changes.push(self.change(store, order, row, job).await?);
                if page.changes.len() == 1 {
                    self.note_order(caller, store, order, OrderView::History);
                }
            }
            if !more {
                return Ok(page);
            }
            if read >= MAX_READ {
                page.next = filter.before;
                return Ok(page);
            }
        }
    }

    /// The jobs of these events.
    async fn jobs_among(&self, rows: &[Recorded]) -> Result<HashMap<JobId, Job>, Denied> {
        let ids: Vec<JobId> = rows.iter().filter_map(|row| row.job_id).collect();
        let jobs = self.0.ledger.jobs(&ids).await?;
        Ok(jobs.into_iter().map(|job| (job.id, job)).collect())
    }

    async fn change(
        &self,
        store: &Store,
        order: &OrderId,
        row: Recorded,
        job: Option<Job>,
    ) -> Result<OrderChange, Denied> {
        let what = match (row.event().map_err(Denied::internal)?, job) {
            (_, Some(job)) => Changed::ByJob(Box::new(self.opened(job).await?)),
            (Event::OrderChangedExternally(event), None) => Changed::Externally {
                etag_before: event.known_before(),
                etag_after: event.digest_after,
                diff: self
                    .image_of(store, order, &row)
                    .await?
                    .and_then(|body| body.diff),
            },
            (_, None) => {
                let body = self.image_of(store, order, &row).await?;
                let differences = body.and_then(|body| body.diff);
                Changed::Overwritten {
                    differences: match differences {
                        Some(Value::Array(differences)) => differences,
                        _ => Vec::new(),
                    },
                }
            }
        };
        Ok(OrderChange {
            position: row.position,
            type_name: row.type_name,
            at: row.recorded_at,
            what,
        })
    }

    /// What is sealed beside an event of the order; none after erasure.
    async fn image_of(
        &self,
        store: &Store,
        order: &OrderId,
        row: &Recorded,
    ) -> Result<Option<ImageBody>, Denied> {
        let Some(sealed) = &row.sealed else {
            return Ok(None);
        };
        let place = image_row(store.id, order);
        let opened = self
            .0
            .seals
            .open_json(store.tenant_id, Purpose::OrderImage, place, sealed)
            .await;
        match opened {
            Ok(body) => Ok(Some(body)),
            Err(SealError::KeyGone) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether the event tells of a change of the order: a job that changed nothing is none, nor is what was done to an
/// inventory item that happens to have the order's id.
fn is_change(row: &Recorded, job: Option<&Job>) -> Result<bool, Denied> {
    if job.is_some_and(|job| !job.kind.is_order()) {
        return Ok(false);
    }
    Ok(match row.event().map_err(Denied::internal)? {
        Event::JobSucceeded(event) => job.is_some() && event.result.changed,
        Event::JobFailed(event) => job.is_some() && event.error.code == ErrorCode::PartiallyApplied,
        _ => true,
    })
}
