//! What stops changes what `/ready` says, and what is slower or stale. Nothing else.

use simulator::Edit;
use system_tests::{Answer, Node};
use testkit::{Redis, eventually};

use super::support::{Client, Cluster, PATIENCE, Setup, Shop, notes};

/// Waits until a process says this of itself and of one of its checks, with the status 200: it still serves.
async fn until_ready(node: &Node, status: &str, check: &str, outcome: &str) {
    let anyone = system_tests::Client::new(node.url());
    eventually(&format!("{check} to be {outcome}"), PATIENCE, async || {
        let ready = anyone.get("/ready").await.expect(200).body;
        if ready["status"] == status && ready["checks"][check]["status"] == outcome {
            Ok(())
        } else {
            Err(ready.to_string())
        }
    })
    .await;
}

/// An answer to a read, from one API process; asked again while it says when to come again.
async fn read(client: &Client, shop: &Shop, api: usize) -> Answer {
    let answer = client.get(shop.order(0)).to(api).persist().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

/// Reads, lists and changes through every API process, and sees each change at once.
async fn everything_works(client: &Client, shop: &Shop, round: &str) {
    for api in 0..client.apis() {
        let text = format!("{round} {api}");
        let note = shop.note(client, 0, &text).to(api).header("Prefer", "wait=30");
        let job = note.expect(200).await;
        assert_eq!(job["status"], "succeeded", "{job}");
        for other in 0..client.apis() {
            let order = read(client, shop, other).await.body;
            assert_eq!(notes(&order, &text), 1, "{text} at {other}: {order}");
        }
        let list = client
            .get(format!("/stores/{}/orders", shop.id))
            .to(api)
            .persist()
            .await;
        assert_eq!(
            notes(&list.body["orders"][0], &text),
            1,
            "{text} in the list: {}",
            list.body
        );
        let jobs = client
            .get(format!("/jobs?order_id={}&limit=1", shop.orders[0]))
            .to(api);
        assert_eq!(jobs.expect(200).await["data"][0]["id"], job["id"]);
        client.get("/tenant").to(api).expect(200).await;
    }
}

async fn cluster_with(redis: &Redis) -> Cluster {
    Setup::of(2, 1)
        .set("CACHE_BACKEND", "redis")
        .set("REDIS_URL", &redis.url())
        .set("CACHE_TTL_ORDERS", "1h")
        .start()
        .await
}

/// Waits until what one API process has read is a hit at the other.
async fn until_shared(client: &Client, shop: &Shop) {
    eventually("one cache for both", PATIENCE, async || {
        read(client, shop, 0).await;
        let there = read(client, shop, 1).await;
        match there.header("X-Cache") {
            "hit" => Ok(()),
            other => Err(other.to_owned()),
        }
    })
    .await;
}

#[tokio::test]
async fn a_stopped_redis_costs_the_cache_and_nothing_else() {
    let redis = Redis::start_new().await;
    let cluster = cluster_with(&redis).await;
    let client = cluster.client();
    let shop = cluster.shop(&client, "501", 1).await;
    everything_works(&client, &shop, "before").await;
    until_shared(&client, &shop).await;

    redis.stop().await;
    for api in &cluster.apis {
        until_ready(api, "degraded", "cache", "degraded").await;
    }
    everything_works(&client, &shop, "without").await;
    let edit = Edit::note("somebody", "from outside");
    cluster
        .desk
        .foreign_edit(&shop.id, &shop.orders[0], edit)
        .expect("the order exists");
    let fresh = read(&client, &shop, 0).await;
    assert_ne!(fresh.header("X-Cache"), "hit");
    assert_eq!(notes(&fresh.body, "from outside"), 1, "{}", fresh.body);

    // What it had kept comes back with it, and is older than what was changed meanwhile.
    redis.start().await;
    for api in &cluster.apis {
        until_ready(api, "ready", "cache", "ok").await;
    }
    for api in 0..2 {
        let order = read(&client, &shop, api).await.body;
        assert_eq!(notes(&order, "without 1"), 1, "at {api}: {order}");
    }
    everything_works(&client, &shop, "after").await;
    until_shared(&client, &shop).await;
}

#[tokio::test]
async fn a_stopped_broker_costs_speed_and_nothing_else() {
    let cluster = Setup::of(2, 1).set("CACHE_TTL_ORDERS", "1h").start().await;
    let client = cluster.client();
    let shop = cluster.shop(&client, "501", 1).await;
    everything_works(&client, &shop, "before").await;
    cluster.nats.stop().await;
    for node in cluster.apis.iter().chain(&cluster.workers) {
        until_ready(node, "degraded", "queue", "degraded").await;
    }
    everything_works(&client, &shop, "without").await;
    cluster.nats.start().await;
    for node in cluster.apis.iter().chain(&cluster.workers) {
        until_ready(node, "ready", "queue", "ok").await;
    }
    everything_works(&client, &shop, "after").await;
    cluster.assert_ledger_is_whole(6).await;
}
