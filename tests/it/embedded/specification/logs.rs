//! "Logs": structured JSON, field by field.

use reqwest::Method;
use serde_json::Value;
use testkit::eventually;

use super::{PATIENCE, STORE, Shop};

/// The log line of the request of that id.
async fn line(shop: &Shop, id: &str) -> Value {
    eventually("the request's line", PATIENCE, async || {
        let lines: Vec<Value> = shop
            .gateway
            .logs()
            .iter()
            .filter_map(|line| serde_json::from_str(line).ok())
            .filter(|line: &Value| line["request_id"] == id && line.get("route").is_some())
            .collect();
        match lines.as_slice() {
            [line] => Ok(line.clone()),
            _ => Err(format!("{lines:?}")),
        }
    })
    .await
}

/// Adds a note, as a client behind Cloudflare, and returns the request's line and the job's id.
async fn noted(shop: &Shop) -> (Value, String) {
    let path = format!("/stores/{STORE}/orders/{}/add-note?priority=low", shop.order);
    let request = shop
        .client
        .request(Method::POST, &path)
        .header("X-Request-Id", "the-note")
        .header("CF-Connecting-IP", "203.0.113.9")
        .header("CF-Ray", "8c0ffee-VIE")
        .json(&serde_json::json!({"note": "for the log"}));
    let accepted = shop.client.send(request).await.expect("an answer").expect(202);
    (line(shop, "the-note").await, accepted.id())
}

#[tokio::test]
async fn request_and_response_details_duration_and_status_code_are_logged() {
    let shop = Shop::open().await;
    let (line, _) = noted(&shop).await;
    assert_eq!(line["method"], "POST");
    assert_eq!(line["route"], "/stores/{store_id}/orders/{order_id}/add-note");
    assert_eq!(line["status"], 202);
    assert!(line["duration_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{line}");
    for member in ["timestamp", "level", "message"] {
        assert!(
            line[member].as_str().is_some_and(|text| !text.is_empty()),
            "{member} in {line}"
        );
    }
    assert!(
        !line.to_string().contains("priority=low"),
        "no query string: {line}"
    );
}

#[tokio::test]
async fn tenant_store_and_job_ids_are_logged() {
    let shop = Shop::open().await;
    let (line, job) = noted(&shop).await;
    let tenant = shop.client.get("/tenant").await.expect(200).body;
    assert_eq!(line["tenant_id"], tenant["tenant_id"]);
    assert_eq!(line["store_id"], STORE);
    assert_eq!(line["job_id"], *job);
}

#[tokio::test]
async fn correlation_ids_are_logged() {
    let shop = Shop::open().await;
    let (line, job) = noted(&shop).await;
    assert_eq!(line["request_id"], "the-note");
    assert_eq!(
        shop.client.job(&job).await["request_id"],
        "the-note",
        "and kept on the job"
    );
}

#[tokio::test]
async fn client_ip_addresses_and_the_ray_are_logged() {
    let shop = Shop::open().await;
    let (line, _) = noted(&shop).await;
    assert_eq!(line["client_ip"], "203.0.113.9");
    assert_eq!(line["cf_ray"], "8c0ffee-VIE");
}

#[tokio::test]
async fn refused_requests_are_logged_too() {
    let shop = Shop::open().await;
    let unknown = system_tests::Client::with_key(shop.gateway.url(), "too-short");
    let request = unknown
        .request(Method::GET, "/stores")
        .header("X-Request-Id", "refused");
    unknown.send(request).await.expect("an answer").expect(401);
    assert_eq!(line(&shop, "refused").await["status"], 401);
}
