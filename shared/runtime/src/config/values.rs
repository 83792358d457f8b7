//! Values with a shape of their own.

use std::path::PathBuf;

use secrecy::SecretString;

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything, libraries included.
    Trace,
    /// What a developer wants to see.
    Debug,
    /// One line per request and per job's end.
    Info,
    /// What needs a look.
    Warn,
    /// What is broken.
    Error,
    /// Nothing.
    Off,
}

impl LogLevel {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "trace" => Ok(Self::Trace),
            "debug" => Ok(Self::Debug),
            "info" => Ok(Self::Info),
            "warn" | "warning" => Ok(Self::Warn),
            "error" | "critical" => Ok(Self::Error),
            "off" => Ok(Self::Off),
            _ => Err("one of trace, debug, info, warn, error, off".to_owned()),
        }
    }

    /// The name in filters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Off => "off",
        }
    }
}

/// Where cached reads are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheBackend {
    /// In each process.
    Memory,
    /// In a file of its own.
    Sqlite,
    /// In Redis, shared.
    Redis,
}

impl CacheBackend {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "memory" => Ok(Self::Memory),
            "sqlite" => Ok(Self::Sqlite),
            "redis" => Ok(Self::Redis),
            _ => Err("one of memory, sqlite, redis".to_owned()),
        }
    }
}

/// Where a created order carries the id of its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateMarker {
    /// `order_metadata.gateway_job`.
    Metadata,
    /// `source_id`, where the caller gave none.
    SourceId,
}

impl CreateMarker {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "metadata" => Ok(Self::Metadata),
            "source_id" => Ok(Self::SourceId),
            _ => Err("one of metadata, source_id".to_owned()),
        }
    }
}

/// Which database holds the ledger.
#[derive(Clone, Debug)]
pub enum Database {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL URL.
    Postgres(SecretString),
}

impl Database {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let accepted = || {
            "sqlite:///relative/path.db, sqlite:////absolute/path.db or postgres://user:password@host/database"
                .to_owned()
        };
        if let Some(rest) = text.strip_prefix("sqlite:///") {
            // Three slashes: relative to the working directory; four: absolute.
            let path = rest.split('?').next().unwrap_or_default();
            return if path.is_empty() || path.ends_with('/') {
                Err(accepted())
            } else {
                Ok(Self::Sqlite(PathBuf::from(path)))
            };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            super::parse::url(text, &["postgres", "postgresql"]).map_err(|_| accepted())?;
            return Ok(Self::Postgres(SecretString::from(text.to_owned())));
        }
        Err(accepted())
    }
}
