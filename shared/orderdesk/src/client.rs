//! The client: one for the process, any number of stores.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use http_body_util::Full;
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio_rustls::TlsConnector;
use tracing::{Instrument as _, Span};
use url::Url;

use crate::config::{BuildError, Config};
use crate::credentials::Credentials;
use crate::error::{CallError, CannotKnow, Cause, Doubt, Failure, NotSent, UpstreamMessage};
use crate::judge::{self, Bad, judge};
use crate::reply::Reply;
use crate::write::{self, Guard, Limits};
use crate::{Document, metric, span, tls};

const USER_AGENT: &str = concat!("OrderDesk-Gateway/", env!("CARGO_PKG_VERSION"));

/// Talks to Order Desk. Cheap to clone; clones share the read connections.
#[derive(Clone)]
pub struct Client {
    config: Arc<Config>,
    reads: reqwest::Client,
    tls: TlsConnector,
}

/// A successful answer, with what it cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<T> {
    /// What was asked for.
    pub value: T,
    /// The level of the store's bucket after this request, if the answer said so.
    pub tokens_remaining: Option<u32>,
    /// The HTTP status, a 2xx.
    pub status: u16,
}

/// One call: its name for errors and logs, its path below the base URL, the key of its payload.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub operation: &'static str,
    pub path: &'a [&'a str],
    pub payload: Option<&'static str>,
}

impl<T> Answer<T> {
    /// The same answer about something made from its value.
    pub(crate) fn try_map<U>(
        self,
        operation: &'static str,
        convert: impl FnOnce(T) -> Result<U, Bad>,
    ) -> Result<Answer<U>, CallError> {
        let Self {
            value,
            tokens_remaining,
            status,
        } = self;
        match convert(value) {
            Ok(value) => Ok(Answer {
                value,
                tokens_remaining,
                status,
            }),
            Err(bad) => Err(CallError {
                operation,
                failure: bad.failure,
                tokens_remaining,
                upstream_message: None,
                source: bad.source,
            }),
        }
    }
}

impl Client {
    /// Builds a client for one base URL. Does not connect.
    ///
    /// # Errors
    /// [`BuildError`] if the base URL is unusable or, for `https`, no trusted authorities are installed.
    pub fn new(config: Config) -> Result<Self, BuildError> {
        config.check()?;
        let tls = tls::client_config(&config)?;
        let reads = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(config.connect_timeout.min(config.timeout))
            .pool_idle_timeout(Duration::from_secs(15))
            .pool_max_idle_per_host(16)
            .tcp_nodelay(true)
            .build()
            .map_err(BuildError::Http)?;
        Ok(Self {
            config: Arc::new(config),
            reads,
            tls: TlsConnector::from(Arc::new(tls)),
        })
    }

    /// What the client was built from.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// A GET over the shared connections.
    pub(crate) async fn read(
        &self,
        credentials: &Credentials,
        call: Call<'_>,
        query: &[(&str, &str)],
        max_bytes: usize,
    ) -> Result<Answer<Document>, CallError> {
        let (mut url, headers) = self.address(credentials, call)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let exchange = async {
            let response = self
                .reads
                .get(url)
                .headers(headers)
                .send()
                .await
                .map_err(read_failure)?;
            let (head, body) = http::Response::<reqwest::Body>::from(response).into_parts();
            Ok(Reply::collect(head, body, max_bytes).await)
        };
        let sent = Sent::now(call.operation, &Method::GET, &self.config.base_url);
        let exchange = exchange.instrument(sent.span.clone());
        let outcome = tokio::time::timeout(self.config.timeout, exchange).await;
        let timed_out = (Failure::InDoubt(Doubt::CannotKnow(CannotKnow::TimedOut)), None);
        conclude(credentials, call, &sent, outcome.unwrap_or(Err(timed_out)))
    }

    /// Any other method, on a connection of its own, sent at most once.
    pub(crate) async fn write(
        &self,
        credentials: &Credentials,
        call: Call<'_>,
        method: Method,
        body: Option<&Value>,
        guard: Guard<'_>,
    ) -> Result<Answer<Document>, CallError> {
        let (url, mut headers) = self.address(credentials, call)?;
        let invalid = |cause: Cause| not_sent(call.operation, Some(cause));
        let host = match (url.host_str().unwrap_or_default(), url.port()) {
            (host, Some(port)) => HeaderValue::from_str(&format!("{host}:{port}")),
            (host, None) => HeaderValue::from_str(host),
        };
        headers.insert(header::HOST, host.map_err(|e| invalid(e.into()))?);
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        let bytes = match body {
            Some(body) => serde_json::to_vec(body).map_err(|e| invalid(e.into()))?,
            None => Vec::new(),
        };
        let built = Request::builder()
            .method(method)
            .uri(url.path())
            .body(Full::new(Bytes::from(bytes)));
        let mut request = built.map_err(|e| invalid(e.into()))?;
        *request.headers_mut() = headers;
        let limits = Limits {
            timeout: self.config.timeout,
            connect_timeout: self.config.connect_timeout,
            max_bytes: self.config.max_document_bytes,
        };
        let sent = Sent::now(call.operation, request.method(), &self.config.base_url);
        let sending = write::send(&url, &self.tls, request, limits, guard);
        let outcome = sending.instrument(sent.span.clone()).await;
        conclude(credentials, call, &sent, outcome)
    }

