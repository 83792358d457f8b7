//! What keeps one client from taking the service away from the others: rates, log-ins, new tenants, waits.
//!
//! Each guard is asked by the extractor or handler that it concerns and answers with a finished [`Problem`]. Rates of
//! tenants may be counted for all processes together; everything else is counted in each process, in bounded memory.

mod body;
mod login;
pub(crate) mod rate;
mod wait;

use std::num::NonZeroU32;
use std::sync::Arc;

use limit::{Limiter, LocalLimiter, Quota};
use runtime::Clock;

use body::Bodies;
pub(crate) use body::BodyShare;
pub(crate) use wait::WaitPlace;
use wait::Waiters;

/// How many times a tenant's rate all unknown keys of one address have together. Each key has the rate of a tenant; a
/// client that invents a new key for each request would have no limit at all.
const STRANGERS: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");

/// The guards of a process.
pub struct Guards {
    /// Requests by tenant.
    rates: Option<Arc<dyn Limiter>>,
    /// Requests with keys of no tenant yet, by address.
    strangers: Option<LocalLimiter>,
    /// Failed log-ins by address.
    failures: Option<LocalLimiter>,
    /// New tenants by address.
    provisions: Option<LocalLimiter>,
    waiters: Waiters,
    bodies: Bodies,
}

/// How much the guards let pass; 0 is no limit.
#[derive(Clone, Copy, Debug)]
pub struct GuardConfig {
    /// Requests per minute and tenant.
    pub rate_limit_rpm: u32,
    /// Failed log-ins per minute and client address.
    pub auth_failures_per_minute: u32,
    /// New tenants per hour and client address.
    pub provision_per_hour: u32,
    /// Answers of one tenant that may wait at a time for something to happen.
    pub waits_per_tenant: u32,
    /// Answers of the process that may wait at a time.
    pub waits: u32,
    /// KiB of bodies that the process may hold while it reads them.
    pub body_kib: u32,
}

impl Default for GuardConfig {
    /// No limits of rates; 100 waits of a tenant and 1,000 in all, since each looks into the ledger every second; 64 MiB
    /// of bodies.
    fn default() -> Self {
        Self {
            rate_limit_rpm: 0,
            auth_failures_per_minute: 0,
            provision_per_hour: 0,
            waits_per_tenant: 100,
            waits: 1_000,
            body_kib: 64 << 10,
        }
    }
}

impl GuardConfig {
    /// The guards' part of the process configuration.
    pub fn of(config: &runtime::Config) -> Self {
        Self {
            rate_limit_rpm: config.rate_limit_rpm,
            auth_failures_per_minute: config.auth_failures_per_minute,
            provision_per_hour: config.provision_per_hour,
            ..Self::default()
        }
    }
}

impl Guards {
    /// Guards that count in this process.
    pub fn new(config: &GuardConfig, clock: &Arc<dyn Clock>) -> Self {
        let local = |quota: Option<Quota>| quota.map(|quota| LocalLimiter::new(quota, Arc::clone(clock)));
        let rate = Quota::per_minute(config.rate_limit_rpm);
        Self {
            rates: local(rate).map(|limiter| Arc::new(limiter) as Arc<dyn Limiter>),
            strangers: local(rate.map(|quota| quota.times(STRANGERS))),
            failures: local(Quota::per_minute(config.auth_failures_per_minute)),
            provisions: local(Quota::per_hour(config.provision_per_hour)),
            waiters: Waiters::new(config.waits_per_tenant, config.waits),
            bodies: Bodies::new(config.body_kib),
        }
    }

    /// With the rates of tenants counted by `limiter`, if there is one.
    pub fn counting_with(self, limiter: Option<Arc<dyn Limiter>>) -> Self {
        Self {
            rates: limiter.or(self.rates),
            ..self
        }
    }

    /// Looks, now, whether all processes count the rates together that should.
    pub async fn probe(&self) -> bool {
        match &self.rates {
            Some(limiter) => limiter.probe().await,
            None => true,
        }
    }
}

impl std::fmt::Debug for Guards {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guards").finish_non_exhaustive()
    }
}
