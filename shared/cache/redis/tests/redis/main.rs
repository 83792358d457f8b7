//! The Redis backend: what every backend must do, and what becomes of it when Redis goes away.

mod outages;
mod secrecy;
mod support;

use std::sync::Arc;

use async_trait::async_trait;
use cache::Backend;
use cache::conformance::Fixture;
use testkit::Redis;

use support::{connected, patient};

struct Server(Redis);

#[async_trait]
impl Fixture for Server {
    async fn open(&self) -> Arc<dyn Backend> {
        connected(&self.0, patient()).await
    }
}

async fn fresh() -> impl Fixture {
    Server(Redis::start_new().await)
}

cache::conformance_tests!(fresh);
