//! What Order Desk and relays tell of orders.

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::Sha256;
use simulator::Edit;
use url::form_urlencoded;

use crate::place::{KEY, OTHER_KEY, Place, Reply};

const SECRET: &str = "the-relays-secret";

/// The hexadecimal HMAC-SHA256.
pub fn sign(key: &str, content: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(content);
    hex::encode(mac.finalize().into_bytes())
}

/// Posts a form as Order Desk does.
async fn post(place: &Place, key: &str, order: &Value) -> Reply {
    let field = order.to_string();
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("order", &field)
        .finish();
    place
        .post("/webhooks/orderdesk")
        .anonymous()
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-order-desk-store-id", "101")
        .header("x-order-desk-hash", &sign(key, field.as_bytes()))
        .raw(body)
        .await
}

async fn history(place: &Place, key: &str, order: &str) -> Vec<Value> {
    let uri = format!("/stores/101/orders/{order}/history");
    let page = place.get(&uri).key(key).send().await.ok(200);
    page["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn an_order_that_order_desk_posts_is_recorded_once_and_read_anew() {
    let (place, order) = Place::with_order().await;
    let uri = format!("/stores/101/orders/{order}");
    place.get(&uri).send().await.ok(200);
    let edit = Edit::merge(json!({"email": "theirs@example.com"}));
    place.desk.foreign_edit("101", &order, edit).unwrap();
    let image = place.desk.get_order("101", &order).unwrap();
    assert_eq!(
        place.get(&uri).send().await.header("x-cache"),
        Some("hit"),
        "nobody has told yet"
    );
    assert_eq!(
        post(&place, "key-101", &image).await.ok(200),
        json!({"status": "ok"})
    );
    assert_eq!(
        place.get(&uri).send().await.ok(200)["email"],
        "theirs@example.com"
    );
    let told = history(&place, KEY, &order).await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        (&told[0]["source"], &told[0]["etag_before"]),
        (&json!("external"), &Value::Null)
    );
    let then = format!("{uri}?at={}", told[0]["at"].as_str().unwrap());
    assert_eq!(place.get(&then).send().await.ok(200), image);
    post(&place, "key-101", &image).await.ok(200);
    assert_eq!(
        history(&place, KEY, &order).await.len(),
        1,
        "a repeat does nothing"
    );
    let mut next = image.clone();
    next["email"] = json!("again@example.com");
    post(&place, "key-101", &next).await.ok(200);
    let told = history(&place, KEY, &order).await;
    let diff = json!([{"op": "replace", "path": "/email", "value": "again@example.com"}]);
    assert_eq!((told.len(), &told[0]["diff"]), (2, &diff));
    next["date_updated"] = json!("2001-01-01 00:00:00");
    next["email"] = json!("old@example.com");
    post(&place, "key-101", &next).await.ok(200);
    assert_eq!(
        history(&place, KEY, &order).await.len(),
        2,
        "older than what is known"
    );
}

#[tokio::test]
async fn each_registration_believes_its_own_key_alone() {
    let (place, order) = Place::with_order().await;
    // Another tenant has the same store, with a key that Order Desk does not know.
    let body = json!({"store_id": "101", "api_key": "a-wrong-key"});
    place.post("/stores").key(OTHER_KEY).json(&body).await.ok(201);
    let image = place.desk.get_order("101", &order).unwrap();
    post(&place, "key-101", &image).await.ok(200);
    assert_eq!(history(&place, KEY, &order).await.len(), 1);
    assert!(history(&place, OTHER_KEY, &order).await.is_empty());
    post(&place, "a-wrong-key", &image).await.ok(200);
    assert_eq!(history(&place, OTHER_KEY, &order).await.len(), 1);
    assert_eq!(history(&place, KEY, &order).await.len(), 1);
    post(&place, "nobodys-key", &image)
        .await
        .refused(401, "invalid_signature");
}

#[tokio::test]
async fn a_job_at_work_leaves_what_others_did_to_its_owner() {
    let (place, order) = Place::with_order().await;
    let shown = place.note(&order, "ours").await;
    place.begin(&place.job(&shown).await).await;
    let image = place.desk.get_order("101", &order).unwrap();
    post(&place, "key-101", &image).await.ok(200);
    assert!(history(&place, KEY, &order).await.is_empty());
}

#[tokio::test]
async fn a_relay_is_believed_by_the_gateways_secret_and_without_one_nobody_is() {
    let place = Place::with_app(|config| config.webhook_secret = Some(SecretString::from(SECRET))).await;
    place.register(KEY, "101").await;
    let order = place.desk.seed_orders("101", 1).unwrap().remove(0);
    let image = place.desk.get_order("101", &order).unwrap();
    let body = json!({"event_id": "e-1", "store_id": "101", "order": image});
    let send = async |place: &Place, body: &Value, signature: String| {
        let call = place.post("/webhooks/orderdesk").anonymous();
        call.header("x-orderdesk-signature", &signature).json(body).await
    };
    let signed = |body: &Value| sign(SECRET, body.to_string().as_bytes());
    send(&place, &body, signed(&body)).await.ok(200);
    send(&place, &body, signed(&body)).await.ok(200);
    assert_eq!(history(&place, KEY, &order).await.len(), 1);
    send(&place, &body, sign("another", body.to_string().as_bytes()))
        .await
        .refused(401, "invalid_signature");
    let empty = json!({"event_id": "e-2", "store_id": "101", "order": {}, "more": 1});
    send(&place, &empty, signed(&empty))
        .await
        .refused(422, "validation_failed");
    let nameless = json!({"event_id": "e-2", "store_id": "101", "order": {}});
    let refused = send(&place, &nameless, signed(&nameless)).await;
    assert_eq!(refused.refused(422, "validation_failed").pointers(), ["/order"]);
    let unset = Place::new().await;
    send(&unset, &body, sign("", body.to_string().as_bytes()))
        .await
        .refused(401, "invalid_signature");
}

#[tokio::test]
async fn what_is_neither_signed_nor_an_order_is_refused() {
    let (place, _) = Place::with_order().await;
    let call = || place.post("/webhooks/orderdesk").anonymous();
    call()
        .header("content-type", "text/plain")
        .raw("order=1")
        .await
        .refused(415, "unsupported_media_type");
    let form = || call().header("content-type", "application/x-www-form-urlencoded");
    form().raw("order=%7B%7D").await.refused(401, "invalid_signature");
    let named = || form().header("x-order-desk-store-id", "101");
    let hash = sign("key-101", b"[]");
    named()
        .header("x-order-desk-hash", &hash)
        .raw("order=[]")
        .await
        .refused(422, "validation_failed");
    named()
        .header("x-order-desk-hash", &hash)
        .raw("other=[]")
        .await
        .refused(422, "validation_failed");
    named()
        .header("x-order-desk-hash", "zz")
        .raw("order=[]")
        .await
        .refused(401, "invalid_signature");
    let large = format!("order={}", "x".repeat(1 << 20));
    named()
        .header("x-order-desk-hash", &hash)
        .raw(large)
        .await
        .refused(413, "body_too_large");
}
