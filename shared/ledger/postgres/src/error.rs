//! What a failure of the database means.

use std::fmt::Display;

use ledger::BackendError;
use sqlx::postgres::PgRow;
use sqlx::{ColumnIndex, Decode, Postgres, Row, Type};

pub(crate) type Result<T> = std::result::Result<T, BackendError>;

/// Whether the database went away or a limit passed, so that nothing is known of what the statement did.
///
/// An error that the server reports proves that the statement's transaction was rolled back. Anything else that happens
/// after sending proves nothing, an unreadable answer included.
fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            let class = code.get(..2).unwrap_or_default();
            // Connection, resources (too many connections, disk full), operator (shutdown, cancelled), system.
            matches!(class, "08" | "53" | "57" | "58")
                // Lock not available in time, idle in transaction for too long, a standby.
                || matches!(&*code, "55P03" | "25P03" | "25006")
        }),
        sqlx::Error::Configuration(_)
        | sqlx::Error::InvalidArgument(_)
        | sqlx::Error::Encode(_)
        | sqlx::Error::TypeNotFound { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnIndexOutOfBounds { .. } => false,
        _ => true,
    }
}

/// Whether the session itself cannot be used any more.
pub(crate) fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            matches!(code.get(..3), Some("57P" | "080")) || matches!(&*code, "25P03" | "25006")
        }),
        _ => true,
    }
}

/// An error that the server reported, without its detail: that repeats the values of the row that failed.
#[derive(Debug, thiserror::Error)]
#[error("{message} ({code}{constraint})")]
struct Reported {
    code: String,
    message: String,
    constraint: String,
}

/// The port's form of an error.
pub(crate) fn backend(error: sqlx::Error) -> BackendError {
    let unavailable = is_unavailable(&error);
    let source: Box<dyn std::error::Error + Send + Sync> = match error {
        sqlx::Error::Database(error) => Box::new(Reported {
            code: error.code().unwrap_or_default().into_owned(),
            message: error.message().to_owned(),
            constraint: error
                .constraint()
                .map(|name| format!(", {name}"))
                .unwrap_or_default(),
        }),
        other => other.into(),
    };
    if unavailable {
        BackendError::Unavailable(source)
    } else {
        BackendError::Failed(source)
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

/// A row of a table while it is read: says which one it was if it cannot be.
pub(crate) struct Reading<'r> {
    row: &'r PgRow,
    table: &'static str,
    key: String,
}

impl<'r> Reading<'r> {
    /// Begins to read; `key` names the row.
    pub(crate) fn new(row: &'r PgRow, table: &'static str, key: impl Display) -> Self {
        Self {
            row,
            table,
            key: key.to_string(),
        }
    }

    /// One column.
    pub(crate) fn get<T, I>(&self, column: I) -> Result<T>
    where
        T: Decode<'r, Postgres> + Type<Postgres>,
        I: ColumnIndex<PgRow>,
    {
        self.row.try_get(column).map_err(|error| self.corrupt(error))
    }

    /// A column that holds a number that cannot be negative.
    pub(crate) fn number(&self, column: &str) -> Result<u64> {
        u64::try_from(self.get::<i64, _>(column)?).map_err(|error| self.corrupt(error))
    }

    /// A column that holds JSON.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T> {
        serde_json::from_str(self.get(column)?).map_err(|error| self.corrupt(error))
    }

    /// A column that holds an identifier of Order Desk.
    pub(crate) fn parsed<T>(&self, column: &str) -> Result<Option<T>>
    where
        T: std::str::FromStr,
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        let text: Option<&str> = self.get(column)?;
        text.map(str::parse)
            .transpose()
            .map_err(|error: T::Err| self.corrupt(error))
    }

    /// Says that this row cannot be read.
    pub(crate) fn corrupt(
        &self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> BackendError {
        corrupt(self.table, &self.key, source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_connection_proves_nothing() {
        let error = sqlx::Error::Io(std::io::ErrorKind::UnexpectedEof.into());
        assert!(is_broken(&error));
        assert!(matches!(backend(error), BackendError::Unavailable(_)));
        assert!(matches!(
            backend(sqlx::Error::PoolTimedOut),
            BackendError::Unavailable(_)
        ));
        assert!(matches!(
            backend(sqlx::Error::Protocol("half an answer".into())),
            BackendError::Unavailable(_)
        ));
    }

    #[test]
    fn what_was_never_sent_has_failed() {
        assert!(matches!(
            backend(sqlx::Error::Encode("too large".into())),
            BackendError::Failed(_)
        ));
    }
}
