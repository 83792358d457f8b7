//! Every kind of event that a webhook can be told of, as it comes to a receiver.

use std::collections::HashMap;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::Edit;
use system_tests::{Client, Gateway, desk};
use testkit::{Receiver, eventually};

use super::PATIENCE;

async fn call(client: &Client, path: &str) -> Value {
    let answer = client.send(client.request(Method::POST, path)).await;
    let answer = answer.expect("an answer");
    assert!(answer.status < 300, "{path}: {}", answer.body);
    answer.body
}

/// The bodies that came, by their types.
fn told(receiver: &Receiver) -> HashMap<String, Vec<Value>> {
    let mut told: HashMap<String, Vec<Value>> = HashMap::new();
    for received in receiver.received() {
        let body: Value = serde_json::from_str(&received.body).expect("JSON");
        let kind = body["type"].as_str().expect("a type").to_owned();
        told.entry(kind).or_default().push(body);
    }
    told
}

#[tokio::test]
async fn what_happens_is_told_with_what_it_is_about() {
    let gateway = Gateway::builder()
        .env("WEBHOOK_ALLOW_NETS", "127.0.0.0/8")
        .start()
        .await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let store = format!("/stores/{}", desk::STORE);
    let (all, some) = (Receiver::taking_all().await, Receiver::taking_all().await);
    let endpoint = client
        .post("/webhook-endpoints", &json!({"url": all.url()}))
        .await
        .expect(201)
        .id();
    let narrow = json!({"url": some.url(), "events": ["job.failed", "order.changed_externally"]});
    client.post("/webhook-endpoints", &narrow).await.expect(201);

    let first = client.submit_note(desk::STORE, &order, "one").await;
    client.wait_succeeded(&first, PATIENCE).await;
    gateway
        .desk
        .foreign_edit(
            desk::STORE,
            &order,
            Edit::merge(json!({"email": "theirs@example.com"})),
        )
        .expect("the order is there");
    let operations = json!({"operations": [{"op": "test", "path": "/email", "value": "nobody's"}]});
    let failed = client
        .submit(&format!("{store}/orders/{order}:mutate"), &operations)
        .await;
    let failed = client.wait_ended(&failed, PATIENCE).await;
    client.patch(&store, &json!({"paused": true})).await.expect(200);
    let cancelled = client.submit_note(desk::STORE, &order, "never").await;
    call(&client, &format!("/jobs/{cancelled}:cancel")).await;
    client.patch(&store, &json!({"paused": false})).await.expect(200);
    call(&client, &format!("/webhook-endpoints/{endpoint}/test")).await;

    let kinds = [
        "job.succeeded",
        "job.failed",
        "job.cancelled",
        "order.changed_externally",
        "store.paused",
        "store.resumed",
        "test",
    ];
    let told_all = eventually("everything to be told", PATIENCE, async || {
        let told = told(&all);
        if kinds.iter().all(|kind| told.contains_key(*kind)) {
            Ok(told)
        } else {
            Err(format!("{told:?}"))
        }
    })
    .await;
    assert_eq!(told_all.len(), kinds.len(), "{told_all:?}");
    assert!(told_all.values().all(|bodies| bodies.len() == 1), "{told_all:?}");
    let data = |kind: &str| &told_all[kind][0]["data"];
    assert_eq!(data("job.succeeded")["id"], json!(first));
    assert_eq!(data("job.failed"), &failed, "as the job is shown");
    assert_eq!(failed["error"]["code"], "test_failed");
    assert_eq!(
        (&data("job.cancelled")["id"], &data("job.cancelled")["status"]),
        (&json!(cancelled), &json!("cancelled"))
    );
    let edit = data("order.changed_externally");
    assert_eq!(
        (&edit["store_id"], &edit["order_id"], &edit["source"]),
        (&json!(desk::STORE), &json!(order), &json!("external"))
    );
    let diff = edit["diff"].as_array().expect("a diff");
    assert!(
        diff.iter()
            .any(|op| op["path"] == "/email" && op["value"] == "theirs@example.com"),
        "{edit}"
    );
    assert_eq!(
        (
            &data("store.paused")["paused_reason"],
            &data("store.resumed")["paused"]
        ),
        (&json!("user"), &json!(false))
    );
    assert_eq!(data("test")["endpoint_id"], json!(endpoint));
    // `sequence` is the event's place in the log, and says how the events followed each other.
    let sequence = |kind: &str| told_all[kind][0]["sequence"].as_u64().expect("a position");
    let order_of_kinds = [
        "job.succeeded",
        "order.changed_externally",
        "job.failed",
        "store.paused",
        "job.cancelled",
        "store.resumed",
        "test",
    ];
    let sequences = order_of_kinds.map(sequence);
    assert!(sequences.is_sorted(), "{sequences:?}");
    let log = client.get("/audit?type=job.failed.v1").await.expect(200).body;
    assert_eq!(log["data"][0]["position"], json!(sequence("job.failed")));

    let told_some = eventually("what one asked for to be told", PATIENCE, async || {
        let told = told(&some);
        (told.len() == 2).then_some(told)
    })
    .await;
    for kind in ["job.failed", "order.changed_externally"] {
        assert_eq!(told_some[kind], told_all[kind], "the same for everybody");
    }
}