    /// URL and headers of a call.
    fn address(&self, credentials: &Credentials, call: Call<'_>) -> Result<(Url, HeaderMap), CallError> {
        // An id that is empty, or dots alone, would address its collection instead.
        if call.path.iter().any(|segment| !is_segment(segment)) {
            return Err(not_sent(call.operation, None));
        }
        let mut url = self.config.base_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(call.path);
        }
        let mut headers = HeaderMap::new();
        let identity = credentials
            .headers()
            .ok_or_else(|| not_sent(call.operation, None))?;
        headers.extend(identity.map(|(name, value)| (header::HeaderName::from_static(name), value)));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        Ok((url, headers))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.config.base_url.as_str())
            .finish_non_exhaustive()
    }
}

fn is_segment(segment: &str) -> bool {
    !segment.is_empty()
        && segment.len() <= 128
        && segment
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~'))
        && !segment.bytes().all(|b| b == b'.')
}

fn not_sent(operation: &'static str, source: Option<Cause>) -> CallError {
    let failure = Failure::NotSent(NotSent::Invalid);
    CallError {
        operation,
        failure,
        tokens_remaining: None,
        upstream_message: None,
        source,
    }
}

/// What a failed read says; the URL, which may hold an address searched for, is left out of the cause.
fn read_failure(error: reqwest::Error) -> (Failure, Option<Cause>) {
    let error = error.without_url();
    let tls = has_cause(&error, &|cause| cause.is::<rustls::Error>());
    let parse = |cause: &(dyn std::error::Error + 'static)| {
        cause
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_parse)
    };
    let unintelligible = has_cause(&error, &parse);
    let cannot_know = |reason| Failure::InDoubt(Doubt::CannotKnow(reason));
    let failure = match () {
        () if error.is_builder() => Failure::NotSent(NotSent::Invalid),
        () if error.is_dns() => Failure::NotSent(NotSent::Dns),
        () if error.is_connect() && error.is_timeout() => Failure::NotSent(NotSent::ConnectTimeout),
        () if error.is_connect() && tls => Failure::NotSent(NotSent::Tls),
        () if error.is_connect() => Failure::NotSent(NotSent::Refused),
        () if error.is_timeout() => cannot_know(CannotKnow::TimedOut),
        () if unintelligible => cannot_know(CannotKnow::Garbage),
        () => cannot_know(CannotKnow::Broken),
    };
    (failure, Some(error.into()))
}

/// Whether `found` holds for `error` or one of its causes; an `io::Error` hides what it wraps from `source`.
fn has_cause(
    error: &(dyn std::error::Error + 'static),
    found: &dyn Fn(&(dyn std::error::Error + 'static)) -> bool,
) -> bool {
    let wrapped = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    found(error)
        || wrapped.is_some_and(|inner| has_cause(inner, found))
        || error.source().is_some_and(|inner| has_cause(inner, found))
}

/// A call under way.
struct Sent {
    at: Instant,
    span: Span,
}

impl Sent {
    fn now(operation: &'static str, method: &Method, base: &Url) -> Self {
        Self {
            at: Instant::now(),
            span: span::begin(operation, method, base),
        }
    }
}

/// Judges an answer and counts the call.
fn conclude(
    credentials: &Credentials,
    call: Call<'_>,
    sent: &Sent,
    outcome: Result<Reply, (Failure, Option<Cause>)>,
) -> Result<Answer<Document>, CallError> {
    let judged = answer(credentials, call, outcome);
    metric::ended(call.operation, sent.at.elapsed(), &judged);
    span::end(&sent.span, &judged);
    judged
}

/// Makes the error of a call out of everything that is not a success.
fn answer(
    credentials: &Credentials,
    call: Call<'_>,
    outcome: Result<Reply, (Failure, Option<Cause>)>,
) -> Result<Answer<Document>, CallError> {
    let Call {
        operation, payload, ..
    } = call;
    let error = match outcome {
        Ok(reply) => {
            let (status, tokens_remaining) = (reply.status, reply.tokens_remaining);
            match judge(reply, payload) {
                Ok(value) => {
                    tracing::debug!(operation, status, tokens_remaining, "order desk answered");
                    return Ok(Answer {
                        value,
                        tokens_remaining,
                        status,
                    });
                }
                Err(Bad {
                    failure,
                    message,
                    source,
                }) => {
                    let message = message.map(|text| judge::trimmed(&credentials.scrub(&text)));
                    let upstream_message = message.map(UpstreamMessage);
                    CallError {
                        operation,
                        failure,
                        tokens_remaining,
                        upstream_message,
                        source,
                    }
                }
            }
        }
        Err((failure, source)) => CallError {
            operation,
            failure,
            tokens_remaining: None,
            upstream_message: None,
            source,
        },
    };
    tracing::debug!(operation, failure = %error.failure, "order desk call failed");
    Err(error)
}
