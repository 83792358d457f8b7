//! The ledger's server goes away under load.

use std::time::Duration;

use testkit::eventually;

use super::support::{Load, PATIENCE, Setup};

#[tokio::test]
async fn a_database_restarted_under_load_costs_waiting_and_nothing_else() {
    let cluster = Setup::of(2, 2).start().await;
    let client = cluster.client();
    let shops = cluster.shops(&client, 6, 3).await;
    cluster.desk.set_latency(Duration::from_millis(10));
    // What the clients accept as an answer is in `persist`: 503 at worst, as a problem document with a time to return.
    let load = Load::start(&client, &shops, 5, Duration::from_millis(30));
    load.more(30).await;
    cluster.postgres.restart().await;
    load.more(30).await;
    cluster.postgres.kill9().await;
    cluster.postgres.start().await;
    load.more(30).await;
    let accepted = load.stop().await;
    cluster.assert_all_done_once(&client, &accepted).await;
}

#[tokio::test]
async fn a_database_that_is_away_for_longer_than_a_lease_is_waited_for() {
    let cluster = Setup::of(1, 2).start().await;
    let client = cluster.client();
    let shops = cluster.shops(&client, 4, 3).await;
    let load = Load::start(&client, &shops, 4, Duration::from_millis(30));
    load.more(20).await;
    cluster.postgres.stop().await;
    for node in cluster.apis.iter().chain(&cluster.workers) {
        let anyone = system_tests::Client::new(node.url());
        eventually("the process not to be ready", PATIENCE, async || {
            let answer = anyone.get("/ready").await;
            if answer.status == 503 {
                Ok(())
            } else {
                Err(answer.body.to_string())
            }
        })
        .await;
        anyone.get("/health").await.expect(200);
    }
    for worker in &cluster.workers {
        let anyone = system_tests::Client::new(worker.url());
        eventually("the lease to run out", PATIENCE, async || {
            let checks = anyone.get("/ready").await.body["checks"].take();
            if checks["worker"]["status"] == "unavailable" {
                Ok(())
            } else {
                Err(checks)
            }
        })
        .await;
    }
    cluster.postgres.start().await;
    load.more(20).await;
    let accepted = load.stop().await;
    cluster.assert_all_done_once(&client, &accepted).await;
    for node in cluster.apis.iter().chain(&cluster.workers) {
        node.process()
            .wait_http_ready(&format!("{}/ready", node.url()), PATIENCE)
            .await;
    }
}
