//! Registering, listing, changing and removing stores.

use serde_json::json;

use crate::place::{KEY, Place};

#[tokio::test]
async fn the_call_of_the_specification_registers_a_store() {
    let place = Place::new().await;
    let body = r#"{
  "store_id": "your-store-id",
  "api_key": "your-api-key",
  "label": "My Store"
}"#;
    let reply = place
        .post("/stores")
        .header("content-type", "application/json")
        .raw(body)
        .await;
    assert_eq!(reply.header("location"), Some("/stores/your-store-id"));
    let store = reply.ok(201);
    assert_eq!(
        (&store["store_id"], &store["label"]),
        (&json!("your-store-id"), &json!("My Store"))
    );
    assert_eq!(
        (&store["paused"], &store["paused_reason"]),
        (&json!(false), &json!(null))
    );
    assert!(store["id"].is_string() && store["created_at"].is_string() && store["updated_at"].is_string());
    assert!(!store.to_string().contains("your-api-key"));
    let listed = place.get("/stores").send().await.ok(200);
    assert_eq!(listed["data"], json!([store]));
}

#[tokio::test]
async fn a_store_is_found_by_its_ids_and_by_a_unique_label() {
    let place = Place::new().await;
    let store = place.register(KEY, "101").await;
    let found = place.get("/stores/101").send().await.ok(200);
    assert_eq!(
        found["queue"],
        json!({"queued": 0, "running": 0, "oldest_wait_ms": null, "eta": null})
    );
    assert_eq!(
        (&found["tokens"]["size"], &found["tokens"]["refill_per_second"]),
        (&json!(20), &json!(3.0))
    );
    for name in [store["id"].as_str().unwrap(), "Shop%20101"] {
        assert_eq!(
            place.get(&format!("/stores/{name}")).send().await.ok(200)["store_id"],
            "101"
        );
    }
    place.register(KEY, "102").await;
    let same = json!({"label": "Shop 101"});
    place.call("PATCH", "/stores/102").json(&same).await.ok(200);
    place
        .get("/stores/Shop%20101")
        .send()
        .await
        .refused(409, "store_ambiguous");
    place
        .get("/stores/103")
        .send()
        .await
        .refused(404, "store_not_found");
}

#[tokio::test]
async fn a_store_is_registered_once_and_what_is_wrong_is_pointed_at() {
    let place = Place::new().await;
    place.register(KEY, "101").await;
    let again = json!({"store_id": "101", "api_key": "x"});
    place
        .post("/stores")
        .json(&again)
        .await
        .refused(409, "store_exists");
    let reply = place
        .post("/stores")
        .json(&json!({"store": "1"}))
        .await
        .refused(422, "validation_failed");
    assert_eq!(reply.pointers(), ["/store_id", "/api_key", "/store"]);
    let query = place
        .post("/stores?verfy=true")
        .json(&again)
        .await
        .refused(422, "validation_failed");
    assert_eq!(query.pointers(), ["/query/verfy"]);
    assert_eq!(query.body["errors"][0]["parameter"], "verfy");
}

#[tokio::test]
async fn credentials_are_tried_when_asked_for() {
    let place = Place::new().await;
    let wrong = json!({"store_id": "101", "api_key": "wrong"});
    let reply = place.post("/stores?verify=true").json(&wrong).await;
    reply.refused(422, "store_credentials_rejected");
    let right = json!({"store_id": "101", "api_key": "key-101"});
    place.post("/stores?verify=true").json(&right).await.ok(201);
}

#[tokio::test]
async fn a_store_is_renamed_paused_resumed_and_given_another_key() {
    let place = Place::new().await;
    place.register(KEY, "101").await;
    let patch = |body: serde_json::Value| {
        let call = place.call("PATCH", "/stores/101");
        async move { call.json(&body).await }
    };
    let store = patch(json!({"label": "New", "paused": true})).await.ok(200);
    assert_eq!(
        (&store["label"], &store["paused_reason"]),
        (&json!("New"), &json!("user"))
    );
    let store = patch(json!({"paused": false, "label": null, "api_key": "other"}))
        .await
        .ok(200);
    assert_eq!((&store["label"], &store["paused"]), (&json!(null), &json!(false)));
    let refused = patch(json!({"paused": 1, "store_id": "7"}))
        .await
        .refused(422, "validation_failed");
    assert_eq!(refused.pointers(), ["/paused", "/store_id"]);
}

#[tokio::test]
async fn a_deleted_store_is_gone_and_its_repeat_with_the_key_is_answered_as_the_first() {
    let place = Place::new().await;
    place.register(KEY, "101").await;
    let delete = || {
        place
            .call("DELETE", "/stores/101")
            .header("idempotency-key", "d-1")
            .send()
    };
    let first = delete().await;
    assert_eq!((first.status.as_u16(), first.text.as_str()), (204, ""));
    assert_eq!(first.header("idempotency-replayed"), None);
    place
        .get("/stores/101")
        .send()
        .await
        .refused(404, "store_not_found");
    let again = delete().await;
    assert_eq!(
        (again.status.as_u16(), again.header("idempotency-replayed")),
        (204, Some("true"))
    );
    place
        .call("DELETE", "/stores/101")
        .send()
        .await
        .refused(404, "store_not_found");
    place.register(KEY, "101").await;
}

#[tokio::test]
async fn stores_are_listed_in_pages_newest_first() {
    let place = Place::new().await;
    for store in ["201", "202", "203"] {
        place.register(KEY, store).await;
    }
    let ids = |page: &serde_json::Value| -> Vec<String> {
        let data = page["data"].as_array().unwrap();
        data.iter()
            .map(|store| store["store_id"].as_str().unwrap().to_owned())
            .collect()
    };
    let reply = place.get("/stores?limit=2").send().await;
    let link = reply.header("link").unwrap().to_owned();
    let page = reply.ok(200);
    assert_eq!(ids(&page), ["203", "202"]);
    let next = link
        .strip_prefix('<')
        .and_then(|link| link.split_once('>'))
        .unwrap()
        .0;
    assert!(link.ends_with("; rel=\"next\"") && next.contains(page["next_cursor"].as_str().unwrap()));
    let last = place.get(next).send().await;
    assert_eq!(last.header("link"), None);
    let last = last.ok(200);
    assert_eq!(
        (ids(&last), &last["next_cursor"]),
        (vec!["201".to_owned()], &json!(null))
    );
    place
        .get("/stores?cursor=rubbish")
        .send()
        .await
        .refused(400, "invalid_cursor");
    place
        .get("/stores?limit=501")
        .send()
        .await
        .refused(422, "validation_failed");
}
