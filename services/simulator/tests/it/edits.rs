//! Edits by others, at once and at exact moments.

use serde_json::{Value, json};
use simulator::{Edit, EditMoment, ScheduledEdit, SimulatorConfig};

use crate::support::{Desk, STORE};

fn schedule(desk: &Desk, order: &str, when: EditMoment, edit: Edit) {
    let (store, order) = (STORE.to_owned(), order.to_owned());
    desk.simulator.schedule_edit(ScheduledEdit {
        store,
        order,
        when,
        edit,
        times: 1,
    });
}

#[tokio::test]
async fn edits_take_no_token_and_follow_the_merge_rules() {
    let desk = Desk::start_with(SimulatorConfig::default()).await;
    let order = desk.order();
    let patch =
        json!({"shipping": {"city": "Berlin"}, "warehouse_zone": null, "shipping_total": 10, "id": "5"});
    let after = desk
        .simulator
        .foreign_edit(STORE, &order, Edit::merge(patch))
        .unwrap();
    assert_eq!(after["shipping"]["city"], "Berlin");
    assert_eq!(after["shipping"]["country"], "US");
    assert_eq!(after.get("warehouse_zone"), None);
    assert_eq!(after["order_total"], 34.55);
    assert_eq!(after["id"], json!(order));
    assert_eq!(desk.simulator.tokens(STORE), Ok(20));
    assert!(desk.simulator.request_log().is_empty());
}

#[tokio::test]
async fn an_order_can_be_replaced_noted_moved_and_deleted() {
    let desk = Desk::start().await;
    let order = desk.order();
    let edit = |edit| desk.simulator.foreign_edit(STORE, &order, edit);
    assert_eq!(
        edit(Edit::note("staff", "hi")).unwrap()["order_notes"][1]["content"],
        "hi"
    );
    assert_eq!(edit(Edit::Move { folder_id: 3 }).unwrap()["folder_id"], 3);
    assert!(edit(Edit::Move { folder_id: 33 }).is_err());
    let replaced = edit(Edit::Replace {
        order: json!({"email": "only@example.com"}),
    })
    .unwrap();
    assert_eq!(
        (&replaced["source_id"], &replaced["id"]),
        (&json!(""), &json!(order))
    );
    assert_eq!(edit(Edit::Delete).unwrap(), Value::Null);
    assert!(edit(Edit::Delete).is_err());
}

#[tokio::test]
async fn an_edit_right_after_a_get_is_not_in_its_answer() {
    let desk = Desk::start().await;
    let order = desk.order();
    let path = format!("/orders/{order}");
    schedule(
        &desk,
        &order,
        EditMoment::AfterGet,
        Edit::merge(json!({"email": "staff@example.com"})),
    );
    assert_eq!(desk.get(&path).await.body["order"]["email"], "buyer1@example.com");
    assert_eq!(desk.stored(&order)["email"], "staff@example.com");
    assert!(desk.simulator.scheduled_edits().is_empty());
    desk.simulator
        .foreign_edit(STORE, &order, Edit::merge(json!({"email": "z@example.com"})))
        .unwrap();
    assert_eq!(
        desk.get(&path).await.body["order"]["email"],
        "z@example.com",
        "it happens once"
    );
}

#[tokio::test]
async fn an_edit_right_before_a_put_is_lost_in_it() {
    let desk = Desk::start().await;
    let order = desk.order();
    let path = format!("/orders/{order}");
    let body = desk.stored(&order);
    let edit = json!({"email": "lost@example.com", "tag_name": "kept"});
    schedule(&desk, &order, EditMoment::BeforePut, Edit::merge(edit));
    let after = desk.put(&path, &body).await.body["order"].clone();
    assert_eq!(after["email"], "buyer1@example.com");
    assert_eq!(after["tag_name"], "kept");
}

#[tokio::test]
async fn an_edit_right_after_a_put_is_not_in_its_answer() {
    let desk = Desk::start().await;
    let order = desk.order();
    let body = desk.stored(&order);
    schedule(&desk, &order, EditMoment::AfterPut, Edit::note("staff", "later"));
    let answer = desk.put(&format!("/orders/{order}"), &body).await.body["order"].clone();
    assert_eq!(answer["order_notes"].as_array().unwrap().len(), 1);
    assert_eq!(desk.stored(&order)["order_notes"].as_array().unwrap().len(), 2);
}
