//! Asking for the erasure of personal data.

use serde_json::{Value, json};

use crate::place::{KEY, OTHER_KEY, Place};

const ORDER: &str = "/stores/101/orders/4312/personal-data";
const CUSTOMER: &str = "/stores/101/personal-data?email=jo@example.com";

#[tokio::test]
async fn an_erasure_is_accepted_whether_anything_is_known_or_not() {
    let place = Place::new().await;
    place.register(KEY, "101").await;
    let order = place.call("DELETE", ORDER).send().await.ok(202);
    assert_eq!(
        (&order["store_id"], &order["order_id"]),
        (&json!("101"), &json!("4312"))
    );
    let customer = place.call("DELETE", CUSTOMER).send().await.ok(202);
    assert_eq!(customer["order_id"], Value::Null);
    assert_ne!(order["id"], customer["id"]);
    assert!(!customer.to_string().contains("example.com"), "{customer}");
}

#[tokio::test]
async fn a_repeat_under_its_key_is_the_same_erasure() {
    let place = Place::new().await;
    place.register(KEY, "101").await;
    for path in [ORDER, CUSTOMER] {
        let call = || place.call("DELETE", path).header("idempotency-key", path);
        let first = call().send().await.ok(202);
        let again = call().send().await;
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert_eq!(again.ok(202), first);
    }
}

#[tokio::test]
async fn what_is_no_address_is_refused_without_being_shown() {
    let place = Place::new().await;
    place.register(KEY, "101").await;
    for query in [
        "",
        "?email=",
        "?email=jo",
        "?email=a@b.c&email=d@e.f",
        "?mail=a@b.c",
    ] {
        let path = format!("/stores/101/personal-data{query}");
        let reply = place.call("DELETE", &path).send().await;
        assert_eq!(reply.status, 422, "{query}: {}", reply.text);
        assert!(!reply.text.contains("a@b.c"), "{}", reply.text);
    }
}

#[tokio::test]
async fn nobody_erases_anothers() {
    let place = Place::new().await;
    place.register(KEY, "101").await;
    for path in [ORDER, CUSTOMER] {
        place
            .call("DELETE", path)
            .key(OTHER_KEY)
            .send()
            .await
            .refused(404, "store_not_found");
    }
}
