//! "Store Management", "Authentication" and "Health Check".

use serde_json::json;

use super::{STORE, Shop};

const CREATE: &str = r#"
POST /stores
Content-Type: application/json

{
  "store_id": "your-store-id",
  "api_key": "your-api-key",
  "label": "My Store"
}
"#;

#[tokio::test]
async fn create_store() {
    let shop = Shop::unregistered().await;
    let store = shop.call(CREATE).await.expect(201).body;
    assert_eq!(
        (&store["store_id"], &store["label"]),
        (&json!(STORE), &json!("My Store"))
    );
    assert!(
        !store.to_string().contains(super::API_KEY),
        "the key is shown to nobody"
    );
}

#[tokio::test]
async fn list_stores() {
    let shop = Shop::unregistered().await;
    assert_eq!(shop.call("GET /stores").await.expect(200).body["data"], json!([]));
    shop.call(CREATE).await.expect(201);
    let list = shop.call("GET /stores").await.expect(200).body;
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(list["data"][0]["store_id"], STORE);
}

#[tokio::test]
async fn delete_store() {
    let shop = Shop::unregistered().await;
    shop.call(CREATE).await.expect(201);
    shop.call("DELETE /stores/{store_id}").await.expect(204);
    assert_eq!(shop.call("GET /stores").await.expect(200).body["data"], json!([]));
    shop.call("GET /stores/{store_id}/orders/{order_id}")
        .await
        .expect(404);
}

#[tokio::test]
async fn authorization_bearer_master_key_is_needed_everywhere_but_for_the_service_itself() {
    let shop = Shop::open().await;
    let anonymous = reqwest::Client::builder().no_proxy().build().expect("a client");
    let without_key = async |path: &str| {
        let url = format!("{}{path}", shop.gateway.url());
        anonymous.get(url).send().await.expect("an answer")
    };
    for path in ["/health", "/metrics"] {
        assert_eq!(without_key(path).await.status(), 200, "{path}");
    }
    let order = format!("/stores/{STORE}/orders/{}", shop.order);
    for path in ["/stores", "/tenant", "/jobs", order.as_str()] {
        let answer = without_key(path).await;
        assert_eq!(answer.status(), 401, "{path}");
        assert_eq!(answer.headers()["WWW-Authenticate"], "Bearer", "{path}");
    }
}

#[tokio::test]
async fn each_master_key_is_a_tenant_with_stores_of_its_own() {
    let shop = Shop::open().await;
    let other = shop.gateway.client();
    assert_eq!(other.get("/stores").await.expect(200).body["data"], json!([]));
    other
        .get(&format!("/stores/{STORE}/orders/{}", shop.order))
        .await
        .expect(404);
    other.register_store(STORE, super::API_KEY).await;
    assert_eq!(
        shop.call("GET /stores").await.expect(200).body["data"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}

#[tokio::test]
async fn health() {
    let shop = Shop::unregistered().await;
    let health = shop.call("GET /health").await.expect(200).body;
    assert_eq!(health["status"], "ok");
}

#[tokio::test]
async fn metrics() {
    let shop = Shop::unregistered().await;
    let metrics = shop.call("GET /metrics").await.expect(200);
    assert!(
        metrics.header("Content-Type").starts_with("text/plain"),
        "{:?}",
        metrics.headers
    );
    let text = metrics.body.as_str().expect("text");
    assert!(text.contains("# TYPE "), "the format of Prometheus: {text}");
}
