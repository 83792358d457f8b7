//! `/metrics` against the table of `ops/metrics.md`, on which dashboards and alerts are built.

use std::time::Duration;

use serde_json::json;
use simulator::{HoldPhase, Matcher, RequestKind};
use system_tests::metrics::{differences, of_scrape, of_table};
use system_tests::{Gateway, desk};
use testkit::{Receiver, eventually};

const TABLE: &str = include_str!("../../../ops/metrics.md");
const SOON: Duration = Duration::from_secs(30);

async fn scrape(gateway: &Gateway) -> String {
    let anyone = gateway.client();
    let text = anyone.get("/metrics").await.expect(200).body;
    text.as_str().expect("a text").to_owned()
}

/// The value of the one sample that begins so; 0 if there is none.
fn value<'a>(text: &'a str, sample: &str) -> &'a str {
    let line = text.lines().find(|line| line.starts_with(sample));
    line.and_then(|line| line.rsplit_once(' '))
        .map_or("0", |(_, value)| value)
}

#[tokio::test]
async fn the_main_job_emits_every_metric_of_the_table_and_no_other() {
    let gateway = Gateway::builder()
        .env("WEBHOOK_ALLOW_NETS", "127.0.0.0/8")
        .start()
        .await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let client = gateway.client_with_store().await;
    let receiver = Receiver::taking_all().await;
    let hook = json!({"url": receiver.url()});
    client.post("/webhook-endpoints", &hook).await.expect(201);
    let job = client.submit_note(desk::STORE, &order, "counted").await;
    client.wait_succeeded(&job, SOON).await;
    let read = format!("/stores/{}/orders/{order}", desk::STORE);
    client.get(&read).await.expect(200);
    gateway.client().get(&read).await.expect(404);
    eventually("a webhook is counted", SOON, async || {
        scrape(&gateway)
            .await
            .contains("webhook_attempt_duration_seconds_count")
    })
    .await;

    let (emitted, table) = (of_scrape(&scrape(&gateway).await), of_table(TABLE));
    assert!(emitted == table, "{}", differences(&emitted, &table));
    for (name, metric) in &table {
        assert!(metric.help.ends_with('.'), "{name} is described in a sentence");
        assert_eq!(
            name.ends_with("_total"),
            metric.kind == "counter",
            "{name}: counters, and nothing else, end in _total"
        );
        for label in &metric.labels {
            assert!(!label.contains("_id"), "{name}: {label} has no bound");
        }
    }
}

#[tokio::test]
async fn the_metrics_tell_what_happened() {
    let gateway = Gateway::start().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let client = gateway.client_with_store().await;
    let jobs: Vec<_> = (0..5)
        .map(|n| json!({"kind": "order.add_note", "order_id": order, "body": {"note": format!("note {n}")}}))
        .collect();
    for job in client.batch(desk::STORE, &jobs).await {
        client.wait_succeeded(&job, SOON).await;
    }
    let missing = client.submit_note(desk::STORE, "404404", "to nobody").await;
    assert_eq!(client.wait_ended(&missing, SOON).await["status"], "failed");
    client.at(gateway.url()).get("/no/such/page").await.expect(404);
    let stranger = reqwest::Client::new().get(format!("{}/jobs", gateway.url()));
    assert_eq!(stranger.send().await.expect("an answer").status(), 401);

    let text = scrape(&gateway).await;
    for (sample, expected) in [
        ("jobs_submitted_total{kind=\"order.add_note\"}", "6"),
        (
            "jobs_ended_total{kind=\"order.add_note\",status=\"succeeded\"}",
            "5",
        ),
        ("jobs_ended_total{kind=\"order.add_note\",status=\"failed\"}", "1"),
        (
            "job_duration_seconds_count{kind=\"order.add_note\",status=\"succeeded\"}",
            "5",
        ),
        (
            "orderdesk_requests_total{operation=\"order.put\",status=\"2xx\"}",
            "1",
        ),
        (
            "orderdesk_requests_total{operation=\"order.get\",status=\"4xx\"}",
            "1",
        ),
        // Five jobs alone would have taken ten requests.
        ("orderdesk_tokens_saved_total", "8"),
        ("auth_failures_total{code=\"unauthorized\"}", "1"),
        (
            "http_requests_total{route=\"/jobs\",method=\"GET\",status=\"401\"}",
            "1",
        ),
        // This one.
        ("http_requests_in_flight", "1"),
        ("argon2_pending", "0"),
        ("job_waiters", "0"),
        ("worker_circuits_open", "0"),
        ("build_info{version=\"0.1.0\",role=\"all\"}", "1"),
    ] {
        assert_eq!(value(&text, sample), expected, "{sample}\n{text}");
    }
    for sample in [
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_start_time_seconds",
        "ledger_commit_duration_seconds_count",
        "ledger_appends_total{outcome=\"committed\"}",
        "argon2_duration_seconds_count",
    ] {
        assert!(value(&text, sample) != "0", "{sample}\n{text}");
    }
}

#[tokio::test]
async fn open_jobs_are_counted_by_their_status_and_their_wait_is_shown() {
    let gateway = Gateway::builder().env("ORDERDESK_TIMEOUT", "60s").start().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let client = gateway.client_with_store().await;
    let put = Matcher::from(RequestKind::PutOrder);
    let held = gateway.desk.hold(put, HoldPhase::BeforeApply);
    client.submit_note(desk::STORE, &order, "held").await;
    assert!(gateway.desk.wait_held(held, 1, SOON).await);
    client.submit_note(desk::STORE, &order, "behind it").await;
    eventually("the open jobs show", SOON, async || {
        let text = scrape(&gateway).await;
        let open = |status| value(&text, &format!("worker_jobs_open{{status=\"{status}\"}}"));
        let counts = (open("running"), open("queued"), open("retrying"));
        let (waits, partitions) = (
            value(&text, "worker_oldest_wait_seconds"),
            value(&text, "worker_partitions_owned"),
        );
        if counts == ("1", "1", "0") && waits != "0" && partitions == "8" {
            Ok(())
        } else {
            Err(text)
        }
    })
    .await;
}
