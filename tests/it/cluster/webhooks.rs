//! Webhooks of several workers: one that is killed loses nothing of what it was telling or was yet to tell.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use standardwebhooks::Webhook;
use testkit::{Receiver, Reply, eventually};

use super::support::{Client, Cluster, PATIENCE, Setup};

fn setup(workers: usize) -> Setup {
    Setup::of(1, workers)
        .set("WEBHOOK_ALLOW_NETS", "127.0.0.0/8")
        .set("WEBHOOK_RETRY_SCHEDULE", "1s,1s,1s,1s,1s,1s,1s,1s,1s")
}

/// An endpoint that is told how jobs end: what signs for it.
async fn endpoint(client: &Client, receiver: &Receiver) -> Webhook {
    let body = json!({"url": receiver.url(), "events": ["job.succeeded", "job.failed", "job.cancelled"]});
    let made = client.post("/webhook-endpoints", body).expect(201).await;
    Webhook::new(made["secret"].as_str().expect("a secret")).expect("a secret of the standard")
}

/// Which job each request was about, and under which id, signed by whom it should be.
fn jobs_told(receiver: &Receiver, webhook: &Webhook) -> HashMap<String, HashSet<String>> {
    let mut told: HashMap<String, HashSet<String>> = HashMap::new();
    for received in receiver.received() {
        webhook
            .verify(received.body.as_bytes(), &received.headers)
            .expect("the signature verifies");
        let body: Value = serde_json::from_str(&received.body).expect("JSON");
        assert_eq!(body["type"], "job.succeeded", "{body}");
        let job = body["data"]["id"].as_str().expect("a job").to_owned();
        told.entry(job)
            .or_default()
            .insert(received.header("webhook-id").to_owned());
    }
    told
}

/// Waits until so many deliveries are on record, all of them made.
async fn all_are_delivered(cluster: &Cluster, count: usize) {
    let sql = "select count(*), count(*) filter (where state = 'delivered') from webhook_deliveries";
    let count = Some(count.to_string());
    eventually("every delivery to be recorded", 2 * PATIENCE, async || {
        let row = cluster.sql(sql).await.remove(0);
        if row == [count.clone(), count.clone()] {
            Ok(())
        } else {
            Err(format!("{row:?}"))
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_killed_worker_was_telling_and_was_yet_to_tell_another_worker_tells() {
    const JOBS: usize = 40;
    let mut cluster = setup(1).start().await;
    let client = cluster.client();
    let shop = cluster.shop(&client, "501", 8).await;
    // Takes ten, then says nothing any more: the kill meets attempts that hang.
    let (hangs, taken) = (
        Arc::new(AtomicBool::new(true)),
        Arc::new(Mutex::new(HashSet::new())),
    );
    let receiver = {
        let (hangs, taken) = (Arc::clone(&hangs), Arc::clone(&taken));
        Receiver::start(move |received, before| {
            if before >= 10 && hangs.load(Ordering::SeqCst) {
                return Reply::never();
            }
            let id = received.header("webhook-id").to_owned();
            taken.lock().expect("a lock").insert(id);
            Reply::status(200)
        })
        .await
    };
    let webhook = endpoint(&client, &receiver).await;
    let mut jobs = Vec::new();
    for n in 0..JOBS {
        let job = shop.note(&client, n, &format!("told {n}")).expect(202).await;
        jobs.push(job["id"].as_str().expect("an id").to_owned());
    }
    eventually("attempts that hang", PATIENCE, async || receiver.count() >= 12).await;
    cluster.workers[0].kill9();
    let came = receiver.count();
    assert!(came < JOBS, "all of it came before the kill");

    hangs.store(false, Ordering::SeqCst);
    let second = cluster.start_worker().await;
    cluster.workers.push(second);
    for job in &jobs {
        assert_eq!(client.ended(job).await["status"], "succeeded");
    }
    all_are_delivered(&cluster, JOBS).await;
    let told = jobs_told(&receiver, &webhook);
    let taken = taken.lock().expect("a lock").clone();
    for job in &jobs {
        let ids = told
            .get(job)
            .unwrap_or_else(|| panic!("nothing came of job {job}"));
        assert_eq!(ids.len(), 1, "one event has one id: {ids:?}");
        assert!(ids.is_subset(&taken), "job {job} was told and never taken");
    }
    assert_eq!(told.len(), JOBS);
    let repeated = receiver.count() - JOBS;
    assert!(repeated >= 2, "those that hung came again: {repeated}");
    cluster.assert_ledger_is_whole(JOBS).await;
}

#[tokio::test]
async fn workers_killed_in_turn_lose_no_webhook_of_a_receiver_that_fails_first() {
    const JOBS: usize = 60;
    let mut cluster = setup(3).start().await;
    let client = cluster.client();
    let shops = cluster.shops(&client, 4, 4).await;
    // The first two attempts at each event fail.
    let attempts: Mutex<HashMap<String, u32>> = Mutex::default();
    let receiver = Receiver::start(move |received, _| {
        let mut attempts = attempts.lock().expect("a lock");
        let attempt = attempts
            .entry(received.header("webhook-id").to_owned())
            .or_default();
        *attempt += 1;
        Reply::status(if *attempt <= 2 { 500 } else { 200 })
    })
    .await;
    let webhook = endpoint(&client, &receiver).await;
    let mut jobs = Vec::new();
    for n in 0..JOBS {
        let job = shops[n % shops.len()]
            .note(&client, n, &format!("told {n}"))
            .expect(202)
            .await;
        jobs.push(job["id"].as_str().expect("an id").to_owned());
    }
    for (worker, came) in [(0, 15), (1, 60), (2, 100)] {
        eventually("some attempts", PATIENCE, async || receiver.count() >= came).await;
        cluster.workers[worker].restart().await;
    }
    for job in &jobs {
        assert_eq!(client.ended(job).await["status"], "succeeded");
    }
    all_are_delivered(&cluster, JOBS).await;
    let told = jobs_told(&receiver, &webhook);
    for job in &jobs {
        let ids = told
            .get(job)
            .unwrap_or_else(|| panic!("nothing came of job {job}"));
        assert_eq!(ids.len(), 1, "one event has one id: {ids:?}");
    }
    assert_eq!(told.len(), JOBS);
    assert!(receiver.count() >= 3 * JOBS, "twice refused, once taken");
    cluster.assert_ledger_is_whole(JOBS).await;
}
