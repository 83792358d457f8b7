//! A ledger on a real server.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ledger_postgres::{PostgresLedger, PostgresOptions};
use testkit::Postgres;

/// Connects as a program would, with few connections.
pub async fn connect(url: &str) -> PostgresLedger {
    let options = PostgresOptions {
        writers: 2,
        readers: 3,
        ..PostgresOptions::default()
    };
    PostgresLedger::connect(url, options)
        .await
        .expect("the server is there")
}

/// Connects with limits that a test can wait for.
pub async fn connect_impatient(url: &str) -> PostgresLedger {
    let options = PostgresOptions {
        writers: 2,
        readers: 2,
        lock_timeout: Duration::from_millis(700),
        idle_in_transaction_timeout: Duration::from_millis(1_500),
        ..PostgresOptions::default()
    };
    PostgresLedger::connect(url, options)
        .await
        .expect("the server is there")
}

/// Makes a fresh, migrated database and returns its URL.
pub async fn fresh_url(server: &Postgres) -> String {
    let url = server.database().await;
    let ledger = connect(&url).await;
    ledger.migrate().await.expect("an empty database can be migrated");
    ledger.close().await;
    url
}

/// A fresh, migrated database of the shared server.
pub struct Database {
    pub server: &'static Postgres,
    pub url: String,
}

impl Database {
    pub async fn fresh() -> Self {
        let server = Postgres::shared().await;
        Self {
            server,
            url: fresh_url(server).await,
        }
    }

    pub async fn connect(&self) -> PostgresLedger {
        connect(&self.url).await
    }
}

#[async_trait]
impl ledger::conformance::Fixture for Database {
    async fn open(&self) -> Arc<dyn ledger::Backend> {
        Arc::new(self.connect().await)
    }

    async fn raw(&self, sql: &str) -> Result<(), String> {
        self.server
            .try_sql(&self.url, sql)
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    }

    async fn disarm(&self) {
        for table in ["events", "seal_leaves", "seal_nodes", "seal_heads"] {
            let sql = format!("alter table {table} disable trigger {table}_insert_only");
            self.raw(&sql).await.expect("the trigger is there");
        }
    }
}
