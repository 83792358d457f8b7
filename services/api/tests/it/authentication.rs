//! Who is let in, and what is said to the others.

use std::time::Duration;

use axum::body::Body;
use futures::stream;
use serde_json::json;

use crate::place::{ADMIN, KEY, OTHER_KEY, Place};

#[tokio::test]
async fn a_request_without_a_key_is_refused_on_every_tenant_route() {
    let place = Place::new().await;
    let routes = [
        ("GET", "/tenant"),
        ("DELETE", "/tenant"),
        ("GET", "/tenant/keys"),
        ("POST", "/tenant/keys"),
        ("DELETE", "/tenant/keys/01920000-0000-7000-8000-000000000000"),
        ("POST", "/tenants"),
        ("GET", "/admin/tenants"),
        ("DELETE", "/admin/tenants/01920000-0000-7000-8000-000000000000"),
        ("GET", "/admin/queue"),
        ("POST", "/admin/projections/jobs:rebuild"),
        ("GET", "/stores"),
        ("POST", "/stores"),
        ("GET", "/stores/101"),
        ("PATCH", "/stores/101"),
        ("DELETE", "/stores/101"),
        ("POST", "/stores/101/orders"),
        ("GET", "/stores/101/orders/1"),
        ("PUT", "/stores/101/orders/1"),
        ("DELETE", "/stores/101/orders/1"),
        ("POST", "/stores/101/orders/1:mutate"),
        ("POST", "/stores/101/orders/1/move-folder"),
        ("POST", "/stores/101/orders/1/add-items"),
        ("POST", "/stores/101/orders/1/update-address"),
        ("POST", "/stores/101/orders/1/add-note"),
        ("POST", "/stores/101/inventory"),
        ("PUT", "/stores/101/inventory/1"),
        ("DELETE", "/stores/101/inventory/1"),
        ("POST", "/stores/101/jobs:batch"),
        ("GET", "/jobs"),
        ("GET", "/jobs/1"),
        ("GET", "/jobs/events"),
        ("GET", "/jobs/1/events"),
        ("POST", "/jobs/1:cancel"),
        ("POST", "/jobs/1:retry"),
        ("POST", "/jobs:retry"),
        ("POST", "/jobs:cancel"),
    ];
    for (method, uri) in routes {
        let reply = place
            .call(method, uri)
            .anonymous()
            .send()
            .await
            .refused(401, "unauthorized");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"), "{method} {uri}");
    }
}

#[tokio::test]
async fn a_short_key_that_nobody_knows_is_unknown_and_a_long_one_sees_an_empty_tenant() {
    let place = Place::new().await;
    place
        .get("/stores")
        .key("short")
        .send()
        .await
        .refused(401, "unauthorized");
    let stores = place.get("/stores").send().await.ok(200);
    assert_eq!(stores, json!({"data": [], "next_cursor": null}));
    let tenant = place.get("/tenant").send().await.ok(200);
    assert_eq!(
        (&tenant["tenant_id"], &tenant["stores"]),
        (&json!(null), &json!(0))
    );
    place.register(KEY, "101").await;
    let tenant = place.get("/tenant").send().await.ok(200);
    assert!(tenant["tenant_id"].is_string() && tenant["created_at"].is_string());
    assert_eq!(tenant["stores"], 1);
    assert_eq!(tenant["jobs"], json!({"queued": 0, "running": 0}));
}

#[tokio::test]
async fn keys_in_the_query_are_refused_with_a_hint_even_beside_a_good_header() {
    let place = Place::new().await;
    for query in ["token=abc", "access_token=abc", "api_key=abc"] {
        let reply = place
            .get(&format!("/stores?{query}"))
            .send()
            .await
            .refused(401, "unauthorized");
        assert!(
            reply.body["detail"]
                .as_str()
                .unwrap()
                .contains("Authorization: Bearer")
        );
        assert!(!reply.text.contains("abc"));
    }
}

#[tokio::test]
async fn the_administrators_token_opens_no_tenant() {
    let place = Place::new().await;
    place
        .get("/stores")
        .key(ADMIN)
        .send()
        .await
        .refused(401, "unauthorized");
}

#[tokio::test]
async fn the_body_of_a_stranger_is_not_read() {
    let place = Place::new().await;
    // A body that never comes: whoever reads it waits for ever.
    let never = Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let call = place
        .post("/stores")
        .anonymous()
        .header("content-type", "application/json");
    let reply = tokio::time::timeout(Duration::from_secs(5), call.raw(never)).await;
    reply
        .expect("answered without the body")
        .refused(401, "unauthorized");
}

#[tokio::test]
async fn what_belongs_to_another_tenant_is_not_there() {
    let (place, order) = Place::with_order().await;
    place.register(OTHER_KEY, "102").await;
    let job = place.note(&order, "ours").await;
    let id = job["id"].as_str().unwrap();
    let store = place.get("/stores/101").send().await.ok(200)["id"]
        .as_str()
        .unwrap()
        .to_owned();

    for uri in [
        "/stores/101".to_owned(),
        format!("/stores/{store}"),
        "/stores/Shop%20101".to_owned(),
    ] {
        place
            .get(&uri)
            .key(OTHER_KEY)
            .send()
            .await
            .refused(404, "store_not_found");
    }
    place
        .get(&format!("/stores/101/orders/{order}"))
        .key(OTHER_KEY)
        .send()
        .await
        .refused(404, "store_not_found");
    let note = place
        .post(&format!("/stores/101/orders/{order}/add-note"))
        .key(OTHER_KEY);
    note.json(&json!({"note": "theirs"}))
        .await
        .refused(404, "store_not_found");
    place
        .get(&format!("/jobs/{id}"))
        .key(OTHER_KEY)
        .send()
        .await
        .refused(404, "job_not_found");
    place
        .post(&format!("/jobs/{id}:cancel"))
        .key(OTHER_KEY)
        .send()
        .await
        .refused(404, "job_not_found");
    place
        .post(&format!("/jobs/{id}:retry"))
        .key(OTHER_KEY)
        .send()
        .await
        .refused(404, "job_not_found");
    assert_eq!(
        place.get("/jobs").key(OTHER_KEY).send().await.ok(200)["data"],
        json!([])
    );
    let many = place
        .post("/jobs:cancel")
        .key(OTHER_KEY)
        .json(&json!({}))
        .await
        .ok(200);
    assert_eq!(many["count"], 0);
    let theirs = place
        .get(&format!("/jobs?store_id={store}"))
        .key(OTHER_KEY)
        .send()
        .await
        .ok(200);
    assert_eq!(theirs["data"], json!([]));
    place
        .call("DELETE", "/stores/101")
        .key(OTHER_KEY)
        .send()
        .await
        .refused(404, "store_not_found");
}
