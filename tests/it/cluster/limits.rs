//! One limit for several processes.

use std::sync::atomic::{AtomicUsize, Ordering};

use testkit::{Redis, eventually};

use super::support::{PATIENCE, Setup};

#[tokio::test]
async fn api_processes_that_share_redis_share_a_tenants_rate() {
    let redis = Redis::start_new().await;
    let cluster = Setup::of(2, 0)
        .set("CACHE_BACKEND", "redis")
        .set("REDIS_URL", &redis.url())
        .set("RATE_LIMIT_RPM", "1")
        .start()
        .await;
    // Redis may be slow to answer at times, and then a process counts alone: another key is tried from another address.
    let attempts = AtomicUsize::new(0);
    eventually(
        "one request at one process, none at the other",
        PATIENCE,
        async || {
            let client = cluster.client();
            let address = format!("203.0.113.{}", attempts.fetch_add(1, Ordering::Relaxed) % 250);
            let mut statuses = [0; 2];
            for (api, status) in statuses.iter_mut().enumerate() {
                let call = client.get("/stores").to(api).header("X-Forwarded-For", &address);
                *status = call.send().await.map_err(|error| error.to_string())?.status;
            }
            match statuses {
                [200, 429] => Ok(()),
                other => Err(format!("{other:?}")),
            }
        },
    )
    .await;
}

#[tokio::test]
async fn without_redis_each_api_process_counts_alone() {
    let cluster = Setup::of(2, 0).set("RATE_LIMIT_RPM", "1").start().await;
    let client = cluster.client();
    for api in 0..2 {
        client.get("/stores").to(api).expect(200).await;
        client.get("/stores").to(api).expect(429).await;
    }
}
