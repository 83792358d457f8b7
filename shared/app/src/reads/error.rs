//! Why nothing can be shown.

use std::sync::Arc;
use std::time::Duration;

use cache::MayBeStale;
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

/// An error that several readers are told.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct Shared(Arc<ReadError>);

impl Shared {
    pub(super) fn new(error: ReadError) -> Self {
        Self(Arc::new(error))
    }

    /// The error for one of them.
    pub(super) fn own(self) -> ReadError {
        let shared = match Arc::try_unwrap(self.0) {
            Ok(error) => return error,
            Err(shared) => shared,
        };
        match &*shared {
            ReadError::NotFound => ReadError::NotFound,
            ReadError::StoreGone => ReadError::StoreGone,
            ReadError::CredentialsRejected => ReadError::CredentialsRejected,
            ReadError::Rejected { status, message } => ReadError::Rejected {
                status: *status,
                message: message.clone(),
            },
            ReadError::Unavailable { retry_after } => ReadError::Unavailable {
                retry_after: *retry_after,
            },
            ReadError::Denied(denied) => ReadError::Denied(match denied {
                Denied::KeyRevoked => Denied::KeyRevoked,
                Denied::Busy => Denied::Busy,
                Denied::KeyReused => Denied::KeyReused,
                Denied::InProgress => Denied::InProgress,
                Denied::Unavailable(_) => Denied::Unavailable(Self(shared).into()),
                Denied::Internal(_) => Denied::Internal(Self(shared).into()),
            }),
        }
    }
}

impl MayBeStale for Shared {
    /// Where Order Desk or a token cannot be had. What Order Desk refuses is refused, whatever it said before.
    fn may_be_stale(&self) -> bool {
        matches!(*self.0, ReadError::Unavailable { .. })
    }
}
