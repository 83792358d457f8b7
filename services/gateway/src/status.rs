//! What a worker shows of itself: its part of readiness, and its own small HTTP service.

use std::sync::Arc;
use std::time::Duration;

use api::{ApiState, AppReadiness, Check, CheckStatus, ORDER_DESK, Readiness};
use axum::Router;
use worker::Worker;

/// The checks of a process, its worker's lease among them.
pub(crate) fn readiness(app: Arc<AppReadiness>, worker: Option<Worker>) -> Arc<dyn Readiness> {
    match worker {
        Some(worker) => Arc::new(WithWorker { app, worker }),
        None => app,
    }
}

struct WithWorker {
    app: Arc<AppReadiness>,
    worker: Worker,
}

impl Readiness for WithWorker {
    fn checks(&self) -> std::pin::Pin<Box<dyn Future<Output = Vec<Check>> + Send + '_>> {
        Box::pin(async {
            let mut checks = self.app.checks().await;
            let status = self.worker.status();
            let check = Check::run("worker", CheckStatus::Unavailable, async {
                status.lease_left > Duration::ZERO
            });
            checks.push(check.await);
            // The worker's calls tell of an outage, too.
            let order_desk = checks.iter_mut().find(|check| check.name == ORDER_DESK);
            if let Some(check) = order_desk.filter(|_| status.outages > 0) {
                check.status = check.status.max(CheckStatus::Degraded);
            }
            checks
        })
    }
}

/// `/health`, `/ready` and `/metrics`, and nothing else.
pub(crate) fn router(state: ApiState) -> Router {
    api::service_router(state)
}
