//! Opening the file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::Mutex;

use crate::readers::Readers;

/// How long a statement waits for a lock that another process holds.
const BUSY: Duration = Duration::from_secs(5);
/// Connections for reading. They also bound the memory that page caches take.
const READERS: u32 = 4;
/// Rows that a reader may be ahead of whoever asked, who takes them all anyhow: with few, both threads wait for each
/// other again and again.
const PAGE: usize = 2_048;

/// A ledger in one SQLite file.
pub struct SqliteLedger {
    pub(crate) options: SqliteConnectOptions,
    /// The one connection that writes; `None` after a failure, until the next write.
    pub(crate) writer: Mutex<Option<SqliteConnection>>,
    pub(crate) readers: Readers,
}

/// Why the file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its folder is not there and could not be made.
    #[error("the folder {} cannot be made", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// SQLite cannot open it.
    #[error("{} cannot be opened as an SQLite database", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: sqlx::Error,
    },
}

impl SqliteLedger {
    /// Opens the database at `path`; makes the file, and its folder, if there is none. Its schema may be
    /// missing: see [`SqliteLedger::check_schema`] and [`SqliteLedger::migrate`].
    ///
    /// # Errors
    /// [`OpenError`] if the folder cannot be made or the file is no database.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        make_folder(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .statement_cache_capacity(64)
            .pragma("cache_size", "-4000")
            .pragma("temp_store", "MEMORY")
            .pragma("wal_autocheckpoint", "2000")
            .pragma("journal_size_limit", "67108864")
            // What is deleted within a page is overwritten; whole pages are where it counts, see `append_all`.
            .pragma("secure_delete", "FAST")
            .disable_statement_logging();
        let file = |source| OpenError::File {
            path: path.to_owned(),
            source,
        };
        let mut writer = options.connect().await.map_err(file)?;
        // SQLite opens anything; only reading tells whether it is a database.
        sqlx::query("SELECT count(*) FROM sqlite_master")
            .execute(&mut writer)
            .await
            .map_err(file)?;
        let readers = Readers::new(
            options
                .clone()
                .pragma("cache_size", "-2000")
                .pragma("query_only", "ON")
                .row_buffer_size(PAGE),
            READERS,
            BUSY,
        );
        Ok(Self {
            options,
            writer: Mutex::new(Some(writer)),
            readers,
        })
    }

    /// Ends all connections, once what runs on them has ended; the log beside the file is folded into it.
    pub async fn close(&self) {
        self.readers.close().await;
        if let Some(writer) = self.writer.lock().await.take() {
            // Nothing is lost if this fails: the next process finds the log beside the file.
            let _ = writer.close().await;
        }
    }
}

impl std::fmt::Debug for SqliteLedger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteLedger")
            .field("path", &self.options.get_filename())
            .finish_non_exhaustive()
    }
}

fn make_folder(path: &Path) -> Result<(), OpenError> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else {
        return Ok(());
    };
    crate::lock::make_private(folder).map_err(|source| OpenError::Folder {
        folder: folder.to_owned(),
        source,
    })
}

/// The file that an address such as `sqlite:data/app.db` or `sqlite:///var/lib/app.db` names; `None` if it is
/// no such address.
pub fn path_of_url(url: &str) -> Option<PathBuf> {
    let rest = url.strip_prefix("sqlite:")?;
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let path = rest.split('?').next().unwrap_or_default();
    (!path.is_empty() && path != ":memory:").then(|| PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_file() {
        for (url, path) in [
            ("sqlite:data/app.db", Some("data/app.db")),
            ("sqlite://data/app.db?mode=rwc", Some("data/app.db")),
            ("sqlite:///var/lib/app.db", Some("/var/lib/app.db")),
            ("sqlite::memory:", None),
            ("sqlite:", None),
            ("postgres://localhost", None),
        ] {
            assert_eq!(path_of_url(url), path.map(PathBuf::from), "{url}");
        }
    }

    #[tokio::test]
    async fn the_folder_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deeper/still/app.db");
        SqliteLedger::open(&path).await.unwrap().close().await;
        assert!(path.is_file());
    }

    #[tokio::test]
    async fn a_commit_is_on_the_disk_when_it_returns() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = SqliteLedger::open(folder.path().join("app.db")).await.unwrap();
        let mut slot = ledger.writer.lock().await;
        let writer = slot.as_mut().unwrap();
        let level: i64 = sqlx::query_scalar("PRAGMA synchronous")
            .fetch_one(&mut *writer)
            .await
            .unwrap();
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
            .fetch_one(&mut *writer)
            .await
            .unwrap();
        assert_eq!((level, mode.as_str()), (2, "wal"), "2 is FULL");
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        std::fs::write(
            &path,
            "this is the text of something else, longer than the header",
        )
        .unwrap();
        let error = SqliteLedger::open(&path).await.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("cannot be opened as an SQLite database"),
            "{error}"
        );
    }
}
