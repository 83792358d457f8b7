//! The broker is a hint: without it everything is accepted and ends, only later.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::Timestamp;
use serde_json::Value;
use testkit::eventually;

use super::support::{Client, Load, PATIENCE, Relay, Setup, Shop};

/// The sweep comes by every two seconds: a job that ends sooner after its submission was hinted.
const HINTED: Duration = Duration::from_millis(700);

/// Waits until jobs are as fast as they are with hints, five times in a row.
///
/// How many jobs that took.
async fn hints_work(client: &Client, shop: &Shop) -> usize {
    let done = AtomicUsize::new(0);
    eventually("jobs to be fast again", PATIENCE, async || {
        for _ in 0..5 {
            let job = shop.note(client, 0, "fast").expect(202).await;
            let job = client.ended(job["id"].as_str().expect("a job has an id")).await;
            done.fetch_add(1, Ordering::Relaxed);
            let took = time(&job["finished_at"]).since(time(&job["submitted_at"]));
            if took > HINTED {
                return Err(format!("{took:?}"));
            }
        }
        Ok(())
    })
    .await;
    done.into_inner()
}

fn time(value: &Value) -> Timestamp {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| panic!("no time: {value}"))
}

#[tokio::test]
async fn a_broker_that_stops_under_load_costs_no_job_and_hints_work_once_it_is_back() {
    let cluster = Setup::of(2, 2).start().await;
    let client = cluster.client();
    let shops = cluster.shops(&client, 6, 3).await;
    let load = Load::start(&client, &shops, 5, Duration::from_millis(30));
    load.more(30).await;
    cluster.nats.stop().await;
    load.more(60).await;
    let accepted = load.stop().await;
    // The broker is still away.
    cluster.assert_all_done_once(&client, &accepted).await;
    for api in &cluster.apis {
        let ready = system_tests::Client::new(api.url())
            .get("/ready")
            .await
            .expect(200)
            .body;
        assert_eq!(
            (&ready["status"], &ready["checks"]["queue"]["status"]),
            (&"degraded".into(), &"degraded".into())
        );
    }
    cluster.nats.start().await;
    let more = hints_work(&client, &shops[0]).await;
    cluster.assert_ledger_is_whole(accepted.len() + more).await;
}

#[tokio::test]
async fn a_wiped_broker_under_load_costs_no_job_and_hints_work_after() {
    let cluster = Setup::of(2, 2).start().await;
    let client = cluster.client();
    let shops = cluster.shops(&client, 6, 3).await;
    let load = Load::start(&client, &shops, 5, Duration::from_millis(30));
    for _ in 0..2 {
        load.more(30).await;
        cluster.nats.wipe().await;
    }
    load.more(30).await;
    let accepted = load.stop().await;
    cluster.assert_all_done_once(&client, &accepted).await;
    let more = hints_work(&client, &shops[0]).await;
    cluster.assert_ledger_is_whole(accepted.len() + more).await;
}

#[tokio::test]
async fn a_broker_that_was_never_there_is_no_obstacle_and_is_used_when_it_comes() {
    let cluster = Setup::of(2, 2).broker_down().start().await;
    let client = cluster.client();
    let shops = cluster.shops(&client, 6, 2).await;
    let load = Load::start(&client, &shops, 5, Duration::from_millis(30));
    load.more(60).await;
    let accepted = load.stop().await;
    cluster.assert_all_done_once(&client, &accepted).await;
    // A call that waits is answered without the bus, by looking.
    let answer = shops[0]
        .note(&client, 0, "waited for")
        .header("Prefer", "wait=20")
        .send()
        .await;
    let answer = answer.expect("an answer").expect(200);
    assert_eq!(answer.body["status"], "succeeded");
    cluster.nats.start().await;
    let more = hints_work(&client, &shops[0]).await;
    cluster.assert_ledger_is_whole(accepted.len() + 1 + more).await;
}

#[tokio::test]
async fn a_broker_that_hangs_costs_no_job_and_no_partition() {
    let mut cluster = Setup::of(0, 0).start().await;
    let server = cluster.nats.url();
    let relay = Relay::to(server.strip_prefix("nats://").expect("a NATS URL")).await;
    cluster
        .run_behind(format!("nats://127.0.0.1:{}", relay.port()), 2, 2)
        .await;
    let client = cluster.client();
    let shops = cluster.shops(&client, 6, 3).await;
    let load = Load::start(&client, &shops, 5, Duration::from_millis(30));
    load.more(30).await;
    relay.set_stuck(true);
    load.more(60).await;
    // A worker that comes now takes its share, and the others give it, without waiting for the broker.
    let newcomer = cluster.start_worker().await;
    cluster.workers.push(newcomer);
    cluster.all_partitions_owned().await;
    let accepted = load.stop().await;
    cluster.assert_all_done_once(&client, &accepted).await;
    assert!(
        !cluster.partitions_were_lost(),
        "a worker's heartbeat waited for the broker"
    );
    relay.set_stuck(false);
    let more = hints_work(&client, &shops[0]).await;
    cluster.assert_ledger_is_whole(accepted.len() + more).await;
}
