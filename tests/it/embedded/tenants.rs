//! Tenants cannot see or touch what is each other's.

use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{Gateway, desk};

use super::PATIENCE;

#[tokio::test]
async fn what_belongs_to_another_tenant_does_not_exist() {
    let gateway = Gateway::start().await;
    let owner = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let job = owner.submit_note(desk::STORE, &order, "mine alone").await;
    owner.wait_succeeded(&job, PATIENCE).await;
    let registration = owner.get("/stores").await.expect(200).body["data"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();

    let stranger = gateway.client();
    // A tenant of its own, so that it is not merely unknown.
    gateway
        .desk
        .add_store(simulator::StoreConfig::new("theirs", "their-key"));
    stranger.register_store("theirs", "their-key").await;
    let before = gateway.desk.counters().store(desk::STORE).requests;
    let state = desk::order(&gateway.desk, &order);

    for store in [desk::STORE, registration.as_str()] {
        let orders = format!("/stores/{store}/orders");
        let note = json!({"note": "not mine"});
        let calls: Vec<(Method, String, Value)> = vec![
            (Method::GET, format!("/stores/{store}"), Value::Null),
            (
                Method::PATCH,
                format!("/stores/{store}"),
                json!({"label": "taken"}),
            ),
            (Method::DELETE, format!("/stores/{store}"), Value::Null),
            (Method::GET, format!("{orders}/{order}"), Value::Null),
            (Method::POST, orders.clone(), json!({"email": "x@example.com"})),
            (
                Method::PUT,
                format!("{orders}/{order}"),
                json!({"email": "x@example.com"}),
            ),
            (Method::DELETE, format!("{orders}/{order}"), Value::Null),
            (Method::POST, format!("{orders}/{order}/add-note"), note.clone()),
            (
                Method::POST,
                format!("{orders}/{order}/add-note?dry_run=true"),
                note.clone(),
            ),
            (
                Method::POST,
                format!("{orders}/{order}/move-folder"),
                json!({"folder_id": 2}),
            ),
            (
                Method::POST,
                format!("{orders}/{order}:mutate"),
                json!({"operations": [{"op": "add", "path": "/x", "value": 1}]}),
            ),
            (
                Method::POST,
                format!("/stores/{store}/jobs:batch"),
                json!({"jobs": [{"kind": "order.add_note", "order_id": order, "body": note}]}),
            ),
            (
                Method::POST,
                format!("/stores/{store}/inventory"),
                json!({"name": "x", "code": "x"}),
            ),
            (
                Method::PUT,
                format!("/stores/{store}/inventory/1"),
                json!({"stock": 1}),
            ),
            (
                Method::DELETE,
                format!("/stores/{store}/inventory/1"),
                Value::Null,
            ),
        ];
        for (method, path, body) in calls {
            let request = stranger.request(method.clone(), &path);
            let request = if body.is_null() {
                request
            } else {
                request.json(&body)
            };
            let answer = stranger.send(request).await.unwrap();
            assert_eq!(
                (answer.status, answer.code()),
                (404, "store_not_found"),
                "{method} {path}: {}",
                answer.body
            );
        }
    }
    for path in [format!("/jobs/{job}"), format!("/jobs/{job}?wait=1")] {
        assert_eq!(stranger.get(&path).await.status, 404, "{path}");
    }
    for verb in ["cancel", "retry"] {
        let answer = stranger.post(&format!("/jobs/{job}:{verb}"), &json!({})).await;
        assert_eq!(answer.status, 404, "{verb}: {}", answer.body);
    }
    assert_eq!(stranger.get("/jobs").await.expect(200).body["data"], json!([]));
    let stores = stranger.get("/stores").await.expect(200).body;
    assert!(!stores.to_string().contains(desk::STORE), "{stores}");
    assert_eq!(stranger.get("/tenant").await.expect(200).body["stores"], 1);

    assert_eq!(
        gateway.desk.counters().store(desk::STORE).requests,
        before,
        "nothing went to the owner's store"
    );
    assert_eq!(desk::order(&gateway.desk, &order), state);
    assert_eq!(
        owner
            .get(&format!("/stores/{registration}"))
            .await
            .expect(200)
            .body["label"],
        Value::Null
    );
}

#[tokio::test]
async fn an_idempotency_key_is_a_tenants_own() {
    let gateway = Gateway::start().await;
    let (one, two) = (
        gateway.client_with_store().await,
        gateway.client_with_store().await,
    );
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let path = format!("/stores/{}/orders/{order}/add-note", desk::STORE);
    let mut jobs = Vec::new();
    for client in [&one, &two] {
        let request = client
            .request(Method::POST, &path)
            .header("Idempotency-Key", "the-same")
            .json(&json!({"note": "both of us"}));
        let answer = client.send(request).await.unwrap().expect(202);
        assert_eq!(answer.header("Idempotency-Replayed"), "");
        jobs.push(answer.id());
        client.wait_succeeded(jobs.last().unwrap(), PATIENCE).await;
    }
    assert_ne!(jobs[0], jobs[1]);
    assert_eq!(
        desk::count(&desk::notes_of(&gateway.desk, desk::STORE, &order), "both of us"),
        2
    );
}

#[tokio::test]
async fn a_stranger_with_a_wrong_key_slows_and_stops_nobody() {
    let gateway = Gateway::builder().real_bucket().start().await;
    let owner = gateway.client_with_store().await;
    let stranger = gateway.client();
    stranger.register_store(desk::STORE, "a-wrong-key").await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let theirs: Vec<_> = (0..50)
        .map(|n| json!({"kind": "order.add_note", "order_id": order, "body": {"note": format!("intruder {n}")}}))
        .collect();
    stranger.batch(desk::STORE, &theirs).await;
    let asked = std::time::Instant::now();
    let job = owner.submit_note(desk::STORE, &order, "the owner's").await;
    owner.wait_succeeded(&job, PATIENCE).await;
    assert!(
        asked.elapsed() < std::time::Duration::from_secs(3),
        "{:?}",
        asked.elapsed()
    );
    let paused = async || {
        let store = stranger
            .get(&format!("/stores/{}", desk::STORE))
            .await
            .expect(200)
            .body;
        if store["paused_reason"] == "credentials_rejected" {
            Ok(())
        } else {
            Err(store.to_string())
        }
    };
    testkit::eventually("the stranger's registration is paused", PATIENCE, paused).await;
    let store = owner
        .get(&format!("/stores/{}", desk::STORE))
        .await
        .expect(200)
        .body;
    assert_eq!(store["paused"], false, "{store}");
    let notes = desk::notes_of(&gateway.desk, desk::STORE, &order);
    assert!(notes.iter().all(|note| !note.contains("intruder")), "{notes:?}");
}
