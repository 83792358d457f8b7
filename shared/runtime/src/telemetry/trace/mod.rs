//! Traces by OpenTelemetry, if an endpoint is set; else nothing of this does anything.
//!
//! A span is made as `tracing::info_span!(target: TRACE, "layer.noun.verb", …)`, with attributes by OpenTelemetry's
//! semantic conventions and none that is personal or secret. Its target keeps it out of the logs, and costs a look at
//! a cached flag where no traces are wanted. What is known only later is declared `tracing::field::Empty` and recorded.

mod export;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

pub(super) use export::describe;
pub use export::{Traces, TracesError};

/// The target of spans that are traced.
pub const TRACE: &str = "trace";

/// Whether spans go anywhere: to ask before work that only a trace needs.
pub fn is_on() -> bool {
    tracing::enabled!(target: TRACE, tracing::Level::INFO)
}

/// Makes `span` the child of a span elsewhere, given as a W3C `traceparent`; to be called before it is entered.
pub fn continue_from(span: &Span, traceparent: &str) {
    if let Some(parent) = parse(traceparent) {
        // Fails only for spans that are not traced.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
}

/// Tells that `span` also belongs to the trace of `other`.
pub fn link(span: &Span, other: &Span) {
    span.add_link(other.context().span().span_context().clone());
}

/// The `traceparent` by which others continue from `span`; none if it is not traced.
pub fn traceparent(span: &Span) -> Option<String> {
    let context = span.context();
    let span = context.span();
    let known = span.span_context();
    known.is_valid().then(|| {
        let flags = known.trace_flags() & TraceFlags::SAMPLED;
        format!("00-{}-{}-{flags:02x}", known.trace_id(), known.span_id())
    })
}

/// W3C Trace Context §3.2; a later version is read as far as this one goes.
fn parse(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.split('-');
    let (_version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?),
        true,
        TraceState::default(),
    );
    context.is_valid().then_some(context)
}
