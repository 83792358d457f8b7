//! A tenant's keys, and its end.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::eventually;

use crate::place::{KEY, OTHER_KEY, Place};
use crate::sse::{Block, Events};

const NOBODYS: &str = "01920000-0000-7000-8000-000000000000";

/// Makes a key; its id and itself.
async fn make(place: &Place, body: &Value) -> (String, String) {
    let made = place.post("/tenant/keys").json(body).await.ok(201);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("master_key"))
}

async fn listed(place: &Place, key: &str) -> Vec<Value> {
    let list = place.get("/tenant/keys").key(key).send().await;
    assert!(
        !list.text.contains("odgk_") && !list.text.contains(key),
        "{}",
        list.text
    );
    list.ok(200)["data"].as_array().unwrap().clone()
}

async fn revoke(place: &Place, id: &str, key: &str) -> crate::place::Reply {
    place
        .call("DELETE", &format!("/tenant/keys/{id}"))
        .key(key)
        .send()
        .await
}

#[tokio::test]
async fn a_key_is_replaced_while_the_old_one_still_works() {
    let place = Place::new().await;
    place.register(KEY, "101").await;
    let before = listed(&place, KEY).await;
    assert_eq!(before.len(), 1, "the key that made the tenant is one like others");
    let old = before[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        (&before[0]["label"], &before[0]["current"]),
        (&json!(null), &json!(true))
    );
    revoke(&place, &old, KEY).await.refused(409, "last_key");

    let (id, new) = make(&place, &json!({"label": "CI"})).await;
    assert!(
        new.starts_with("odgk_") && new.len() >= 48,
        "256 bits and recognisable"
    );
    for key in [KEY, &new] {
        assert_eq!(place.get("/stores/101").key(key).send().await.status, 200);
    }
    let keys = listed(&place, &new).await;
    let shown = |key: &Value| (key["id"].clone(), key["current"].clone());
    assert_eq!(
        [shown(&keys[0]), shown(&keys[1])],
        [(json!(id), json!(true)), (json!(old), json!(false))]
    );
    revoke(&place, &old, &new).await.ok(204);
    let reply = place.get("/stores").send().await.refused(401, "key_revoked");
    assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    revoke(&place, &old, &new).await.ok(204);
    let store = json!({"store_id": "102", "api_key": "x"});
    place
        .post("/stores")
        .json(&store)
        .await
        .refused(401, "key_revoked");
    assert!(listed(&place, &new).await[1]["revoked_at"].is_string());
    revoke(&place, &id, &new).await.refused(409, "last_key");
}

#[tokio::test]
async fn a_key_may_end_by_itself() {
    let place = Place::new().await;
    place.register(KEY, "101").await;
    let soon = place.app.now().plus(Duration::from_secs(1));
    let (id, new) = make(&place, &json!({"label": "short", "expires_at": soon})).await;
    eventually("the key ends", Duration::from_secs(20), || async {
        place.get("/stores").key(&new).send().await.status == 401
    })
    .await;
    place
        .get("/stores")
        .key(&new)
        .send()
        .await
        .refused(401, "key_revoked");
    // It is no key that could keep the tenant open.
    let own = listed(&place, KEY).await[1]["id"].as_str().unwrap().to_owned();
    revoke(&place, &own, KEY).await.refused(409, "last_key");
    revoke(&place, &id, KEY).await.ok(204);
}

