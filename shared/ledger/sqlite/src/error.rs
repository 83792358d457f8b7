//! SQLite's errors in the words of the port.

use std::fmt::Display;

use ledger::BackendError;

/// The result of everything that the port asks for.
pub(crate) type Result<T> = std::result::Result<T, BackendError>;

/// Primary result codes after which trying again later makes sense: somebody else has the lock, or the disk
/// does not work at present.
const TRANSIENT: [i32; 6] = [
    5,  // SQLITE_BUSY
    6,  // SQLITE_LOCKED
    8,  // SQLITE_READONLY
    10, // SQLITE_IOERR
    13, // SQLITE_FULL
    14, // SQLITE_CANTOPEN
];

/// Whether a statement failed, or the database is away.
pub(crate) fn failed(error: sqlx::Error) -> BackendError {
    let transient = match &error {
        sqlx::Error::Database(database) => database
            .code()
            .and_then(|code| code.parse::<i32>().ok())
            .is_some_and(|code| TRANSIENT.contains(&(code & 0xff))),
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        _ => false,
    };
    if transient {
        BackendError::Unavailable(Box::new(error))
    } else {
        BackendError::Failed(Box::new(error))
    }
}

/// A row that cannot be read.
pub(crate) fn corrupt(
    table: &'static str,
    key: impl Display,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> BackendError {
    BackendError::Corrupt {
        table,
        key: key.to_string(),
        source: source.into(),
    }
}
