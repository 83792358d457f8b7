//! The database's tables: bringing them up to this program, and telling whether they are.

use ledger::BackendError;
use sqlx::migrate::Migrator;
use sqlx::{Connection, Row};

use crate::connect::PostgresLedger;
use crate::error::backend;

static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/postgres");

/// Names the lock under which migrations run: "odg-migr".
const MIGRATION_LOCK: i64 = 0x6f64_672d_6d69_6772;

/// Why the tables could not be brought up to this program.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database could not be reached or failed; nothing was changed.
    #[error(transparent)]
    Database(#[from] BackendError),
    /// The tables were made by another program, or by a newer version of this one; nothing was changed.
    #[error("the migrations cannot be applied")]
    Migration(#[source] sqlx::migrate::MigrateError),
}

/// Why this program cannot work with the tables that are there.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The database holds no ledger.
    #[error("the database holds no ledger yet: run the migrations")]
    Missing,
    /// The tables are those of a newer program.
    #[error("the database is at version {found}, this program knows {known}: use a newer program")]
    Newer {
        /// The database's version.
        found: i64,
        /// The program's version.
        known: i64,
    },
    /// The tables are those of an older program.
    #[error("the database is at version {found}, this program needs {known}: run the migrations")]
    Older {
        /// The database's version.
        found: i64,
        /// The program's version.
        known: i64,
    },
    /// The database could not be asked.
    #[error(transparent)]
    Database(#[from] BackendError),
}

impl PostgresLedger {
    /// Brings the tables up to this program, all in one transaction. Several processes may call it at once, also
    /// behind a transaction pooler: the second waits for the first and finds nothing to do.
    ///
    /// # Errors
    /// [`MigrateError`]; the tables are as they were then.
    pub async fn migrate(&self) -> Result<(), MigrateError> {
        let mut session = self.writers.connection(true).await?;
        let mut transaction = session.on().begin().await.map_err(backend)?;
        for limit in [
            "set local lock_timeout = '2min'",
            "set local statement_timeout = '10min'",
        ] {
            sqlx::query(limit)
                .execute(&mut *transaction)
                .await
                .map_err(backend)?;
        }
        sqlx::query("select pg_advisory_xact_lock($1)")
            .bind(MIGRATION_LOCK)
            .execute(&mut *transaction)
            .await
            .map_err(backend)?;
        // sqlx's own lock belongs to a session, which is nobody's behind a transaction pooler.
        let mut migrations = Migrator::with_migrations(MIGRATIONS.iter().cloned().collect());
        migrations.set_locking(false);
        migrations
            .run_direct(None, &mut *transaction, false)
            .await
            .map_err(MigrateError::Migration)?;
        transaction.commit().await.map_err(backend)?;
        session.give_back();
        Ok(())
    }

    /// Tells whether the tables are the ones that this program knows.
    ///
    /// # Errors
    /// [`SchemaError`] if not.
    pub async fn check_schema(&self) -> Result<(), SchemaError> {
        let known = MIGRATIONS
            .iter()
            .map(|migration| migration.version)
            .max()
            .unwrap_or(0);
        let exists = "select to_regclass('_sqlx_migrations') is not null";
        let rows = self.readers.read(|| sqlx::query(exists)).await?;
        if !rows
            .first()
            .map(|row| row.try_get(0))
            .transpose()
            .map_err(backend)?
            .unwrap_or(false)
        {
            return Err(SchemaError::Missing);
        }
        let newest = "select coalesce(max(version), 0) from _sqlx_migrations where success";
        let rows = self.readers.read(|| sqlx::query(newest)).await?;
        let found: i64 = rows
            .first()
            .map(|row| row.try_get(0))
            .transpose()
            .map_err(backend)?
            .unwrap_or(0);
        match found {
            0 => Err(SchemaError::Missing),
            found if found < known => Err(SchemaError::Older { found, known }),
            found if found > known => Err(SchemaError::Newer { found, known }),
            _ => Ok(()),
        }
    }
}
