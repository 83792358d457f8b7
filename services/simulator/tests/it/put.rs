//! PUT of a whole order.

use serde_json::json;

use crate::support::{Desk, STORE};

#[tokio::test]
async fn sending_back_what_was_read_changes_nothing_but_the_date() {
    let desk = Desk::start().await;
    let order = desk.order();
    desk.simulator
        .foreign_edit(
            STORE,
            &order,
            simulator::Edit::merge(json!({"date_updated": "2026-01-01 00:00:00"})),
        )
        .unwrap();
    let path = format!("/orders/{order}");
    let mut read = desk.get(&path).await.body["order"].clone();
    let answer = desk.put(&path, &read).await;
    assert_eq!(answer.status, 200);
    let mut written = answer.body["order"].clone();
    assert_ne!(written["date_updated"], read["date_updated"]);
    read["date_updated"].take();
    written["date_updated"].take();
    assert_eq!(read, written);
    assert_eq!(written["warehouse_zone"], "Z1", "a stored unknown field stays");
}

#[tokio::test]
async fn what_is_left_out_becomes_blank() {
    let desk = Desk::start().await;
    let order = desk.order();
    desk.put(&format!("/orders/{order}"), &json!({"email": "new@example.com"}))
        .await;
    let stored = desk.stored(&order);
    assert_eq!(stored["email"], "new@example.com");
    assert_eq!(stored["source_id"], "");
    assert_eq!(stored["shipping_total"], 0);
    assert_eq!(stored["checkout_data"], json!({}));
    assert_eq!(stored["shipping"]["first_name"], "");
    assert_eq!(stored["order_notes"], json!([]));
    assert_eq!(stored["order_items"], json!([]));
    assert_eq!(stored["order_total"], 0);
    assert_eq!(stored["folder_id"], 1, "the folder stays");
    assert_ne!(stored["date_added"], "", "and so does what the server keeps");
}

#[tokio::test]
async fn server_fields_shipments_folder_and_unknown_fields_are_ignored() {
    let desk = Desk::start().await;
    let order = desk.order();
    let before = desk.stored(&order);
    let mut body = before.clone();
    for (field, value) in [
        ("id", json!("5")),
        ("order_total", json!(1)),
        ("email_count", json!("9")),
        ("tag_name", json!("mine")),
        ("refund_total", json!(3)),
        ("folder_id", json!(2)),
        ("date_added", json!("2000-01-01 00:00:00")),
        ("order_shipments", json!([{"tracking_number": "1"}])),
        ("invented", json!(true)),
        ("warehouse_zone", json!("other")),
    ] {
        body[field] = value;
    }
    let mut after = desk.put(&format!("/orders/{order}"), &body).await.body["order"].clone();
    after["date_updated"] = before["date_updated"].clone();
    assert_eq!(after, before);
}

#[tokio::test]
async fn maps_are_replaced_not_merged_and_have_a_size() {
    let desk = Desk::start().await;
    let order = desk.order();
    let path = format!("/orders/{order}");
    let mut body = desk.stored(&order);
    body["checkout_data"] = json!({"Colour": "red"});
    desk.put(&path, &body).await;
    assert_eq!(desk.stored(&order)["checkout_data"], json!({"Colour": "red"}));
    body["order_metadata"] = json!({"k": "v".repeat(2_000)});
    assert_eq!(desk.put(&path, &body).await.status, 400);
    body["order_metadata"] = json!([]);
    assert_eq!(
        desk.put(&path, &body).await.body["order"]["order_metadata"],
        json!({})
    );
}

#[tokio::test]
async fn items_are_updated_added_and_removed_by_id_and_totals_follow() {
    let desk = Desk::start().await;
    let order = desk.order();
    let mut body = desk.stored(&order);
    let kept = body["order_items"][0]["id"].clone();
    body["order_items"] = json!([
        {"id": kept, "name": "Red Mug", "code": "MUG-RED", "price": "12.50", "quantity": 1},
        {"name": "Pen", "code": "PEN", "price": 2, "quantity": 3},
    ]);
    let after = desk.put(&format!("/orders/{order}"), &body).await.body["order"].clone();
    assert_eq!(after["order_items"][0]["id"], kept);
    assert_eq!(
        after["order_items"][0]["variation_list"],
        json!({}),
        "an item is replaced whole, too"
    );
    assert_eq!(after["order_items"].as_array().unwrap().len(), 2);
    assert_ne!(after["order_items"][1]["id"], "");
    assert_eq!(after["product_total"], 18.5);
    assert_eq!(after["order_total"], 22.55);
}

#[tokio::test]
async fn a_note_without_a_date_gets_one() {
    let desk = Desk::start().await;
    let order = desk.order();
    let mut body = desk.stored(&order);
    body["order_notes"]
        .as_array_mut()
        .unwrap()
        .push(json!({"username": "bot", "content": "hello"}));
    desk.put(&format!("/orders/{order}"), &body).await;
    let notes = desk.stored(&order)["order_notes"].clone();
    assert_eq!(notes[0]["date_added"], "2026-01-05 09:30:00");
    assert_eq!(notes[1]["date_added"].as_str().unwrap().len(), 19);
}

#[tokio::test]
async fn a_card_number_is_kept_and_logged_only_masked() {
    let desk = Desk::start().await;
    let order = desk.order();
    let mut body = desk.stored(&order);
    body["cc_number"] = json!("4242424242424242");
    let after = desk.put(&format!("/orders/{order}"), &body).await.body["order"].clone();
    assert_eq!(after["cc_number_masked"], "xxxxxxxxxxxx4242");
    assert!(after.get("cc_number").is_none());
    assert_eq!(
        desk.simulator.request_log()[0].body.as_ref().unwrap()["cc_number"],
        "***"
    );
}
