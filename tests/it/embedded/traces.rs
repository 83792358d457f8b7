//! Traces: one from the request through the job to the calls of Order Desk, and never at the cost of the service.

use reqwest::Method;
use serde_json::json;
use simulator::{HoldPhase, RequestKind};
use system_tests::{Client, Collector, Forbidden, Gateway, GatewayBuilder, Span, desk};
use testkit::eventually;
use tokio::net::TcpListener;

use super::PATIENCE;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

fn traced(endpoint: &str) -> GatewayBuilder {
    Gateway::builder()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .env("OTEL_BSP_SCHEDULE_DELAY", "50")
}

/// Submits a note as part of a caller's trace; the job's id.
async fn note(client: &Client, order: &str, text: &str, trace: &str) -> String {
    let path = format!("/stores/{}/orders/{order}/add-note", desk::STORE);
    let request = client
        .request(Method::POST, &path)
        .query(&[("priority", "high")])
        .header("traceparent", format!("00-{trace}-{CALLER}-01"))
        .json(&json!({"note": text}));
    client.send(request).await.expect("an answer").expect(202).id()
}

fn parent_of<'a>(spans: &'a [Span], span: &Span) -> &'a Span {
    let parent = spans.iter().find(|other| other.id == span.parent);
    parent.unwrap_or_else(|| panic!("the parent of {span:?} in {spans:#?}"))
}

#[tokio::test]
async fn one_trace_leads_from_the_request_through_the_job_to_order_desk() {
    let collector = Collector::start().await;
    let gateway = traced(collector.url()).start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let job = note(&client, &order, "a very private note", TRACE).await;
    client.wait_succeeded(&job, PATIENCE).await;

    let of_job = |span: &Span| span.name == "job.command.run" && span.attributes["job.id"] == job;
    let span = collector.wait_for("the job's span", PATIENCE, of_job).await;
    // Those above it have ended before; those below as well.
    let spans = collector.spans();
    assert_eq!(span.attributes["job.status"], "succeeded");
    assert_eq!(span.attributes["job.kind"], "order.add_note");
    let request = parent_of(&spans, &span);
    assert_eq!(
        (request.name.as_str(), request.parent.as_str()),
        ("http.request.handle", CALLER)
    );
    assert_eq!(
        request.attributes["http.route"],
        "/stores/{store_id}/orders/{order_id}/add-note"
    );
    assert_eq!(request.attributes["http.response.status_code"], "202");
    assert_eq!(request.attributes["job.id"], job);
    for call in ["orderdesk.order.get", "orderdesk.order.put"] {
        let call = spans.iter().find(|span| span.name == call && span.trace == TRACE);
        let call = call.unwrap_or_else(|| panic!("a call in {spans:#?}"));
        let batch = parent_of(&spans, call);
        assert_eq!(batch.name, "job.batch.run");
        assert_eq!(parent_of(&spans, batch).id, span.id);
        assert_eq!(call.attributes["http.response.status_code"], "200");
    }
    let append = spans
        .iter()
        .find(|other| other.name == "db.events.append" && other.parent == request.id);
    assert!(append.is_some(), "{spans:#?}");
    for span in spans
        .iter()
        .filter(|other| [&span.id, &request.id].contains(&&other.id))
    {
        assert_eq!(
            (span.trace.as_str(), span.service.as_str()),
            (TRACE, "orderdesk-gateway")
        );
    }
    assert!(collector.paths().iter().all(|path| path == "/v1/traces"));
    assert!(
        spans.iter().all(|span| !span.name.contains("health")),
        "nobody wants the probes"
    );
    Forbidden::new()
        .text("the master key", client.key())
        .text("the note", "very private")
        .text("the query", "priority=high")
        .text("the api key", simulator::SimulatorConfig::API_KEY)
        .text("an address", "@example.com")
        .absent_in("the traces", &collector.bytes());
}

#[tokio::test]
async fn a_batch_belongs_to_the_traces_of_all_its_jobs() {
    let collector = Collector::start().await;
    let gateway = traced(collector.url())
        .env("ORDERDESK_TIMEOUT", "60s")
        .start()
        .await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let held = gateway.desk.hold(RequestKind::PutOrder, HoldPhase::BeforeApply);
    note(&client, &order, "first", TRACE).await;
    assert!(gateway.desk.wait_held(held, 1, PATIENCE).await);
    let others = ["a", "b"].map(|digit| digit.repeat(32));
    let mut jobs = Vec::new();
    for trace in &others {
        jobs.push(note(&client, &order, "behind it", trace).await);
    }
    // Accepted is not yet known to the worker; what it knows when the lane is free travels together.
    eventually("the worker knows both", PATIENCE, async || {
        let metrics = client.get("/metrics").await.body;
        let text = metrics.as_str().unwrap_or_default();
        text.lines()
            .any(|line| line == "worker_jobs_open{status=\"queued\"} 2")
    })
    .await;
    gateway.desk.release(held).expect("it holds");
    for job in &jobs {
        client.wait_succeeded(job, PATIENCE).await;
    }
    let both = |span: &Span| span.attributes.get("job.count").is_some_and(|count| count == "2");
    let batch = collector.wait_for("the batch of two", PATIENCE, both).await;
    assert_eq!(batch.trace, others[0]);
    let of_second = |span: &Span| span.name == "job.command.run" && span.trace == others[1];
    let second = collector
        .wait_for("the second job's span", PATIENCE, of_second)
        .await;
    assert_eq!(batch.links, [(second.trace, second.id)]);
}

