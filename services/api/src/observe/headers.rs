//! The headers of every answer, errors too. What a handler has set already stays, so that a page may have a policy of
//! its own.

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS, X_XSS_PROTECTION,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::context::Context;
use crate::guard::rate;

const ALWAYS: [(HeaderName, &str); 6] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (X_XSS_PROTECTION, "0"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "private, no-cache"),
];

/// Adds them.
pub(super) fn add(headers: &mut HeaderMap, context: &Context) {
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Some(decision) = context.rate() {
        rate::tell(headers, decision);
    }
    if context.client().https {
        headers.insert(
            STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    let id = HeaderValue::from_str(context.request_id().as_str()).expect("a request id is a header value");
    headers.insert(HeaderName::from_static("x-request-id"), id);
}
