//! Stores that print, keep and change things in their own ways: none of it may be taken for a lost or doubled change.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Quirks, RequestKind, Rule, RuleAction, Trigger};
use system_tests::{Gateway, desk};
use testkit::CrashPoint;

use super::PATIENCE;

fn quirks() -> Vec<(&'static str, Quirks)> {
    let with = |change: fn(&mut Quirks)| {
        let mut quirks = Quirks::default();
        change(&mut quirks);
        quirks
    };
    vec![
        ("empty maps as lists", with(|q| q.empty_maps_as_lists = true)),
        ("numeric strings", with(|q| q.numeric_strings = true)),
        ("escaped text", with(|q| q.escaped_text = true)),
        ("phone format", with(|q| q.phone_format = true)),
        (
            "put answer without order",
            with(|q| q.put_answer_without_order = true),
        ),
        ("renewed item ids", with(|q| q.renewed_item_ids = true)),
        ("put honours folder", with(|q| q.put_honours_folder = true)),
        ("put appends notes", with(|q| q.put_appends_notes = true)),
        ("unknown fields kept", with(|q| q.store_unknown_fields = true)),
        (
            "a rule that tags and notes",
            with(|q| {
                let tag = RuleAction::Tag {
                    name: "Seen".to_owned(),
                    color: "red".to_owned(),
                };
                let note = RuleAction::Note {
                    username: "Rule".to_owned(),
                    content: "by rule".to_owned(),
                };
                q.rules = [tag, note]
                    .map(|action| Rule {
                        on: Trigger::Put,
                        action,
                    })
                    .to_vec();
            }),
        ),
        (
            "everything at once",
            with(|q| {
                q.empty_maps_as_lists = true;
                q.numeric_strings = true;
                q.escaped_text = true;
                q.phone_format = true;
                q.put_answer_without_order = true;
                q.renewed_item_ids = true;
            }),
        ),
    ]
}

/// A change of several parts, one of which a quirk reformats.
fn change() -> Value {
    json!({"operations": [
        {"op": "add", "path": "notes", "value": [{"note": "Größe / size", "type": "system"}]},
        {"op": "replace", "path": "shipping.phone", "value": "5551234567"},
        {"op": "add", "path": "items", "value": [{"name": "Extra", "code": "EXTRA", "price": 3, "quantity": 1}]},
    ]})
}

async fn through(name: &str, quirks: Quirks, crash: Option<&'static str>) {
    let mut gateway = Gateway::builder().desk(|desk| desk.quirks = quirks).start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let path = format!("/stores/{}/orders/{order}:mutate", desk::STORE);
    let submit = async || {
        let request = client
            .request(Method::POST, &path)
            .header("Idempotency-Key", "one");
        client.send(request.json(&change())).await
    };
    if let Some(point) = crash {
        assert!(gateway.restart_crashing(Some(&CrashPoint(point, 1))).await);
        // The answer may be lost with the process; the repeat finds the job.
        let _ = submit().await;
        gateway.wait_killed(PATIENCE).await;
        gateway.restart().await;
    }
    let job = submit().await.expect("an answer").expect(202).id();
    let job = client.wait_succeeded(&job, PATIENCE).await;
    let place = format!("{name}, {crash:?}: {job}");
    assert_eq!(
        job["result"]["recovered"],
        crash == Some("request.after"),
        "{place}"
    );
    assert_eq!(
        desk::count(
            &desk::notes_of(&gateway.desk, desk::STORE, &order),
            "Größe / size"
        ),
        1,
        "{place}"
    );
    assert_eq!(
        desk::count(&desk::items_of(&gateway.desk, desk::STORE, &order), "EXTRA"),
        1,
        "{place}"
    );
    assert_eq!(
        desk::items_of(&gateway.desk, desk::STORE, &order).len(),
        3,
        "{place}"
    );
    assert_eq!(
        gateway.desk.counters().kind(RequestKind::PutOrder).applied,
        1,
        "{place}"
    );
    // The next change is none the worse for it.
    let next = client.submit_note(desk::STORE, &order, "the next").await;
    client.wait_succeeded(&next, PATIENCE).await;
    assert_eq!(
        desk::count(
            &desk::notes_of(&gateway.desk, desk::STORE, &order),
            "Größe / size"
        ),
        1,
        "{place}"
    );
    assert_eq!(
        desk::items_of(&gateway.desk, desk::STORE, &order).len(),
        3,
        "{place}"
    );
}

async fn all(crash: Option<&'static str>) {
    for group in quirks().chunks(6) {
        join_all(
            group
                .iter()
                .map(|(name, quirks)| through(name, quirks.clone(), crash)),
        )
        .await;
    }
}

#[tokio::test]
async fn a_change_succeeds_in_every_kind_of_store() {
    all(None).await;
}

#[tokio::test]
async fn a_crash_before_the_update_is_judged_right_in_every_kind_of_store() {
    all(Some("intent.after")).await;
}

#[tokio::test]
async fn a_crash_after_the_update_is_judged_right_in_every_kind_of_store() {
    all(Some("request.after")).await;
}
