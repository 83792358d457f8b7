//! Which of one tenant's events an audit shows.
//!
//! A tenant's events are numbered without gaps, so that a page, a time and a position in the log are all places in one
//! run of numbers, and reading on from any of them costs the same.

use std::net::IpAddr;

use domain::{JobId, KeyId, OrderId, StoreId, TenantId, Timestamp};

use crate::recorded::Recorded;

/// Entries that one page looks at, at most, when no index knows all parts of its filter.
pub const MOST_SCANNED: u32 = 5_000;

/// Who asked for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Whoever held this master key.
    Key(KeyId),
    /// Whoever called from this address.
    Address(IpAddr),
}

/// A filter over one tenant's events; every given part must hold. Newest first.
#[derive(Clone, Debug)]
pub struct AuditFilter {
    /// Whose.
    pub tenant_id: TenantId,
    /// Of this registration, which must be the tenant's.
    pub store_id: Option<StoreId>,
    /// Of this order or item.
    pub order_id: Option<OrderId>,
    /// Of this job.
    pub job_id: Option<JobId>,
    /// Caused by this one.
    pub actor: Option<Actor>,
    /// Of this type.
    pub type_name: Option<&'static str>,
    /// Only numbers among the tenant's events above this one.
    pub after: u64,
    /// Only numbers below this one.
    pub before: u64,
    /// At most this many.
    pub limit: u32,
}

/// What a filter found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditPage {
    /// The events; without what is sealed beside those of stores and requests, which nobody is shown.
    pub events: Vec<Recorded>,
    /// All numbers above and including this one were looked at; none if that is the end.
    pub next: Option<u64>,
}

/// A place among a tenant's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A position in the log.
    Position(u64),
    /// A time of recording.
    Time(Timestamp),
}

/// The part of a filter whose index is used; the others are looked up entry by entry. The one that leaves the fewest
/// entries comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// `job_id`.
    Job,
    /// `order_id`.
    Order,
    /// `actor`.
    Actor,
    /// `type_name`.
    Type,
    /// `store_id`.
    Store,
    /// All events of the tenant.
    Tenant,
}

impl AuditFilter {
    /// The part whose index is used.
    pub fn driver(&self) -> Driver {
        if self.job_id.is_some() {
            Driver::Job
        } else if self.order_id.is_some() {
            Driver::Order
        } else if self.actor.is_some() {
            Driver::Actor
        } else if self.type_name.is_some() {
            Driver::Type
        } else if self.store_id.is_some() {
            Driver::Store
        } else {
            Driver::Tenant
        }
    }

    /// Whether there are parts beside the one whose index is used.
    pub fn has_rest(&self) -> bool {
        let parts = [
            self.job_id.is_some(),
            self.order_id.is_some(),
            self.actor.is_some(),
            self.type_name.is_some(),
            self.store_id.is_some(),
        ];
        parts.iter().filter(|given| **given).count() > 1
    }

    /// The page that `events` are: with `scanned`, the lowest number that was looked at and how many, where there are
    /// parts beside the one whose index is used.
    pub fn page(&self, events: Vec<Recorded>, scanned: Option<(u64, u32)>) -> AuditPage {
        let full = events.len() >= self.limit as usize;
        let next = match scanned {
            _ if full => events.last().map(|event| event.tenant_seq),
            Some((lowest, count)) if count >= MOST_SCANNED => Some(lowest),
            _ => None,
        };
        AuditPage {
            events,
            next: next.filter(|next| *next > self.after + 1),
        }
    }
}
