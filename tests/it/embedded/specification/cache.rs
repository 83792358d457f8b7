//! "TTL Settings" and "Cache Configuration".

use serde_json::json;
use simulator::Edit;
use system_tests::{Answer, Client, Gateway};
use testkit::{Redis, eventually};

use super::{PATIENCE, STORE, Shop};

/// A way to read, and where in its answer a change shows.
struct Read {
    variable: &'static str,
    path: String,
}

/// Reads until an answer is as wanted.
async fn until(what: &str, client: &Client, path: &str, wanted: impl Fn(&Answer) -> bool) {
    eventually(what, PATIENCE, async || {
        let answer = client.get(path).await;
        if wanted(&answer) {
            Ok(())
        } else {
            Err(format!("{} {:?} {}", answer.status, answer.headers, answer.body))
        }
    })
    .await;
}

fn is_hit(answer: &Answer) -> bool {
    answer.header("X-Cache") == "hit"
}

/// One read for each TTL of the specification.
fn reads(shop: &Shop) -> [Read; 4] {
    let read = |variable, rest: &str| Read {
        variable,
        path: format!("/stores/{STORE}{rest}"),
    };
    [
        read("CACHE_TTL_ORDERS", &format!("/orders/{}", shop.order)),
        read("CACHE_TTL_PRODUCTS", &format!("/inventory/{}", shop.item)),
        read("CACHE_TTL_CUSTOMERS", "/customers?last_name=Example"),
        read("CACHE_TTL_STORE", "/settings"),
    ]
}

/// With one TTL of a tenth of a second and the others of an hour, that one read is fresh again soon, and no other.
async fn only_expires(variable: &str) {
    let mut gateway = Gateway::builder();
    for name in ["ORDERS", "PRODUCTS", "CUSTOMERS", "STORE"] {
        let name = format!("CACHE_TTL_{name}");
        let ttl = if name == variable { "100ms" } else { "1h" };
        gateway = gateway.env(&name, ttl);
    }
    let shop = Shop::of(gateway.start().await);
    shop.client.register_store(STORE, super::API_KEY).await;
    let edit = Edit::merge(json!({"customer": {"last_name": "Example"}}));
    shop.gateway
        .desk
        .foreign_edit(STORE, &shop.order, edit)
        .expect("the order exists");
    let (expiring, lasting): (Vec<Read>, Vec<Read>) = reads(&shop)
        .into_iter()
        .partition(|read| read.variable == variable);
    // A fill that meets the registration's announcement is not kept: not each first read is.
    for read in &lasting {
        let first = shop.client.get(&read.path).await.expect(200);
        assert_eq!(first.header("X-Cache"), "miss", "{}", read.path);
        until("it to be kept", &shop.client, &read.path, is_hit).await;
    }
    for read in &expiring {
        shop.client.get(&read.path).await.expect(200);
        until("the time to pass", &shop.client, &read.path, |answer| {
            answer.header("X-Cache") == "miss"
        })
        .await;
    }
    for read in &lasting {
        let again = shop.client.get(&read.path).await.expect(200);
        assert_eq!(again.header("X-Cache"), "hit", "{}", read.path);
        assert!(!again.header("Age").is_empty(), "{:?}", again.headers);
    }
}

#[tokio::test]
async fn orders_15_seconds() {
    only_expires("CACHE_TTL_ORDERS").await;
}

#[tokio::test]
async fn products_60_seconds() {
    only_expires("CACHE_TTL_PRODUCTS").await;
}

#[tokio::test]
async fn customers_5_minutes() {
    only_expires("CACHE_TTL_CUSTOMERS").await;
}

#[tokio::test]
async fn store_settings_1_hour() {
    only_expires("CACHE_TTL_STORE").await;
}

/// A gateway whose entries outlive the test, on a backend.
async fn on(backend: &str, redis: Option<&Redis>) -> Shop {
    let gateway = Gateway::builder()
        .env("CACHE_BACKEND", backend)
        .env("CACHE_TTL_ORDERS", "1h");
    let gateway = match redis {
        Some(redis) => gateway.env("REDIS_URL", redis.url()),
        None => gateway,
    };
    let shop = Shop::of(gateway.start().await);
    shop.client.register_store(STORE, super::API_KEY).await;
    shop
}

/// What `X-Cache` says of the order.
async fn x_cache(shop: &Shop) -> String {
    let read = shop
        .call("GET /stores/{store_id}/orders/{order_id}")
        .await
        .expect(200);
    read.header("X-Cache").to_owned()
}

/// Waits until reads of the order are hits.
async fn until_hit(shop: &Shop) {
    let path = format!("/stores/{STORE}/orders/{}", shop.order);
    until("a hit", &shop.client, &path, is_hit).await;
}

#[tokio::test]
async fn cache_backend_memory_is_lost_on_restart() {
    let mut shop = on("memory", None).await;
    until_hit(&shop).await;
    assert_eq!(shop.gateway.terminate(PATIENCE).await, Some(0));
    shop.gateway.restart().await;
    assert_eq!(x_cache(&shop).await, "miss");
}

#[tokio::test]
async fn cache_backend_sqlite_is_persistent() {
    let mut shop = on("sqlite", None).await;
    until_hit(&shop).await;
    assert_eq!(shop.gateway.terminate(PATIENCE).await, Some(0));
    shop.gateway.restart().await;
    assert_eq!(x_cache(&shop).await, "hit");
}

#[tokio::test]
async fn cache_backend_redis_is_where_redis_url_says() {
    let redis = Redis::start_new().await;
    let shop = on("redis", Some(&redis)).await;
    until_hit(&shop).await;
    assert_ne!(redis.command("DBSIZE").await.expect("Redis answers"), ":0");
    redis.command("FLUSHALL").await.expect("Redis answers");
    assert_eq!(x_cache(&shop).await, "miss", "nothing is kept elsewhere");
}
