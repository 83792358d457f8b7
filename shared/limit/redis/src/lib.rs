//! Token buckets that several processes share, in Redis: one round trip and one key for each.
//!
//! **What it is for.** [`RedisLimiter`] is the [`Limiter`] of a deployment with several API processes. Redis' own
//! clock counts, so those of the processes need not agree.
//!
//! **Without Redis** each process counts for itself at once, with full buckets: a tenant then has, at worst, its limit
//! once in each process, and is never refused for want of Redis. An answer that takes longer than
//! [`RedisLimiter::PATIENCE`] counts as none; then Redis is left alone, and one request a second asks whether it is back.
//!
//! In Redis a bucket is `odg:limit:<32 hexadecimal digits>`, the time in microseconds at which it is full again; it
//! expires a second after that, so the idle cost nothing. Nothing else is stored.

mod breaker;
pub mod metric;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use limit::{Decision, Limiter, LocalLimiter, Quota, Subject};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError, Script};
use runtime::Clock;

use breaker::Breaker;

/// Where a process cannot count with the others.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is none that Redis' client takes.
    #[error("the Redis URL cannot be used")]
    Url(#[source] RedisError),
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("no answer in time")]
    Slow,
    #[error(transparent)]
    Redis(#[from] RedisError),
}

/// Counts in Redis, and in this process while Redis is away.
pub struct RedisLimiter {
    redis: ConnectionManager,
    take: Script,
    quota: Quota,
    patience: Duration,
    breaker: Breaker,
    alone: LocalLimiter,
}

impl RedisLimiter {
    /// How long an answer may take; it is what one request a second loses while Redis hangs.
    pub const PATIENCE: Duration = Duration::from_millis(100);

    /// Makes ready to count; Redis is not asked before it is needed. Needs a Tokio runtime.
    ///
    /// # Errors
    /// [`OpenError::Url`].
    pub fn open(url: &str, quota: Quota, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let client = Client::open(url).map_err(OpenError::Url)?;
        let config = ConnectionManagerConfig::new()
            // Who asks decides when to try again.
            .set_number_of_retries(0)
            .set_connection_timeout(Some(Duration::from_secs(1)))
            .set_response_timeout(Some(Duration::from_secs(1)));
        let redis = client
            .get_connection_manager_lazy(config)
            .map_err(OpenError::Url)?;
        Ok(Self {
            redis,
            take: Script::new(include_str!("take.lua")),
            quota,
            patience: Self::PATIENCE,
            breaker: Breaker::new(Arc::clone(&clock)),
            alone: LocalLimiter::new(quota, clock),
        })
    }

    /// With another patience than [`Self::PATIENCE`].
    pub fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    async fn within<T>(&self, asking: impl Future<Output = Result<T, RedisError>>) -> Result<T, Failure> {
        let answer = tokio::time::timeout(self.patience, asking).await;
        Ok(answer.map_err(|_| Failure::Slow)??)
    }

    async fn take_shared(&self, subject: Subject) -> Result<Decision, Failure> {
        let interval = self.quota.interval();
        let mut invocation = self.take.key(format!("odg:limit:{subject}"));
        invocation
            .arg(interval.as_micros().max(1) as u64)
            .arg(self.quota.limit().get());
        let mut redis = self.redis.clone();
        let (passed, micros): (u8, u64) = self.within(invocation.invoke_async(&mut redis)).await?;
        let time = Duration::from_micros(micros);
        if passed == 0 {
            return Ok(Decision::refused(self.quota, time));
        }
        let missing = time.as_nanos().div_ceil(interval.as_nanos().max(1));
        let missing = u32::try_from(missing).unwrap_or(u32::MAX);
        Ok(Decision {
            full_in: time,
            ..Decision::passed(self.quota, self.quota.limit().get().saturating_sub(missing))
        })
    }

    fn note(&self, failure: Option<&Failure>) {
        match failure {
            None => self.breaker.close(),
            Some(failure) => {
                metrics::counter!("rate_limit_backend_failures_total").increment(1);
                self.breaker.open(failure);
            }
        }
    }
}

#[async_trait]
impl Limiter for RedisLimiter {
    async fn take(&self, subject: Subject) -> Decision {
        if self.breaker.lets_pass() {
            let taken = self.take_shared(subject).await;
            self.note(taken.as_ref().err());
            if let Ok(decision) = taken {
                return decision;
            }
        }
        self.alone.take_now(subject)
    }

    async fn probe(&self) -> bool {
        let mut redis = self.redis.clone();
        let command = redis::cmd("PING");
        let answer: Result<(), Failure> = self.within(command.query_async(&mut redis)).await;
        self.note(answer.as_ref().err());
        answer.is_ok()
    }
}

impl fmt::Debug for RedisLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLimiter")
            .field("quota", &self.quota)
            .finish_non_exhaustive()
    }
}
