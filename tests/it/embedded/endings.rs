//! How jobs end otherwise than by success: cancelled, left to a person, or with their store.

use serde_json::json;
use simulator::{Edit, Fault, HoldPhase, RequestKind};
use system_tests::{Gateway, desk};

use super::PATIENCE;

fn path(order: &str) -> String {
    format!("/stores/{}/orders/{order}", desk::STORE)
}

#[tokio::test]
async fn a_cancelled_job_leaves_no_trace_and_an_ended_one_stays() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let hold = gateway.desk.hold(RequestKind::GetOrder, HoldPhase::BeforeApply);
    let kept = client.submit_note(desk::STORE, &order, "kept").await;
    assert!(gateway.desk.wait_held(hold, 1, PATIENCE).await);
    let dropped = client.submit_note(desk::STORE, &order, "dropped").await;
    let cancelled = client
        .post(&format!("/jobs/{dropped}:cancel"), &json!({}))
        .await
        .expect(200)
        .body;
    assert_eq!(cancelled["status"], "cancelled", "{cancelled}");
    gateway.desk.release(hold).unwrap();
    client.wait_succeeded(&kept, PATIENCE).await;
    let answer = client
        .post(&format!("/jobs/{kept}:cancel"), &json!({}))
        .await
        .expect(409);
    assert_eq!(answer.code(), "job_finished");
    assert_eq!(
        desk::notes_of(&gateway.desk, desk::STORE, &order),
        ["Handle with care", "kept"]
    );
    assert_eq!(client.job(&dropped).await["status"], "cancelled");
}

#[tokio::test]
async fn cancel_and_intent_have_one_winner() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let hold = gateway.desk.hold(RequestKind::PutOrder, HoldPhase::BeforeApply);
    let running = client.submit_note(desk::STORE, &order, "already under way").await;
    assert!(gateway.desk.wait_held(hold, 1, PATIENCE).await);
    let answer = client
        .post(&format!("/jobs/{running}:cancel"), &json!({}))
        .await
        .expect(409);
    assert_eq!(answer.code(), "job_running");
    gateway.desk.release(hold).unwrap();
    client.wait_succeeded(&running, PATIENCE).await;

    let mut cancelled = 0;
    for n in 0..40 {
        let text = format!("raced {n}.");
        let job = client.submit_note(desk::STORE, &order, &text).await;
        for _ in 0..n * 20 {
            tokio::task::yield_now().await;
        }
        let answer = client.post(&format!("/jobs/{job}:cancel"), &json!({})).await;
        let job = client.wait_ended(&job, PATIENCE).await;
        let written = desk::count(&desk::notes_of(&gateway.desk, desk::STORE, &order), &text);
        match answer.status {
            200 => assert_eq!((job["status"].as_str(), written), (Some("cancelled"), 0), "{job}"),
            409 => assert_eq!((job["status"].as_str(), written), (Some("succeeded"), 1), "{job}"),
            _ => panic!("{} {}", answer.status, answer.body),
        }
        cancelled += usize::from(answer.status == 200);
    }
    println!("{cancelled} of 40 were cancelled");
}

#[tokio::test]
async fn what_can_be_neither_proven_nor_excluded_is_left_to_a_person() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    gateway.desk.fail_next(RequestKind::PutOrder, Fault::Timeout);
    let address = json!({"address_type": "shipping", "address": {"city": "Newtown"}});
    let job = client
        .submit(&format!("{}/update-address", path(&order)), &address)
        .await;
    let sent = |desk: &simulator::Handle| desk.counters().kind(RequestKind::PutOrder).requests == 1;
    assert!(gateway.desk.wait_until(PATIENCE, sent).await);
    let elsewhere = Edit::merge(json!({"shipping": {"city": "Elsewhere"}}));
    gateway.desk.foreign_edit(desk::STORE, &order, elsewhere).unwrap();
    let failed = client.wait_ended(&job, PATIENCE).await;
    assert_eq!(failed["error"]["code"], "needs_review", "{failed}");
    assert_eq!(
        desk::order(&gateway.desk, &order)["shipping"]["city"],
        "Elsewhere",
        "nobody guessed"
    );

    let retry = format!("/jobs/{job}:retry");
    let refused = client.post(&retry, &json!({})).await;
    assert!((400..500).contains(&refused.status), "{}", refused.body);
    let again = client
        .post(&retry, &json!({"assume": "not_applied"}))
        .await
        .expect(202);
    assert_eq!(again.body["retry_of"], job.as_str());
    client.wait_succeeded(&again.id(), PATIENCE).await;
    assert_eq!(desk::order(&gateway.desk, &order)["shipping"]["city"], "Newtown");
    assert_eq!(client.job(&job).await["retried_as"], again.id().as_str());
}

#[tokio::test]
async fn a_deletion_of_a_store_is_carried_on_after_a_crash() {
    let mut gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let orders = desk::orders(&gateway.desk, 3);
    let hold = gateway.desk.hold(RequestKind::PutOrder, HoldPhase::BeforeAnswer);
    let mut jobs = Vec::new();
    for n in 0..12 {
        jobs.push(
            client
                .submit_note(desk::STORE, &orders[n % 3], &format!("note number {n}."))
                .await,
        );
    }
    assert!(
        gateway.desk.wait_held(hold, 3, PATIENCE).await,
        "each order has an update under way"
    );
    client
        .delete(&format!("/stores/{}", desk::STORE))
        .await
        .expect(204);
    gateway.kill9();
    gateway.desk.release(hold).unwrap();
    gateway.restart().await;
    for (n, id) in jobs.iter().enumerate() {
        let job = client.wait_ended(id, PATIENCE).await;
        let notes = desk::notes_of(&gateway.desk, desk::STORE, &orders[n % 3]);
        let written = desk::count(&notes, &format!("note number {n}."));
        assert_eq!(
            job["status"] == "succeeded",
            written == 1,
            "proven, not guessed: {job}"
        );
        let reason = job["error"]["code"].as_str();
        assert!(
            job["status"] == "succeeded" || reason == Some("store_deleted"),
            "{job}"
        );
    }
}

#[tokio::test]
async fn a_store_deleted_under_load_leaves_no_open_job() {
    let mut gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let orders = desk::orders(&gateway.desk, 4);
    let hold = gateway.desk.hold(RequestKind::PutOrder, HoldPhase::BeforeAnswer);
    let mut jobs = Vec::new();
    for n in 0..20 {
        jobs.push(
            client
                .submit_note(desk::STORE, &orders[n % 4], &format!("note number {n}."))
                .await,
        );
    }
    assert!(gateway.desk.wait_held(hold, 1, PATIENCE).await);
    client
        .delete(&format!("/stores/{}", desk::STORE))
        .await
        .expect(204);
    let refused = client
        .post(
            &format!("{}/add-note", path(&orders[0])),
            &json!({"note": "too late"}),
        )
        .await;
    assert_eq!(refused.status, 404);
    gateway.desk.release(hold).unwrap();
    for job in &jobs {
        let job = client.wait_ended(job, PATIENCE).await;
        assert_ne!(job["error"]["code"], "needs_review", "{job}");
    }
    // A deletion that a crash interrupts is carried on.
    gateway.restart().await;
    let requests = gateway.desk.counters().total().requests;
    client
        .register_store(desk::STORE, simulator::SimulatorConfig::API_KEY)
        .await;
    let job = client.submit_note(desk::STORE, &orders[0], "a new start").await;
    client.wait_succeeded(&job, PATIENCE).await;
    assert_eq!(gateway.desk.counters().total().requests, requests + 2);
}
