//! Which web pages may call us from a browser (Fetch standard §3.3), by their origin.
//!
//! By hand and not by tower-http's layer, because that takes every `OPTIONS` for a preflight, and because the answers
//! made by the outermost layer itself (time-outs, panics) must be readable for the page too.

use axum::response::{IntoResponse as _, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};

/// Every method of our routes.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
/// Every header that a call of ours takes and a page may not send unasked.
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Prefer, Cache-Control, Confirm, \
     Last-Event-ID, X-Request-Id, traceparent, tracestate",
);
/// Every header of ours that a page may want to read.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "ETag, Location, Link, Age, X-Cache, X-Request-Id, RateLimit, RateLimit-Policy, Retry-After, \
     Preference-Applied, Idempotency-Replayed, X-First-Tenant-Position, X-Last-Tenant-Position",
);
/// How long a browser need not ask again, in seconds; two hours is the most that any takes.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");
const ANY: HeaderValue = HeaderValue::from_static("*");

/// The origins whose pages may call us.
#[derive(Clone, Debug, Default)]
pub struct Origins(Vec<HeaderValue>);

impl Origins {
    /// Exactly these, as browsers write them: `https://app.example.com`; `*` stands for all.
    pub fn new<'o>(origins: impl IntoIterator<Item = &'o str>) -> Self {
        let values = origins.into_iter().map(HeaderValue::from_str);
        Self(values.filter_map(Result::ok).collect())
    }

    /// How a request stands to them.
    pub(crate) fn judge(&self, headers: &HeaderMap) -> Cors {
        if self.0.is_empty() {
            return Cors::Off;
        }
        if self.0.contains(&ANY) {
            return Cors::Allowed(ANY);
        }
        match headers.get(ORIGIN) {
            Some(origin) if self.0.contains(origin) => Cors::Allowed(origin.clone()),
            _ => Cors::Foreign,
        }
    }
}

/// How a request stands to the origins that are allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cors {
    /// None are: nothing is said about them.
    Off,
    /// It comes from no page, or from one that is not allowed.
    Foreign,
    /// It may be answered to this origin.
    Allowed(HeaderValue),
}

impl Cors {
    /// The answer to a preflight: whether the page may send what it is about to send. Needs no key and holds for every
    /// path, so that it tells nothing about either.
    pub(crate) fn preflight(&self, parts: &Parts) -> Option<Response> {
        let asks = parts.method == Method::OPTIONS
            && parts.headers.contains_key(ORIGIN)
            && parts.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if *self == Self::Off || !asks {
            return None;
        }
        let mut response = StatusCode::NO_CONTENT.into_response();
        if let Self::Allowed(_) = self {
            let headers = response.headers_mut();
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
            headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        }
        Some(response)
    }

    /// Adds to an answer whom it may be shown to.
    pub(crate) fn add(&self, headers: &mut HeaderMap) {
        if let Self::Allowed(origin) = self {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
        let same_for_all = *self == Self::Off || *self == Self::Allowed(ANY);
        if !same_for_all {
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
    }
}
