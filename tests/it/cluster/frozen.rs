//! A worker that was frozen beyond its lease, and wakes when another has its partitions: it must write nothing to the
//! ledger and start no request.

use std::time::{Duration, SystemTime};

use domain::Timestamp;
use serde_json::{Value, json};
use simulator::{HoldPhase, LogEntry, Matcher, RequestKind};
use testkit::eventually;

use super::support::{Client, Cluster, PATIENCE, Setup, Shop, notes};

/// One API process and the worker that will be frozen; its successor starts later, so that it is known which is which.
async fn cluster(timeout: &str) -> (Cluster, Client, Shop) {
    let cluster = Setup::of(1, 1).set("ORDERDESK_TIMEOUT", timeout).start().await;
    let client = cluster.client();
    let shop = cluster.shop(&client, "501", 4).await;
    (cluster, client, shop)
}

fn id(job: &Value) -> &str {
    job["id"].as_str().expect("a job has an id")
}

/// Wakes the frozen worker, waits until it has found out and is at work again, and returns the requests that came
/// meanwhile.
async fn wake(cluster: &Cluster) -> Vec<LogEntry> {
    let last = cluster.desk.request_log().last().map_or(0, |entry| entry.seq);
    let events = cluster.number("select max(position) from events").await;
    let frozen = cluster.workers[0].process();
    assert!(frozen.sigcont());
    frozen
        .wait_for_line("partition lost to another worker", PATIENCE)
        .await;
    // Both live now: it gets its half back, and with it proof that it has come to rest.
    cluster.all_partitions_owned().await;
    let now = cluster.number("select max(position) from events").await;
    assert_eq!(now, events, "nobody had anything to write");
    cluster.desk.request_log_since(last)
}

/// That the job was done once, by the successor alone.
async fn assert_done_once(cluster: &Cluster, shop: &Shop, note: &str) {
    let order = cluster
        .desk
        .get_order(&shop.id, &shop.orders[0])
        .expect("the order is there");
    assert_eq!(notes(&order, note), 1, "{order}");
    assert_eq!(cluster.desk.counters().kind(RequestKind::PutOrder).requests, 1);
    cluster.assert_ledger_is_whole(1).await;
}

#[tokio::test]
async fn a_worker_frozen_before_its_intent_does_not_get_to_it() {
    // The answer that it awaits must still count when it wakes.
    let (mut cluster, client, shop) = cluster("60s").await;
    let hold = cluster
        .desk
        .hold(Matcher::from(RequestKind::GetOrder), HoldPhase::BeforeAnswer);
    let job = shop.note(&client, 0, "once").expect(202).await;
    assert!(
        cluster.desk.wait_held(hold, 1, PATIENCE).await,
        "the worker reads the order"
    );
    assert!(cluster.workers[0].process().sigstop());
    cluster.desk.release(hold).expect("the hold is there");

    let successor = cluster.start_worker().await;
    cluster.workers.push(successor);
    let job = client.ended(id(&job)).await;
    assert_eq!(
        (&job["status"], &job["result"]["recovered"]),
        (&json!("succeeded"), &json!(false)),
        "{job}"
    );
    assert_eq!(wake(&cluster).await, []);
    assert_done_once(&cluster, &shop, "once").await;
}

