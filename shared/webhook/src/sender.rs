//! One attempt: a POST that goes where it may and ends in time.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::address::{AddressPolicy, AddressRefused};
use crate::answer::{Answer, KEPT_BODY, SendError, retry_after};
use crate::lookup::{Guarded, Lookup, SystemLookup};
use crate::sign::Signed;
use crate::target;

const USER_AGENT: &str = concat!("OrderDesk-Gateway/", env!("CARGO_PKG_VERSION"));
/// Once the status is known, its body may take no longer than this: it changes nothing but what is shown.
const BODY_TIME: Duration = Duration::from_secs(2);

/// How a sender behaves.
#[derive(Clone)]
pub struct SenderConfig {
    /// Ranges that are reached though not public, without encryption too.
    pub allow_nets: Vec<IpNet>,
    /// One attempt's total time, from the look-up of the name to the end of the answer.
    pub timeout: Duration,
    /// How names are resolved.
    pub lookup: Arc<dyn Lookup>,
    /// TLS settings; the platform's authorities if none are given.
    pub tls: Option<ClientConfig>,
}

impl SenderConfig {
    /// 15 seconds, the system's resolver and authorities.
    pub fn new(allow_nets: Vec<IpNet>) -> Self {
        Self {
            allow_nets,
            timeout: Duration::from_secs(15),
            lookup: Arc::new(SystemLookup::default()),
            tls: None,
        }
    }
}

impl std::fmt::Debug for SenderConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SenderConfig")
            .field("allow_nets", &self.allow_nets)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// A sender cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The TLS settings are of no use.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The HTTP client refused its settings.
    #[error("the HTTP client cannot be set up")]
    Http(#[source] reqwest::Error),
}

/// Sends webhooks. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct Sender {
    policy: Arc<AddressPolicy>,
    timeout: Duration,
    /// For `https`: public and opened addresses.
    encrypted: Client,
    /// For `http`: opened addresses only.
    plain: Client,
}

impl Sender {
    /// Builds a sender; connects to nothing. Without trusted authorities on the machine no `https` receiver is ever
    /// trusted, but the process can start.
    ///
    /// # Errors
    /// [`BuildError`] if the settings are of no use.
    pub fn new(config: SenderConfig) -> Result<Self, BuildError> {
        let policy = Arc::new(AddressPolicy::new(config.allow_nets));
        let mut tls = config.tls.map_or_else(platform_tls, Ok)?;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let client = |public| {
            Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .http1_only()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .user_agent(USER_AGENT)
                .pool_idle_timeout(Duration::from_secs(30))
                .pool_max_idle_per_host(8)
                .tcp_nodelay(true)
                .dns_resolver(Guarded {
                    lookup: Arc::clone(&config.lookup),
                    policy: Arc::clone(&policy),
                    public,
                })
                .build()
                .map_err(BuildError::Http)
        };
        Ok(Self {
            encrypted: client(true)?,
            plain: client(false)?,
            timeout: config.timeout,
            policy,
        })
    }

    /// Posts `body` once. Follows no redirect, uses no proxy, and ends within the configured time whatever the receiver
    /// does.
    ///
    /// # Errors
    /// [`SendError`] if there was no answer; the receiver may have it all the same.
    pub async fn send(&self, url: &Url, body: String, signed: &Signed) -> Result<Answer, SendError> {
        target::check(url, &self.policy).map_err(SendError::Url)?;
        let client = if url.scheme() == "https" {
            &self.encrypted
        } else {
            &self.plain
        };
        let deadline = Instant::now() + self.timeout;
        let request = client
            .post(url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &signed.id)
            .header("webhook-timestamp", signed.timestamp)
            .header("webhook-signature", &signed.signature)
            .body(body)
            .send();
        match timeout_at(deadline, request).await {
            Err(_) => Err(SendError::Timeout),
            Ok(Err(error)) => Err(judged(&error)),
            Ok(Ok(response)) => {
                let deadline = deadline.min(Instant::now() + BODY_TIME);
                Ok(Answer {
                    status: response.status().as_u16(),
                    retry_after: retry_after(response.headers()),
                    body: beginning(response, deadline).await,
                })
            }
        }
    }
}

/// The beginning of the body, as far as it came by `deadline`. The connection of a longer one is given up.
async fn beginning(mut response: Response, deadline: Instant) -> String {
    let mut kept: Vec<u8> = Vec::new();
    while let Ok(Ok(Some(chunk))) = timeout_at(deadline, response.chunk()).await {
        kept.extend_from_slice(&chunk[..chunk.len().min(KEPT_BODY - kept.len())]);
        if kept.len() == KEPT_BODY {
            break;
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

fn platform_tls() -> Result<ClientConfig, BuildError> {
    let builder = || {
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(BuildError::Tls)
    };
    match builder()?.with_platform_verifier() {
        Ok(verified) => Ok(verified.with_no_client_auth()),
        Err(error) => {
            tracing::warn!(error = %error, "no trusted authorities were found: no https webhook can be delivered");
            Ok(builder()?
                .with_root_certificates(RootCertStore::empty())
                .with_no_client_auth())
        }
    }
}

fn judged(error: &reqwest::Error) -> SendError {
    if has_cause(error, <dyn Error>::is::<AddressRefused>) {
        SendError::Address
    } else if has_cause(error, <dyn Error>::is::<rustls::Error>) {
        SendError::Tls
    } else if error.is_dns() {
        SendError::Name
    } else if error.is_timeout() {
        SendError::Timeout
    } else if error.is_connect() {
        SendError::Connect
    } else {
        SendError::Broken
    }
}

/// Whether `found` holds for the error or one of its causes; an `io::Error` hides what it wraps from `source`.
fn has_cause(error: &reqwest::Error, found: impl Fn(&(dyn Error + 'static)) -> bool) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if found(error) {
            return true;
        }
        cause = match error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
        {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    false
}
