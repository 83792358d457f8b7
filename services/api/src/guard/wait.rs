//! Answers that wait for something to happen: a bounded number, so that they cannot exhaust the process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::TenantId;

use super::Guards;
use super::login::too_many;
use crate::problem::{Code, Problem};

/// Who waits, by tenant.
#[derive(Clone)]
pub(super) struct Waiters(Arc<Inner>);

struct Inner {
    per_tenant: u32,
    in_all: u32,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    in_all: u32,
    by_tenant: HashMap<Option<TenantId>, u32>,
}

/// The right to wait, until it is dropped. A stream keeps it for as long as it lasts.
pub(crate) struct WaitPlace {
    waiters: Waiters,
    tenant: Option<TenantId>,
}

impl Waiters {
    pub(super) fn new(per_tenant: u32, in_all: u32) -> Self {
        Self(Arc::new(Inner {
            per_tenant,
            in_all,
            waiting: Mutex::default(),
        }))
    }

    fn enter(&self, tenant: Option<TenantId>) -> Result<WaitPlace, Problem> {
        let mut waiting = self.lock();
        if waiting.in_all >= self.0.in_all {
            metrics::counter!("rate_limited_total", "limit" => "waits_in_all").increment(1);
            let detail = "Too many answers wait at this moment; ask without waiting.";
            return Err(Problem::new(Code::Unavailable, detail).retry_after(Duration::from_secs(1)));
        }
        let own = waiting.by_tenant.entry(tenant).or_default();
        if *own >= self.0.per_tenant {
            let detail = format!(
                "{own} answers of the tenant wait already, event streams included; ask without waiting."
            );
            return Err(too_many(&detail, "waits", Duration::from_secs(1)));
        }
        *own += 1;
        waiting.in_all += 1;
        Ok(WaitPlace {
            waiters: self.clone(),
            tenant,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for WaitPlace {
    fn drop(&mut self) {
        let mut waiting = self.waiters.lock();
        waiting.in_all -= 1;
        if let Some(own) = waiting.by_tenant.get_mut(&self.tenant) {
            *own -= 1;
            if *own == 0 {
                waiting.by_tenant.remove(&self.tenant);
            }
        }
    }
}

impl Guards {
    /// A place for an answer that waits, long-poll or stream.
    ///
    /// # Errors
    /// 429 if the tenant has too many, 503 if the process has.
    pub(crate) fn wait(&self, tenant: Option<TenantId>) -> Result<WaitPlace, Problem> {
        // Keys without a tenant share the places of one: of them there are as many as somebody cares to invent.
        self.waiters.enter(tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(n: u128) -> TenantId {
        TenantId(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn a_tenant_cannot_take_every_place_and_a_place_that_is_left_is_free() {
        let waiters = Waiters::new(2, 3);
        let refused = |n| waiters.enter(Some(tenant(n))).err().map(|problem| problem.code());
        let first = waiters.enter(Some(tenant(1))).unwrap_or_else(|_| panic!());
        let _second = waiters.enter(Some(tenant(1))).unwrap_or_else(|_| panic!());
        assert_eq!(refused(1), Some(Code::TooManyRequests));
        let third = waiters.enter(Some(tenant(2))).unwrap_or_else(|_| panic!());
        assert_eq!(refused(3), Some(Code::Unavailable));
        drop(first);
        assert_eq!(refused(3), None);
        drop(third);
        assert_eq!(waiters.lock().by_tenant.len(), 1, "nobody is remembered");
    }
}
