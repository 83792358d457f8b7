//! The connections.
//!
//! Not the driver's own pool: that asks each connection whether it lives when it comes back, a second round trip for
//! every statement.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Error, PgConnection};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::connect::refuse_standby;

type Result<T> = std::result::Result<T, Error>;

/// The first pause before another try to connect; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest pause before another try to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What holds for the connections of a pool.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// How many there are at most.
    pub(crate) most: u32,
    /// How long a caller waits for one, new or free.
    pub(crate) patience: Duration,
    /// One that did nothing for so long is asked whether it lives before it is used.
    pub(crate) trusted_for: Duration,
    /// One that did nothing for so long goes, when the next caller comes.
    pub(crate) kept_for: Duration,
    /// One that is so old goes.
    pub(crate) lives_for: Duration,
}

/// Up to so many connections, made when they are needed; the one that was used last is used next.
pub(crate) struct Pool {
    connect: PgConnectOptions,
    limits: Limits,
    permits: Semaphore,
    /// Those used least recently first.
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: PgConnection,
    born: Instant,
    since: Instant,
}

/// A connection that one caller has for itself.
///
/// It is used again only after [`Session::give_back`]: dropped before (an error, a future that nobody polls any more),
/// it goes, and the server rolls back what is not committed.
pub(crate) struct Session<'a> {
    pool: &'a Pool,
    connection: PgConnection,
    born: Instant,
    _permit: SemaphorePermit<'a>,
}

impl Pool {
    /// No connection yet.
    pub(crate) fn new(connect: PgConnectOptions, limits: Limits) -> Self {
        Self {
            connect,
            permits: Semaphore::new(limits.most as usize),
            limits,
            idle: Mutex::default(),
        }
    }

