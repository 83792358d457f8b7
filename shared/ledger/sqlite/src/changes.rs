//! When something last changed.

use domain::{OrderId, StoreId};

use crate::error::{Result, failed};
use crate::open::SqliteLedger;
use crate::readers::Read as _;
use crate::rows::Cells;

/// No index serves these: one process has this ledger, so that nobody asks before every answer, and an index would make
/// every job's end slower.
const OF_ORDER: &str = "SELECT max(
    coalesce((SELECT max(last_position) FROM jobs WHERE store_id = ?1 AND order_id = ?2 AND open = 0), 0),
    coalesce((SELECT position FROM order_images WHERE store_id = ?1 AND order_id = ?2), 0))";
const OF_STORE: &str = "SELECT coalesce(max(last_position), 0) FROM jobs WHERE store_id = ? AND open = 0";

impl SqliteLedger {
    pub(crate) async fn read_last_change(&self, store: StoreId, order: Option<&OrderId>) -> Result<u64> {
        let query = match order {
            Some(order) => sqlx::query(OF_ORDER)
                .bind(store.to_string())
                .bind(order.to_string()),
            None => sqlx::query(OF_STORE).bind(store.to_string()),
        };
        let row = query.one(&self.readers).await.map_err(failed)?;
        Cells::new(&row, "jobs").number(0)
    }
}
