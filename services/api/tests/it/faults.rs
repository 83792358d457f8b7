//! What is answered when something breaks.

use std::sync::Arc;
use std::time::Duration;

use api::{ApiConfig, Check, CheckStatus, Readiness};
use axum::body::Body;
use futures::future::BoxFuture;
use futures::stream;
use serde_json::json;

use crate::place::Place;

enum Fake {
    Panics,
    Hangs,
    Says(CheckStatus),
}

impl Readiness for Fake {
    fn checks(&self) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(async move {
            match self {
                Self::Panics => panic!("a secret in a panic"),
                Self::Hangs => std::future::pending().await,
                Self::Says(status) => vec![Check {
                    name: "broker",
                    status: *status,
                    latency_ms: 3,
                }],
            }
        })
    }
}

async fn with(fake: Fake) -> Place {
    Place::new()
        .await
        .changed(|state| state.readiness = Arc::new(fake))
}

#[tokio::test]
async fn a_panic_is_a_problem_that_says_nothing_of_it() {
    let place = with(Fake::Panics).await;
    let reply = place
        .get("/ready")
        .anonymous()
        .send()
        .await
        .refused(500, "internal_error");
    assert!(!reply.text.contains("secret"));
    assert_eq!(reply.header("x-frame-options"), Some("DENY"));
    place.get("/health").anonymous().send().await.ok(200);
}

#[tokio::test]
async fn only_what_the_process_cannot_do_without_makes_it_unavailable() {
    let place = with(Fake::Says(CheckStatus::Degraded)).await;
    let ready = place.get("/ready").anonymous().send().await.ok(200);
    let check = json!({"status": "degraded", "latency_ms": 3});
    assert_eq!(ready, json!({"status": "degraded", "checks": {"broker": check}}));
    let place = with(Fake::Says(CheckStatus::Unavailable)).await;
    assert_eq!(
        place.get("/ready").anonymous().send().await.ok(503)["status"],
        "unavailable"
    );
}

#[tokio::test]
async fn a_probe_that_hangs_counts_as_failed() {
    let check = Check::run("slow", CheckStatus::Degraded, std::future::pending()).await;
    assert_eq!(check.status, CheckStatus::Degraded);
    assert!(check.latency_ms >= 1_900);
}

fn impatient(config: &mut ApiConfig) {
    config.body_timeout = Duration::from_millis(50);
    config.work_timeout = Duration::from_millis(200);
}

#[tokio::test]
async fn a_handler_that_hangs_is_given_up() {
    let place = Place::with(impatient)
        .await
        .changed(|state| state.readiness = Arc::new(Fake::Hangs));
    let reply = place
        .get("/ready")
        .anonymous()
        .send()
        .await
        .refused(503, "timeout");
    assert_eq!(reply.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let place = Place::with(|config| config.body_timeout = Duration::from_millis(50)).await;
    let never = Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let call = place.post("/stores").header("content-type", "application/json");
    call.raw(never).await.refused(408, "request_timeout");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_json() {
    let place = Place::new().await;
    let broken = stream::iter([Ok(b"{\"store".to_vec()), Err(std::io::Error::other("reset"))]);
    let call = place.post("/stores").header("content-type", "application/json");
    call.raw(Body::from_stream(broken))
        .await
        .refused(400, "invalid_request");
}

#[tokio::test]
async fn a_ledger_that_takes_nothing_is_a_503_to_be_repeated() {
    let (place, order) = Place::with_order().await;
    place.app.ledger().close().await;
    let note = place.post(&format!("/stores/101/orders/{order}/add-note"));
    let reply = note.json(&json!({"note": "x"})).await.refused(503, "unavailable");
    assert!(reply.header("retry-after").is_some());
}

#[tokio::test]
async fn metrics_count_routes_and_never_ids() {
    let handle = runtime::telemetry::init_metrics().unwrap();
    let (place, order) = Place::with_order().await;
    let place = place.changed(|state| state.metrics = Some(handle));
    place.note(&order, "x").await;
    place
        .post("/stores/101/orders/77:mutate")
        .json(&json!({}))
        .await
        .refused(422, "validation_failed");
    place.call("BREW", "/no/such/path").send().await;
    let reply = place.get("/metrics").anonymous().send().await;
    assert_eq!(
        reply.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let text = reply.text;
    for expected in [
        "http_requests_total{route=\"/stores/{store_id}/orders/{order_id}/add-note\",method=\"POST\",status=\"202\"} 1",
        "http_requests_total{route=\"/stores/{store_id}/orders/{order_id}:mutate\",method=\"POST\",status=\"422\"} 1",
        "http_requests_total{route=\"unmatched\",method=\"OTHER\",status=\"404\"} 1",
        "http_request_duration_seconds_bucket{route=\"/stores\",method=\"POST\",le=\"0.0001\"}",
    ] {
        assert!(text.contains(expected), "{expected} not in {text}");
    }
    assert!(
        !text.contains("/orders/77") && !text.contains("/no/such"),
        "{text}"
    );
}