    /// Waits for a connection; if it is to be `proven`, for one that has just answered.
    pub(crate) async fn take(&self, proven: bool) -> Result<Session<'_>> {
        tokio::time::timeout(self.limits.patience, self.taken(proven))
            .await
            .map_err(|_| Error::PoolTimedOut)?
    }

    async fn taken(&self, proven: bool) -> Result<Session<'_>> {
        let permit = self.permits.acquire().await.map_err(|_| Error::PoolClosed)?;
        // After a restart of the server every idle connection may be dead: on until one answers or none is left.
        while let Some(mut idle) = self.latest() {
            let trusted = !proven && idle.since.elapsed() < self.limits.trusted_for;
            if trusted || idle.connection.ping().await.is_ok() {
                return Ok(Session {
                    pool: self,
                    connection: idle.connection,
                    born: idle.born,
                    _permit: permit,
                });
            }
        }
        Ok(Session {
            pool: self,
            connection: self.connected().await?,
            born: Instant::now(),
            _permit: permit,
        })
    }

    /// The connection used last; those that have been idle for too long go.
    fn latest(&self) -> Option<Idle> {
        let mut idle = self.idle();
        let old = idle.partition_point(|one| one.since.elapsed() >= self.limits.kept_for);
        idle.drain(..old);
        idle.pop()
    }

    /// A new connection. A server that is about to start is waited for.
    async fn connected(&self) -> Result<PgConnection> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.connect.connect().await {
                Ok(mut connection) => {
                    refuse_standby(&mut connection).await?;
                    return Ok(connection);
                }
                Err(error) if passes(&error) => {}
                Err(error) => return Err(error),
            }
            tokio::time::sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    /// Waits for those in use, then ends all; there are no more from then on.
    pub(crate) async fn close(&self) {
        let Ok(all) = self.permits.acquire_many(self.limits.most).await else {
            return;
        };
        self.permits.close();
        drop(all);
        let idle = std::mem::take(&mut *self.idle());
        let ends = idle.into_iter().map(|idle| idle.connection.close());
        // Nothing depends on how they end.
        let _ = tokio::time::timeout(self.limits.patience, futures::future::join_all(ends)).await;
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session<'_> {
    /// What statements run on.
    pub(crate) fn on(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Lets others have it. It must be out of any transaction, and no answer may be outstanding on it.
    pub(crate) fn give_back(self) {
        if self.born.elapsed() < self.pool.limits.lives_for {
            // The time is taken under the lock, as they stand in its order.
            let mut idle = self.pool.idle();
            idle.push(Idle {
                connection: self.connection,
                born: self.born,
                since: Instant::now(),
            });
        }
    }
}

/// Whether the server may let us in a moment later: it starts, or has not noticed yet that connections have gone.
fn passes(error: &Error) -> bool {
    match error {
        Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        Error::Database(error) => matches!(error.code().as_deref(), Some("57P03" | "53300")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use testkit::Postgres;

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    fn limits(most: u32) -> Limits {
        Limits {
            most,
            patience: Duration::from_secs(10),
            trusted_for: LONG,
            kept_for: LONG,
            lives_for: LONG,
        }
    }

    async fn pool(limits: Limits) -> Pool {
        let server = Postgres::shared().await;
        Pool::new(server.database().await.parse().unwrap(), limits)
    }

    /// The process of the server that a session talks to.
    async fn process(session: &mut Session<'_>) -> Result<i32> {
        sqlx::query_scalar("select pg_backend_pid()")
            .fetch_one(session.on())
            .await
    }

    /// Uses a connection and gives it back.
    async fn used(pool: &Pool) -> i32 {
        let mut session = pool.take(false).await.unwrap();
        let process = process(&mut session).await.unwrap();
        session.give_back();
        process
    }

    /// Ends the process behind a connection, from another one.
    async fn end(pool: &Pool, process: i32) {
        let mut other = pool.connect.connect().await.unwrap();
        // It waits for the end.
        let ended: bool = sqlx::query_scalar("select pg_terminate_backend($1, 10000)")
            .bind(process)
            .fetch_one(&mut other)
            .await
            .unwrap();
        assert!(ended);
    }

    #[tokio::test]
    async fn the_connection_used_last_is_used_next() {
        let pool = pool(limits(2)).await;
        let mut first = pool.take(false).await.unwrap();
        let mut second = pool.take(false).await.unwrap();
        let last = process(&mut first).await.unwrap();
        assert_ne!(process(&mut second).await.unwrap(), last);
        second.give_back();
        first.give_back();
        assert_eq!(used(&pool).await, last);
        assert_eq!(used(&pool).await, last);
    }

    #[tokio::test]
    async fn only_who_was_idle_for_long_is_asked_whether_it_lives() {
        let pool = pool(limits(1)).await;
        let process_before = used(&pool).await;
        end(&pool, process_before).await;
        let mut session = pool.take(false).await.unwrap();
        assert!(process(&mut session).await.is_err(), "it was trusted");
        drop(session);

        let process_before = used(&pool).await;
        end(&pool, process_before).await;
        let mut session = pool.take(true).await.unwrap();
        assert!(process(&mut session).await.is_ok(), "it had to prove itself");
        drop(session);

        let wary = Limits {
            trusted_for: Duration::ZERO,
            ..limits(1)
        };
        let pool = Pool::new(pool.connect, wary);
        let process_before = used(&pool).await;
        assert_eq!(used(&pool).await, process_before);
        end(&pool, process_before).await;
        assert_ne!(used(&pool).await, process_before);
    }

    #[tokio::test]
    async fn a_connection_that_was_not_given_back_makes_room_for_another() {
        let hasty = Limits {
            patience: Duration::from_millis(500),
            ..limits(1)
        };
        let pool = pool(hasty).await;
        let mut session = pool.take(false).await.unwrap();
        let process_before = process(&mut session).await.unwrap();
        assert!(matches!(pool.take(false).await, Err(Error::PoolTimedOut)));
        drop(session);
        assert_ne!(used(&pool).await, process_before);
    }

    #[tokio::test]
    async fn idle_and_old_connections_go() {
        let spare = Limits {
            kept_for: Duration::ZERO,
            ..limits(1)
        };
        let pool = pool(spare).await;
        assert_ne!(used(&pool).await, used(&pool).await);
        let young = Limits {
            lives_for: Duration::ZERO,
            ..limits(1)
        };
        let pool = Pool::new(pool.connect, young);
        assert_ne!(used(&pool).await, used(&pool).await);
    }

    #[tokio::test]
    async fn closing_waits_for_who_is_at_work_and_then_refuses() {
        let pool = pool(limits(2)).await;
        let session = pool.take(false).await.unwrap();
        let mut closing = Box::pin(pool.close());
        assert!(closing.as_mut().now_or_never().is_none(), "somebody is at work");
        let late = pool.take(false);
        session.give_back();
        let (late, ()) = tokio::join!(late, closing);
        assert!(matches!(late, Err(Error::PoolClosed)));
        assert!(pool.idle().is_empty());
        pool.close().await;
    }
}
