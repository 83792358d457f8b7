//! Others edit the same orders: what one of our reads has shown is never reverted.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Edit, EditMoment, Fault, HoldPhase, RequestKind, ScheduledEdit};
use system_tests::{Client, Gateway, desk};

use super::PATIENCE;

const EDITED: &str = "edited by somebody";

fn path(order: &str) -> String {
    format!("/stores/{}/orders/{order}", desk::STORE)
}

fn shows_edit(order: &Value) -> bool {
    order["order_notes"]
        .as_array()
        .is_some_and(|notes| notes.iter().any(|note| note["content"] == EDITED))
}

fn edit(gateway: &Gateway, order: &str) {
    gateway
        .desk
        .foreign_edit(desk::STORE, order, Edit::note("Somebody", EDITED))
        .expect("the order exists");
}

/// Reads until an answer comes, as a patient client does.
async fn read(client: &Client, order: &str) -> Value {
    let ask = async || {
        let answer = client.get(&path(order)).await;
        if answer.status == 200 {
            Ok(answer.body)
        } else {
            Err(answer.body.to_string())
        }
    };
    testkit::eventually("the order is shown", PATIENCE, ask).await
}

#[tokio::test]
async fn an_edit_that_a_read_has_shown_is_kept() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    for round in 0..5 {
        let text = format!("{EDITED} {round}");
        gateway
            .desk
            .foreign_edit(desk::STORE, &order, Edit::note("Somebody", &text))
            .unwrap();
        let shown = read(&client, &order).await;
        assert!(
            shown.to_string().contains(&text),
            "a read shows what is there: {shown}"
        );
        let job = client
            .submit_note(desk::STORE, &order, &format!("ours {round}"))
            .await;
        client.wait_succeeded(&job, PATIENCE).await;
    }
    let notes = desk::notes_of(&gateway.desk, desk::STORE, &order);
    for round in 0..5 {
        assert_eq!(desk::count(&notes, &format!("{EDITED} {round}")), 1, "{notes:?}");
        assert_eq!(desk::count(&notes, &format!("ours {round}")), 1, "{notes:?}");
    }
}