#[tokio::test]
async fn a_request_for_a_key_is_checked_and_answered_once() {
    let place = Place::new().await;
    let post = || place.post("/tenant/keys");
    for (body, pointer) in [
        (json!({}), "/label"),
        (json!({"label": ""}), "/label"),
        (
            json!({"label": "a", "expires_at": "2001-01-01T00:00:00Z"}),
            "/expires_at",
        ),
        (json!({"label": "a", "expires_at": 7}), "/expires_at"),
        (json!({"label": "a", "expires": null}), "/expires"),
    ] {
        let refused = post().json(&body).await.refused(422, "validation_failed");
        assert_eq!(refused.pointers(), [pointer]);
    }
    let tenant = place.get("/tenant").send().await.ok(200);
    assert_eq!(
        tenant["tenant_id"],
        Value::Null,
        "a refused change writes no tenant"
    );
    let keyed = || post().header("idempotency-key", "k-1");
    let first = keyed().json(&json!({"label": "a"})).await.ok(201);
    let again = keyed().json(&json!({"label": "a"})).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.ok(201), first);
    keyed()
        .json(&json!({"label": "b"}))
        .await
        .refused(422, "idempotency_key_reused");
    let keys = listed(&place, KEY).await;
    assert_eq!(
        keys.len(),
        2,
        "its first change wrote the tenant with the key that asked"
    );
    assert_eq!(
        (&keys[0]["id"], &keys[1]["current"]),
        (&first["id"], &json!(true))
    );
}

#[tokio::test]
async fn keys_of_others_are_not_there() {
    let place = Place::new().await;
    place.register(KEY, "101").await;
    place.register(OTHER_KEY, "102").await;
    let theirs = listed(&place, OTHER_KEY).await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for id in [&*theirs, NOBODYS, "x"] {
        revoke(&place, id, KEY).await.refused(404, "key_not_found");
    }
    assert_eq!(place.get("/stores").key(OTHER_KEY).send().await.status, 200);
}

#[tokio::test]
async fn keys_are_listed_in_pages_and_not_without_end() {
    let place = Place::new().await;
    for number in 0..99 {
        make(&place, &json!({"label": number.to_string()})).await;
    }
    let more = place.post("/tenant/keys").json(&json!({"label": "x"})).await;
    more.refused(409, "too_many_keys");
    let page = place.get("/tenant/keys?limit=2").send().await;
    let link = page.header("link").unwrap().to_owned();
    let page = page.ok(200);
    let labels = (&page["data"][0]["label"], &page["data"][1]["label"]);
    assert_eq!(labels, (&json!("98"), &json!("97")));
    let next = place
        .get(link[1..].split('>').next().unwrap())
        .send()
        .await
        .ok(200);
    assert_eq!(next["data"][0]["label"], "96");
}

#[tokio::test]
async fn a_stream_ends_with_the_key_that_opened_it() {
    let place = Place::new().await;
    place.register(KEY, "101").await;
    let (id, new) = make(&place, &json!({"label": "listener"})).await;
    let mut events = Events::of(place.get("/jobs/events").key(&new), None).await;
    assert!(matches!(events.block().await, Block::Comment { .. }));
    revoke(&place, &id, KEY).await.ok(204);
    assert_eq!(events.block().await, Block::End);
}

#[tokio::test]
async fn a_tenant_is_erased_only_when_that_is_confirmed() {
    let place = Place::new().await;
    let delete = || place.call("DELETE", "/tenant");
    delete().send().await.refused(404, "tenant_not_found");
    let (_, second) = make(&place, &json!({"label": "second"})).await;
    let tenant = place.get("/tenant").send().await.ok(200);
    let id = tenant["tenant_id"].as_str().unwrap();
    delete().send().await.refused(400, "invalid_header");
    for wrong in ["yes", NOBODYS] {
        delete()
            .header("confirm", wrong)
            .send()
            .await
            .refused(400, "invalid_header");
    }
    let deleted = delete().header("confirm", id).send().await.ok(202);
    assert_eq!(
        (&deleted["tenant_id"], &deleted["erased_at"]),
        (&json!(id), &json!(null))
    );
    for key in [KEY, &second] {
        place
            .get("/tenant")
            .key(key)
            .send()
            .await
            .refused(401, "key_revoked");
        let again = delete().key(key).header("confirm", id).send().await;
        again.refused(401, "key_revoked");
    }
}
