//! What keeps one client from taking the service away from the others, as a process is configured.

use reqwest::Method;
use system_tests::{Client, Gateway};
use testkit::Redis;

use super::PATIENCE;

#[tokio::test]
async fn the_limits_of_the_environment_hold() {
    let gateway = Gateway::builder()
        .env("RATE_LIMIT_RPM", "2")
        .env("AUTH_FAILURES_PER_MINUTE", "1")
        .env("PROVISION_PER_HOUR", "1")
        .env("ALLOWED_ORIGINS", "https://app.example.com")
        .start()
        .await;
    let client = gateway.client();
    let first = client.get("/stores").await.expect(200);
    assert_eq!(first.header("ratelimit-policy"), "\"default\";q=2;w=60");
    assert_eq!(first.header("ratelimit"), "\"default\";r=1;t=30");
    client.get("/stores").await.expect(200);
    let refused = client.get("/stores").await.expect(429);
    assert_eq!(refused.code(), "too_many_requests");
    gateway.client_with_store().await;
    let store = serde_json::json!({"store_id": "7", "api_key": "k"});
    gateway.client().post("/stores", &store).await.expect(429);

    let stranger = Client::with_key(gateway.url(), "short");
    stranger.get("/stores").await.expect(401);
    stranger.get("/stores").await.expect(429);

    let preflight = client
        .request(Method::OPTIONS, "/stores")
        .header("origin", "https://app.example.com")
        .header("access-control-request-method", "POST");
    let answer = client.send(preflight).await.unwrap().expect(204);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        "https://app.example.com"
    );
}

#[tokio::test]
async fn with_redis_the_rate_is_counted_there_and_without_it_in_the_process() {
    let redis = Redis::start_new().await;
    let gateway = Gateway::builder()
        .env("RATE_LIMIT_RPM", "1")
        .env("CACHE_BACKEND", "redis")
        .env("REDIS_URL", redis.url())
        .start()
        .await;
    // The first may have found Redis too slow to answer; then another key's is counted there.
    testkit::eventually("a bucket is in Redis", PATIENCE, || async {
        gateway.client().get("/stores").await.expect(200);
        redis.command("KEYS odg:limit:*").await.unwrap() != "*0"
    })
    .await;
    redis.stop().await;
    let client = gateway.client();
    client.get("/stores").await.expect(200);
    client.get("/stores").await.expect(429);
    let ready = client.get("/ready").await.expect(200);
    assert_eq!(ready.body["status"], "degraded");
    assert_eq!(ready.body["checks"]["rate_limit"]["status"], "degraded");
}
