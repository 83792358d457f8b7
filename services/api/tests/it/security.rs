//! The headers that every answer has.

use serde_json::json;

use crate::place::{KEY, Place, Reply};

fn secured(reply: &Reply, https: bool) {
    let told = |name| reply.header(name);
    assert_eq!(told("x-content-type-options"), Some("nosniff"));
    assert_eq!(told("x-frame-options"), Some("DENY"));
    assert_eq!(told("x-xss-protection"), Some("0"));
    assert_eq!(told("content-security-policy"), Some("default-src 'none'"));
    assert_eq!(told("referrer-policy"), Some("no-referrer"));
    assert_eq!(told("cache-control"), Some("private, no-cache"));
    assert_eq!(
        told("strict-transport-security"),
        https.then_some("max-age=31536000")
    );
    assert!(told("x-request-id").is_some());
}

#[tokio::test]
async fn every_answer_has_them_whatever_its_status() {
    let (place, order) = Place::with_order().await;
    let uri = format!("/stores/101/orders/{order}");
    let shown = place.get(&uri).send().await;
    let tag = shown.header("etag").unwrap().to_owned();
    let store = json!({"store_id": "102", "api_key": "key-102"});
    let replies = [
        (200, shown),
        (201, place.post("/stores").json(&store).await),
        (204, place.call("DELETE", "/stores/102").send().await),
        (304, place.get(&uri).header("if-none-match", &tag).send().await),
        (
            400,
            place
                .post("/stores")
                .header("content-type", "application/json")
                .raw("{")
                .await,
        ),
        (401, place.get("/tenant").anonymous().send().await),
        (404, place.get("/nowhere").send().await),
        (405, place.call("OPTIONS", "/stores").send().await),
        (405, place.call("BREW", "/stores").send().await),
        (415, place.post("/stores").raw("x").await),
        (422, place.post("/stores").json(&json!({})).await),
        (200, place.call("HEAD", "/tenant").send().await),
        (200, place.get("/health").anonymous().send().await),
        (200, place.get("/metrics").anonymous().send().await),
        (200, place.get("/problems/not_found").anonymous().send().await),
    ];
    for (status, reply) in &replies {
        assert_eq!(reply.status.as_u16(), *status, "{}", reply.text);
        secured(reply, false);
    }
}

#[tokio::test]
async fn transport_security_is_asked_for_where_a_trusted_proxy_says_https() {
    let place = Place::new().await;
    let call = |peer: &str, scheme: &str| {
        let call = place.get("/tenant").key(KEY).peer(peer);
        call.header("x-forwarded-proto", scheme).send()
    };
    secured(&call("10.0.0.1", "https").await, true);
    secured(&call("10.0.0.1", "HTTPS").await, true);
    secured(&call("10.0.0.1", "http").await, false);
    secured(&call("198.51.100.1", "https").await, false);
    let refused = place
        .get("/nowhere")
        .peer("10.0.0.1")
        .header("forwarded", "proto=https")
        .send()
        .await;
    secured(&refused, true);
}

#[tokio::test]
async fn a_member_given_twice_is_refused_and_pointed_at() {
    let (place, order) = Place::with_order().await;
    let call = place.post(&format!("/stores/101/orders/{order}/add-note"));
    let call = call.header("content-type", "application/json");
    let reply = call.raw(r#"{"note": "first", "note": "second"}"#).await;
    assert_eq!(reply.refused(422, "validation_failed").pointers(), ["/note"]);
    let open = format!("/stores/101/orders/{order}");
    let call = place
        .call("PUT", &open)
        .header("content-type", "application/json");
    let reply = call.raw(r#"{"shipping": {"city": "A", "city": "B"}}"#).await;
    assert_eq!(
        reply.refused(422, "validation_failed").pointers(),
        ["/shipping/city"]
    );
}
