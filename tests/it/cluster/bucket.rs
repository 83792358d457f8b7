//! The real bucket, 20 tokens and 3 a second, with work and readers in several processes: one spender for all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use simulator::RequestKind;

use super::support::{Client, Cluster, Setup, Shop, took};

const ORDERS: usize = 20;
const JOBS: usize = 200;
/// The work takes seven seconds, with readers three times as long.
const LONG: Duration = Duration::from_secs(90);

/// 200 notes over 20 orders, accepted at once.
async fn submit(client: &Client, shop: &Shop) -> Vec<String> {
    let jobs: Vec<Value> = (0..JOBS)
        .map(|n| {
            let order = &shop.orders[n % ORDERS];
            json!({"kind": "order.add_note", "order_id": order, "body": {"note": format!("note {n}")}})
        })
        .collect();
    let answer = client
        .post(format!("/stores/{}/jobs:batch", shop.id), json!({"jobs": jobs}))
        .expect(202)
        .await;
    let jobs = answer["data"].as_array().expect("a list");
    jobs.iter()
        .map(|job| job["id"].as_str().expect("a job has an id").to_owned())
        .collect()
}

/// Waits for their ends; the time from the acceptance to the last of them.
async fn all_succeed(client: &Client, jobs: &[String]) -> Duration {
    let mut longest = Duration::ZERO;
    for job in jobs {
        let job = client.ended_within(job, LONG).await;
        assert_eq!(job["status"], "succeeded", "{job}");
        longest = longest.max(took(&job));
    }
    longest
}

fn assert_no_refusal(cluster: &Cluster, shop: &Shop) {
    let count = cluster.desk.counters().store(&shop.id);
    assert_eq!(
        (count.throttled, count.errors),
        (0, 0),
        "{count:?}:\n{}",
        requests(cluster, shop)
    );
}

/// The requests of a store, one a line: when, which, what came of it, tokens left.
fn requests(cluster: &Cluster, shop: &Shop) -> String {
    let log = cluster
        .desk
        .request_log()
        .into_iter()
        .filter(|entry| entry.store == shop.id);
    let lines = log.map(|entry| {
        let left = entry.tokens_left.unwrap_or_default();
        let ended = entry.ended_ms.unwrap_or_default();
        format!(
            "{:>6} {ended:>6} {} {} {:?} {left}",
            entry.at_ms, entry.method, entry.path, entry.status
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn many_jobs_of_one_store_are_drained_at_its_pace_and_hold_up_no_other() {
    let cluster = Setup::of(1, 1)
        .real_bucket()
        .set("ORDERDESK_TIMEOUT", "30s")
        .start()
        .await;
    let client = cluster.client();
    let shop = cluster.shop(&client, "501", ORDERS as u64).await;
    let quiet = cluster.shop(&client, "502", 1).await;
    // How long a job takes on this machine as busy as it is, when there is nothing to wait for.
    let usual = took(
        &quiet
            .note(&client, 0, "usual")
            .header("Prefer", "wait=30")
            .expect(200)
            .await,
    );
    let jobs = submit(&client, &shop).await;
    let other = quiet
        .note(&client, 0, "not delayed")
        .header("Prefer", "wait=30")
        .expect(200)
        .await;
    assert_eq!(other["status"], "succeeded", "{other}");
    let other_took = took(&other);
    let took = all_succeed(&client, &jobs).await;
    assert_no_refusal(&cluster, &shop);
    let count = cluster.desk.counters().store(&shop.id);
    assert_eq!(
        count.requests,
        2 * ORDERS as u64,
        "one fetch and one update for each order:\n{}",
        requests(&cluster, &shop)
    );
    let limit = Duration::from_secs_f64(1.1 * (count.requests - 20) as f64 / 3.0 + 1.0) + usual;
    eprintln!(
        "{JOBS} jobs in {} requests took {took:?}, at most {limit:?}; another store's job {other_took:?}",
        count.requests
    );
    assert!(took <= limit, "{took:?} is more than {limit:?}");
    assert!(
        other_took < Duration::from_secs(2) + usual,
        "another store's job took {other_took:?}"
    );
}

#[tokio::test]
async fn readers_in_three_processes_and_the_jobs_share_one_bucket() {
    let cluster = Setup::of(3, 2)
        .real_bucket()
        .set("ORDERDESK_TIMEOUT", "30s")
        .start()
        .await;
    let client = cluster.client();
    let shop = cluster.shop(&client, "501", ORDERS as u64).await;
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..client.apis())
        .map(|api| tokio::spawn(read(client.clone(), shop.clone(), api, Arc::clone(&stop))))
        .collect();
    let jobs = submit(&client, &shop).await;
    all_succeed(&client, &jobs).await;
    stop.store(true, Ordering::Relaxed);
    let mut shown = 0;
    for reader in readers {
        shown += reader.await.expect("a reader panicked");
    }
    assert_no_refusal(&cluster, &shop);
    let requests = cluster.desk.counters().store(&shop.id).requests;
    let updates = cluster.desk.counters().kind(RequestKind::PutOrder).requests;
    eprintln!("{updates} updates and {shown} reads in {requests} requests");
    assert!(shown >= 3, "readers were shown {shown} orders in all");
    let note = format!("note {}", JOBS - 1);
    let order = cluster
        .desk
        .get_order(&shop.id, &shop.orders[(JOBS - 1) % ORDERS])
        .expect("the order is there");
    assert_eq!(super::support::notes(&order, &note), 1, "{order}");
    cluster.assert_ledger_is_whole(JOBS).await;
}

/// Reads orders at one API process until told to stop; how many were shown.
async fn read(client: Client, shop: Shop, api: usize, stop: Arc<AtomicBool>) -> usize {
    let mut shown = 0;
    for turn in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let answer = client
            .get(shop.order(turn))
            .to(api)
            .send()
            .await
            .expect("an answer");
        match answer.status {
            200 => shown += 1,
            503 | 504 => {
                assert_eq!(
                    answer.header("content-type"),
                    "application/problem+json",
                    "{answer:?}"
                );
                let seconds: u64 = answer.header("retry-after").parse().expect("a number of seconds");
                assert!(seconds >= 1, "{answer:?}");
            }
            _ => panic!("{answer:?}"),
        }
    }
    shown
}
