//! A worker process dies at the worst moments; another ends what it began.

use simulator::RequestKind;
use testkit::CrashPoint;

use super::support::{PATIENCE, Setup, notes};

/// Lets a worker die at a point, and others end the job; how many updates Order Desk saw, and whether the job says that
/// it was recovered.
async fn die_at(point: &'static str) -> (u64, bool) {
    let mut cluster = Setup::of(1, 0).start().await;
    let victim = cluster.start_worker_crashing(&CrashPoint(point, 1)).await;
    let client = cluster.client();
    let shop = cluster.shop(&client, "501", 1).await;
    let job = shop.note(&client, 0, "once").expect(202).await;
    victim.wait_killed(PATIENCE).await;

    for _ in 0..2 {
        let worker = cluster.start_worker().await;
        cluster.workers.push(worker);
    }
    let job = client.ended(job["id"].as_str().expect("a job has an id")).await;
    assert_eq!(job["status"], "succeeded", "{job}");
    let order = cluster
        .desk
        .get_order(&shop.id, &shop.orders[0])
        .expect("the order is there");
    assert_eq!(notes(&order, "once"), 1, "{order}");
    cluster.assert_ledger_is_whole(1).await;
    let puts = cluster.desk.counters().kind(RequestKind::PutOrder).requests;
    (puts, job["result"]["recovered"].as_bool().expect("a boolean"))
}

#[tokio::test]
async fn a_worker_that_dies_before_its_intent_leaves_nothing_to_judge() {
    assert_eq!(die_at("intent.before").await, (1, false));
}

#[tokio::test]
async fn a_worker_that_dies_between_intent_and_request_leaves_the_request_to_another() {
    assert_eq!(die_at("intent.after").await, (1, false));
}

#[tokio::test]
async fn a_worker_that_dies_after_its_request_has_it_recognised_by_another() {
    assert_eq!(die_at("request.after").await, (1, true));
}

#[tokio::test]
async fn a_worker_that_dies_after_its_record_leaves_nothing_to_do() {
    assert_eq!(die_at("record.after").await, (1, false));
}

#[tokio::test]
async fn a_worker_that_dies_while_it_judges_leaves_the_judgement_to_another() {
    let mut cluster = Setup::of(1, 0).start().await;
    let client = cluster.client();
    let first = cluster
        .start_worker_crashing(&CrashPoint("request.after", 1))
        .await;
    let shop = cluster.shop(&client, "501", 1).await;
    let job = shop.note(&client, 0, "once").expect(202).await;
    first.wait_killed(PATIENCE).await;
    let second = cluster
        .start_worker_crashing(&CrashPoint("judge.fetched", 1))
        .await;
    second.wait_killed(PATIENCE).await;
    let third = cluster.start_worker().await;
    cluster.workers.push(third);
    let job = client.ended(job["id"].as_str().expect("a job has an id")).await;
    assert_eq!(
        (&job["status"], &job["result"]["recovered"]),
        (&"succeeded".into(), &true.into()),
        "{job}"
    );
    let order = cluster
        .desk
        .get_order(&shop.id, &shop.orders[0])
        .expect("the order is there");
    assert_eq!(notes(&order, "once"), 1, "{order}");
    cluster.assert_ledger_is_whole(1).await;
}
