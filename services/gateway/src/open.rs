//! Opening the ledger and the queue that a configuration names.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ledger::{AppenderConfig, Backend, Ledger};
use ledger_postgres::{PostgresLedger, PostgresOptions};
use ledger_sqlite::{FolderLock, SqliteLedger, lock_folder};
use limit::{Limiter, Quota};
use limit_redis::RedisLimiter;
use queue::Queue;
use queue::local::LocalQueue;
use queue_jetstream::{JetStreamOptions, JetStreamQueue};
use runtime::config::{CacheBackend, ConfigError, Database};
use runtime::{Clock, Config};
use secrecy::ExposeSecret as _;

use crate::error::StartError;

/// An open ledger.
pub(crate) struct Opened {
    pub(crate) ledger: Ledger,
    /// Held as long as the process lives; proves former owners dead.
    pub(crate) lock: Option<FolderLock>,
}

/// Opens the ledger; an embedded one is brought up to this program's schema, a shared one is only checked.
pub(crate) async fn ledger(config: &Config) -> Result<Opened, StartError> {
    let (backend, lock): (Arc<dyn Backend>, _) = match &config.database {
        Database::Sqlite(path) => {
            let (sqlite, lock) = sqlite(path).await?;
            (Arc::new(sqlite), Some(lock))
        }
        Database::Postgres(url) => {
            let postgres = PostgresLedger::connect(url.expose_secret(), PostgresOptions::default())
                .await
                .map_err(|error| StartError::failed("the database cannot be opened", error))?;
            postgres
                .check_schema()
                .await
                .map_err(|error| StartError::failed("the database cannot be used", error))?;
            (Arc::new(postgres), None)
        }
    };
    let ledger = Ledger::start(backend, AppenderConfig::default());
    partitions(&ledger, config).await?;
    Ok(Opened { ledger, lock })
}

async fn sqlite(path: &Path) -> Result<(SqliteLedger, FolderLock), StartError> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let lock =
        lock_folder(folder).map_err(|error| StartError::failed("the database cannot be opened", error))?;
    let sqlite = SqliteLedger::open(path)
        .await
        .map_err(|error| StartError::failed("the database cannot be opened", error))?;
    sqlite
        .migrate()
        .await
        .map_err(|error| StartError::failed("the database cannot be used", error))?;
    Ok((sqlite, lock))
}

/// Brings the schema up to this program's.
pub(crate) async fn migrate(config: &Config) -> Result<(), StartError> {
    match &config.database {
        Database::Sqlite(path) => sqlite(path).await.map(drop),
        Database::Postgres(url) => {
            let postgres = PostgresLedger::connect(url.expose_secret(), PostgresOptions::default())
                .await
                .map_err(|error| StartError::failed("the database cannot be opened", error))?;
            postgres
                .migrate()
                .await
                .map_err(|error| StartError::failed("the database cannot be migrated", error))
        }
    }
}

/// Opens the ledger beside a program that may be using it: nothing is locked, the schema stays as it is. `unusable` says
/// what cannot be done otherwise.
pub(crate) async fn beside(config: &Config, unusable: &'static str) -> Result<Ledger, StartError> {
    let backend: Arc<dyn Backend> = match &config.database {
        Database::Sqlite(path) => {
            if !path.is_file() {
                let missing = format!("there is no file {}", path.display());
                return Err(StartError::failed(unusable, missing));
            }
            let sqlite = SqliteLedger::open(path)
                .await
                .map_err(|error| StartError::failed(unusable, error))?;
            sqlite
                .check_schema()
                .await
                .map_err(|error| StartError::failed(unusable, error))?;
            Arc::new(sqlite)
        }
        Database::Postgres(url) => {
            let postgres = PostgresLedger::connect(url.expose_secret(), PostgresOptions::default())
                .await
                .map_err(|error| StartError::failed(unusable, error))?;
            postgres
                .check_schema()
                .await
                .map_err(|error| StartError::failed(unusable, error))?;
            Arc::new(postgres)
        }
    };
    Ok(Ledger::start(backend, AppenderConfig::default()))
}

/// The number of partitions is fixed when a ledger is first started.
async fn partitions(ledger: &Ledger, config: &Config) -> Result<(), StartError> {
    let failed = |error| StartError::failed("the ledger cannot be used", error);
    let wanted = config.partitions.to_string();
    let stored = ledger
        .init_setting("partitions", wanted.as_bytes())
        .await
        .map_err(failed)?;
    if stored != wanted.as_bytes() {
        let accepted = format!(
            "{}, with which this ledger was first started",
            String::from_utf8_lossy(&stored)
        );
        return Err(ConfigError::bad("PARTITIONS", &wanted, &accepted).into());
    }
    ledger.init_partitions(config.partitions).await.map_err(failed)
}

/// What counts requests for all processes: Redis, if it is there for that; else each process counts for itself.
pub(crate) fn limiter(
    config: &Config,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Arc<dyn Limiter>>, StartError> {
    let Some(quota) = Quota::per_minute(config.rate_limit_rpm) else {
        return Ok(None);
    };
    if config.cache_backend != CacheBackend::Redis {
        return Ok(None);
    }
    let limiter = RedisLimiter::open(config.redis_url.expose_secret(), quota, Arc::clone(clock));
    let limiter = limiter
        .map_err(|error| ConfigError::hidden("REDIS_URL", &format!("redis://host:6379/0 ({error})")))?;
    Ok(Some(Arc::new(limiter)))
}

/// Opens the queue: NATS if it is named, else in process.
pub(crate) async fn queue(config: &Config) -> Result<Arc<dyn Queue>, StartError> {
    let Some(url) = &config.nats_url else {
        return Ok(Arc::new(LocalQueue::new()));
    };
    let options = JetStreamOptions {
        redeliver_after: Duration::from_secs(5),
        ..JetStreamOptions::default()
    };
    let queue = JetStreamQueue::connect(url.expose_secret(), options)
        .await
        .map_err(|error| {
            let accepted = format!("nats://host:4222, several with commas ({error})");
            StartError::Config(ConfigError::hidden("NATS_URL", &accepted))
        })?;
    Ok(Arc::new(queue))
}
