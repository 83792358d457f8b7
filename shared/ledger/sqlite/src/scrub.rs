//! Leaving nothing of deleted rows behind.

use std::time::Duration;

use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use crate::error::{Result, failed};
use crate::open::SqliteLedger;

/// How often, and how far apart, a reader is waited for who still sees the past.
const TRIES: usize = 20;
const PAUSE: Duration = Duration::from_millis(50);

impl SqliteLedger {
    /// Folds the log beside the file into it and cuts it off: it holds pages as they were before.
    pub(crate) async fn fold_log(&self) -> Result<bool> {
        // A connection of its own that does not wait: while it waited for a reader, nobody could write.
        let options = self.options.clone().busy_timeout(Duration::ZERO);
        let mut connection = options.connect().await.map_err(failed)?;
        let mut done = false;
        for _ in 0..TRIES {
            let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
                .fetch_one(&mut connection)
                .await;
            // Its first column: whether somebody was in the way.
            done = match row {
                Ok(row) => row.try_get::<i64, _>(0).map_err(failed)? == 0,
                Err(sqlx::Error::Database(_)) => false,
                Err(error) => return Err(failed(error)),
            };
            if done {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        connection.close().await.map_err(failed)?;
        Ok(done)
    }
}
