//! What OpenTelemetry calls a collector: takes traces by OTLP over HTTP and keeps them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt as _, Collected, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use prost::Message as _;
use testkit::eventually;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A span as it was received.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Of which program, by `service.name`.
    pub service: String,
    /// Its name.
    pub name: String,
    /// The trace, in hexadecimal.
    pub trace: String,
    /// Its own id.
    pub id: String,
    /// The id of its parent; empty if it has none.
    pub parent: String,
    /// The traces and spans that it is linked to.
    pub links: Vec<(String, String)>,
    /// Its attributes, as text.
    pub attributes: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
struct Received {
    spans: Vec<Span>,
    paths: Vec<String>,
    bytes: Vec<u8>,
}

/// A collector on a port of its own.
#[derive(Debug)]
pub struct Collector {
    url: String,
    received: Arc<Mutex<Received>>,
    task: JoinHandle<()>,
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Collector {
    /// Starts it.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let received = Arc::new(Mutex::new(Received::default()));
        let task = tokio::spawn(serve(listener, Arc::clone(&received)));
        Self { url, received, task }
    }

    /// Its base URL, for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// All spans so far.
    pub fn spans(&self) -> Vec<Span> {
        self.lock().spans.clone()
    }

    /// The paths of all requests so far.
    pub fn paths(&self) -> Vec<String> {
        self.lock().paths.clone()
    }

    /// All that was received, as it came.
    pub fn bytes(&self) -> Vec<u8> {
        self.lock().bytes.clone()
    }

    /// Waits for a span that `is` the one.
    ///
    /// # Panics
    /// When the deadline has passed.
    pub async fn wait_for(&self, what: &str, deadline: Duration, is: impl Fn(&Span) -> bool) -> Span {
        eventually(what, deadline, async || {
            let spans = self.spans();
            let found = spans.iter().find(|span| is(span)).cloned();
            found.ok_or_else(|| format!("{spans:#?}"))
        })
        .await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(listener: TcpListener, received: Arc<Mutex<Received>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let received = Arc::clone(&received);
        tokio::spawn(async move {
            let service = service_fn(|request| take(request, Arc::clone(&received)));
            let connection =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // A client that goes away has nothing more to say.
            let _ = connection.await;
        });
    }
}

async fn take(
    request: Request<Incoming>,
    received: Arc<Mutex<Received>>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.map(Collected::to_bytes);
    let body = body.unwrap_or_default();
    let export = ExportTraceServiceRequest::decode(body.clone()).unwrap_or_default();
    let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
    received.paths.push(path);
    received.bytes.extend_from_slice(&body);
    received.spans.extend(spans(export));
    Ok(Response::new(Empty::new()))
}

fn spans(export: ExportTraceServiceRequest) -> Vec<Span> {
    let mut all = Vec::new();
    for of_service in export.resource_spans {
        let resource = of_service.resource.unwrap_or_default();
        let service = texts(resource.attributes)
            .remove("service.name")
            .unwrap_or_default();
        let spans = of_service.scope_spans.into_iter().flat_map(|scope| scope.spans);
        all.extend(spans.map(|span| {
            Span {
                service: service.clone(),
                name: span.name,
                trace: hex::encode(span.trace_id),
                id: hex::encode(span.span_id),
                parent: hex::encode(span.parent_span_id),
                links: span
                    .links
                    .into_iter()
                    .map(|link| (hex::encode(link.trace_id), hex::encode(link.span_id)))
                    .collect(),
                attributes: texts(span.attributes),
            }
        }));
    }
    all
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let texts = attributes.into_iter().map(|attribute| {
        let text = match attribute.value {
            Some(AnyValue {
                value: Some(any_value::Value::StringValue(text)),
            }) => text,
            Some(AnyValue {
                value: Some(any_value::Value::IntValue(number)),
            }) => number.to_string(),
            other => format!("{other:?}"),
        };
        (attribute.key, text)
    });
    texts.collect()
}
