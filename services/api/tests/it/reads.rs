//! Reading one order.

use std::time::Duration;

use serde_json::json;
use testkit::eventually;

use crate::place::{KEY, Place};

const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn an_order_is_shown_as_it_is_with_its_tag() {
    let (place, order) = Place::with_order().await;
    let uri = format!("/stores/101/orders/{order}");
    let reply = place.get(&uri).send().await;
    let tag = reply.header("etag").unwrap().to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    assert_eq!(
        (reply.header("x-cache"), reply.header("age")),
        (Some("miss"), Some("0"))
    );
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let shown = reply.ok(200);
    assert_eq!(shown["id"].as_str(), Some(order.as_str()));
    assert_eq!(shown["warehouse_zone"], "Z1", "unknown members are shown");

    for known in [
        tag.clone(),
        format!("W/{tag}"),
        format!("\"x\", {tag}"),
        "*".to_owned(),
    ] {
        let reply = place.get(&uri).header("if-none-match", &known).send().await;
        assert_eq!((reply.status.as_u16(), reply.text.as_str()), (304, ""), "{known}");
        assert_eq!(reply.header("etag"), Some(tag.as_str()));
        assert_eq!(reply.header("x-cache"), Some("hit"));
    }
    assert_eq!(
        place.desk.counters().total().requests,
        1,
        "the cache answered the rest"
    );
    place
        .get(&uri)
        .header("if-none-match", "\"other\"")
        .send()
        .await
        .ok(200);
    let fresh = place.get(&uri).header("cache-control", "no-cache").send().await;
    assert_eq!(fresh.header("x-cache"), Some("bypass"));
}

#[tokio::test]
async fn what_order_desk_does_not_have_is_not_found() {
    let (place, _) = Place::with_order().await;
    place
        .get("/stores/101/orders/999999999")
        .send()
        .await
        .refused(404, "order_not_found");
    place
        .get("/stores/999/orders/1")
        .send()
        .await
        .refused(404, "store_not_found");
    let reply = place
        .get("/stores/101/orders/1?fields=id")
        .send()
        .await
        .refused(422, "validation_failed");
    assert_eq!(reply.pointers(), ["/query/fields"]);
}

#[tokio::test]
async fn rejected_credentials_and_outages_are_told_apart() {
    let (place, order) = Place::with_order().await;
    let uri = format!("/stores/101/orders/{order}");
    place
        .desk
        .fail_next(simulator::RequestKind::GetOrder, simulator::Fault::ResetBefore);
    let reply = place.get(&uri).send().await.refused(503, "upstream_unavailable");
    assert!(reply.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    place
        .call("PATCH", "/stores/101")
        .json(&json!({"api_key": "wrong"}))
        .await
        .ok(200);
    place.get(&uri).send().await.refused(502, "credentials_rejected");
}

#[tokio::test]
async fn an_answer_from_the_cache_says_how_old_it_is_and_ends_with_its_time() {
    let place = Place::with_app(|config| config.ttl.orders = Duration::from_secs(2)).await;
    place.register(KEY, "101").await;
    let order = place.desk.seed_orders("101", 1).unwrap().remove(0);
    let uri = format!("/stores/101/orders/{order}");
    let first = place.get(&uri).send().await;
    assert_eq!(first.header("x-cache"), Some("miss"));
    eventually("its time is over", SOON, async || {
        let reply = place.get(&uri).send().await;
        assert_eq!(reply.text, first.text);
        let age: u64 = reply.header("age").unwrap().parse().unwrap();
        assert!(age < 2, "{age}");
        reply.header("x-cache") == Some("miss")
    })
    .await;
    assert_eq!(place.desk.counters().total().requests, 2);
}

#[tokio::test]
async fn stale_answers_say_so() {
    let place = Place::with_app(|config| config.ttl.orders = Duration::from_secs(2)).await;
    place.register(KEY, "101").await;
    let order = place.desk.seed_orders("101", 1).unwrap().remove(0);
    let uri = format!("/stores/101/orders/{order}");
    let tag = place.get(&uri).send().await.header("etag").unwrap().to_owned();
    place.desk.refuse_connections().await;
    eventually("it is stale", SOON, async || {
        place.get(&uri).send().await.header("x-cache") == Some("stale")
    })
    .await;
    let known = place.get(&uri).header("if-none-match", &tag).send().await;
    assert_eq!(
        (known.status.as_u16(), known.header("x-cache")),
        (304, Some("stale"))
    );
    assert!(known.header("age").unwrap().parse::<u64>().unwrap() >= 2);
}

#[tokio::test]
async fn a_deleted_store_is_gone_with_what_was_cached_of_it() {
    let (place, order) = Place::with_order().await;
    let uri = format!("/stores/101/orders/{order}");
    place.get(&uri).send().await.ok(200);
    assert_eq!(place.get(&uri).send().await.header("x-cache"), Some("hit"));
    place.call("DELETE", "/stores/101").send().await.ok(204);
    place.get(&uri).send().await.refused(404, "store_not_found");
    place.register(KEY, "101").await;
    let again = place.get(&uri).send().await;
    assert_eq!(
        again.header("x-cache"),
        Some("miss"),
        "another registration has entries of its own"
    );
}
