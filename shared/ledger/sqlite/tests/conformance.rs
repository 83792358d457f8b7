//! The suite that every adapter must pass, on SQLite.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::sync::Arc;

use async_trait::async_trait;
use ledger::Backend;
use ledger::conformance::Fixture;
use ledger_sqlite::SqliteLedger;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

struct Folder(tempfile::TempDir);

impl Folder {
    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("app.db")
    }
}

#[async_trait]
impl Fixture for Folder {
    async fn open(&self) -> Arc<dyn Backend> {
        Arc::new(SqliteLedger::open(self.path()).await.unwrap())
    }

    async fn raw(&self, sql: &str) -> Result<(), String> {
        let url = format!("sqlite://{}", self.path().display());
        let mut connection = SqliteConnection::connect(&url)
            .await
            .map_err(|error| error.to_string())?;
        let result = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut connection)
            .await;
        result.map(drop).map_err(|error| error.to_string())
    }

    async fn disarm(&self) {
        for table in ["events", "seal_leaves", "seal_nodes", "seal_heads"] {
            for what in ["updated", "deleted"] {
                let sql = format!("DROP TRIGGER {table}_are_never_{what}");
                self.raw(&sql).await.unwrap();
            }
        }
    }
}

async fn fresh() -> impl Fixture {
    let folder = Folder(tempfile::tempdir().unwrap());
    let ledger = SqliteLedger::open(folder.path()).await.unwrap();
    ledger.migrate().await.unwrap();
    ledger.check_schema().await.unwrap();
    ledger.close().await;
    folder
}

ledger::conformance_tests!(fresh);
