//! The schema: made by `migrate`, and refused if it is not this program's.

use sqlx::Row as _;
use sqlx::migrate::{MigrateError, Migrator};

use crate::open::SqliteLedger;
use crate::readers::Read as _;

static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/sqlite");

/// Why the schema cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// There is none.
    #[error("the database has no schema yet: run `migrate`")]
    Missing,
    /// It was made by a newer version of this program.
    #[error("the database has schema {found}, newer than this program's {known}: use the newer program")]
    Newer {
        /// The database's.
        found: i64,
        /// The program's.
        known: i64,
    },
    /// It was made by an older version of this program.
    #[error("the database has schema {found}, older than this program's {known}: run `migrate`")]
    Older {
        /// The database's.
        found: i64,
        /// The program's.
        known: i64,
    },
    /// A migration failed, or one that was applied has been edited since.
    #[error("the database could not be migrated")]
    Migrate(#[source] MigrateError),
    /// The database did not answer.
    #[error("the database's schema could not be read")]
    Database(#[source] sqlx::Error),
}

impl SqliteLedger {
    /// Brings the schema up to this program's.
    ///
    /// # Errors
    /// [`SchemaError::Newer`] if it is beyond it already, [`SchemaError::Migrate`] if a step failed.
    pub async fn migrate(&self) -> Result<(), SchemaError> {
        match self.check_schema().await {
            Ok(()) | Err(SchemaError::Missing | SchemaError::Older { .. }) => {}
            Err(error) => return Err(error),
        }
        let mut slot = self.writer.lock().await;
        let mut writer = match slot.take() {
            Some(writer) => writer,
            None => self.connect().await.map_err(SchemaError::Database)?,
        };
        MIGRATIONS
            .run_direct(None, &mut writer, false)
            .await
            .map_err(SchemaError::Migrate)?;
        *slot = Some(writer);
        Ok(())
    }

    /// Makes sure that the schema is exactly this program's.
    ///
    /// # Errors
    /// [`SchemaError`] if it is missing, older or newer.
    pub async fn check_schema(&self) -> Result<(), SchemaError> {
        let known = MIGRATIONS
            .iter()
            .map(|migration| migration.version)
            .max()
            .unwrap_or_default();
        let exists: i64 = sqlx::query("SELECT count(*) FROM sqlite_master WHERE name = '_sqlx_migrations'")
            .one(&self.readers)
            .await
            .and_then(|row| row.try_get(0))
            .map_err(SchemaError::Database)?;
        if exists == 0 {
            return Err(SchemaError::Missing);
        }
        let found: Option<i64> = sqlx::query("SELECT max(version) FROM _sqlx_migrations WHERE success")
            .one(&self.readers)
            .await
            .and_then(|row| row.try_get(0))
            .map_err(SchemaError::Database)?;
        match found {
            None => Err(SchemaError::Missing),
            Some(found) if found > known => Err(SchemaError::Newer { found, known }),
            Some(found) if found < known => Err(SchemaError::Older { found, known }),
            Some(_) => Ok(()),
        }
    }
}
