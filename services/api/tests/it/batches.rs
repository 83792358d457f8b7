//! Many commands in one call.

use serde_json::{Value, json};

use crate::place::Place;

async fn batch(place: &Place, jobs: Value) -> crate::place::Reply {
    place
        .post("/stores/101/jobs:batch")
        .json(&json!({"jobs": jobs}))
        .await
}

#[tokio::test]
async fn jobs_come_back_in_request_order_with_their_options() {
    let (place, _) = Place::with_order().await;
    let jobs = json!([
        {"kind": "order.add_note", "order_id": "7", "body": {"note": "a"}, "priority": "high"},
        {"kind": "order.create", "body": {"email": "a@example.com"}},
        {"kind": "order.delete", "order_id": "8", "if_match": "\"t\"", "guard": "strict"},
        {"kind": "inventory.update", "item_id": "9", "body": {"stock": 1}},
    ]);
    let data = batch(&place, jobs).await.ok(202)["data"].clone();
    let kinds: Vec<&str> = data
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "order.add_note",
            "order.create",
            "order.delete",
            "inventory.update"
        ]
    );
    assert_eq!(data[0]["priority"], "high");
    assert_eq!(data[3]["item_id"], "9");
    let delete = place.job(&data[2]).await;
    assert_eq!((delete.if_match.as_deref(), delete.strict), (Some("\"t\""), true));
}

#[tokio::test]
async fn one_bad_item_refuses_the_whole_and_errors_point_into_it() {
    let (place, _) = Place::with_order().await;
    let good = json!({"kind": "order.add_note", "order_id": "7", "body": {"note": "a"}});
    let bad_body = json!({"kind": "order.add_note", "order_id": "7", "body": {}});
    let reply = batch(&place, json!([good, good, good, bad_body]))
        .await
        .refused(422, "validation_failed");
    assert_eq!(reply.pointers(), ["/jobs/3/body/note"]);
    let shapes = json!([
        {"kind": "order.fly", "order_id": "7"},
        {"kind": "order.delete", "order_id": 7, "dry_run": true},
        {"kind": "order.delete", "order_id": "7", "prio": "high"},
        {"kind": "inventory.delete", "order_id": "7"},
        7,
    ]);
    let reply = batch(&place, shapes).await.refused(422, "validation_failed");
    let expected = [
        "/jobs/0/kind",
        "/jobs/1/order_id",
        "/jobs/1/dry_run",
        "/jobs/2/prio",
        "/jobs/3/order_id",
        "/jobs/4",
    ];
    assert_eq!(reply.pointers(), expected);
    let reply = batch(&place, json!([{"kind": "order.delete"}]))
        .await
        .refused(422, "validation_failed");
    assert_eq!(reply.pointers(), ["/jobs/0/order_id"]);
    assert_eq!(place.get("/jobs").send().await.ok(200)["data"], json!([]));
}

#[tokio::test]
async fn a_batch_has_one_to_a_thousand_items_and_no_precondition_of_its_own() {
    let (place, _) = Place::with_order().await;
    let item = json!({"kind": "order.add_note", "order_id": "7", "body": {"note": "a"}});
    for jobs in [json!([]), json!({}), Value::Array(vec![item.clone(); 1001])] {
        assert_eq!(
            batch(&place, jobs)
                .await
                .refused(422, "validation_failed")
                .pointers(),
            ["/jobs"]
        );
    }
    let all = batch(&place, Value::Array(vec![item.clone(); 1000]))
        .await
        .ok(202);
    assert_eq!(all["data"].as_array().unwrap().len(), 1000);
    let call = place.post("/stores/101/jobs:batch").header("if-match", "*");
    call.json(&json!({"jobs": [item]}))
        .await
        .refused(400, "invalid_header");
}

#[tokio::test]
async fn items_have_keys_of_their_own() {
    let (place, _) = Place::with_order().await;
    let item = |text: &str, key: &str| json!({"kind": "order.add_note", "order_id": "7", "body": {"note": text}, "idempotency_key": key});
    let first = batch(&place, json!([item("a", "k1")])).await.ok(202);
    let second = batch(&place, json!([item("b", "k2"), item("a", "k1")]))
        .await
        .ok(202);
    assert_eq!(second["data"][1]["id"], first["data"][0]["id"]);
    assert_ne!(second["data"][0]["id"], first["data"][0]["id"]);
    let clash = batch(&place, json!([item("c", "k3"), item("other", "k1")])).await;
    assert_eq!(
        clash.refused(422, "idempotency_key_reused").pointers(),
        ["/jobs/1/idempotency_key"]
    );
    assert_eq!(
        place.get("/jobs").send().await.ok(200)["data"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn the_whole_call_can_be_repeated() {
    let (place, _) = Place::with_order().await;
    let item = json!({"kind": "order.add_note", "order_id": "7", "body": {"note": "a"}});
    let send = || {
        place
            .post("/stores/101/jobs:batch")
            .header("idempotency-key", "b-1")
    };
    let body = json!({"jobs": [item, item]});
    let first = send().json(&body).await.ok(202);
    let again = send().json(&body).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let ids = |reply: &Value| [reply["data"][0]["id"].clone(), reply["data"][1]["id"].clone()];
    assert_eq!(ids(&again.ok(202)), ids(&first));
}

#[tokio::test]
async fn keys_that_clash_within_a_batch_are_pointed_at_whatever_follows() {
    let (place, _) = Place::with_order().await;
    let item = |text: &str, key: &str| json!({"kind": "order.add_note", "order_id": "7", "body": {"note": text}, "idempotency_key": key});
    let jobs = json!([item("a", "k1"), item("b", "k1"), item("c", "k2"), item("c", "k2")]);
    let reply = batch(&place, jobs).await.refused(422, "idempotency_key_reused");
    assert_eq!(reply.pointers(), ["/jobs/1/idempotency_key"]);
    let twice = batch(&place, json!([item("a", "k1"), item("c", "k2"), item("a", "k1")])).await;
    let data = twice.ok(202)["data"].clone();
    assert_eq!(data[0]["id"], data[2]["id"]);
    assert_ne!(data[0]["id"], data[1]["id"]);
}
