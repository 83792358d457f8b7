//! Making deliveries again, and removing them.

use domain::{DeliveryId, Timestamp};
use ledger::{EraseDeliveries, Replay};

use super::work::changed;
use crate::connect::PostgresLedger;
use crate::error::{Reading, Result};
use crate::time::At;

impl PostgresLedger {
    pub(super) async fn repeat_one(&self, id: DeliveryId, now: Timestamp) -> Result<bool> {
        let query = sqlx::query("select redeliver($1, $2) as found")
            .bind(id.0)
            .bind(At(now));
        let rows = self.writers.write(query).await?;
        let found = |row| Reading::new(row, "webhook_deliveries", id).get("found");
        rows.first().map_or(Ok(false), found)
    }

    pub(super) async fn repeat_range(&self, replay: &Replay, after: u64, limit: u32) -> Result<Vec<u64>> {
        let sql =
            "select position from replay_deliveries($1, $2, $3, $4, $5, $6, $7) position order by position";
        let query = sqlx::query(sql)
            .bind(replay.endpoint_id.0)
            .bind(At(replay.now))
            .bind(At(replay.from))
            .bind(At(replay.to))
            .bind(replay.only_failed)
            .bind(after as i64)
            .bind(i32::try_from(limit).unwrap_or(i32::MAX));
        let rows = self.writers.write(query).await?;
        let position = |row| Reading::new(row, "webhook_deliveries", "?").number("position");
        rows.iter().map(position).collect()
    }

    pub(super) async fn remove_deliveries(&self, which: &EraseDeliveries, limit: u32) -> Result<u64> {
        let (mut store, mut order, mut tenant, mut ended_before) = (None, None, None, None);
        match which {
            EraseDeliveries::Order(id, number) => {
                store = Some(id.0);
                order = Some(number.as_str());
            }
            EraseDeliveries::Tenant(id) => tenant = Some(id.0),
            EraseDeliveries::EndedBefore(at) => ended_before = Some(At(*at)),
        }
        let query = sqlx::query("select erase_deliveries($1, $2, $3, $4, $5) as changed")
            .bind(store)
            .bind(order)
            .bind(tenant)
            .bind(ended_before)
            .bind(i32::try_from(limit).unwrap_or(i32::MAX));
        changed(&self.writers.write(query).await?)
    }
}
