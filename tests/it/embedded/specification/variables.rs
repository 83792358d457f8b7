//! "Environment Variables": the default of each, and that it has an effect.

use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{Client, Gateway, Node, Relay, Spec, fast_environment, kms_key};
use testkit::eventually;

use super::{PATIENCE, Shop};

/// The specification's table.
const DEFAULTS: [(&str, &str); 11] = [
    ("PORT", "8080"),
    ("TRUST_PROXY", "true"),
    ("LOG_LEVEL", "info"),
    ("AUTO_PROVISION_TENANT", "true"),
    ("RATE_LIMIT_RPM", "120"),
    ("CACHE_BACKEND", "memory"),
    ("REDIS_URL", "redis://redis:6379/0"),
    ("WEBHOOK_SECRET", ""),
    ("ALLOWED_ORIGINS", ""),
    ("DATABASE_URL", "sqlite:///data/app.db"),
    ("ORDERDESK_BASE_URL", "https://app.orderdesk.me/api/v2"),
];

#[tokio::test]
async fn the_defaults_are_those_of_the_table() {
    let check = Spec::of("orderdesk-gateway")
        .arg("check-config")
        .env("MCP_KMS_KEY", kms_key())
        .run(PATIENCE)
        .await;
    let ttl = [
        ("ORDERS", "15s"),
        ("PRODUCTS", "60s"),
        ("CUSTOMERS", "5m"),
        ("STORE", "1h"),
    ];
    let ttl = ttl.map(|(what, time)| (format!("CACHE_TTL_{what}"), time));
    let table = DEFAULTS.map(|(name, default)| (name.to_owned(), default));
    for (name, default) in table.into_iter().chain(ttl) {
        let line = check
            .lines
            .iter()
            .find(|line| line.starts_with(&format!("{name}=")));
        let line = line.unwrap_or_else(|| panic!("{name} in {:?}", check.lines));
        let not_set = if default.is_empty() {
            ["default", "not set"]
        } else {
            ["default"; 2]
        };
        let expected = not_set.map(|note| format!("{name}={default}  # {note}"));
        assert!(expected.contains(line), "{line:?} is none of {expected:?}");
    }
}

#[tokio::test]
async fn port() {
    let port = testkit::free_port();
    let gateway = Gateway::builder().env("PORT", port.to_string()).start().await;
    assert_eq!(gateway.address().port(), port);
    gateway.client().get("/health").await.expect(200);
}

/// The client's address in the log line of a request with a forwarding header.
async fn logged_address(gateway: &Gateway) -> String {
    let client = gateway.client();
    let request = client
        .request(Method::GET, "/stores")
        .header("X-Forwarded-For", "203.0.113.7");
    client.send(request).await.expect("an answer").expect(200);
    eventually("the request's line", PATIENCE, async || {
        let lines = gateway.logs();
        let mut lines = lines
            .iter()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let line = lines.find(|line| line["route"] == "/stores");
        line.map(|line| line["client_ip"].as_str().unwrap_or_default().to_owned())
            .ok_or("there is none")
    })
    .await
}

#[tokio::test]
async fn trust_proxy() {
    for (value, address) in [("true", "203.0.113.7"), ("false", "127.0.0.1")] {
        let gateway = Gateway::builder().env("TRUST_PROXY", value).start().await;
        assert_eq!(logged_address(&gateway).await, address, "TRUST_PROXY={value}");
    }
}

/// How many lines of each level there are after a request that goes up to Order Desk.
async fn lines_at(level: &str) -> [usize; 2] {
    let shop = Shop::of(Gateway::builder().env("LOG_LEVEL", level).start().await);
    shop.client.register_store(super::STORE, super::API_KEY).await;
    shop.call("GET /stores/{store_id}/orders/{order_id}")
        .await
        .expect(200);
    assert_eq!(shop.gateway.terminate(PATIENCE).await, Some(0));
    let lines = shop.gateway.logs();
    ["INFO", "DEBUG"].map(|level| {
        let level = format!("\"level\":\"{level}\"");
        lines.iter().filter(|line| line.contains(&level)).count()
    })
}

#[tokio::test]
async fn log_level() {
    for (level, expected) in [("info", [true, false]), ("debug", [true, true])] {
        let found = lines_at(level).await;
        assert_eq!(
            found.map(|count| count > 0),
            expected,
            "LOG_LEVEL={level}: {found:?}"
        );
    }
}

#[tokio::test]
async fn mcp_kms_key_is_required() {
    let refused = Spec::of("orderdesk-gateway").run(PATIENCE).await;
    assert_eq!(refused.code(), Some(2));
    let told = refused.lines.iter().filter(|line| line.contains("MCP_KMS_KEY"));
    assert_eq!(told.count(), 1, "{:?}", refused.lines);
}

