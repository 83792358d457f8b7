//! Why nothing can be shown.

use std::time::Duration;

use orderdesk::UpstreamMessage;

use crate::Denied;
use crate::denied::may_be_denied;

/// Why nothing can be shown.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Order Desk has no such thing.
    #[error("not found in order desk")]
    NotFound,
    /// The caller has no such store, or not any more.
    #[error("there is no such store")]
    StoreGone,
    /// Order Desk refuses the store's credentials.
    #[error("order desk refuses the store's credentials")]
    CredentialsRejected,
    /// Order Desk refused the request.
    #[error("order desk refused the request with status {status}")]
    Rejected {
        /// Its status.
        status: u16,
        /// What it said; for the caller alone, never for a log.
        message: Option<UpstreamMessage>,
    },
    /// Order Desk or a token could not be had in time.
    #[error("order desk cannot be asked at present")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
    /// See [`Denied`].
    #[error(transparent)]
    Denied(#[from] Denied),
}

may_be_denied!(ReadError);

impl ReadError {
    pub(super) fn later(retry_after: Duration) -> Self {
        Self::Unavailable {
            retry_after: retry_after.max(Duration::from_secs(1)),
        }
    }
}
