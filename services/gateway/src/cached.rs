//! Opening the cache that a configuration names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::Seals;
use cache::{Backend, Cache, MemoryBackend};
use cache_redis::{RedisCache, RedisOptions};
use cache_sqlite::{SqliteCache, SqliteOptions};
use ledger::Ledger;
use runtime::config::{CacheBackend, ConfigError, Database};
use runtime::{Clock, Config};
use secrecy::ExposeSecret as _;

use crate::error::StartError;

/// The cache's file; beside the ledger's, if that is one.
const FILE: &str = "cache.db";

/// An open cache.
pub(crate) struct Opened {
    pub(crate) cache: Cache,
    file: Option<Arc<SqliteCache>>,
}

impl Opened {
    /// Ends the cache; to be called before the ledger is closed. What is in its file counts after the next start only
    /// if the ledger stands then where it stands now.
    pub(crate) async fn close(&self, ledger: &Ledger) {
        if let Some(file) = &self.file {
            file.close(witness(ledger).await.ok().as_deref()).await;
        }
    }
}

/// Opens the cache. Redis need not be there: without it every read asks Order Desk. A process that only works shows
/// nothing to anybody, so it needs a cache only to make others forget.
pub(crate) async fn open(
    config: &Config,
    serves: bool,
    ledger: &Ledger,
    clock: &Arc<dyn Clock>,
    seals: Seals,
) -> Result<Opened, StartError> {
    let mut file = None;
    let backend: Arc<dyn Backend> = match config.cache_backend {
        CacheBackend::Sqlite if serves => {
            let opened = Arc::new(sqlite(config, ledger, seals).await?);
            file = Some(Arc::clone(&opened));
            opened
        }
        CacheBackend::Memory | CacheBackend::Sqlite => Arc::new(MemoryBackend::default()),
        CacheBackend::Redis => {
            let url = config.redis_url.expose_secret();
            let redis = RedisCache::new(url, RedisOptions::default(), Arc::new(seals));
            Arc::new(redis.map_err(|error| {
                ConfigError::hidden("REDIS_URL", &format!("redis://host:6379/0 ({error})"))
            })?)
        }
    };
    let cache = Cache::new(backend, app::cache_time(Arc::clone(clock)));
    Ok(Opened { cache, file })
}

async fn sqlite(config: &Config, ledger: &Ledger, seals: Seals) -> Result<SqliteCache, StartError> {
    let witness = witness(ledger).await?;
    let options = SqliteOptions::default();
    SqliteCache::open(path(config), options, Arc::new(seals), &witness)
        .await
        .map_err(|error| {
            StartError::failed("the cache's file cannot be used (CACHE_BACKEND is sqlite)", error)
        })
}

fn path(config: &Config) -> PathBuf {
    match &config.database {
        Database::Sqlite(ledger) => ledger.with_file_name(FILE),
        Database::Postgres(_) => Path::new("data").join(FILE),
    }
}

async fn witness(ledger: &Ledger) -> Result<String, StartError> {
    let head = ledger
        .head()
        .await
        .map_err(|error| StartError::failed("the ledger cannot be used", error))?;
    Ok(head.position.to_string())
}
