//! Continuous load of many kinds, and a process that dies at moments nobody chose.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Edit, EditMoment, Fault, FaultRule, Matcher, ScheduledEdit};
use system_tests::{Client, Effect, EveryJobEndedOnce, Gateway, desk, random_hex};
use testkit::{CrashPoint, eventually};

use super::PATIENCE;

/// The `n`-th submission: its kind, its order, its body, and what will be seen of it.
fn command(n: u64, orders: &[String]) -> (String, Value, Effect) {
    let order = orders[(n % orders.len() as u64) as usize].clone();
    let base = format!("/stores/{}/orders", desk::STORE);
    let text = format!("note number {n}.");
    match n % 10 {
        3 => {
            let code = format!("CODE-{n}.");
            let body = json!({"items": [{"name": "Extra", "code": code, "price": 1, "quantity": 1}]});
            (
                format!("{base}/{order}/add-items"),
                body,
                Effect::Item { order, code },
            )
        }
        5 => (
            format!("{base}/{order}/move-folder"),
            json!({"folder_id": 1 + n % 4}),
            Effect::Uncounted,
        ),
        6 => {
            let operations = json!([
                {"op": "replace", "path": "folder_id", "value": 1 + n % 3},
                {"op": "add", "path": "notes", "value": [{"note": text, "type": "system"}]},
            ]);
            (
                format!("{base}/{order}:mutate"),
                json!({"operations": operations}),
                Effect::Note { order, text },
            )
        }
        8 => {
            let email = format!("customer{n}@example.com");
            let items = json!([{"name": "One", "code": "ONE", "price": 1, "quantity": 1}]);
            let body = json!({"email": email, "shipping": {"first_name": "Ann", "last_name": "Lee"}, "items": items});
            (base, body, Effect::Created { email })
        }
        9 => {
            let code = format!("STOCK-{n}.");
            let body = json!({"name": "Stocked", "code": code, "price": 2, "stock": 3});
            (
                format!("/stores/{}/inventory", desk::STORE),
                body,
                Effect::Inventory { code },
            )
        }
        _ => (
            format!("{base}/{order}/add-note"),
            json!({"note": text}),
            Effect::Note { order, text },
        ),
    }
}

/// Submits until told to stop. Every submission has a key of its own and is repeated until it is answered, as a
/// client does that wants to be sure.
async fn submit_on(
    client: Client,
    orders: Arc<Vec<String>>,
    next: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
) -> Vec<(String, Effect)> {
    let mut accepted = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let n = next.fetch_add(1, Ordering::SeqCst);
        let (path, body, effect) = command(n, &orders);
        let key = format!("submission-{n}");
        let ask = async || {
            let request = client
                .request(Method::POST, &path)
                .header("Idempotency-Key", &key)
                .json(&body);
            let answer = client.send(request).await.map_err(|error| error.to_string())?;
            if answer.status == 202 {
                Ok(answer.id())
            } else {
                Err(format!("{} {}", answer.status, answer.body))
            }
        };
        accepted.push((
            eventually(&format!("{path} is accepted"), PATIENCE, ask).await,
            effect,
        ));
    }
    accepted
}

