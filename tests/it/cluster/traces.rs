//! One trace through several processes.

use serde_json::json;
use system_tests::{Collector, Span};

use super::support::{PATIENCE, Setup};

#[tokio::test]
async fn one_trace_leads_from_an_api_process_through_a_worker_to_order_desk() {
    let collector = Collector::start().await;
    let cluster = Setup::of(1, 1)
        .set("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())
        .set("OTEL_BSP_SCHEDULE_DELAY", "50")
        .start()
        .await;
    let client = cluster.client();
    let shop = cluster.shop(&client, "501", 1).await;
    shop.note(&client, 0, "traced").expect(202).await;
    let update = |span: &Span| span.name == "orderdesk.order.put";
    let update = collector.wait_for("the update", PATIENCE, update).await;
    let is_request = |span: &Span| {
        span.trace == update.trace
            && (span.service.as_str(), span.name.as_str()) == ("orderdesk-api", "http.request.handle")
    };
    let request = collector.wait_for("the request", PATIENCE, is_request).await;
    let mut way = vec![update];
    while way
        .last()
        .is_some_and(|span| span.id != request.id && way.len() < 10)
    {
        let parent = way.last().map(|span| span.parent.clone()).unwrap_or_default();
        way.push(
            collector
                .wait_for("a parent", PATIENCE, |span| span.id == parent)
                .await,
        );
    }
    let way: Vec<_> = way
        .iter()
        .map(|span| (span.service.as_str(), span.name.as_str()))
        .collect();
    assert_eq!(
        json!(way),
        json!([
            ["orderdesk-worker", "orderdesk.order.put"],
            ["orderdesk-worker", "job.batch.run"],
            ["orderdesk-worker", "job.command.run"],
            ["orderdesk-api", "http.request.handle"],
        ])
    );
}
