//! One connection.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{RedisError, RedisResult};

use crate::keys::Names;

/// A connection that is ready, and began an epoch. It never reconnects by itself: what is broken stays so, since
/// another connection may lead to a server that knows less.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) connection: MultiplexedConnection,
    pub(crate) names: Names,
}

/// What went wrong with a call.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The connection is of no use any more.
    Lost(String),
    /// The server refused the call.
    Refused(String),
}

impl Link {
    /// Makes one call; more than `patience` counts as a lost connection.
    pub(crate) async fn call<T>(
        patience: Duration,
        call: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, Trouble> {
        match tokio::time::timeout(patience, call).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) if breaks(&error) => Err(Trouble::Lost(describe(&error))),
            Ok(Err(error)) => Err(Trouble::Refused(describe(&error))),
            Err(_) => Err(Trouble::Lost(format!("no answer within {patience:?}"))),
        }
    }
}

/// Whether a connection that said so is to be given up. A server that became a replica is another server.
fn breaks(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_timeout()
        || error.is_unrecoverable_error()
        || error.is_cluster_error()
        || error.code() == Some("READONLY")
}

/// Says what is wrong without what the server said beyond its code: that may quote a command.
pub(crate) fn describe(error: &RedisError) -> String {
    match error.code() {
        Some(code) => format!("redis says {code}"),
        None => error.category().to_owned(),
    }
}

/// A shared link.
pub(crate) type Shared = Arc<Link>;
