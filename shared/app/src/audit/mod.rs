//! The audit log: what the tenant did, and what came of it.
//!
//! Its entries are the tenant's events, all of them, in the order of the log: nothing is written for the audit alone
//! but reads and refused log-ins ([`reads`]), which are events of their own. [`entry`] says what of an event is shown.

mod entry;
mod export;
mod listed;
mod notes;
mod recorder;

use std::collections::HashMap;

use domain::{JobId, OrderId, StoreId, TenantId, Timestamp, UpstreamStoreId};
use ledger::Recorded;
use ledger::audit::{Actor, AuditFilter, Place};

pub use entry::{AuditEntry, Subject};
pub use export::{Export, ExportQuery};
pub(crate) use notes::{List, Notes, Refused};

use crate::{App, Caller, Denied};

/// How many events are read at once for a page: one may have a megabyte of content.
const SLICE: u32 = 25;
/// A page ends early beyond so much data and sealed content.
const MAX_PAGE_BYTES: usize = 4 << 20;
/// How often a page looks on where it found nothing.
const MAX_LOOKS: usize = 4;

/// Which of the caller's events a page shows.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Of this registration.
    pub store_id: Option<StoreId>,
    /// Of this order or item.
    pub order_id: Option<OrderId>,
    /// Of this job.
    pub job_id: Option<JobId>,
    /// Caused by this one.
    pub actor: Option<Actor>,
    /// Of this type.
    pub type_name: Option<&'static str>,
    /// Recorded at or after.
    pub from: Option<Timestamp>,
    /// Recorded before.
    pub to: Option<Timestamp>,
    /// The `next` of the page before.
    pub cursor: Option<u64>,
    /// At most this many; 0 means 50.
    pub limit: u32,
}

/// A page of the audit log, newest first.
#[derive(Clone, Debug)]
pub struct AuditPage {
    /// The entries.
    pub entries: Vec<AuditEntry>,
    /// The cursor of the page after, if there may be one.
    pub next: Option<u64>,
}

/// Order Desk's ids of the tenant's stores, as far as they were looked up.
pub(crate) type StoreNames = HashMap<StoreId, Option<UpstreamStoreId>>;

impl App {
    /// A page of the caller's audit log. It may hold fewer entries than asked for, even none, although there are more.
    pub async fn audit(&self, caller: &Caller, query: &AuditQuery) -> Result<AuditPage, Denied> {
        let nothing = AuditPage {
            entries: Vec::new(),
            next: None,
        };
        let Some(tenant) = caller.tenant_id() else {
            return Ok(nothing);
        };
        let Some(mut filter) = self.audit_filter(tenant, query).await? else {
            return Ok(nothing);
        };
        let limit = match query.limit {
            0 => 50,
            limit => limit.min(500),
        } as usize;
        let (mut rows, mut bytes, mut looks) = (Vec::new(), 0, 0);
        let next = loop {
            // One more than are shown, to see whether there is a next page.
            filter.limit = SLICE.min((limit - rows.len()) as u32) + 1;
            let mut page = self.0.ledger.audit_page(&filter).await?;
            if page.events.len() == filter.limit as usize {
                page.events.pop();
                page.next = page.events.last().map(|event| event.tenant_seq);
            } else {
                looks += 1;
            }
            bytes += page.events.iter().map(size).sum::<usize>();
            rows.append(&mut page.events);
            match page.next {
                Some(next) if rows.len() < limit && bytes < MAX_PAGE_BYTES && looks < MAX_LOOKS => {
                    filter.before = next;
                }
                next => break next,
            }
        };
        let mut names = StoreNames::new();
        let entries = self.audit_entries(rows, &mut names).await?;
        Ok(AuditPage { entries, next })
    }

    /// The filter of a query, its times and cursor turned into numbers; none if nothing can pass it.
    async fn audit_filter(
        &self,
        tenant: TenantId,
        query: &AuditQuery,
    ) -> Result<Option<AuditFilter>, Denied> {
        let ledger = &self.0.ledger;
        if let Some(store) = query.store_id {
            let store = ledger.store(store).await?;
            if store.is_none_or(|store| store.tenant_id != tenant) {
                return Ok(None);
            }
        }
        // A number even for the first page: what is appended meanwhile belongs to none of these pages.
        let mut before = match query.cursor {
            Some(cursor) => cursor,
            None => {
                ledger
                    .tenant_events_before(tenant, Place::Position(u64::MAX))
                    .await?
                    + 1
            }
        };
        if let Some(to) = query.to {
            before = before.min(ledger.tenant_events_before(tenant, Place::Time(to)).await? + 1);
        }
        let after = match query.from {
            Some(from) => ledger.tenant_events_before(tenant, Place::Time(from)).await?,
            None => 0,
        };
        let filter = AuditFilter {
            tenant_id: tenant,
            store_id: query.store_id,
            order_id: query.order_id.clone(),
            job_id: query.job_id,
            actor: query.actor,
            type_name: query.type_name,
            after,
            before,
            limit: 0,
        };
        Ok(Some(filter).filter(|_| before > after.saturating_add(1)))
    }
}

fn size(event: &Recorded) -> usize {
    event.data.len() + event.sealed.as_ref().map_or(0, |sealed| sealed.as_bytes().len())
}
