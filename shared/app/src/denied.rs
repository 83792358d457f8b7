//! What can stand in the way of any call.

use std::error::Error;

use ledger::{AppendError, BackendError, Refusal};

use crate::seals::SealError;

type Cause = Box<dyn Error + Send + Sync>;

/// What can stand in the way of any call, whatever it is for.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// The key was revoked or has expired, or its tenant was erased, since it was proven.
    #[error("the key is revoked")]
    KeyRevoked,
    /// Too many keys are being hashed; a second later it may work.
    #[error("too many keys are being hashed")]
    Busy,
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// A request with this idempotency key is being answered at this moment.
    #[error("a request with this idempotency key is in progress")]
    InProgress,
    /// Something we need is away; later it may work. Of a change it is unknown whether it was made.
    #[error("temporarily unavailable")]
    Unavailable(#[source] Cause),
    /// A fault of ours.
    #[error("internal error")]
    Internal(#[source] Cause),
}

impl Denied {
    pub(crate) fn internal(what: impl Into<Cause>) -> Self {
        Self::Internal(what.into())
    }

    /// After as many tries as make sense.
    pub(crate) fn contended() -> Self {
        Self::Unavailable("it kept changing meanwhile".into())
    }
}

impl From<BackendError> for Denied {
    fn from(error: BackendError) -> Self {
        match error {
            BackendError::Unavailable(_) | BackendError::Busy => Self::Unavailable(error.into()),
            BackendError::Failed(_) | BackendError::Corrupt { .. } => Self::Internal(error.into()),
        }
    }
}

/// A refusal that the call itself did not expect.
impl From<AppendError> for Denied {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Refused(Refusal::TenantGone) => Self::KeyRevoked,
            AppendError::Unavailable(_) | AppendError::Closed => Self::Unavailable(error.into()),
            AppendError::Refused(_) | AppendError::Failed(_) => Self::Internal(error.into()),
        }
    }
}

impl From<SealError> for Denied {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Ledger(error) => error.into(),
            SealError::KeyGone | SealError::Damaged => Self::Internal(error.into()),
        }
    }
}

/// Lets `?` turn what can happen to any call into the error of this one.
macro_rules! may_be_denied {
    ($($error:ty),* $(,)?) => {$(
        impl From<ledger::BackendError> for $error {
            fn from(error: ledger::BackendError) -> Self {
                Self::Denied(error.into())
            }
        }

        impl From<ledger::AppendError> for $error {
            fn from(error: ledger::AppendError) -> Self {
                Self::Denied(error.into())
            }
        }

        impl From<$crate::seals::SealError> for $error {
            fn from(error: $crate::seals::SealError) -> Self {
                Self::Denied(error.into())
            }
        }
    )*};
}
pub(crate) use may_be_denied;
