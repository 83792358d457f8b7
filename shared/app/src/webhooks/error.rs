//! Why something about webhooks was not done.

use webhook::UrlRefused;

use crate::denied::may_be_denied;
use crate::{Denied, FindStoreError};

/// Why a name means no store of the caller's.
#[derive(Debug)]
pub struct StoreNames {
    /// Which of the names, from 0.
    pub index: usize,
    /// Why.
    pub error: FindStoreError,
}

/// Why an endpoint was not made, changed or shown.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The caller has no such endpoint, or not any more.
    #[error("there is no such endpoint")]
    NotFound,
    /// The tenant has as many as it may have.
    #[error("the tenant has too many endpoints")]
    TooMany,
    /// It is told nothing at present.
    #[error("the endpoint is disabled")]
    Disabled,
    /// Nothing can be sent to this address.
    #[error("nothing can be sent to this address")]
    Url(#[source] UrlRefused),
    /// A name means no store of the caller's.
    #[error("there is no such store")]
    Store(StoreNames),
    /// See [`Denied`].
    #[error(transparent)]
    Denied(#[from] Denied),
}

/// Why a delivery is not made again.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The caller has no such delivery, or not any more.
    #[error("there is no such delivery")]
    NotFound,
    /// Its endpoint is told nothing at present.
    #[error("the endpoint is disabled")]
    Disabled,
    /// See [`Denied`].
    #[error(transparent)]
    Denied(#[from] Denied),
}

may_be_denied!(EndpointError, DeliveryError);
