//! The connections that read.
//!
//! Not the driver's own pool: that asks each connection whether it lives when it comes back, which for a file is a
//! second trip to the connection's thread for each query, as expensive as the query itself.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions, Connection, Error};
use tokio::sync::{Semaphore, SemaphorePermit};

type Result<T> = std::result::Result<T, Error>;

/// Up to so many connections, made when they are needed.
pub(crate) struct Readers {
    options: SqliteConnectOptions,
    patience: Duration,
    most: u32,
    permits: Semaphore,
    idle: Mutex<Vec<SqliteConnection>>,
}

/// A connection that one caller has for itself.
///
/// It is used again only after [`Reader::give_back`]: dropped before (an error, a future that nobody polls any more),
/// it goes, with whatever still runs on it.
pub(crate) struct Reader<'a> {
    readers: &'a Readers,
    connection: SqliteConnection,
    _permit: SemaphorePermit<'a>,
}

impl Readers {
    /// No connection yet; `patience` is how long a caller waits for one when `most` are in use.
    pub(crate) fn new(options: SqliteConnectOptions, most: u32, patience: Duration) -> Self {
        let permits = Semaphore::new(most as usize);
        Self {
            options,
            patience,
            most,
            permits,
            idle: Mutex::default(),
        }
    }

    /// Waits for a connection.
    pub(crate) async fn take(&self) -> Result<Reader<'_>> {
        let permit = tokio::time::timeout(self.patience, self.permits.acquire())
            .await
            .map_err(|_| Error::PoolTimedOut)?
            .map_err(|_| Error::PoolClosed)?;
        // In a statement of its own: the lock must not be held while connecting.
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.options.connect().await?,
        };
        Ok(Reader {
            readers: self,
            connection,
            _permit: permit,
        })
    }

    /// Waits for those in use, then ends all; there are no more from then on.
    pub(crate) async fn close(&self) {
        let Ok(all) = self.permits.acquire_many(self.most).await else {
            return;
        };
        self.permits.close();
        drop(all);
        let idle = std::mem::take(&mut *self.idle());
        for connection in idle {
            // It has only read: nothing depends on how it ends.
            let _ = connection.close().await;
        }
    }

    /// Whether [`Readers::close`] has ended all.
    pub(crate) fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<SqliteConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader<'_> {
    /// What statements run on.
    pub(crate) fn on(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// Lets others have it.
    pub(crate) fn give_back(self) {
        self.readers.idle().push(self.connection);
    }
}

/// Runs a query on one of the readers.
pub(crate) trait Read: Sized {
    /// All rows.
    async fn all(self, readers: &Readers) -> Result<Vec<SqliteRow>>;
    /// The first row, if there is one.
    async fn maybe(self, readers: &Readers) -> Result<Option<SqliteRow>>;
    /// The first row, which must be there.
    async fn one(self, readers: &Readers) -> Result<SqliteRow> {
        self.maybe(readers).await?.ok_or(Error::RowNotFound)
    }
}

impl Read for Query<'_, Sqlite, SqliteArguments> {
    async fn all(self, readers: &Readers) -> Result<Vec<SqliteRow>> {
        let mut reader = readers.take().await?;
        let rows = self.fetch_all(reader.on()).await?;
        reader.give_back();
        Ok(rows)
    }

    async fn maybe(self, readers: &Readers) -> Result<Option<SqliteRow>> {
        let mut reader = readers.take().await?;
        let row = self.fetch_optional(reader.on()).await?;
        reader.give_back();
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use sqlx::Row as _;

    use super::*;

    fn readers(folder: &tempfile::TempDir, most: u32) -> Readers {
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join("app.db"))
            .create_if_missing(true);
        Readers::new(options, most, Duration::from_millis(50))
    }

    #[tokio::test]
    async fn a_connection_is_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let readers = readers(&folder, 1);
        // A temporary table belongs to its connection.
        let mut reader = readers.take().await.unwrap();
        sqlx::query("CREATE TEMP TABLE mine (n)")
            .execute(reader.on())
            .await
            .unwrap();
        reader.give_back();
        let row = sqlx::query("SELECT count(*) FROM mine")
            .one(&readers)
            .await
            .unwrap();
        assert_eq!(row.get::<i64, _>(0), 0);
    }

    #[tokio::test]
    async fn a_reader_that_was_not_given_back_makes_room_for_another() {
        let folder = tempfile::tempdir().unwrap();
        let readers = readers(&folder, 1);
        let reader = readers.take().await.unwrap();
        assert!(matches!(readers.take().await, Err(Error::PoolTimedOut)));
        drop(reader);
        assert!(sqlx::query("SELECT 1").one(&readers).await.is_ok());
        let failed = sqlx::query("SELECT nothing").all(&readers).await;
        assert!(failed.is_err());
        assert!(sqlx::query("SELECT 1").all(&readers).await.is_ok());
    }

    #[tokio::test]
    async fn a_query_that_nobody_awaits_any_more_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let readers = readers(&folder, 1);
        assert!(sqlx::query("SELECT 1").one(&readers).await.is_ok());
        let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
        let abandoned = tokio::time::timeout(Duration::from_millis(20), sqlx::query(endless).all(&readers));
        assert!(abandoned.await.is_err());
        assert!(sqlx::query("SELECT 1").one(&readers).await.is_ok());
    }

    #[tokio::test]
    async fn closing_waits_for_who_reads_and_then_refuses() {
        let folder = tempfile::tempdir().unwrap();
        let readers = readers(&folder, 2);
        let reader = readers.take().await.unwrap();
        let mut closing = Box::pin(readers.close());
        assert!(closing.as_mut().now_or_never().is_none(), "somebody reads");
        reader.give_back();
        closing.await;
        assert!(readers.is_closed());
        assert!(matches!(readers.take().await, Err(Error::PoolClosed)));
        readers.close().await;
    }
}
