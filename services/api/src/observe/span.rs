//! The span of a request, if traces are wanted.

use http::StatusCode;
use http::request::Parts;
use runtime::telemetry::trace::{self, TRACE};
use tracing::Span;
use tracing::field::Empty;

use super::access_log::name;
use super::context::Context;
use crate::extract;
use crate::problem::Problem;

/// Asked every few seconds by machines: nobody looks for them in a trace.
const UNTRACED: [&str; 5] = ["/health", "/health/live", "/ready", "/health/ready", "/metrics"];

/// Begins the span; it continues the caller's trace, if the request names one.
pub(super) fn begin(parts: &Parts, route: &str, context: &Context) -> Span {
    if !trace::is_on() || UNTRACED.contains(&route) {
        return Span::none();
    }
    let span = tracing::info_span!(
        target: TRACE,
        "http.request.handle",
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = name(&parts.method),
        http.route = route,
        http.response.status_code = Empty,
        "error.type" = Empty,
        request.id = context.request_id().as_str(),
        tenant.id = Empty,
        store.id = Empty,
        job.id = Empty,
    );
    if let Some(parent) = extract::traceparent(&parts.headers) {
        trace::continue_from(&span, &parent);
    }
    span
}

/// Tells the span how the request ended.
pub(super) fn end(span: &Span, status: StatusCode, problem: Option<&Problem>, context: &Context) {
    if span.is_none() {
        return;
    }
    span.record("http.response.status_code", status.as_u16());
    if let Some(problem) = problem {
        span.record("error.type", problem.code().as_str());
    }
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    let fields = context.fields();
    if let Some(route) = fields.route {
        span.record("http.route", route);
    }
    for (name, value) in [
        ("tenant.id", fields.tenant_id),
        ("store.id", fields.store_id),
        ("job.id", fields.job_id),
    ] {
        if let Some(value) = value {
            span.record(name, value);
        }
    }
}
