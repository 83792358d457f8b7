//! Order Desk away: reads are stale, jobs wait, `/ready` says so, and nothing else changes.

use serde_json::{Value, json};
use system_tests::Node;
use testkit::eventually;

use super::support::{PATIENCE, Setup, notes};

#[tokio::test]
async fn a_stopped_order_desk_makes_reads_stale_and_jobs_wait_and_nothing_else() {
    // Stale answers are for five times as long.
    let cluster = Setup::of(1, 1).set("CACHE_TTL_ORDERS", "8s").start().await;
    let client = cluster.client();
    let shop = cluster.shop(&client, "501", 6).await;
    // What meets the registration's announcement is not kept.
    eventually("the order to be kept", PATIENCE, async || {
        match client.get(shop.order(0)).persist().await.header("X-Cache") {
            "hit" => Ok(()),
            other => Err(other.to_owned()),
        }
    })
    .await;

    cluster.desk.refuse_connections().await;
    let cached = || client.get(shop.order(0)).to(0);
    eventually("a stale answer", PATIENCE, async || {
        let answer = cached().send().await.expect("an answer");
        match (answer.status, answer.header("X-Cache")) {
            (200, "stale") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    // What nobody has read before cannot be read now; the answer says when to come again.
    let unknown = client.get(shop.order(5)).send().await.expect("an answer");
    assert_eq!(unknown.status, 503, "{unknown:?}");
    assert!(unknown.headers.contains_key("retry-after"), "{unknown:?}");
    let mut jobs = Vec::new();
    for order in 0..5 {
        let job = shop.note(&client, order, "while it was away").expect(202).await;
        jobs.push(job["id"].as_str().expect("a job has an id").to_owned());
    }
    // Whoever goes on asking finds out, the worker by its jobs.
    eventually("the API process knows", PATIENCE, async || {
        cached()
            .send()
            .await
            .map(drop)
            .map_err(|error| error.to_string())?;
        order_desk_of(&cluster.apis[0], "degraded").await
    })
    .await;
    eventually("the worker knows", PATIENCE, async || {
        order_desk_of(&cluster.workers[0], "degraded").await
    })
    .await;
    let waiting = client.get("/jobs?limit=5").expect(200).await;
    let waiting = waiting["data"].as_array().cloned().unwrap_or_default();
    let open = |job: &Value| matches!(job["status"].as_str(), Some("queued" | "running" | "retrying"));
    assert!(waiting.len() == 5 && waiting.iter().all(open), "{waiting:?}");
    client
        .post("/stores", json!({"store_id": "502", "api_key": "k"}))
        .expect(201)
        .await;

    cluster.desk.accept_connections().await;
    for job in &jobs {
        assert_eq!(client.ended(job).await["status"], "succeeded");
    }
    eventually("the API process knows again", PATIENCE, async || {
        cached()
            .send()
            .await
            .map(drop)
            .map_err(|error| error.to_string())?;
        order_desk_of(&cluster.apis[0], "ok").await
    })
    .await;
    eventually("the worker knows", PATIENCE, async || {
        order_desk_of(&cluster.workers[0], "ok").await
    })
    .await;
    let order = client.get(shop.order(0)).persist().await.body;
    assert_eq!(notes(&order, "while it was away"), 1, "{order}");
    cluster.assert_ledger_is_whole(5).await;
}

async fn order_desk_of(node: &Node, outcome: &str) -> Result<(), String> {
    let ready = system_tests::Client::new(node.url())
        .get("/ready")
        .await
        .expect(200)
        .body;
    if ready["checks"]["order_desk"]["status"] == outcome {
        Ok(())
    } else {
        Err(ready.to_string())
    }
}
