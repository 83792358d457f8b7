//! The HTTP contract, through the whole process.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{HoldPhase, RequestKind};
use system_tests::{Answer, Client, Gateway, desk};

use super::PATIENCE;

fn path(order: &str) -> String {
    format!("/stores/{}/orders/{order}", desk::STORE)
}

async fn with(client: &Client, path: &str, header: (&str, &str), body: &Value) -> Answer {
    client
        .send(
            client
                .request(Method::POST, path)
                .header(header.0, header.1)
                .json(body),
        )
        .await
        .expect("an answer")
}

#[tokio::test]
async fn prefer_wait_holds_the_answer_until_the_job_has_ended() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let note = json!({"note": "waited for"});
    let answer = with(
        &client,
        &format!("{}/add-note", path(&order)),
        ("Prefer", "wait=30"),
        &note,
    )
    .await
    .expect(200);
    assert_eq!(answer.body["status"], "succeeded");
    assert_eq!(answer.header("Preference-Applied"), "wait=30");

    let missing = with(
        &client,
        &format!("{}/add-note", path("99999999")),
        ("Prefer", "wait=30"),
        &note,
    )
    .await
    .expect(200);
    assert_eq!(
        missing.body["error"]["code"], "order_not_found",
        "{}",
        missing.body
    );

    let hold = gateway.desk.hold(RequestKind::GetOrder, HoldPhase::BeforeApply);
    let started = Instant::now();
    let answer = with(
        &client,
        &format!("{}/add-note", path(&order)),
        ("Prefer", "wait=1"),
        &note,
    )
    .await
    .expect(202);
    assert!(started.elapsed() >= Duration::from_secs(1));
    gateway.desk.release(hold).unwrap();
    client.wait_succeeded(&answer.id(), PATIENCE).await;
}

#[tokio::test]
async fn a_repeated_request_finds_its_job_even_after_a_restart() {
    let mut gateway = Gateway::start().await;
    let client = gateway.client();
    let key = ("Idempotency-Key", "once-and-for-all");
    let store = json!({"store_id": desk::STORE, "api_key": simulator::SimulatorConfig::API_KEY});
    let registered = with(&client, "/stores", ("Idempotency-Key", "the-store"), &store)
        .await
        .expect(201);
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let (path, note) = (format!("{}/add-note", path(&order)), json!({"note": "only once"}));
    let first = with(&client, &path, key, &note).await.expect(202);
    client.wait_succeeded(&first.id(), PATIENCE).await;
    gateway.kill9();
    gateway.restart().await;

    let again = with(&client, &path, key, &note).await.expect(202);
    assert_eq!(again.id(), first.id());
    assert_eq!(again.header("Idempotency-Replayed"), "true");
    assert_eq!(again.body["status"], "succeeded", "the job in its present state");
    let other = with(&client, &path, key, &json!({"note": "something else"}))
        .await
        .expect(422);
    assert_eq!(other.code(), "idempotency_key_reused");
    let stores = with(&client, "/stores", ("Idempotency-Key", "the-store"), &store)
        .await
        .expect(201);
    assert_eq!(stores.body, registered.body);
    assert_eq!(stores.header("Idempotency-Replayed"), "true");
    assert_eq!(
        desk::count(&desk::notes_of(&gateway.desk, desk::STORE, &order), "only once"),
        1
    );
}

#[tokio::test]
async fn a_dry_run_shows_the_change_and_makes_none() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let before = desk::order(&gateway.desk, &order);
    let body = json!({"operations": [{"op": "replace", "path": "shipping.city", "value": "Newtown"}]});
    let answer = client
        .post(&format!("{}:mutate?dry_run=true", path(&order)), &body)
        .await
        .expect(200)
        .body;
    assert_eq!(answer["dry_run"], true);
    assert_eq!(answer["before"]["shipping"]["city"], "Springfield");
    assert_eq!(answer["after"]["shipping"]["city"], "Newtown");
    assert_eq!(
        answer["patch"],
        json!([{"op": "replace", "path": "/shipping/city", "value": "Newtown"}])
    );
    assert_ne!(answer["etag_before"], answer["etag_after"]);
    let missing = client
        .post(&format!("{}:mutate?dry_run=true", path("99999999")), &body)
        .await
        .expect(404);
    assert_eq!(missing.code(), "order_not_found");
    assert_eq!(desk::order(&gateway.desk, &order), before);
    assert_eq!(client.get("/jobs").await.expect(200).body["data"], json!([]));
}