#[tokio::test]
async fn what_a_request_without_a_trace_begins_is_one_trace() {
    let collector = Collector::start().await;
    let gateway = traced(collector.url()).start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let job = client.submit_note(desk::STORE, &order, "anew").await;
    let of_job = |span: &Span| span.name == "job.command.run" && span.attributes["job.id"] == job;
    let span = collector.wait_for("the job's span", PATIENCE, of_job).await;
    let spans = collector.spans();
    let request = parent_of(&spans, &span);
    assert_eq!((request.parent.as_str(), &request.trace), ("", &span.trace));
}

#[tokio::test]
async fn the_last_spans_are_sent_before_the_process_ends() {
    let collector = Collector::start().await;
    let gateway = traced(collector.url())
        .env("OTEL_BSP_SCHEDULE_DELAY", "3600000")
        .start()
        .await;
    let client = gateway.client_with_store().await;
    assert_eq!(collector.spans(), []);
    assert_eq!(gateway.terminate(PATIENCE).await, Some(0));
    let spans = collector.spans();
    let stores = spans.iter().any(|span| {
        span.attributes
            .get("http.route")
            .is_some_and(|route| route == "/stores")
    });
    assert!(stores, "{spans:#?}");
    drop(client);
}

#[tokio::test]
async fn a_sampler_of_the_standard_variables_counts() {
    let collector = Collector::start().await;
    let gateway = traced(collector.url())
        .env("OTEL_TRACES_SAMPLER", "parentbased_always_off")
        .env("OTEL_SERVICE_NAME", "shop-gateway")
        .start()
        .await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let unsampled = client.submit_note(desk::STORE, &order, "nobody asked").await;
    client.wait_succeeded(&unsampled, PATIENCE).await;
    let job = note(&client, &order, "sampled by the caller", TRACE).await;
    client.wait_succeeded(&job, PATIENCE).await;
    assert_eq!(gateway.terminate(PATIENCE).await, Some(0));
    let spans = collector.spans();
    assert!(
        spans.iter().any(|span| span.name == "orderdesk.order.put"),
        "{spans:#?}"
    );
    for span in spans {
        assert_eq!(
            (span.trace.as_str(), span.service.as_str()),
            (TRACE, "shop-gateway")
        );
    }
}

#[tokio::test]
async fn a_collector_that_is_down_or_hangs_costs_spans_and_nothing_else() {
    // Takes connections and never says anything.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let silent_url = format!("http://{}", silent.local_addr().expect("an address"));
    let down = format!("http://127.0.0.1:{}", testkit::free_port());
    for endpoint in [down, silent_url] {
        let gateway = traced(&endpoint)
            .env("OTEL_BSP_MAX_QUEUE_SIZE", "16")
            .start()
            .await;
        let client = gateway.client_with_store().await;
        for order in desk::orders(&gateway.desk, 10) {
            let job = client.submit_note(desk::STORE, &order, "untraced").await;
            client.wait_succeeded(&job, PATIENCE).await;
        }
        eventually("lost spans are counted", PATIENCE, async || {
            let metrics = client.get("/metrics").await.body;
            let text = metrics.as_str().unwrap_or_default().to_owned();
            let lost = text
                .lines()
                .find(|line| line.starts_with("trace_spans_total{outcome=\"failed\"}"));
            lost.is_some_and(|line| !line.ends_with(" 0"))
        })
        .await;
        let said = gateway
            .logs()
            .iter()
            .filter(|line| line.contains("traces cannot be sent"))
            .count();
        assert_eq!(said, 1, "once, and not for each batch");
        assert_eq!(gateway.terminate(PATIENCE).await, Some(0));
    }
}

#[tokio::test]
async fn a_read_through_the_cache_stays_in_its_trace() {
    let collector = Collector::start().await;
    let gateway = traced(collector.url()).start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let path = format!("/stores/{}/orders/{order}", desk::STORE);
    client.get(&path).await.expect(200);
    let call = |span: &Span| span.name == "orderdesk.order.get";
    let call = collector.wait_for("the call", PATIENCE, call).await;
    let request = |span: &Span| span.id == call.parent;
    let request = collector.wait_for("its request", PATIENCE, request).await;
    assert_eq!(request.name, "http.request.handle");
}