/// A small generator of our own, so that a printed seed repeats the moments.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_at_random_under_load_loses_nothing_and_doubles_nothing() {
    let seed = u64::from_str_radix(&random_hex(8), 16).expect("hexadecimal");
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let mut gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let orders = Arc::new(desk::orders(&gateway.desk, 24));
    let (next, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let submitters: Vec<_> = (0..4)
        .map(|_| {
            tokio::spawn(submit_on(
                client.clone(),
                Arc::clone(&orders),
                Arc::clone(&next),
                Arc::clone(&stop),
            ))
        })
        .collect();
    for _ in 0..6 {
        // The moment is counted in requests to Order Desk, not in milliseconds: it falls anywhere in the cycle on
        // any machine.
        let reached = gateway.desk.counters().total().requests + 5 + dice.below(80);
        let found = gateway
            .desk
            .wait_until(PATIENCE, |desk| desk.counters().total().requests >= reached)
            .await;
        assert!(found, "work goes on");
        for _ in 0..dice.below(200) {
            tokio::task::yield_now().await;
        }
        gateway.kill9();
        gateway.restart().await;
    }
    stop.store(true, Ordering::SeqCst);
    let mut check = EveryJobEndedOnce::of(desk::STORE);
    for (job, effect) in join_all(submitters).await.into_iter().flat_map(Result::unwrap) {
        check.accepted(job, effect);
    }
    let report = check.check(&client, &gateway.desk, PATIENCE * 2).await;
    println!(
        "{} jobs, {} recovered, {} need a review",
        check.len(),
        report.recovered,
        report.needs_review
    );
    assert_eq!(
        report.succeeded + report.needs_review,
        check.len(),
        "nobody had a reason to fail"
    );
    let counters = gateway.desk.counters().total();
    assert_eq!(counters.throttled, 0, "{counters:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_faults_and_foreign_edits_together_double_nothing() {
    let seed = u64::from_str_radix(&random_hex(8), 16).expect("hexadecimal");
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let mut gateway = Gateway::builder().env("MAX_ATTEMPTS", "100").start().await;
    let client = gateway.client_with_store().await;
    let orders = Arc::new(desk::orders(&gateway.desk, 12));
    let (next, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let submitters: Vec<_> = (0..3)
        .map(|_| {
            tokio::spawn(submit_on(
                client.clone(),
                Arc::clone(&orders),
                Arc::clone(&next),
                Arc::clone(&stop),
            ))
        })
        .collect();
    for round in 0..4 {
        for _ in 0..6 {
            let applied = dice.below(2) == 0;
            let fault = match dice.below(7) {
                0 => Fault::ResetBefore,
                1 => Fault::ResetAfter,
                2 => Fault::TimeoutLateWrite {
                    delay_ms: 500 + dice.below(1_500),
                },
                3 => Fault::LateWrite {
                    delay_ms: 500 + dice.below(1_500),
                    status: 502,
                },
                4 => Fault::ServerError { status: 500, applied },
                5 => Fault::Truncated { applied },
                _ => Fault::Garbage { applied },
            };
            gateway
                .desk
                .add_fault(FaultRule::once(Matcher::writes(), fault).skip(dice.below(10)));
            let order = &orders[dice.below(12) as usize];
            let moment =
                [EditMoment::AfterGet, EditMoment::BeforePut, EditMoment::AfterPut][dice.below(3) as usize];
            gateway.desk.schedule_edit(ScheduledEdit {
                store: desk::STORE.to_owned(),
                order: order.clone(),
                when: moment,
                edit: Edit::note("Somebody", format!("foreign {round}")),
                times: 1,
            });
        }
        let reached = gateway.desk.counters().total().requests + 20 + dice.below(60);
        let found = gateway
            .desk
            .wait_until(PATIENCE, |desk| desk.counters().total().requests >= reached)
            .await;
        assert!(found, "work goes on");
        gateway.kill9();
        gateway.restart().await;
    }
    stop.store(true, Ordering::SeqCst);
    let mut check = EveryJobEndedOnce::of(desk::STORE);
    for (job, effect) in join_all(submitters).await.into_iter().flat_map(Result::unwrap) {
        check.accepted(job, effect);
    }
    let report = check.check(&client, &gateway.desk, PATIENCE * 2).await;
    println!(
        "{} jobs, {} recovered, {} need a review",
        check.len(),
        report.recovered,
        report.needs_review
    );
    let odd = report
        .jobs
        .values()
        .find(|job| job["status"] != "succeeded" && job["error"]["code"] != "needs_review");
    assert_eq!(odd, None, "nobody had a reason to fail");
}

/// The load of one batch of mixed commands over several orders, which the process leaves at `point`.
async fn mixed_load_through(point: &'static str, nth: u32) {
    let mut gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let orders = desk::orders(&gateway.desk, 4);
    assert!(gateway.restart_crashing(Some(&CrashPoint(point, nth))).await);
    let mut open: Vec<_> = (0..40).map(|n| command(n, &orders)).enumerate().collect();
    let mut check = EveryJobEndedOnce::of(desk::STORE);
    let mut restarted = false;
    while !open.is_empty() {
        let mut left = Vec::new();
        for (n, (path, body, effect)) in open {
            let request = client
                .request(Method::POST, &path)
                .header("Idempotency-Key", format!("k{n}"))
                .json(&body);
            match client.send(request).await {
                Ok(answer) => check.accepted(answer.expect(202).id(), effect),
                Err(_) => left.push((n, (path, body, effect))),
            }
        }
        open = left;
        if !restarted {
            gateway.wait_killed(PATIENCE).await;
            gateway.restart().await;
            restarted = true;
        }
    }
    let report = check.check(&client, &gateway.desk, PATIENCE).await;
    assert_eq!(report.succeeded, 40, "{point}:{nth} {report:?}");
}

#[tokio::test]
async fn a_mixed_load_survives_a_crash_early_in_the_cycle() {
    join_all(["cycle.loaded", "cycle.fetched", "intent.before"].map(|point| mixed_load_through(point, 3)))
        .await;
}

#[tokio::test]
async fn a_mixed_load_survives_a_crash_around_the_request() {
    join_all(
        [("intent.after", 2), ("request.after", 1), ("request.after", 4)]
            .map(|(point, nth)| mixed_load_through(point, nth)),
    )
    .await;
}

#[tokio::test]
async fn a_mixed_load_survives_a_crash_late_in_the_cycle() {
    join_all(
        [
            ("record.after", 3),
            ("move.intent.after", 1),
            ("move.request.after", 1),
        ]
        .map(|(point, nth)| mixed_load_through(point, nth)),
    )
    .await;
}

#[tokio::test]
async fn a_mixed_load_survives_a_crash_around_a_submission() {
    join_all(["commit.before", "commit.after"].map(|point| mixed_load_through(point, 15))).await;
}

#[tokio::test]
async fn a_restart_takes_every_partition_at_once() {
    let mut gateway = Gateway::builder().env("LEASE_TTL", "60s").start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    // Partitions go by the upstream store's id: with many stores every partition has some.
    for n in 0..24 {
        let id = format!("store-{n}");
        gateway.desk.add_store(simulator::StoreConfig::new(&id, "a-key"));
        client.register_store(&id, "a-key").await;
        gateway
            .desk
            .put_order(&id, json!({"id": order, "email": "a@example.com"}))
            .unwrap();
    }
    gateway.kill9();
    gateway.restart().await;
    let jobs = join_all((0..24).map(|n| {
        let (client, order) = (client.clone(), order.clone());
        async move { client.submit_note(&format!("store-{n}"), &order, "at once").await }
    }))
    .await;
    for job in jobs {
        // Far less than the lease of the process that is known to be dead.
        client.wait_succeeded(&job, Duration::from_secs(20)).await;
    }
}
