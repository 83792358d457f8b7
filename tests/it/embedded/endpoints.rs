//! Webhook endpoints as their owner uses them: tried out, given new secrets, told again, narrowed, gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use simulator::StoreConfig;
use standardwebhooks::Webhook;
use system_tests::{Client, Gateway, desk};
use testkit::{Received, Receiver, Reply, eventually};

use super::PATIENCE;

async fn gateway() -> Gateway {
    Gateway::builder()
        .env("WEBHOOK_ALLOW_NETS", "127.0.0.0/8")
        .env("WEBHOOK_RETRY_SCHEDULE", "1s,1s,1s,1s,1s,1s,1s,1s,1s")
        .start()
        .await
}

fn signer(secret: &Value) -> Webhook {
    Webhook::new(secret.as_str().expect("a secret")).expect("a secret of the standard")
}

fn verifies(webhook: &Webhook, received: &Received) -> bool {
    webhook
        .verify(received.body.as_bytes(), &received.headers)
        .is_ok()
}

fn kind(received: &Received) -> String {
    let body: Value = serde_json::from_str(&received.body).expect("JSON");
    body["type"].as_str().expect("a type").to_owned()
}

async fn came(receiver: &Receiver, count: usize) -> Vec<Received> {
    eventually("what is to come", PATIENCE, async || {
        let received = receiver.received();
        if received.len() >= count {
            Ok(received)
        } else {
            Err(format!("{} of {count}", received.len()))
        }
    })
    .await
}

/// Asks for something without a body.
async fn call(client: &Client, path: &str, status: u16) -> Value {
    let answer = client.send(client.request(Method::POST, path)).await;
    answer.expect("an answer").expect(status).body
}

async fn note(client: &Client, store: &str, order: &str, text: &str, callback: Option<&Receiver>) -> Value {
    let callback = callback.map_or_else(String::new, |to| format!("?callback_url={}", to.url()));
    let path = format!("/stores/{store}/orders/{order}/add-note{callback}");
    let id = client.submit(&path, &json!({"note": text})).await;
    client.wait_succeeded(&id, PATIENCE).await
}

#[tokio::test]
async fn new_secrets_sign_beside_the_old_ones_of_endpoints_and_of_callbacks() {
    let gateway = gateway().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let (hooks, calls) = (Receiver::taking_all().await, Receiver::taking_all().await);
    let made = client
        .post(
            "/webhook-endpoints",
            &json!({"url": hooks.url(), "events": ["job.succeeded"]}),
        )
        .await
        .expect(201);
    let first = [
        signer(&made.body["secret"]),
        signer(&call(&client, "/tenant/callback-secret", 201).await["secret"]),
    ];
    note(&client, desk::STORE, &order, "one", Some(&calls)).await;
    let rotate = format!("/webhook-endpoints/{}/rotate-secret", made.id());
    let second = [
        signer(&call(&client, &rotate, 200).await["secret"]),
        signer(&call(&client, "/tenant/callback-secret", 201).await["secret"]),
    ];
    // What was told before has come: what is told from here on has both signatures.
    came(&hooks, 1).await;
    came(&calls, 1).await;
    note(&client, desk::STORE, &order, "two", Some(&calls)).await;
    for (receiver, n) in [(&hooks, 0), (&calls, 1)] {
        let received = came(receiver, 2).await;
        assert!(received.iter().all(|received| verifies(&first[n], received)));
        assert!(verifies(&second[n], &received[1]));
        let signatures = received[1].header("webhook-signature");
        assert_eq!(signatures.split(' ').count(), 2, "{signatures}");
        assert!(!verifies(&first[1 - n], &received[1]), "another secret");
    }
}

#[tokio::test]
async fn deliveries_are_shown_with_what_was_answered_and_made_again_one_by_one_and_by_their_time() {
    let gateway = gateway().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let said = "x".repeat(5_000);
    let answer = said.clone();
    let receiver = Receiver::start(move |_, before| match before {
        0 => Reply::status(500).body(answer.clone()),
        _ => Reply::status(201).body("taken"),
    })
    .await;
    let made = client
        .post(
            "/webhook-endpoints",
            &json!({"url": receiver.url(), "events": ["job.succeeded"]}),
        )
        .await
        .expect(201);
    let (path, webhook) = (
        format!("/webhook-endpoints/{}", made.id()),
        signer(&made.body["secret"]),
    );
    let job = note(&client, desk::STORE, &order, "told", None).await;
    let delivered = eventually("it has arrived", PATIENCE, async || {
        let page = client.get(&format!("{path}/deliveries")).await.expect(200).body;
        let one = page["data"][0].clone();
        if one["status"] == "delivered" {
            Ok(one)
        } else {
            Err(page.to_string())
        }
    })
    .await;
    assert_eq!(
        (
            &delivered["type"],
            &delivered["job_id"],
            &delivered["attempt_count"]
        ),
        (&json!("job.succeeded"), &job["id"], &json!(2))
    );
    let attempts = delivered["attempts"].as_array().expect("attempts");
    assert_eq!(
        (&attempts[0]["status"], &attempts[1]["status"]),
        (&json!(500), &json!(201))
    );
    assert_eq!(
        (&attempts[0]["answer"], &attempts[1]["answer"]),
        (&json!(said[..2_048]), &json!("taken"))
    );
    assert!(attempts.iter().all(|attempt| attempt["latency_ms"].is_u64()));

    let id = delivered["id"].as_str().expect("an id");
    call(&client, &format!("/webhook-deliveries/{id}:redeliver"), 202).await;
    came(&receiver, 3).await;
    eventually("the third attempt is on record", PATIENCE, async || {
        let page = client
            .get(&format!("{path}/deliveries?status=delivered"))
            .await
            .expect(200)
            .body;
        (page["data"][0]["attempt_count"] == 3).then_some(())
    })
    .await;
    let range = json!({"from": delivered["occurred_at"], "to": "2100-01-01T00:00:00Z"});
    let replayed = client
        .post(&format!("{path}:replay"), &range)
        .await
        .expect(202)
        .body;
    assert_eq!(replayed["deliveries"], 1);
    call(&client, &format!("{path}/test"), 202).await;
    let received = came(&receiver, 5).await;
    let (tests, told): (Vec<_>, Vec<_>) = received.iter().partition(|received| kind(received) == "test");
    assert_eq!((told.len(), tests.len()), (4, 1));
    assert!(told.iter().all(|received| received.header("webhook-id") == id));
    assert!(told.iter().all(|received| received.body == told[0].body));
    assert_ne!(tests[0].header("webhook-id"), id);
    assert!(received.iter().all(|received| verifies(&webhook, received)));
}

