//! The in-process adapter against the suite that every adapter must pass.

use std::sync::Arc;

use async_trait::async_trait;
use queue::Queue;
use queue::conformance::Fixture;
use queue::local::LocalQueue;

struct OneProcess(Arc<LocalQueue>);

#[async_trait]
impl Fixture for OneProcess {
    async fn open(&self) -> Arc<dyn Queue> {
        self.0.clone()
    }
}

async fn fresh() -> impl Fixture {
    OneProcess(Arc::new(LocalQueue::new()))
}

queue::conformance_tests!(fresh);
