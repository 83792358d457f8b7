//! Failed log-ins and new tenants, by client address.

use std::net::IpAddr;
use std::time::Duration;

use limit::{Decision, LocalLimiter, Outcome, Subject};

use super::Guards;
use crate::problem::{Code, Problem};

impl Guards {
    /// Whether the address has failed too often of late. A key that is known to be good passes all the same: behind
    /// one address there may be many people, and one of them must not lock the others out.
    pub(crate) fn failed_too_often(&self, ip: Option<IpAddr>) -> Option<Problem> {
        let (failures, ip) = (self.failures.as_ref()?, ip?);
        refused(&failures.look(Subject::address(ip))).map(|retry_after| {
            too_many(
                "Too many log-ins failed from your address.",
                "log_ins",
                retry_after,
            )
        })
    }

    /// Counts a failed log-in, and says what to answer: `problem`, unless there were too many already.
    pub(crate) fn login_failed(&self, ip: Option<IpAddr>, problem: Problem) -> Problem {
        if let Some(too_many) = self.failed_too_often(ip) {
            return too_many;
        }
        if let (Some(failures), Some(ip)) = (&self.failures, ip) {
            failures.take_now(Subject::address(ip));
        }
        problem
    }

    /// Takes a place for a tenant that this request may make; it is to be given back if none was made.
    pub(crate) fn reserve_tenant(&self, ip: Option<IpAddr>) -> Result<bool, Problem> {
        let (Some(provisions), Some(ip)) = (&self.provisions, ip) else {
            return Ok(false);
        };
        match refused(&provisions.take_now(Subject::address(ip))) {
            None => Ok(true),
            Some(retry_after) => {
                let detail = "Too many new tenants came from your address; keys that have one go on working.";
                Err(too_many(detail, "new_tenants", retry_after))
            }
        }
    }

    /// Gives back what [`Self::reserve_tenant`] took.
    pub(crate) fn no_tenant_made(&self, ip: Option<IpAddr>) {
        if let (Some(provisions), Some(ip)) = (&self.provisions, ip) {
            LocalLimiter::give_back(provisions, Subject::address(ip));
        }
    }
}

fn refused(decision: &Decision) -> Option<Duration> {
    match decision.outcome {
        Outcome::Passed => None,
        Outcome::Refused { retry_after } => Some(retry_after),
    }
}

/// Refused for doing something too often; `guard` names what, in the metric.
pub(super) fn too_many(detail: &str, guard: &'static str, retry_after: Duration) -> Problem {
    metrics::counter!("rate_limited_total", "limit" => guard).increment(1);
    Problem::new(Code::TooManyRequests, detail).retry_after(retry_after)
}
