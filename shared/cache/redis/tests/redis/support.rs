//! Backends over a server that a test may stop.

use std::sync::Arc;
use std::time::Duration;

use cache::Backend;
use cache::conformance::Turning;
use cache_redis::{RedisCache, RedisOptions};
use testkit::{Redis, eventually};

const MINUTE: Duration = Duration::from_mins(1);

/// Patient enough for a busy machine.
pub fn patient() -> RedisOptions {
    RedisOptions {
        patience: Duration::from_secs(20),
        connect_within: Duration::from_secs(20),
        retry_every: Duration::from_millis(10),
    }
}

/// Soon tired of a server that hangs.
pub fn hasty() -> RedisOptions {
    RedisOptions {
        patience: Duration::from_millis(400),
        ..patient()
    }
}

/// A backend that may have no connection yet.
pub fn backend(redis: &Redis, options: RedisOptions) -> Arc<dyn Backend> {
    Arc::new(RedisCache::new(&redis.url(), options, Arc::new(Turning)).expect("an address"))
}

/// A backend that has its connection.
pub async fn connected(redis: &Redis, options: RedisOptions) -> Arc<dyn Backend> {
    let backend = backend(redis, options);
    is_up(&backend).await;
    backend
}

pub async fn is_up(backend: &Arc<dyn Backend>) {
    eventually("redis is used", MINUTE, || async { backend.ping().await.is_ok() }).await;
}

pub async fn is_down(backend: &Arc<dyn Backend>) {
    eventually("redis is not used", MINUTE, || async {
        backend.ping().await.is_err()
    })
    .await;
}
