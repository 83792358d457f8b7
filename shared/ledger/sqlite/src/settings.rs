//! Settings of the ledger.

use sqlx::Row as _;

use crate::error::{Result, failed};
use crate::open::SqliteLedger;
use crate::readers::Read as _;

impl SqliteLedger {
    pub(crate) async fn read_setting(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let row = sqlx::query("SELECT value FROM settings WHERE name = ?")
            .bind(name.to_owned())
            .maybe(&self.readers)
            .await
            .map_err(failed)?;
        row.map(|row| row.try_get(0).map_err(failed)).transpose()
    }

    pub(crate) async fn make_setting(&self, name: &str, value: &[u8]) -> Result<Vec<u8>> {
        let mut write = self.begin().await?;
        let result = sqlx::query_scalar(
            "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value \
             RETURNING value",
        )
        .bind(name.to_owned())
        .bind(value.to_vec())
        .fetch_one(write.on())
        .await
        .map_err(failed);
        write.finish(result).await
    }

    pub(crate) async fn exchange_setting(&self, name: &str, from: &[u8], to: &[u8]) -> Result<bool> {
        let mut write = self.begin().await?;
        let result = sqlx::query("UPDATE settings SET value = ? WHERE name = ? AND value = ?")
            .bind(to.to_vec())
            .bind(name.to_owned())
            .bind(from.to_vec())
            .execute(write.on())
            .await
            .map(|done| done.rows_affected() == 1)
            .map_err(failed);
        write.finish(result).await
    }
}
