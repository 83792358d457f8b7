//! Making deliveries again, and removing them.

use domain::{DeliveryId, Timestamp};
use ledger::{EraseDeliveries, Replay};

use crate::error::{Result, failed};
use crate::open::SqliteLedger;
use crate::rows::Cells;

impl SqliteLedger {
    pub(super) async fn repeat_one(&self, id: DeliveryId, now: Timestamp) -> Result<bool> {
        let mut write = self.begin().await?;
        let result = async {
            // Under the write lock, so that nothing changes between the two.
            let changed = sqlx::query(
                "UPDATE webhook_deliveries SET state = 'pending', tries = 0, due_at = ?1, ended_at = NULL, \
                 claimed_by = NULL WHERE id = ?2 AND (claimed_by IS NULL OR due_at <= ?1)",
            )
            .bind(now.to_string())
            .bind(id.to_string())
            .execute(write.on())
            .await
            .map_err(failed)?;
            if changed.rows_affected() > 0 {
                return Ok(true);
            }
            let there = sqlx::query("SELECT 1 FROM webhook_deliveries WHERE id = ?")
                .bind(id.to_string())
                .fetch_optional(write.on())
                .await
                .map_err(failed)?;
            Ok(there.is_some())
        }
        .await;
        write.finish(result).await
    }

    pub(super) async fn repeat_range(&self, replay: &Replay, after: u64, limit: u32) -> Result<Vec<u64>> {
        let mut write = self.begin().await?;
        let result = async {
            let rows = sqlx::query(
                "UPDATE webhook_deliveries SET state = 'pending', tries = 0, due_at = ?1, ended_at = NULL WHERE id IN \
                 (SELECT id FROM webhook_deliveries WHERE endpoint_id = ?2 AND position > ?3 AND recorded_at >= ?4 \
                 AND recorded_at < ?5 AND +state <> 'pending' AND (?6 = 0 OR +state <> 'delivered') \
                 ORDER BY position LIMIT ?7) RETURNING position",
            )
            .bind(replay.now.to_string())
            .bind(replay.endpoint_id.to_string())
            .bind(after as i64)
            .bind(replay.from.to_string())
            .bind(replay.to.to_string())
            .bind(i64::from(replay.only_failed))
            .bind(i64::from(limit))
            .fetch_all(write.on())
            .await
            .map_err(failed)?;
            let position = |row| Cells::new(row, "webhook_deliveries").number(0);
            let mut positions = rows.iter().map(position).collect::<Result<Vec<_>>>()?;
            positions.sort_unstable();
            Ok(positions)
        }
        .await;
        write.finish(result).await
    }

    pub(super) async fn remove_deliveries(&self, which: &EraseDeliveries, limit: u32) -> Result<u64> {
        let (sql, first, second) = match which {
            EraseDeliveries::Order(store, order) => (
                "DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries WHERE store_id = ?1 \
                 AND order_id = ?2 AND ended_at IS NOT NULL LIMIT ?3)",
                store.to_string(),
                order.to_string(),
            ),
            EraseDeliveries::Tenant(tenant) => (
                "DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries WHERE tenant_id = ?1 \
                 AND ?2 = '' LIMIT ?3)",
                tenant.to_string(),
                String::new(),
            ),
            EraseDeliveries::EndedBefore(at) => (
                "DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries WHERE ended_at < ?1 \
                 AND ?2 = '' ORDER BY ended_at LIMIT ?3)",
                at.to_string(),
                String::new(),
            ),
        };
        let mut write = self.begin().await?;
        let result = sqlx::query(sql)
            .bind(first)
            .bind(second)
            .bind(i64::from(limit))
            .execute(write.on())
            .await
            .map(|done| done.rows_affected())
            .map_err(failed);
        write.finish(result).await
    }
}
