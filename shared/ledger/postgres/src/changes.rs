//! When something last changed.

use domain::{OrderId, StoreId};

use crate::connect::PostgresLedger;
use crate::error::Reading;
use crate::error::Result;

/// As the partial indexes of `0004_changes.sql` have it.
macro_rules! ended {
    ($rest:literal) => {
        concat!(
            "select max(last_position) from jobs where status in ('succeeded', 'failed', 'cancelled') and ",
            $rest
        )
    };
}

impl PostgresLedger {
    pub(crate) async fn read_last_change(&self, store: StoreId, order: Option<&OrderId>) -> Result<u64> {
        let of_order = concat!(
            "select greatest((",
            ended!("store_id = $1 and order_id = $2"),
            "), (select position from order_images where store_id = $1 and order_id = $2), 0) as position"
        );
        let of_store = concat!("select coalesce((", ended!("store_id = $1"), "), 0) as position");
        let rows = match order {
            Some(order) => {
                let make = || sqlx::query(of_order).bind(store.0).bind(order.as_str());
                self.readers.read(make).await?
            }
            None => self.readers.read(|| sqlx::query(of_store).bind(store.0)).await?,
        };
        rows.first().map_or(Ok(0), |row| {
            Reading::new(row, "jobs", "last change").number("position")
        })
    }
}
