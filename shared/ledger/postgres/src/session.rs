//! Sending a statement: which pool, how long, and what is tried again.

use std::sync::Arc;
use std::time::Duration;

use ledger::BackendError;
use sqlx::Postgres;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;

use crate::error::{self, Result};
use crate::pool::{Pool, Session};

/// A statement with its parameters.
pub(crate) type Statement<'q> = Query<'q, Postgres, PgArguments>;

/// A pool and the limits of its statements.
#[derive(Clone)]
pub(crate) struct Sessions {
    pub(crate) pool: Arc<Pool>,
    pub(crate) answer_timeout: Duration,
}

impl Sessions {
    /// The rows of a statement that may be sent twice: a connection that turns out to be dead is replaced.
    pub(crate) async fn read<'q>(
        &self,
        make: impl Fn() -> Statement<'q> + Send + Sync,
    ) -> Result<Vec<PgRow>> {
        let connection = self.connection(false).await?;
        match self.send(connection, make()).await {
            Err(Failure { broken: true, .. }) => {
                let connection = self.connection(true).await?;
                self.send(connection, make())
                    .await
                    .map_err(|failure| failure.error)
            }
            result => result.map_err(|failure| failure.error),
        }
    }

    /// The rows of a statement that is sent once.
    pub(crate) async fn write(&self, statement: Statement<'_>) -> Result<Vec<PgRow>> {
        let connection = self.connection(false).await?;
        self.send(connection, statement)
            .await
            .map_err(|failure| failure.error)
    }

    /// A connection; if it is to be `proven`, one that has just answered.
    pub(crate) async fn connection(&self, proven: bool) -> Result<Session<'_>> {
        let taken = self.pool.take(proven).await;
        taken.map_err(|error| BackendError::Unavailable(error.into()))
    }

    async fn send(
        &self,
        mut session: Session<'_>,
        statement: Statement<'_>,
    ) -> std::result::Result<Vec<PgRow>, Failure> {
        let answer = tokio::time::timeout(self.answer_timeout, statement.fetch_all(session.on())).await;
        match answer {
            Ok(Ok(rows)) => {
                session.give_back();
                Ok(rows)
            }
            Ok(Err(error)) => {
                let broken = error::is_broken(&error);
                if !broken {
                    session.give_back();
                }
                Err(Failure {
                    broken,
                    error: error::backend(error),
                })
            }
            // The session goes: an answer is still outstanding on it, if the server lives at all.
            Err(elapsed) => Err(Failure {
                broken: false,
                error: BackendError::Unavailable(elapsed.into()),
            }),
        }
    }
}

struct Failure {
    broken: bool,
    error: BackendError,
}
