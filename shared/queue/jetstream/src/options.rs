//! How to reach the broker, and why that may be impossible to begin with.

use std::time::Duration;

/// What a [`crate::JetStreamQueue`] may be told besides the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JetStreamOptions {
    /// Begins every subject and, in capitals, the stream's name: deployments that share a server differ here.
    /// 1 to 32 of `a-z 0-9 _ -`; `odg` by default.
    pub prefix: String,
    /// When a hint that was delivered but not acknowledged is delivered again, to whoever asks then. That is
    /// the delay after an owner died with hints in its hands. 5 s by default; the server takes no less than
    /// some milliseconds. All processes of a deployment should agree.
    pub redeliver_after: Duration,
}

impl Default for JetStreamOptions {
    fn default() -> Self {
        Self {
            prefix: "odg".to_owned(),
            redeliver_after: Duration::from_secs(5),
        }
    }
}

/// Why there can be no queue, whether or not the broker is up. Never shows the address, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is not one.
    #[error("the NATS address {reason}")]
    Address {
        /// What is wrong with it, without quoting it.
        reason: &'static str,
    },
    /// The prefix cannot begin a subject.
    #[error("the NATS prefix {prefix:?} is not made of 1 to 32 of a-z 0-9 _ -")]
    Prefix {
        /// The prefix that was given.
        prefix: String,
    },
    /// The client could not be set up.
    #[error("the NATS client could not be set up: {kind}")]
    Client {
        /// What failed; the client's own message might quote the address.
        kind: async_nats::ConnectErrorKind,
    },
}
