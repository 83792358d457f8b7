//! Opening the file, and what is believed of what it holds.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteLockingMode, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _};

/// The form of the file; another one is made anew.
const FORM: i64 = 1;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct SqliteOptions {
    /// Bytes of all entries. Default 256 MiB.
    pub bytes: u64,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { bytes: 256 << 20 }
    }
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its folder or the file itself cannot be made.
    #[error("{} cannot be made", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// SQLite cannot use it; most likely another process does.
    #[error("{} cannot be used", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: sqlx::Error,
    },
}

/// Opens the file for this process alone. What it holds is kept if it was closed in good order when the ledger stood
/// at `witness`; a file that is damaged or of another form is made anew.
pub(crate) async fn open(path: &Path, witness: &str) -> Result<SqliteConnection, OpenError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|source| OpenError::File {
            path: path.to_owned(),
            source,
        })?;
    }
    let failed = |source| OpenError::Sqlite {
        path: path.to_owned(),
        source,
    };
    match prepare(path, witness).await {
        Ok(connection) => Ok(connection),
        Err(error) if is_in_use(&error) => Err(failed(error)),
        Err(error) => {
            tracing::warn!(error = %error, "the cache's file is of no use, a new one is made");
            remove(path).map_err(|source| OpenError::File {
                path: path.to_owned(),
                source,
            })?;
            prepare(path, witness).await.map_err(failed)
        }
    }
}

async fn prepare(path: &Path, witness: &str) -> Result<SqliteConnection, sqlx::Error> {
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        // Held as long as the connection is: two processes would not see each other's raises.
        .locking_mode(SqliteLockingMode::Exclusive)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Off)
        .busy_timeout(Duration::from_millis(100))
        .pragma("cache_size", "-4000")
        .pragma("temp_store", "MEMORY")
        .pragma("wal_autocheckpoint", "1000")
        .pragma("journal_size_limit", "16777216")
        .disable_statement_logging()
        .connect()
        .await?;
    let form: i64 = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(&mut connection)
        .await?;
    if form != 0 && form != FORM {
        connection.close().await?;
        return Err(sqlx::Error::Configuration("another form".into()));
    }
    for statement in [
        "CREATE TABLE IF NOT EXISTS entries (
             name BLOB NOT NULL PRIMARY KEY,
             area BLOB NOT NULL,
             fetched_at INTEGER NOT NULL,
             expires_at INTEGER NOT NULL,
             bytes INTEGER NOT NULL,
             sealed BLOB NOT NULL
         )",
        "CREATE INDEX IF NOT EXISTS entries_area ON entries (area)",
        "CREATE INDEX IF NOT EXISTS entries_fetched_at ON entries (fetched_at)",
        "CREATE TABLE IF NOT EXISTS closed (witness TEXT NOT NULL)",
        "PRAGMA user_version = 1",
    ] {
        sqlx::query(statement).execute(&mut connection).await?;
    }
    let closed: Option<String> = sqlx::query_scalar("SELECT witness FROM closed")
        .fetch_optional(&mut connection)
        .await?;
    // From now on only another good end makes it count.
    sqlx::query("DELETE FROM closed").execute(&mut connection).await?;
    if closed.as_deref() != Some(witness) {
        sqlx::query("DELETE FROM entries")
            .execute(&mut connection)
            .await?;
    }
    Ok(connection)
}

/// SQLITE_BUSY and SQLITE_LOCKED, the lower byte of extended codes.
fn is_in_use(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<u32>().ok())
        .is_some_and(|code| matches!(code & 0xff, 5 | 6))
}

fn remove(path: &Path) -> io::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(PathBuf::from(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
