//! "Security": the headers of every answer.

use reqwest::Method;
use system_tests::Answer;

use super::{STORE, Shop};

const SECURITY: [(&str, &str); 6] = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("X-XSS-Protection", "0"),
    ("Content-Security-Policy", "default-src 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "private, no-cache"),
];

#[track_caller]
fn secured(answer: &Answer, what: &str) {
    for (name, value) in SECURITY {
        assert!(
            answer.header(name).starts_with(value),
            "{name} of {what}: {:?}",
            answer.headers
        );
    }
}

#[tokio::test]
async fn security_headers_are_on_every_answer_errors_too() {
    let shop = Shop::open().await;
    let order = format!("/stores/{STORE}/orders/{}", shop.order);
    for (path, status) in [
        ("/health", 200),
        ("/stores", 200),
        (order.as_str(), 200),
        ("/nothing", 404),
        ("/jobs?limit=0", 422),
        ("/jobs?cursor=x", 400),
    ] {
        secured(&shop.client.get(path).await.expect(status), path);
    }
    let unknown = system_tests::Client::with_key(shop.gateway.url(), "short");
    secured(&unknown.get("/stores").await.expect(401), "a refused log-in");
    let request = shop.client.request(Method::POST, "/stores").body("{");
    let request = request.header("Content-Type", "application/json");
    secured(
        &shop.client.send(request).await.expect("an answer").expect(400),
        "a broken body",
    );
}

#[tokio::test]
async fn hsts_is_told_to_clients_that_come_by_https() {
    let shop = Shop::unregistered().await;
    let by = async |scheme: &str| {
        let request = shop
            .client
            .request(Method::GET, "/health")
            .header("X-Forwarded-Proto", scheme);
        let answer = shop.client.send(request).await.expect("an answer");
        answer.header("Strict-Transport-Security").to_owned()
    };
    assert!(by("https").await.starts_with("max-age=31536000"));
    assert_eq!(by("http").await, "");
}

#[tokio::test]
async fn correlation_ids_are_taken_or_made_and_always_told() {
    let shop = Shop::unregistered().await;
    let request = shop
        .client
        .request(Method::GET, "/stores")
        .header("X-Request-Id", "my-own.id_1");
    let answer = shop.client.send(request).await.expect("an answer");
    assert_eq!(answer.header("X-Request-Id"), "my-own.id_1");
    let one = shop.client.get("/nothing").await;
    assert!(!one.header("X-Request-Id").is_empty());
    assert_eq!(one.body["request_id"], one.header("X-Request-Id"));
    assert_ne!(
        one.header("X-Request-Id"),
        shop.client.get("/nothing").await.header("X-Request-Id")
    );
}
