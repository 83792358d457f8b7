//! What happens is told to those who asked for it.

use reqwest::Method;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use system_tests::{Client, Gateway, desk};
use testkit::{Received, Receiver, Reply, eventually};

use super::PATIENCE;

fn builder() -> system_tests::GatewayBuilder {
    Gateway::builder()
        .env("WEBHOOK_ALLOW_NETS", "127.0.0.0/8")
        .env("WEBHOOK_RETRY_SCHEDULE", "1s,1s,1s,1s,1s,1s,1s,1s,1s")
}

/// An endpoint that is told of everything: what signs for it.
async fn endpoint(client: &Client, receiver: &Receiver) -> Webhook {
    let answer = client
        .post("/webhook-endpoints", &json!({"url": receiver.url()}))
        .await
        .expect(201);
    Webhook::new(answer.body["secret"].as_str().expect("a secret")).expect("a secret of the standard")
}

/// What came about jobs.
fn of_jobs(receiver: &Receiver) -> Vec<(Received, Value)> {
    let parsed = receiver.received().into_iter().map(|received| {
        let body: Value = serde_json::from_str(&received.body).expect("JSON");
        (received, body)
    });
    parsed
        .filter(|(_, body)| body["type"].as_str().is_some_and(|kind| kind.starts_with("job.")))
        .collect()
}

#[tokio::test]
async fn an_endpoint_and_the_callback_of_a_job_are_told_that_a_note_was_added() {
    let gateway = builder().start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let (to_endpoint, to_callback) = (Receiver::taking_all().await, Receiver::taking_all().await);
    let endpoint = endpoint(&client, &to_endpoint).await;
    let secret = client
        .send(client.request(Method::POST, "/tenant/callback-secret"))
        .await
        .expect("an answer")
        .expect(201);
    let callback =
        Webhook::new(secret.body["secret"].as_str().expect("a secret")).expect("a secret of the standard");
    let path = format!(
        "/stores/{}/orders/{order}/add-note?callback_url={}",
        desk::STORE,
        to_callback.url()
    );
    let id = client.submit(&path, &json!({"note": "told"})).await;
    let job = client.wait_succeeded(&id, PATIENCE).await;
    for (receiver, webhook) in [(&to_endpoint, endpoint), (&to_callback, callback)] {
        eventually("it is told", PATIENCE, async || of_jobs(receiver).len() == 1).await;
        let (received, body) = of_jobs(receiver).remove(0);
        webhook
            .verify(received.body.as_bytes(), &received.headers)
            .expect("the signature verifies");
        assert_eq!(body["type"], "job.succeeded");
        assert_eq!(body["data"], job, "as the job is shown");
        assert!(body["sequence"].as_u64().is_some_and(|position| position > 0));
    }
}

#[tokio::test]
async fn a_killed_gateway_loses_no_webhook() {
    const JOBS: usize = 30;
    let mut gateway = builder().env("LEASE_TTL", "3s").start().await;
    let client = gateway.client_with_store().await;
    let orders = desk::orders(&gateway.desk, JOBS as u64);
    // Each event is refused once, and answers take their time: kills meet attempts, waits and records.
    let seen = std::sync::Mutex::new(std::collections::HashSet::<String>::new());
    let receiver = Receiver::start(move |received, _| {
        let new = seen
            .lock()
            .expect("a lock")
            .insert(received.header("webhook-id").to_owned());
        Reply::status(if new { 503 } else { 200 }).after(std::time::Duration::from_millis(100))
    })
    .await;
    let webhook = endpoint(&client, &receiver).await;
    let mut jobs = Vec::new();
    for order in &orders {
        jobs.push(client.submit_note(desk::STORE, order, "killed").await);
    }
    for came in [5, 35] {
        eventually("some attempts", PATIENCE, async || {
            of_jobs(&receiver).len() >= came
        })
        .await;
        gateway.restart().await;
    }
    for job in &jobs {
        client.wait_succeeded(job, PATIENCE).await;
    }
    // Twice: it was refused once.
    eventually("every event has been taken", 2 * PATIENCE, async || {
        let all = of_jobs(&receiver);
        let missing = jobs
            .iter()
            .filter(|job| all.iter().filter(|(_, body)| body["data"]["id"] == **job).count() < 2)
            .count();
        if missing == 0 {
            Ok(())
        } else {
            Err(format!("{missing} are missing"))
        }
    })
    .await;
    for (received, body) in of_jobs(&receiver) {
        webhook
            .verify(received.body.as_bytes(), &received.headers)
            .expect("the signature verifies");
        assert_eq!(body["type"], "job.succeeded");
    }
    for job in &jobs {
        let mut ids: Vec<String> = of_jobs(&receiver)
            .iter()
            .filter(|(_, body)| body["data"]["id"] == **job)
            .map(|(received, _)| received.header("webhook-id").to_owned())
            .collect();
        ids.dedup();
        assert_eq!(ids.len(), 1, "one event has one id");
    }
}
