//! How patient the cache is with Redis.

use std::time::Duration;

/// How patient the cache is with Redis.
#[derive(Clone, Copy, Debug)]
pub struct RedisOptions {
    /// How long a call may take before the connection is given up. Default half a second: a read that needs no Redis
    /// must not wait for it longer than for Order Desk.
    pub patience: Duration,
    /// How long a connection may take to be ready. Default a second.
    pub connect_within: Duration,
    /// Time between two attempts to connect. Default half a second.
    pub retry_every: Duration,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            patience: Duration::from_millis(500),
            connect_within: Duration::from_secs(1),
            retry_every: Duration::from_millis(500),
        }
    }
}
