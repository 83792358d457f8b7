//! Reading one order.

use serde_json::json;

use crate::place::Place;

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
    }
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
