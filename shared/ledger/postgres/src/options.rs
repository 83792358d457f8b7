//! How the database is reached.

use std::time::Duration;

/// Limits of the connections to the database.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Connections for appends and ownership; few, as appends go one after another.
    pub writers: u32,
    /// Connections for everything else.
    pub readers: u32,
    /// How long to wait for a connection, new or free.
    pub connect_timeout: Duration,
    /// How long a statement may wait for a lock, above all for the head's.
    pub lock_timeout: Duration,
    /// How long a statement may run.
    pub statement_timeout: Duration,
    /// How long a client may do nothing inside a transaction, before the server takes its locks away.
    pub idle_in_transaction_timeout: Duration,
    /// Whether a transaction pooler stands between, so that no session settings can be sent.
    pub pooler: bool,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            writers: 4,
            readers: 8,
            connect_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(15),
            idle_in_transaction_timeout: Duration::from_secs(10),
            pooler: false,
        }
    }
}

impl PostgresOptions {
    /// What each session starts with.
    ///
    /// The keepalive settings are the server's half: it learns in about a minute that a client's machine is gone. Ours
    /// is the time limit on every answer (`session`).
    pub(crate) fn session_settings(&self) -> Vec<(&'static str, String)> {
        let millis = |limit: Duration| limit.as_millis().max(1).to_string();
        vec![
            ("lock_timeout", millis(self.lock_timeout)),
            ("statement_timeout", millis(self.statement_timeout)),
            (
                "idle_in_transaction_session_timeout",
                millis(self.idle_in_transaction_timeout),
            ),
            ("default_transaction_isolation", "read committed".to_owned()),
            ("tcp_keepalives_idle", "30".to_owned()),
            ("tcp_keepalives_interval", "10".to_owned()),
            ("tcp_keepalives_count", "3".to_owned()),
            ("tcp_user_timeout", "60000".to_owned()),
            ("jit", "off".to_owned()),
        ]
    }

    /// How long an answer may take before the connection counts as dead: the server should have given up by then.
    pub(crate) fn answer_timeout(&self) -> Duration {
        self.statement_timeout + Duration::from_secs(5)
    }
}
