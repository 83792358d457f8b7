//! What has to be done now and then, whoever calls.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{App, Denied};

/// How many go in one transaction, so that nobody waits long for it.
const CHUNK: u32 = 500;

impl App {
    /// Clears expired idempotency keys away, every so often until `draining` is cancelled: to be spawned once per
    /// process that takes requests. Several at once do no harm, and a late one neither: a key counts by its time.
    pub fn start_upkeep(
        &self,
        every: Duration,
        draining: CancellationToken,
    ) -> impl Future<Output = ()> + Send + use<> {
        let app = self.clone();
        async move {
            loop {
                tokio::select! {
                    () = draining.cancelled() => return,
                    () = tokio::time::sleep(every) => {}
                }
                tokio::select! {
                    () = draining.cancelled() => return,
                    cleared = app.clear_expired() => {
                        if let Err(error) = cleared {
                            tracing::warn!(error = %error, "expired idempotency keys stay for now");
                        }
                    }
                }
            }
        }
    }

    /// Clears expired idempotency keys away; says how many.
    pub async fn clear_expired(&self) -> Result<u64, Denied> {
        let mut all = 0;
        loop {
            let cleared = self.0.ledger.purge_idempotency(self.now(), CHUNK).await?;
            all += cleared;
            if cleared < u64::from(CHUNK) {
                return Ok(all);
            }
        }
    }
}