#[tokio::test]
async fn a_worker_frozen_between_its_intent_and_its_request_does_not_send_it() {
    let (mut cluster, client, shop) = cluster("1s").await;
    cluster.sql("create table gate (open boolean)").await;
    let hold = cluster
        .desk
        .hold(Matcher::from(RequestKind::GetOrder), HoldPhase::BeforeAnswer);
    let job = shop.note(&client, 0, "once").expect(202).await;
    assert!(
        cluster.desk.wait_held(hold, 1, PATIENCE).await,
        "the worker reads the order"
    );

    // The intent gets as far as the ledger's lock; it is committed while the worker is frozen.
    let lock = "do $$ begin
            perform from ledger_head for update;
            while not exists (select from gate) loop perform pg_sleep(0.01); end loop;
        end $$";
    let locked = cluster.sql(lock);
    let freeze = async {
        let holding = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'";
        reaches(&cluster, holding, 1).await;
        cluster.desk.release(hold).expect("the hold is there");
        let waiting = "select count(*) from pg_stat_activity
            where wait_event_type = 'Lock' and query like '%append_batch%'";
        reaches(&cluster, waiting, 1).await;
        assert!(cluster.workers[0].process().sigstop());
        cluster.sql("insert into gate values (true)").await;
    };
    tokio::join!(locked, freeze);
    reaches(&cluster, "select count(*) from open_batches", 1).await;
    assert_eq!(cluster.desk.counters().kind(RequestKind::PutOrder).requests, 0);

    let successor = cluster.start_worker().await;
    cluster.workers.push(successor);
    let job = client.ended(id(&job)).await;
    assert_eq!(
        (&job["status"], &job["result"]["recovered"]),
        (&json!("succeeded"), &json!(false)),
        "{job}"
    );
    assert_eq!(
        job["attempts"], 2,
        "the intent of the frozen worker counts: {job}"
    );
    assert_eq!(wake(&cluster).await, []);
    assert_done_once(&cluster, &shop, "once").await;
}

#[tokio::test]
async fn a_worker_frozen_while_its_request_is_under_way_does_not_record_it() {
    let (mut cluster, client, shop) = cluster("1s").await;
    let hold = cluster
        .desk
        .hold(Matcher::from(RequestKind::PutOrder), HoldPhase::BeforeAnswer);
    let job = shop.note(&client, 0, "once").expect(202).await;
    assert!(
        cluster.desk.wait_held(hold, 1, PATIENCE).await,
        "the worker writes the order"
    );
    assert!(cluster.workers[0].process().sigstop());
    cluster.desk.release(hold).expect("the hold is there");

    let successor = cluster.start_worker().await;
    cluster.workers.push(successor);
    let job = client.ended(id(&job)).await;
    assert_eq!(
        (&job["status"], &job["result"]["recovered"]),
        (&json!("succeeded"), &json!(true)),
        "{job}"
    );
    assert_eq!(wake(&cluster).await, []);
    assert_done_once(&cluster, &shop, "once").await;
}

#[tokio::test]
async fn a_worker_frozen_with_jobs_that_became_due_meanwhile_does_not_begin_them() {
    let (mut cluster, client, shop) = cluster("60s").await;
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970");
    let due = Timestamp::from_millis(i64::try_from(now.as_millis()).expect("before 9999"))
        .plus(Duration::from_secs(3));
    let mut jobs = Vec::new();
    for order in 0..shop.orders.len() {
        let path = format!("{}/add-note?run_at={due}", shop.order(order));
        jobs.push(client.post(path, json!({"note": "later"})).expect(202).await);
    }
    // News come in the ledger's order: once this is done, the others are known.
    let known = shop
        .note(&client, 0, "now")
        .header("Prefer", "wait=30")
        .expect(200)
        .await;
    assert_eq!(known["status"], "succeeded", "{known}");
    let before = cluster.desk.counters().total().requests;
    assert_eq!(before, 2, "the others are not due yet");
    assert!(cluster.workers[0].process().sigstop());

    let successor = cluster.start_worker().await;
    cluster.workers.push(successor);
    for job in &jobs {
        assert_eq!(client.ended(id(job)).await["status"], "succeeded");
    }
    assert_eq!(wake(&cluster).await, []);
    assert_eq!(
        cluster.desk.counters().total().requests - before,
        2 * jobs.len() as u64
    );
    cluster.assert_ledger_is_whole(jobs.len() + 1).await;
}

/// Waits until a query's first number has reached a value.
async fn reaches(cluster: &Cluster, sql: &str, value: i64) {
    eventually(sql, PATIENCE, async || {
        let number = cluster.number(sql).await;
        if number >= value { Ok(()) } else { Err(number) }
    })
    .await;
}
