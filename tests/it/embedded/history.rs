//! The history of an order over HTTP: what changed, how it was, and how a change is taken back.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::Edit;
use system_tests::{Gateway, desk};

use super::PATIENCE;

#[tokio::test]
async fn a_change_is_listed_looked_back_on_and_taken_back() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let path = format!("/stores/{}/orders/{order}", desk::STORE);
    let original = gateway.desk.get_order(desk::STORE, &order).unwrap();
    let job = client.submit_note(desk::STORE, &order, "ours").await;
    let noted = client.wait_succeeded(&job, PATIENCE).await;
    gateway
        .desk
        .foreign_edit(
            desk::STORE,
            &order,
            Edit::merge(json!({"email": "theirs@example.com"})),
        )
        .unwrap();

    // A dry run shows the way back and queues nothing.
    let revert = format!("/jobs/{job}:revert");
    let shown = client
        .post(&format!("{revert}?dry_run=true"), &json!({}))
        .await
        .expect(200);
    assert_eq!(shown.body["dry_run"], true);
    assert_eq!(shown.body["after"]["order_notes"], original["order_notes"]);
    assert_eq!(shown.body["after"]["email"], "theirs@example.com");

    let send = async || {
        let request = client
            .request(Method::POST, &revert)
            .header("prefer", "wait=30")
            .header("idempotency-key", "once");
        client.send(request).await.unwrap()
    };
    let reverted = send().await.expect(200).body;
    assert_eq!(
        (&reverted["status"], &reverted["revert_of"]),
        (&json!("succeeded"), &json!(job)),
        "{reverted}"
    );
    let again = send().await.expect(200);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.body["id"], reverted["id"]);
    let now = gateway.desk.get_order(desk::STORE, &order).unwrap();
    assert_eq!(
        (&now["order_notes"], &now["email"]),
        (&original["order_notes"], &json!("theirs@example.com"))
    );

    let history = client.get(&format!("{path}/history")).await.expect(200).body;
    let told: Vec<(&str, &Value)> = history["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| (change["source"].as_str().unwrap(), &change["job_id"]))
        .collect();
    assert_eq!(
        told,
        [
            ("gateway", &reverted["id"]),
            ("external", &Value::Null),
            ("gateway", &json!(job))
        ]
    );
    assert_eq!(history["data"][2]["patch"], noted["result"]["patch"]);
    let then = history["data"][2]["at"].as_str().unwrap();
    let then = client.get(&format!("{path}?at={then}")).await.expect(200);
    assert_eq!(
        then.header("etag"),
        noted["result"]["etag_after"].as_str().unwrap()
    );
    assert_eq!(then.body["email"], original["email"]);
    assert_ne!(then.body["order_notes"], original["order_notes"]);
    let early = client.get(&format!("{path}?at=2020-01-01T00:00:00Z")).await;
    assert_eq!((early.status, early.code()), (404, "order_not_found"));
}