#[tokio::test]
async fn a_read_during_an_update_never_shows_an_edit_that_the_update_reverts() {
    let gateway = Gateway::builder().env("ORDERDESK_TIMEOUT", "20s").start().await;
    let client = gateway.client_with_store().await;
    for (n, phase) in [HoldPhase::BeforeApply, HoldPhase::BeforeAnswer]
        .into_iter()
        .enumerate()
    {
        let order = desk::orders(&gateway.desk, 1).remove(0);
        let hold = gateway.desk.hold(RequestKind::PutOrder, phase);
        let job = client.submit_note(desk::STORE, &order, "ours").await;
        assert!(gateway.desk.wait_held(hold, 1, PATIENCE).await);
        // Within our window: the update will overwrite it if it has not been applied yet.
        edit(&gateway, &order);
        let reading = tokio::spawn({
            let (client, order) = (client.clone(), order.clone());
            async move { client.get(&path(&order)).await }
        });
        // Whether the read is answered now or after the update is the product's affair.
        let early = tokio::time::timeout(Duration::from_secs(1), async {
            while !reading.is_finished() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        gateway.desk.release(hold).unwrap();
        client.wait_succeeded(&job, PATIENCE).await;
        let answer = reading.await.unwrap();
        let kept = shows_edit(&desk::order(&gateway.desk, &order));
        println!(
            "round {n}: {} early: {} edit shown: {} kept: {kept}",
            answer.status,
            early.is_ok(),
            shows_edit(&answer.body)
        );
        if answer.status == 200 && shows_edit(&answer.body) {
            assert!(
                kept,
                "round {n}: it was shown (early: {}) and then reverted",
                early.is_ok()
            );
        }
        assert_eq!(
            kept,
            phase == HoldPhase::BeforeAnswer,
            "round {n}: the edit was where the test meant it"
        );
        assert_eq!(
            desk::count(&desk::notes_of(&gateway.desk, desk::STORE, &order), "ours"),
            1
        );
    }
}

#[tokio::test]
async fn a_read_after_the_workers_fetch_never_shows_an_edit_that_the_update_reverts() {
    let gateway = Gateway::builder().env("ORDERDESK_TIMEOUT", "20s").start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    // The worker's fetch has been answered from the old state but has not arrived when somebody edits and a reader
    // asks.
    let hold = gateway.desk.hold(RequestKind::GetOrder, HoldPhase::BeforeAnswer);
    let job = client.submit_note(desk::STORE, &order, "ours").await;
    assert!(gateway.desk.wait_held(hold, 1, PATIENCE).await);
    edit(&gateway, &order);
    let reading = tokio::spawn({
        let (client, order) = (client.clone(), order.clone());
        async move { client.get(&path(&order)).await }
    });
    let _ = gateway.desk.wait_held(hold, 2, Duration::from_secs(1)).await;
    gateway.desk.release(hold).unwrap();
    let answer = reading.await.unwrap();
    client.wait_succeeded(&job, PATIENCE).await;
    let now = desk::order(&gateway.desk, &order);
    println!(
        "{} edit shown: {} kept: {}",
        answer.status,
        shows_edit(&answer.body),
        shows_edit(&now)
    );
    if answer.status == 200 && shows_edit(&answer.body) {
        assert!(shows_edit(&now), "it was shown and then reverted");
    }
    assert_eq!(
        desk::count(&desk::notes_of(&gateway.desk, desk::STORE, &order), "ours"),
        1
    );
}

#[tokio::test]
async fn a_slow_read_from_before_the_workers_fetch_never_shows_an_edit_that_the_update_reverts() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    for delay_ms in [150, 400, 700] {
        let order = desk::orders(&gateway.desk, 1).remove(0);
        let fetches = |desk: &simulator::Handle| desk.counters().kind(RequestKind::GetOrder).requests;
        let before = fetches(&gateway.desk);
        // The reader is first to ask and last to be answered; somebody edits right after the worker has read.
        gateway.desk.fail_next(
            RequestKind::GetOrder,
            Fault::Slow {
                delay_ms,
                applied_first: false,
            },
        );
        let reading = tokio::spawn({
            let (client, order) = (client.clone(), order.clone());
            async move { client.get(&path(&order)).await }
        });
        assert!(
            gateway
                .desk
                .wait_until(PATIENCE, |desk| fetches(desk) > before)
                .await
        );
        gateway.desk.schedule_edit(ScheduledEdit {
            store: desk::STORE.to_owned(),
            order: order.clone(),
            when: EditMoment::AfterGet,
            edit: Edit::note("Somebody", EDITED),
            times: 1,
        });
        let job = client.submit_note(desk::STORE, &order, "ours").await;
        client.wait_succeeded(&job, PATIENCE).await;
        let answer = reading.await.unwrap();
        let kept = shows_edit(&desk::order(&gateway.desk, &order));
        println!(
            "{delay_ms}: {} edit shown: {} kept: {kept}",
            answer.status,
            shows_edit(&answer.body)
        );
        if answer.status == 200 && shows_edit(&answer.body) {
            assert!(kept, "{delay_ms}: it was shown and then reverted");
        }
        assert_eq!(
            desk::count(&desk::notes_of(&gateway.desk, desk::STORE, &order), "ours"),
            1
        );
    }
}

#[tokio::test]
async fn readers_and_editors_at_random_never_see_an_edit_vanish() {
    let gateway = Gateway::builder()
        .desk(|desk| desk.latency = Duration::from_millis(3))
        .start()
        .await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let mut shown: Vec<String> = Vec::new();
    let mut jobs = Vec::new();
    for n in 0..60 {
        let text = format!("{EDITED}, number {n}.");
        jobs.push(
            client
                .submit_note(desk::STORE, &order, &format!("ours {n}."))
                .await,
        );
        gateway
            .desk
            .foreign_edit(desk::STORE, &order, Edit::note("Somebody", &text))
            .unwrap();
        let answer = client.get(&path(&order)).await;
        if answer.status == 200 && answer.body.to_string().contains(&text) {
            shown.push(text);
        }
    }
    for job in &jobs {
        client.wait_succeeded(job, PATIENCE).await;
    }
    let notes = desk::notes_of(&gateway.desk, desk::STORE, &order);
    println!("{} edits of 60 were shown", shown.len());
    assert!(!shown.is_empty(), "some reads were answered");
    for text in &shown {
        assert_eq!(
            desk::count(&notes, text),
            1,
            "{text} was shown and is gone: {notes:?}"
        );
    }
    for n in 0..60 {
        assert_eq!(desk::count(&notes, &format!("ours {n}.")), 1, "{notes:?}");
    }
}

#[tokio::test]
async fn a_strict_guard_reads_again_and_keeps_an_edit_made_after_the_first_read() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    gateway.desk.schedule_edit(ScheduledEdit {
        store: desk::STORE.to_owned(),
        order: order.clone(),
        when: EditMoment::AfterGet,
        edit: Edit::note("Somebody", EDITED),
        times: 1,
    });
    let job = client
        .submit(
            &format!("{}/add-note?guard=strict", path(&order)),
            &json!({"note": "ours"}),
        )
        .await;
    let job = client.wait_succeeded(&job, PATIENCE).await;
    let notes = desk::notes_of(&gateway.desk, desk::STORE, &order);
    assert_eq!(
        (desk::count(&notes, EDITED), desk::count(&notes, "ours")),
        (1, 1),
        "{notes:?} {job}"
    );
    assert!(job["result"]["window_ms"].is_u64(), "{job}");
}
