//! SIGTERM: what is in hand ends, the rest waits for the next start.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use simulator::{HoldPhase, RequestKind};
use system_tests::{EveryJobEndedOnce, Gateway, desk};
use testkit::eventually;

use super::PATIENCE;

const GRACE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn sigterm_under_load_ends_cleanly_and_the_next_start_goes_on() {
    let mut gateway = Gateway::builder()
        .desk(|desk| desk.latency = Duration::from_millis(30))
        .start()
        .await;
    let client = gateway.client_with_store().await;
    let orders = desk::orders(&gateway.desk, 20);
    let mut check = EveryJobEndedOnce::of(desk::STORE);
    for n in 0..60 {
        check
            .note(&client, &orders[n % 20], &format!("note number {n}."))
            .await;
    }
    assert_eq!(gateway.terminate(GRACE).await, Some(0));
    gateway.restart().await;
    let report = check.check(&client, &gateway.desk, PATIENCE).await;
    assert_eq!(report.succeeded, 60);
    assert_eq!(
        report.recovered, 0,
        "what was in hand was ended, not abandoned: {report:?}"
    );
}

#[tokio::test]
async fn sigterm_answers_requests_in_flight_and_ends_the_cycle_in_hand() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let hold = gateway.desk.hold(RequestKind::PutOrder, HoldPhase::BeforeAnswer);
    let path = format!("/stores/{}/orders/{order}/add-note", desk::STORE);
    let waiting = client
        .request(Method::POST, &path)
        .header("Prefer", "wait=20")
        .json(&json!({"note": "in hand"}));
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.send(waiting).await }
    });
    assert!(gateway.desk.wait_held(hold, 1, PATIENCE).await);
    assert!(gateway.process().sigterm());
    // New connections are refused while the old one waits.
    let refused = async || tokio::net::TcpStream::connect(gateway.address()).await.is_err();
    eventually("new connections are refused", PATIENCE, refused).await;
    gateway.desk.release(hold).unwrap();
    let status = gateway.process().wait_exit(GRACE).await;
    assert_eq!(status.code(), Some(0));
    let answer = waiting.await.unwrap().expect("the request in flight is answered");
    assert!(
        [200, 202].contains(&answer.status),
        "{} {}",
        answer.status,
        answer.body
    );
    assert_eq!(
        desk::count(&desk::notes_of(&gateway.desk, desk::STORE, &order), "in hand"),
        1
    );
}

#[tokio::test]
async fn a_store_that_does_not_answer_cannot_keep_the_process_from_ending() {
    let mut gateway = Gateway::builder()
        .env("SHUTDOWN_GRACE", "2s")
        .env("ORDERDESK_TIMEOUT", "20s")
        .start()
        .await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let hold = gateway.desk.hold(RequestKind::GetOrder, HoldPhase::BeforeApply);
    let mut check = EveryJobEndedOnce::of(desk::STORE);
    check.note(&client, &order, "in the middle").await;
    assert!(gateway.desk.wait_held(hold, 1, PATIENCE).await);
    gateway.terminate(Duration::from_secs(10)).await;
    gateway.desk.release(hold).unwrap();
    gateway.restart().await;
    assert_eq!(check.check(&client, &gateway.desk, PATIENCE).await.succeeded, 1);
}
