//! Leaving nothing of deleted rows behind.

use crate::connect::PostgresLedger;
use crate::error::{Result, backend};

impl PostgresLedger {
    /// Takes destroyed keys out of their table's pages. The database's own log and its replicas keep them until they
    /// are recycled, as backups do.
    pub(crate) async fn vacuum_keys(&self) -> Result<bool> {
        let mut session = self.writers.connection(true).await?;
        sqlx::raw_sql("vacuum data_keys")
            .execute(session.on())
            .await
            .map_err(backend)?;
        session.give_back();
        Ok(true)
    }
}
