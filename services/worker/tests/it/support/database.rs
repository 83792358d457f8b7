//! A fresh database of either kind, that tests open as often as they like.

use std::path::Path;
use std::sync::Arc;

use ledger::Backend;
use ledger_postgres::{PostgresLedger, PostgresOptions};
use ledger_sqlite::SqliteLedger;
use testkit::Postgres;

/// A migrated database of a test's own. Cheap to clone.
#[derive(Clone)]
pub enum Database {
    /// A file; it goes away with the last clone.
    Sqlite(Arc<tempfile::TempDir>),
    /// A database of the test's server.
    Postgres(String),
}

impl Database {
    /// One that the embedded form uses.
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = SqliteLedger::open(folder.path().join("app.db"))
            .await
            .expect("the ledger opens");
        ledger.migrate().await.expect("the schema");
        Self::Sqlite(Arc::new(folder))
    }

    /// One that several processes use.
    pub async fn postgres() -> Self {
        let url = Postgres::shared().await.database().await;
        let ledger = connect(&url).await;
        ledger.migrate().await.expect("the schema");
        ledger.close().await;
        Self::Postgres(url)
    }

    /// Connections of the caller's own, as another process would have them.
    pub async fn open(&self) -> Arc<dyn Backend> {
        match self {
            Self::Sqlite(folder) => {
                let ledger = SqliteLedger::open(folder.path().join("app.db")).await;
                Arc::new(ledger.expect("the ledger opens"))
            }
            Self::Postgres(url) => Arc::new(connect(url).await),
        }
    }

    /// Where its files lie.
    pub fn folder(&self) -> &Path {
        match self {
            Self::Sqlite(folder) => folder.path(),
            Self::Postgres(_) => panic!("the files are the server's"),
        }
    }
}

async fn connect(url: &str) -> PostgresLedger {
    let options = PostgresOptions {
        writers: 3,
        readers: 5,
        ..PostgresOptions::default()
    };
    PostgresLedger::connect(url, options)
        .await
        .expect("the server is there")
}

/// Makes two tests of each function that takes a [`Database`]: one for each kind.
macro_rules! on_both_ledgers {
    ($($name:ident)*) => {
        mod on_sqlite {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name($crate::support::Database::sqlite().await).await;
                }
            )*
        }
        mod on_postgres {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name($crate::support::Database::postgres().await).await;
                }
            )*
        }
    };
}
pub(crate) use on_both_ledgers;
