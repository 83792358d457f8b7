//! How far the log has been fanned out.

use std::time::Duration;

use domain::webhook::Target;
use domain::{IncarnationId, Timestamp};
use ledger::{DeliveryState, NewDelivery};
use sqlx::sqlite::SqliteConnection;

use crate::error::{Result, failed};
use crate::open::SqliteLedger;
use crate::rows::Cells;
use crate::script::Script;

impl SqliteLedger {
    pub(super) async fn lease_fan_out(
        &self,
        worker: IncarnationId,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Option<u64>> {
        let mut write = self.begin().await?;
        let result = async {
            let row = sqlx::query(
                "UPDATE webhook_fan_out SET worker = ?1, until = ?3 WHERE worker IS NULL OR worker = ?1 OR \
                 until <= ?2 RETURNING position",
            )
            .bind(worker.to_string())
            .bind(now.to_string())
            .bind(now.plus(ttl).to_string())
            .fetch_optional(write.on())
            .await
            .map_err(failed)?;
            row.map(|row| Cells::new(&row, "webhook_fan_out").number(0))
                .transpose()
        }
        .await;
        write.finish(result).await
    }

    pub(super) async fn unlease_fan_out(&self, worker: IncarnationId) -> Result<()> {
        let mut write = self.begin().await?;
        let result = sqlx::query("UPDATE webhook_fan_out SET worker = NULL, until = NULL WHERE worker = ?")
            .bind(worker.to_string())
            .execute(write.on())
            .await
            .map(drop)
            .map_err(failed);
        write.finish(result).await
    }

    pub(super) async fn put_fan_out(
        &self,
        worker: IncarnationId,
        (from, to): (u64, u64),
        deliveries: &[NewDelivery],
        now: Timestamp,
    ) -> Result<bool> {
        let mut write = self.begin().await?;
        let result = async {
            let moved =
                sqlx::query("UPDATE webhook_fan_out SET position = ? WHERE position = ? AND worker = ?")
                    .bind(to as i64)
                    .bind(from as i64)
                    .bind(worker.to_string())
                    .execute(write.on())
                    .await
                    .map_err(failed)?;
            if moved.rows_affected() == 0 {
                return Ok(false);
            }
            put(write.on(), deliveries, now).await?;
            Ok(true)
        }
        .await;
        write.finish(result).await
    }
}

async fn put(on: &mut SqliteConnection, deliveries: &[NewDelivery], now: Timestamp) -> Result<()> {
    let mut script = Script::default();
    for new in deliveries {
        let (endpoint, job) = match new.target {
            Target::Endpoint(id) => (Some(id), new.job_id),
            Target::Callback(job) => (None, Some(job)),
        };
        let (state, ended_at) = if new.skipped {
            (DeliveryState::Skipped, Some(now))
        } else {
            (DeliveryState::Pending, None)
        };
        script
            .add(
                "INSERT OR IGNORE INTO webhook_deliveries (id, tenant_id, endpoint_id, lane, position, kind, \
                 recorded_at, store_id, order_id, job_id, state, due_at, ended_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, \
                 ?, ?, ?, ?, ?)",
            )
            .text(new.id())
            .text(new.tenant_id)
            .bind(endpoint.map(|id| id.to_string()))
            .text(new.lane)
            .bind(new.position as i64)
            .bind(new.kind.as_str())
            .text(new.recorded_at)
            .bind(new.store_id.map(|id| id.to_string()))
            .bind(new.order_id.as_ref().map(ToString::to_string))
            .bind(job.map(|id| id.to_string()))
            .bind(state.as_str())
            .text(now)
            .bind(ended_at.map(|at| at.to_string()));
        script.relieve(on).await?;
    }
    script.run(on).await
}
