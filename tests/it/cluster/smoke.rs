//! The main job over the network: API process, ledger, broker, worker process, Order Desk.

use futures::future::join_all;
use serde_json::json;

use super::support::{PATIENCE, Setup, notes};

#[tokio::test]
async fn a_note_gets_from_an_api_process_through_a_worker_into_order_desk() {
    let cluster = Setup::of(1, 1).start().await;
    let client = cluster.client();
    let shop = cluster.shop(&client, "501", 1).await;
    let accepted = shop.note(&client, 0, "hello").send().await.expect("an answer");
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let id = accepted.body["id"].as_str().expect("a job has an id");
    assert_eq!(accepted.headers["location"], format!("/jobs/{id}"));

    let job = client.ended(id).await;
    assert_eq!(job["status"], "succeeded", "{job}");
    assert_eq!(job["result"]["upstream_requests"], 2, "{job}");
    assert_eq!(job["result"]["recovered"], false, "{job}");
    let order = cluster
        .desk
        .get_order(&shop.id, &shop.orders[0])
        .expect("the order is there");
    assert_eq!(notes(&order, "hello"), 1, "{order}");
    cluster.assert_ledger_is_whole(1).await;
}

#[tokio::test]
async fn a_worker_process_tells_of_its_health_readiness_and_metrics_and_of_nothing_else() {
    let cluster = Setup::of(1, 1).start().await;
    let client = cluster.client();
    let shop = cluster.shop(&client, "501", 1).await;
    let job = shop.note(&client, 0, "counted").expect(202).await;
    client.ended(job["id"].as_str().expect("a job has an id")).await;

    let worker = &cluster.workers[0];
    for path in ["/health", "/health/live", "/ready", "/health/ready"] {
        worker
            .process()
            .wait_http_ready(&format!("{}{path}", worker.url()), PATIENCE)
            .await;
    }
    let anyone = system_tests::Client::new(worker.url());
    let ready = anyone.get("/ready").await.expect(200).body;
    assert_eq!(ready["status"], "ready", "{ready}");
    for check in ["ledger", "queue", "worker"] {
        assert_eq!(ready["checks"][check]["status"], "ok", "{ready}");
    }
    let metrics = anyone.get("/metrics").await.expect(200).body;
    let metrics = metrics.as_str().expect("a text");
    assert!(
        metrics.lines().any(|line| line.starts_with("jobs_ended_total{")),
        "{metrics}"
    );
    assert!(
        metrics
            .lines()
            .any(|line| line.starts_with("worker_partitions_owned ")),
        "{metrics}"
    );
    anyone.get("/stores").await.expect(404);
}

#[tokio::test]
async fn one_idempotency_key_sent_to_two_api_processes_at_once_is_one_job() {
    let cluster = Setup::of(2, 1).start().await;
    let client = cluster.client();
    let shop = cluster.shop(&client, "501", 1).await;
    for round in 0..10 {
        let (note, key) = (format!("once {round}"), format!("key {round}"));
        let calls = (0..6).map(|n| {
            let call = shop
                .note(&client, 0, &note)
                .to(n)
                .header("Idempotency-Key", key.clone());
            async move { call.send().await.expect("an answer") }
        });
        let answers = join_all(calls).await;
        let id = &answers[0].body["id"];
        assert!(id.is_string(), "{answers:?}");
        for answer in &answers {
            assert_eq!((answer.status, &answer.body["id"]), (202, id), "{answers:?}");
        }
        let replayed = answers
            .iter()
            .filter(|answer| answer.headers.contains_key("idempotency-replayed"));
        assert_eq!(replayed.count(), answers.len() - 1, "{answers:?}");
        let job = client.ended(id.as_str().expect("a job has an id")).await;
        assert_eq!(job["status"], "succeeded", "{job}");
    }
    let order = cluster
        .desk
        .get_order(&shop.id, &shop.orders[0])
        .expect("the order is there");
    for round in 0..10 {
        assert_eq!(notes(&order, &format!("once {round}")), 1, "{order}");
    }
    cluster.assert_ledger_is_whole(10).await;
    // Another request under the key is refused, wherever it arrives.
    for api in 0..2 {
        let path = format!("{}/add-note", shop.order(0));
        let answer = client
            .post(path, json!({"note": "another"}))
            .to(api)
            .header("Idempotency-Key", "key 0");
        assert_eq!(answer.expect(422).await["code"], "idempotency_key_reused");
    }
}
