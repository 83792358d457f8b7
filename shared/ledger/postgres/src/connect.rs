//! Opening the ledger.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};

use crate::options::PostgresOptions;
use crate::pool::{Limits, Pool};
use crate::session::Sessions;

/// Why the ledger could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is not one of PostgreSQL; it is not repeated here, as it may hold a password.
    #[error("not a PostgreSQL URL")]
    Url(#[source] sqlx::Error),
    /// The server is a standby, which cannot be appended to and may lag behind.
    #[error("the server is a standby: connect to the primary")]
    Standby,
    /// The server could not be reached or refused the connection.
    #[error("the database cannot be reached")]
    Unavailable(#[source] sqlx::Error),
}

/// What a connection to a standby is refused with.
#[derive(Debug, thiserror::Error)]
#[error("the server is a standby")]
struct IsStandby;

/// The ledger in a PostgreSQL database; cheap to clone.
#[derive(Clone)]
pub struct PostgresLedger {
    pub(crate) writers: Sessions,
    pub(crate) readers: Sessions,
}

impl PostgresLedger {
    /// Connects to the primary at `url` and leaves its schema as it is: see [`PostgresLedger::migrate`] and
    /// [`PostgresLedger::check_schema`].
    ///
    /// Two pools, so that an append never waits for a reader's connection. The URL takes the usual parameters, e.g.
    /// `?sslmode=verify-full&sslrootcert=…`; TLS is rustls with ring.
    ///
    /// # Errors
    /// [`OpenError`] if the URL is none, the server does not answer in time, or it is a standby.
    pub async fn connect(url: &str, options: PostgresOptions) -> Result<Self, OpenError> {
        // Checked here because the driver takes every scheme for its own.
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(OpenError::Url(sqlx::Error::Configuration(
                "the scheme is not postgres://".into(),
            )));
        }
        let mut connect = PgConnectOptions::from_str(url)
            .map_err(OpenError::Url)?
            // Statements carry ciphertext and keys' names: none of them is for logs.
            .disable_statement_logging();
        if connect.get_application_name().is_none() {
            connect = connect.application_name("orderdesk-gateway");
        }
        if !options.pooler {
            connect = connect.options(options.session_settings());
        }
        // The pools would go on trying and then say no more than that the time is over.
        match tokio::time::timeout(options.connect_timeout, first(&connect)).await {
            Ok(Ok(())) => {}
            Ok(Err(sqlx::Error::Configuration(source))) if source.is::<IsStandby>() => {
                return Err(OpenError::Standby);
            }
            Ok(Err(error)) => return Err(OpenError::Unavailable(error)),
            Err(_) => return Err(OpenError::Unavailable(sqlx::Error::PoolTimedOut)),
        }
        Ok(Self {
            writers: sessions(&connect, &options, options.writers),
            readers: sessions(&connect, &options, options.readers),
        })
    }

    /// Waits for statements under way, then closes all connections.
    pub async fn close(&self) {
        self.writers.pool.close().await;
        self.readers.pool.close().await;
    }
}

impl std::fmt::Debug for PostgresLedger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostgresLedger")
    }
}

fn sessions(connect: &PgConnectOptions, options: &PostgresOptions, size: u32) -> Sessions {
    let limits = Limits {
        most: size.max(1),
        patience: options.connect_timeout,
        // Asking every time would double the round trips of a busy ledger.
        trusted_for: Duration::from_secs(1),
        kept_for: Duration::from_mins(5),
        lives_for: Duration::from_mins(30),
    };
    Sessions {
        pool: Arc::new(Pool::new(connect.clone(), limits)),
        answer_timeout: options.answer_timeout(),
    }
}

async fn first(connect: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let mut connection = connect.connect().await?;
    refuse_standby(&mut connection).await?;
    connection.close().await
}

/// Fails if the server is a standby.
pub(crate) async fn refuse_standby(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let standby: bool = sqlx::query_scalar("select pg_is_in_recovery()")
        .fetch_one(connection)
        .await?;
    if standby {
        Err(sqlx::Error::Configuration(Box::new(IsStandby)))
    } else {
        Ok(())
    }
}
