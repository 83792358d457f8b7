//! The span of a call, if traces are wanted. Order Desk itself is told nothing of it.

use http::Method;
use tracing::Span;
use tracing::field::Empty;
use url::Url;

use crate::client::Answer;
use crate::error::CallError;
use crate::metric;

/// The target of spans that are traced; elsewhere they cost a look at a flag.
const TRACE: &str = "trace";

/// Begins a span; neither path nor query are told, which may hold what a user searched for.
pub(crate) fn begin(operation: &'static str, method: &Method, base: &Url) -> Span {
    tracing::info_span!(
        target: TRACE,
        "orderdesk.request.send",
        otel.name = format_args!("orderdesk.{operation}"),
        otel.kind = "client",
        otel.status_code = Empty,
        http.request.method = method.as_str(),
        http.response.status_code = Empty,
        server.address = base.host_str(),
        server.port = base.port_or_known_default(),
        "error.type" = Empty,
        orderdesk.tokens_remaining = Empty,
    )
}

/// Tells the span how the call ended.
pub(crate) fn end<T>(span: &Span, outcome: &Result<Answer<T>, CallError>) {
    if span.is_disabled() {
        return;
    }
    let (status, tokens) = match outcome {
        Ok(answer) => (Some(answer.status), answer.tokens_remaining),
        Err(error) => (metric::status(error.failure()), error.tokens_remaining()),
    };
    if let Some(status) = status {
        span.record("http.response.status_code", status);
    }
    if let Some(tokens) = tokens {
        span.record("orderdesk.tokens_remaining", tokens);
    }
    if let Err(error) = outcome {
        span.record("error.type", tracing::field::display(error.failure()));
        span.record("otel.status_code", "ERROR");
    }
}