#[tokio::test]
async fn of_two_jobs_with_one_tag_the_second_fails_and_touches_nothing() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let tag = client
        .get(&path(&order))
        .await
        .expect(200)
        .header("ETag")
        .to_owned();
    // Both wait for the same fetch, so that they travel in one batch.
    let hold = gateway.desk.hold(RequestKind::GetOrder, HoldPhase::BeforeApply);
    let note = |text: &str| json!({"note": text});
    let path = format!("{}/add-note", path(&order));
    let waiting = with(
        &client,
        &path,
        ("Prefer", "respond-async"),
        &note("the reason to fetch"),
    )
    .await
    .expect(202)
    .id();
    assert!(gateway.desk.wait_held(hold, 1, PATIENCE).await);
    let first = with(&client, &path, ("If-Match", &tag), &note("first"))
        .await
        .expect(202)
        .id();
    gateway.desk.release(hold).unwrap();
    client.wait_succeeded(&waiting, PATIENCE).await;
    let stale = client.wait_ended(&first, PATIENCE).await;
    assert_eq!(
        stale["error"]["code"], "precondition_failed",
        "the order has changed since: {stale}"
    );

    let order = gateway
        .desk
        .put_order(desk::STORE, simulator::sample_order(7))
        .unwrap();
    let tag = client
        .get(&self::path(&order))
        .await
        .expect(200)
        .header("ETag")
        .to_owned();
    let jobs: Vec<_> = ["first", "second"]
        .map(|text| json!({"kind": "order.add_note", "order_id": order, "body": {"note": text}, "if_match": tag}))
        .to_vec();
    let ids = client.batch(desk::STORE, &jobs).await;
    let first = client.wait_succeeded(&ids[0], PATIENCE).await;
    let second = client.wait_ended(&ids[1], PATIENCE).await;
    assert_eq!(first["result"]["etag_before"], tag.as_str());
    assert_eq!(second["status"], "failed");
    assert_eq!(second["error"]["code"], "precondition_failed", "{second}");
    assert_eq!(
        desk::notes_of(&gateway.desk, desk::STORE, &order),
        ["Handle with care", "first"]
    );

    let tag = client
        .get(&self::path(&order))
        .await
        .expect(200)
        .header("ETag")
        .to_owned();
    let fresh = with(
        &client,
        &format!("{}/add-note", self::path(&order)),
        ("If-Match", &tag),
        &note("fresh"),
    )
    .await;
    client.wait_succeeded(&fresh.expect(202).id(), PATIENCE).await;
    let weak = with(
        &client,
        &format!("{}/add-note", self::path(&order)),
        ("If-Match", "W/\"x\""),
        &note("weak"),
    )
    .await;
    assert_eq!(weak.status, 400);
}

#[tokio::test]
async fn a_batch_is_accepted_whole_or_not_at_all() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let good =
        |n: u32| json!({"kind": "order.add_note", "order_id": order, "body": {"note": format!("part {n}")}});
    let bad = json!({"kind": "order.add_note", "order_id": order, "body": {"note": 7}});
    let jobs = json!({"jobs": [good(0), good(1), good(2), bad, good(4)]});
    let answer = client
        .post(&format!("/stores/{}/jobs:batch", desk::STORE), &jobs)
        .await
        .expect(422);
    assert_eq!(answer.header("Content-Type"), "application/problem+json");
    assert_eq!(
        answer.body["errors"][0]["pointer"], "/jobs/3/body/note",
        "{}",
        answer.body
    );
    assert_eq!(client.get("/jobs").await.expect(200).body["data"], json!([]));

    let jobs: Vec<_> = (0..30).map(good).collect();
    let ids = client.batch(desk::STORE, &jobs).await;
    assert_eq!(ids.len(), 30);
    for id in &ids {
        client.wait_succeeded(id, PATIENCE).await;
    }
    let expected: Vec<String> = std::iter::once("Handle with care".to_owned())
        .chain((0..30).map(|n| format!("part {n}")))
        .collect();
    assert_eq!(
        desk::notes_of(&gateway.desk, desk::STORE, &order),
        expected,
        "in request order"
    );
    assert_eq!(
        gateway.desk.counters().total().requests,
        2,
        "one fetch and one update"
    );
}

#[tokio::test]
async fn bad_requests_get_problem_documents_with_pointers() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let note = format!("{}/add-note", path("1"));
    for (path, body, status, pointer) in [
        (note.clone(), json!({"notes": "x"}), 422, Some("/note")),
        (
            note.clone(),
            json!({"note": "x", "nte_type": "y"}),
            422,
            Some("/nte_type"),
        ),
        (
            format!("{}/move-folder", path("1")),
            json!({"folder_id": []}),
            422,
            Some("/folder_id"),
        ),
        (
            format!("{}:mutate", path("1")),
            json!({"operations": [{"op": "replace", "path": "/order_total", "value": 1}]}),
            422,
            Some("/operations/0/path"),
        ),
        (format!("{note}?urgency=high"), json!({"note": "x"}), 422, None),
        (
            format!("{}/add-note", path("abc")),
            json!({"note": "x"}),
            422,
            None,
        ),
    ] {
        let answer = client.post(&path, &body).await.expect(status);
        assert_eq!(answer.header("Content-Type"), "application/problem+json");
        assert_eq!(
            answer.header("X-Request-Id"),
            answer.body["request_id"].as_str().unwrap()
        );
        if let Some(pointer) = pointer {
            let errors = answer.body["errors"].as_array().unwrap();
            assert!(
                errors.iter().any(|error| error["pointer"] == pointer),
                "{pointer} in {}",
                answer.body
            );
        }
    }
    let raw = client
        .request(Method::POST, &note)
        .header("Content-Type", "application/json")
        .body("{");
    assert_eq!(client.send(raw).await.unwrap().status, 400);
    let raw = client
        .request(Method::POST, &note)
        .header("Content-Type", "text/plain")
        .body("x");
    assert_eq!(client.send(raw).await.unwrap().status, 415);
}