#[tokio::test]
async fn mcp_kms_key_takes_what_the_specifications_command_prints() {
    let output = Command::new("python3")
        .args(["-c", "import secrets; print(secrets.token_urlsafe(32))"])
        .output()
        .expect("python3 runs");
    let key = String::from_utf8(output.stdout).expect("text").trim().to_owned();
    assert!(key.len() >= 43, "{} characters", key.len());
    let gateway = Gateway::builder().env("MCP_KMS_KEY", key).start().await;
    gateway.client_with_store().await;
}

#[tokio::test]
async fn auto_provision_tenant() {
    let gateway = Gateway::builder()
        .env("AUTO_PROVISION_TENANT", "false")
        .start()
        .await;
    let refused = gateway.client().get("/stores").await.expect(401);
    assert_eq!(refused.header("WWW-Authenticate"), "Bearer");
    let gateway = Gateway::builder()
        .env("AUTO_PROVISION_TENANT", "true")
        .start()
        .await;
    gateway.client_with_store().await;
}

#[tokio::test]
async fn database_url_has_three_slashes_for_a_file_below_the_working_directory() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spec = Spec::of("orderdesk-gateway")
        .envs(fast_environment(&kms_key(), "http://127.0.0.1:9/api/v2"))
        .folder(folder.path());
    let node = Node::start(spec.env("DATABASE_URL", "sqlite:///data/app.db")).await;
    Client::new(node.url()).register_store("1", "key").await;
    assert!(folder.path().join("data/app.db").exists());
}

#[tokio::test]
async fn without_a_database_url_the_file_is_the_one_of_the_table() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spec = Spec::of("orderdesk-gateway")
        .envs(fast_environment(&kms_key(), "http://127.0.0.1:9/api/v2"))
        .folder(folder.path());
    let node = Node::start(spec).await;
    assert!(folder.path().join("data/app.db").exists());
    assert_eq!(node.terminate(PATIENCE).await, Some(0));
}

#[tokio::test]
async fn orderdesk_base_url() {
    // All other tests rely on it; here is one that looks at both sides.
    let shop = Shop::open().await;
    shop.call("GET /stores/{store_id}/orders/{order_id}")
        .await
        .expect(200);
    assert!(
        shop.gateway
            .desk
            .request_log()
            .iter()
            .any(|entry| entry.path == format!("/orders/{}", shop.order))
    );
}

#[tokio::test]
async fn rate_limit_rpm() {
    let gateway = Gateway::builder().env("RATE_LIMIT_RPM", "2").start().await;
    let client = gateway.client();
    let first = client.get("/stores").await.expect(200);
    assert!(
        first.header("RateLimit-Policy").contains("q=2;w=60"),
        "{:?}",
        first.headers
    );
    client.get("/stores").await.expect(200);
    let refused = client.get("/stores").await.expect(429);
    assert!(!refused.header("Retry-After").is_empty(), "{:?}", refused.headers);
    gateway.client().get("/stores").await.expect(200);
}

#[tokio::test]
async fn allowed_origins() {
    let asked = async |gateway: &Gateway| {
        let client = gateway.client();
        let request = client
            .request(Method::GET, "/health")
            .header("Origin", "https://app.example.com");
        let answer = client.send(request).await.expect("an answer");
        answer.header("Access-Control-Allow-Origin").to_owned()
    };
    let gateway = Gateway::builder()
        .env(
            "ALLOWED_ORIGINS",
            "https://other.example.com,https://app.example.com",
        )
        .start()
        .await;
    assert_eq!(asked(&gateway).await, "https://app.example.com");
    assert_eq!(asked(&Gateway::start().await).await, "", "none by default");
}

#[tokio::test]
async fn webhook_secret() {
    for (set, secret, status) in [
        (Some("the-relays-secret"), "the-relays-secret", 200),
        (Some("the-relays-secret"), "another", 401),
        (None, "", 401),
    ] {
        let builder = Gateway::builder();
        let builder = match set {
            Some(set) => builder.env("WEBHOOK_SECRET", set),
            None => builder,
        };
        let shop = Shop::of(builder.start().await);
        shop.client.register_store(super::STORE, super::API_KEY).await;
        let body = json!({"event_id": "e-1", "store_id": super::STORE, "order": shop.order_in_desk()});
        let relay = Relay { secret, body: &body };
        let answer = relay.send(&shop.client).await.expect(status);
        let history = format!("/stores/{}/orders/{}/history", super::STORE, shop.order);
        let history = shop.client.get(&history).await.expect(200);
        let recorded = history.body["data"].as_array().expect("a page").len();
        assert_eq!(recorded, usize::from(status == 200), "{}", history.body);
        if status == 401 {
            assert_eq!(answer.code(), "invalid_signature");
        }
    }
}
