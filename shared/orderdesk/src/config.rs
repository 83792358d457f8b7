//! What a client is built from.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use url::Url;

/// Where Order Desk is and how long and how much we let it answer.
#[derive(Clone, Debug)]
pub struct Config {
    /// `ORDERDESK_BASE_URL`, such as `https://app.orderdesk.me/api/v2`; a trailing slash makes no difference.
    pub base_url: Url,
    /// `ORDERDESK_TIMEOUT`: the longest that one call may take from connecting to the last byte of the answer.
    pub timeout: Duration,
    /// The longest that connecting, TLS included, may take; never more than [`timeout`](Self::timeout).
    pub connect_timeout: Duration,
    /// The largest answer to a list query, in bytes.
    pub max_list_bytes: usize,
    /// The largest answer to any other call, in bytes.
    pub max_document_bytes: usize,
    /// TLS settings instead of those of the platform; none is right outside tests and private authorities.
    pub tls: Option<Arc<rustls::ClientConfig>>,
}

impl Config {
    /// The defaults for `base_url`: 30 s in all, 10 s to connect, 32 MiB for lists, 8 MiB for the rest.
    pub fn new(base_url: Url) -> Self {
        Self {
            base_url,
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            max_list_bytes: 32 << 20,
            max_document_bytes: 8 << 20,
            tls: None,
        }
    }

    /// Checks what the type cannot say about the base URL.
    pub(crate) fn check(&self) -> Result<(), BuildError> {
        let url = &self.base_url;
        let reason = if !matches!(url.scheme(), "http" | "https") {
            "the scheme is neither http nor https"
        } else if url.host_str().is_none_or(str::is_empty) {
            "it names no host"
        } else if !url.username().is_empty() || url.password().is_some() {
            "it carries a user or password"
        } else if url.query().is_some() || url.fragment().is_some() {
            "it has a query or fragment"
        } else {
            return Ok(());
        };
        Err(BuildError::BaseUrl { reason })
    }
}

/// Why a client could not be built.
#[derive(Debug, Error)]
pub enum BuildError {
    /// The base URL cannot be one; it is not shown, since it may carry a password.
    #[error("unusable base URL: {reason}")]
    BaseUrl {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No trusted certificate authorities were found, or TLS could not be set up from them.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    /// The HTTP library refused its settings.
    #[error("cannot set up the HTTP client")]
    Http(#[source] reqwest::Error),
}