#[tokio::test]
async fn an_endpoint_hears_of_its_stores_alone_and_is_disabled_once_it_says_that_it_is_gone() {
    let gateway = gateway().await;
    let client = gateway.client_with_store().await;
    gateway.desk.add_store(StoreConfig::new("902", "api-key-902"));
    client.register_store("902", "api-key-902").await;
    let here = desk::orders(&gateway.desk, 1).remove(0);
    let there = gateway.desk.seed_orders("902", 1).expect("a store").remove(0);
    let gone = Arc::new(AtomicBool::new(false));
    let (leaving, others) = (
        Receiver::start({
            let gone = Arc::clone(&gone);
            move |_, _| Reply::status(if gone.load(Ordering::SeqCst) { 410 } else { 200 })
        })
        .await,
        Receiver::taking_all().await,
    );
    let narrow = json!({"url": leaving.url(), "store_ids": ["902"]});
    let made = client.post("/webhook-endpoints", &narrow).await.expect(201);
    let path = format!("/webhook-endpoints/{}", made.id());
    let body = json!({"url": others.url(), "events": ["endpoint.disabled"]});
    client.post("/webhook-endpoints", &body).await.expect(201);

    note(&client, desk::STORE, &here, "unheard", None).await;
    let job = note(&client, "902", &there, "heard", None).await;
    let received = came(&leaving, 1).await;
    let body: Value = serde_json::from_str(&received[0].body).expect("JSON");
    assert_eq!(body["data"]["id"], job["id"]);
    // From now on of the other store.
    let patch = json!({"store_ids": [desk::STORE], "events": ["job.succeeded"]});
    client.patch(&path, &patch).await.expect(200);
    note(&client, "902", &there, "unheard", None).await;
    gone.store(true, Ordering::SeqCst);
    let job = note(&client, desk::STORE, &here, "the last one", None).await;
    let received = came(&leaving, 2).await;
    let body: Value = serde_json::from_str(&received[1].body).expect("JSON");
    assert_eq!(body["data"]["id"], job["id"]);

    let told = came(&others, 1).await;
    let body: Value = serde_json::from_str(&told[0].body).expect("JSON");
    assert_eq!(
        (
            &body["type"],
            &body["data"]["id"],
            &body["data"]["disabled_reason"]
        ),
        (&json!("endpoint.disabled"), &json!(made.id()), &json!("gone"))
    );
    let shown = client.get(&path).await.expect(200).body;
    assert_eq!(
        (&shown["enabled"], &shown["disabled_reason"]),
        (&json!(false), &json!("gone"))
    );
    note(&client, desk::STORE, &here, "unheard", None).await;
    let log = client
        .get("/audit?type=endpoint.disabled.v1")
        .await
        .expect(200)
        .body;
    assert_eq!(log["data"][0]["actor"]["program"], "worker");
    // Whatever happened, somebody did it.
    let log = client.get("/audit?limit=500").await.expect(200).body;
    for entry in log["data"].as_array().expect("entries") {
        let actor = &entry["actor"];
        let key = actor["key_id"].is_string() && actor["client_ip"].is_string();
        assert!(key != actor["program"].is_string(), "{entry}");
    }
    eventually(
        "what happened since is kept, and not told",
        PATIENCE,
        async || {
            let page = client
                .get(&format!("{path}/deliveries?status=skipped"))
                .await
                .expect(200)
                .body;
            (page["data"].as_array().map(Vec::len) == Some(1)).then_some(())
        },
    )
    .await;
    assert_eq!(leaving.count(), 2);
}

#[tokio::test]
async fn an_address_that_the_operator_closes_is_reached_no_more_by_those_who_named_it_before() {
    let mut gateway = gateway().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let receiver = Receiver::taking_all().await;
    let body = json!({"url": receiver.url(), "events": ["job.succeeded"]});
    let made = client.post("/webhook-endpoints", &body).await.expect(201);
    call(&client, "/tenant/callback-secret", 201).await;
    note(&client, desk::STORE, &order, "open", Some(&receiver)).await;
    came(&receiver, 2).await;
    gateway.set_env("WEBHOOK_ALLOW_NETS", "10.0.0.0/8");
    gateway.restart().await;
    note(&client, desk::STORE, &order, "closed", None).await;
    let path = format!("/webhook-endpoints/{}/deliveries?status=pending", made.id());
    eventually("an attempt that was refused", PATIENCE, async || {
        let page = client.get(&path).await.expect(200).body;
        let attempt = &page["data"][0]["attempts"][0];
        let refused = attempt["error"] == "refused" && attempt["status"].is_null();
        if refused { Ok(()) } else { Err(page.to_string()) }
    })
    .await;
    assert_eq!(receiver.count(), 2, "nothing came to it");
    let again = client.post("/webhook-endpoints", &body).await.expect(422);
    assert_eq!(again.body["errors"][0]["pointer"], "/url");
}
