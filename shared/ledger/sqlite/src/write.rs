//! The one connection that writes, and its transactions.

use ledger::BackendError;
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::MutexGuard;

use crate::error::{Result, failed};
use crate::open::SqliteLedger;

/// A transaction that holds the database's write lock.
///
/// The connection comes back into its slot only after a clean end. If this value is dropped before (an error,
/// a future that nobody polls any more), the connection goes with it, which rolls back, and the next
/// write makes a new one.
pub(crate) struct Write<'a> {
    slot: MutexGuard<'a, Option<SqliteConnection>>,
    connection: SqliteConnection,
}

impl SqliteLedger {
    pub(crate) async fn connect(&self) -> std::result::Result<SqliteConnection, sqlx::Error> {
        self.options.connect().await
    }

    /// Waits for this process's turn, then for the database's write lock.
    pub(crate) async fn begin(&self) -> Result<Write<'_>> {
        let mut slot = self.writer.lock().await;
        if self.readers.is_closed() {
            return Err(failed(sqlx::Error::PoolClosed));
        }
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => self.connect().await.map_err(failed)?,
        };
        match sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await {
            Ok(_) => Ok(Write { slot, connection }),
            Err(error) => Err(failed(error)),
        }
    }
}

impl Write<'_> {
    /// What statements run on.
    pub(crate) fn on(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// Makes it durable.
    pub(crate) async fn commit(self) -> Result<()> {
        self.end("COMMIT").await
    }

    /// Takes it back.
    pub(crate) async fn rollback(self) -> Result<()> {
        self.end("ROLLBACK").await
    }

    /// Commits what went well and takes back what did not.
    pub(crate) async fn finish<T>(self, result: Result<T>) -> Result<T> {
        match result {
            Ok(value) => self.commit().await.map(|()| value),
            Err(error) => {
                if let Err(rollback) = self.rollback().await {
                    // The first error says more; the connection is gone, and the transaction with it.
                    tracing::warn!(error = %rollback, "rolling back failed");
                }
                Err(error)
            }
        }
    }

    async fn end(mut self, sql: &'static str) -> Result<()> {
        sqlx::query(sql)
            .execute(&mut self.connection)
            .await
            .map_err(failed)?;
        let Self { mut slot, connection } = self;
        *slot = Some(connection);
        Ok(())
    }
}

/// An error of ours, not of the database.
pub(crate) fn misuse(text: String) -> BackendError {
    BackendError::Failed(text.into())
}
