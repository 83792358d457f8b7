//! The store's limit, with Order Desk's real bucket: 20 tokens, 3 a second.

use std::time::{Duration, Instant};

use serde_json::json;
use simulator::{RequestKind, StoreConfig};
use system_tests::{Effect, EveryJobEndedOnce, Gateway, desk};

use super::PATIENCE;

#[tokio::test]
async fn two_hundred_jobs_over_twenty_orders_drain_as_fast_as_the_bucket_allows() {
    testkit::at_best("as fast as the bucket allows", drain).await;
}

async fn drain() -> Result<(), String> {
    let gateway = Gateway::builder()
        .real_bucket()
        .desk(|desk| desk.stores.push(StoreConfig::new("quiet", "quiet-key")))
        .start()
        .await;
    let client = gateway.client_with_store().await;
    client.register_store("quiet", "quiet-key").await;
    let orders = desk::orders(&gateway.desk, 20);
    let quiet = gateway
        .desk
        .seed_orders("quiet", 1)
        .expect("the store exists")
        .remove(0);

    let mut effects = Vec::new();
    let jobs: Vec<_> = (0..200)
        .map(|n| {
            let (order, text) = (orders[n % 20].clone(), format!("note number {n}."));
            let job = json!({"kind": "order.add_note", "order_id": order, "body": {"note": text}});
            effects.push(Effect::Note { order, text });
            job
        })
        .collect();
    let submitted = Instant::now();
    let ids = client.batch(desk::STORE, &jobs).await;

    // Somebody with one change to a quiet store does not wait behind the two hundred.
    let asked = Instant::now();
    let single = client.submit_note("quiet", &quiet, "not behind the others").await;
    client.wait_succeeded(&single, PATIENCE).await;
    let waited = asked.elapsed();

    let mut check = EveryJobEndedOnce::of(desk::STORE);
    for (id, effect) in ids.iter().zip(effects) {
        check.accepted(&**id, effect);
    }
    let last = async || {
        let counters = gateway.desk.counters();
        counters.kind(RequestKind::PutOrder).applied
    };
    let done = gateway
        .desk
        .wait_until(PATIENCE, |desk| desk.counters().store(desk::STORE).applied >= 20)
        .await;
    let drained = submitted.elapsed();
    assert!(done, "{} updates", last().await);
    let report = check.check(&client, &gateway.desk, PATIENCE).await;
    assert_eq!(report.succeeded, 200);
    for job in report.jobs.values() {
        assert_eq!(job["result"]["coalesced_with"], 9, "{job}");
        assert_eq!(job["result"]["upstream_requests"], 2, "{job}");
    }
    let count = gateway.desk.counters().store(desk::STORE);
    assert_eq!((count.requests, count.throttled), (40, 0), "{count:?}");
    let bound = Duration::from_secs_f64(1.1 * (count.requests as f64 - 20.0) / 3.0 + 1.0);
    let times = format!("drained in {drained:?} of {bound:?}, the quiet store waited {waited:?}");
    println!("{times}");
    if drained <= bound && waited <= Duration::from_secs(2) {
        Ok(())
    } else {
        Err(times)
    }
}

#[tokio::test]
async fn readers_beside_a_backlog_cause_no_refusal() {
    let gateway = Gateway::builder().real_bucket().start().await;
    let client = gateway.client_with_store().await;
    let orders = desk::orders(&gateway.desk, 12);
    let jobs: Vec<_> = orders
        .iter()
        .map(|order| json!({"kind": "order.add_note", "order_id": order, "body": {"note": "beside readers"}}))
        .collect();
    let ids = client.batch(desk::STORE, &jobs).await;
    let mut shown = 0;
    while gateway.desk.counters().kind(RequestKind::PutOrder).applied < 12 {
        let answer = client
            .get(&format!("/stores/{}/orders/{}", desk::STORE, orders[shown % 12]))
            .await;
        match answer.status {
            200 => shown += 1,
            503 => assert!(!answer.header("Retry-After").is_empty()),
            _ => panic!("{} {}", answer.status, answer.body),
        }
    }
    for id in ids {
        client.wait_succeeded(&id, PATIENCE).await;
    }
    assert!(shown > 0, "readers get their turn");
    assert_eq!(gateway.desk.counters().total().throttled, 0);
}

#[tokio::test]
async fn a_restart_does_not_forget_how_much_of_the_bucket_is_spent() {
    let mut gateway = Gateway::builder().real_bucket().start().await;
    let client = gateway.client_with_store().await;
    let orders = desk::orders(&gateway.desk, 16);
    let jobs: Vec<_> = orders
        .iter()
        .map(|order| json!({"kind": "order.add_note", "order_id": order, "body": {"note": "paced"}}))
        .collect();
    let ids = client.batch(desk::STORE, &jobs).await;
    assert!(
        gateway
            .desk
            .wait_until(PATIENCE, |desk| desk.counters().total().requests >= 20)
            .await
    );
    gateway.kill9();
    gateway.restart().await;
    for id in ids {
        client.wait_succeeded(&id, PATIENCE).await;
    }
    assert_eq!(
        gateway.desk.counters().total().throttled,
        0,
        "the bucket was known to be empty"
    );
}

#[tokio::test]
async fn two_tenants_with_one_store_share_its_bucket_and_never_a_batch() {
    let gateway = Gateway::builder().real_bucket().start().await;
    let (one, two) = (
        gateway.client_with_store().await,
        gateway.client_with_store().await,
    );
    let orders = desk::orders(&gateway.desk, 5);
    let notes = |who: &str| -> Vec<_> {
        (0..25)
            .map(|n| {
                let text = format!("{who} {n}.");
                json!({"kind": "order.add_note", "order_id": orders[n % 5], "body": {"note": text}})
            })
            .collect()
    };
    let (a, b) = tokio::join!(
        async { one.batch(desk::STORE, &notes("first tenant")).await },
        async { two.batch(desk::STORE, &notes("second tenant")).await },
    );
    for (client, ids, who) in [(&one, a, "first tenant"), (&two, b, "second tenant")] {
        let mut check = EveryJobEndedOnce::of(desk::STORE);
        for (n, id) in ids.into_iter().enumerate() {
            check.accepted(
                id,
                Effect::Note {
                    order: orders[n % 5].clone(),
                    text: format!("{who} {n}."),
                },
            );
        }
        let report = check.check(client, &gateway.desk, PATIENCE).await;
        assert_eq!(report.succeeded, 25);
        for job in report.jobs.values() {
            assert_eq!(
                job["result"]["coalesced_with"], 4,
                "with its own tenant's alone: {job}"
            );
        }
    }
    let count = gateway.desk.counters().store(desk::STORE);
    assert_eq!((count.requests, count.throttled), (20, 0), "{count:?}");
    for entry in gateway
        .desk
        .request_log()
        .iter()
        .filter(|entry| entry.kind == RequestKind::PutOrder)
    {
        let body = entry.body.as_ref().unwrap().to_string();
        // The first to write an order leaves its notes there; a batch adds only its own.
        let (first, second) = (
            body.matches("first tenant").count(),
            body.matches("second tenant").count(),
        );
        assert!(
            [(5, 0), (0, 5), (5, 5)].contains(&(first, second)),
            "{first} {second}"
        );
    }
}
