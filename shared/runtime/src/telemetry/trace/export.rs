//! Sending spans to a collector: OTLP over HTTP, in batches, from a bounded queue.
//!
//! A full queue and a collector that does not answer cost spans and nothing else. The standard variables count beside
//! the endpoint: `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER` with its `_ARG`,
//! `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_BSP_*`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use metrics::{Unit, counter, describe_counter};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{ExporterBuildError, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData, SpanExporter};
use tokio::runtime::Handle;
use url::Url;

/// One batch may take so long; the queue goes on filling meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tells the recorder of what is counted here.
pub(crate) fn describe() {
    describe_counter!(
        "trace_spans_total",
        Unit::Count,
        "Spans that were handed to the collector (exported) or that it did not take (failed)."
    );
    for outcome in ["exported", "failed"] {
        counter!("trace_spans_total", "outcome" => outcome).increment(0);
    }
}

/// The way to the collector.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Prepares it; nothing is sent yet. `endpoint` is the collector's base URL, to which `v1/traces` is added.
    pub(crate) fn new(endpoint: &Url, service: &'static str) -> Result<Self, TracesError> {
        let mut address = endpoint.clone();
        if let Ok(mut segments) = address.path_segments_mut() {
            segments.pop_if_empty().extend(["v1", "traces"]);
        }
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()?;
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(Collector {
                client,
                runtime: Handle::current(),
            })
            .with_endpoint(address.as_str())
            .with_timeout(PATIENCE)
            .build()?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(Counted {
                inner: exporter,
                is_down: AtomicBool::new(false),
            })
            .with_resource(resource(service))
            .build();
        Ok(Self { provider })
    }

    pub(crate) fn tracer(&self) -> SdkTracer {
        self.provider.tracer("orderdesk-gateway")
    }

    /// Sends what is left, for at most `within`. Spans that end later are dropped.
    pub async fn close(self, within: Duration) {
        // Waits for the exporter's thread, which waits for this runtime: so not on one of its threads.
        let closing = tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(within));
        if tokio::time::timeout(within, closing).await.is_err() {
            tracing::warn!("the last spans could not be sent in time");
        }
    }
}

/// Why traces cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up")]
    Client(#[from] reqwest::Error),
    /// The exporter does not take the endpoint or one of its variables.
    #[error("the exporter cannot be set up")]
    Exporter(#[from] ExporterBuildError),
}

fn resource(service: &'static str) -> Resource {
    let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let builder = Resource::builder().with_attribute(version);
    let named = std::env::var_os("OTEL_SERVICE_NAME").is_some_and(|name| !name.is_empty());
    if named {
        builder.build()
    } else {
        builder.with_service_name(service).build()
    }
}

/// Sends from the exporter's own thread over our runtime.
#[derive(Debug)]
struct Collector {
    client: reqwest::Client,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request: reqwest::Request = request.try_into()?;
        let client = self.client.clone();
        let sending = self.runtime.spawn(async move {
            let answer = client.execute(request).await?;
            let status = answer.status();
            // What it says beyond its status is of no use, and may be long.
            drop(answer);
            Ok::<_, reqwest::Error>(status)
        });
        let status = sending.await??;
        Ok(Response::builder().status(status).body(Bytes::new())?)
    }
}

/// Counts what became of spans, and says so when that changes.
#[derive(Debug)]
struct Counted<E> {
    inner: E,
    is_down: AtomicBool,
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        let result = self.inner.export(batch).await;
        let outcome = if result.is_ok() { "exported" } else { "failed" };
        counter!("trace_spans_total", "outcome" => outcome).increment(spans);
        match (&result, self.is_down.swap(result.is_err(), Ordering::Relaxed)) {
            (Err(error), false) => tracing::warn!(error = %error, "traces cannot be sent; spans are dropped"),
            (Ok(()), true) => tracing::info!("traces are sent again"),
            _ => {}
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
