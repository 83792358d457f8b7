//! Each oddity, switched on alone.

use serde_json::json;
use simulator::{Quirks, Rule, RuleAction, Trigger};

use crate::support::{Desk, STORE};

async fn desk(quirks: Quirks) -> (Desk, String) {
    let desk = Desk::start().await;
    let order = desk.order();
    desk.simulator.set_quirks(quirks);
    (desk, order)
}

#[tokio::test]
async fn empty_maps_may_be_lists_and_numbers_text() {
    let (desk, order) = desk(Quirks {
        empty_maps_as_lists: true,
        numeric_strings: true,
        ..Quirks::default()
    })
    .await;
    let path = format!("/orders/{order}");
    let read = desk.get(&path).await.body["order"].clone();
    assert_eq!(read["order_metadata"], json!([]));
    assert_eq!(read["order_total"], "29.05");
    assert_eq!(read["order_items"][0]["quantity"], "2");
    let before = desk.stored(&order);
    desk.put(&path, &read).await;
    let mut after = desk.stored(&order);
    after["date_updated"] = before["date_updated"].clone();
    assert_eq!(
        after, before,
        "sent back in the shape received, it means the same"
    );
    assert_eq!(
        desk.get("/orders").await.body["total_records"],
        1,
        "paging stays numeric"
    );
}

#[tokio::test]
async fn text_may_come_escaped() {
    let (desk, order) = desk(Quirks {
        escaped_text: true,
        ..Quirks::default()
    })
    .await;
    let body = json!({"checkout_data": {"Größe": "a/b"}});
    desk.put(&format!("/orders/{order}"), &body).await;
    let response = desk
        .send(reqwest::Method::GET, &format!("/orders/{order}"), None)
        .await
        .unwrap();
    let text = response.text().await.unwrap();
    assert!(text.contains(r#""Gr\u00f6\u00dfe":"a\/b""#), "{text}");
}

#[tokio::test]
async fn phones_may_be_reformatted() {
    let (desk, order) = desk(Quirks {
        phone_format: true,
        ..Quirks::default()
    })
    .await;
    let body = json!({"shipping": {"phone": "555.123.4567"}, "customer": {"phone": "+49 30 1"}});
    let after = desk.put(&format!("/orders/{order}"), &body).await.body["order"].clone();
    assert_eq!(after["shipping"]["phone"], "(555) 123-4567");
    assert_eq!(after["customer"]["phone"], "+49 30 1");
}

#[tokio::test]
async fn folders_may_be_a_list_and_a_put_answer_bare() {
    let (desk, order) = desk(Quirks {
        folders_as_list: true,
        put_answer_without_order: true,
        ..Quirks::default()
    })
    .await;
    let store = desk.get("/store").await.body["store"].clone();
    assert_eq!(store["folders"][0], json!({"id": 1, "name": "New"}));
    let reply = desk.put(&format!("/orders/{order}"), &json!({})).await;
    assert_eq!((reply.status, reply.body.get("order")), (200, None));
}

#[tokio::test]
async fn a_put_may_renew_item_ids_and_honour_the_folder() {
    let (desk, order) = desk(Quirks {
        renewed_item_ids: true,
        put_honours_folder: true,
        ..Quirks::default()
    })
    .await;
    let mut body = desk.stored(&order);
    body["folder_id"] = json!(2);
    let after = desk.put(&format!("/orders/{order}"), &body).await.body["order"].clone();
    assert_eq!(after["folder_id"], 2);
    for n in 0..2 {
        assert_ne!(after["order_items"][n]["id"], body["order_items"][n]["id"]);
        assert_eq!(after["order_items"][n]["code"], body["order_items"][n]["code"]);
    }
}

#[tokio::test]
async fn a_put_may_refuse_to_remove_all_items() {
    let (desk, order) = desk(Quirks {
        refuse_empty_items: true,
        ..Quirks::default()
    })
    .await;
    assert_eq!(
        desk.put(&format!("/orders/{order}"), &json!({"order_items": []}))
            .await
            .status,
        400
    );
    assert_eq!(desk.stored(&order)["order_items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_put_may_only_add_notes() {
    let (desk, order) = desk(Quirks {
        put_appends_notes: true,
        ..Quirks::default()
    })
    .await;
    let mut body = desk.stored(&order);
    body["order_notes"]
        .as_array_mut()
        .unwrap()
        .push(json!({"username": "bot", "content": "new"}));
    desk.put(&format!("/orders/{order}"), &body).await;
    assert_eq!(
        desk.stored(&order)["order_notes"].as_array().unwrap().len(),
        2,
        "the old one is recognised"
    );
    body["order_notes"] = json!([]);
    desk.put(&format!("/orders/{order}"), &body).await;
    assert_eq!(desk.stored(&order)["order_notes"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn unknown_fields_may_be_stored() {
    let (desk, order) = desk(Quirks {
        store_unknown_fields: true,
        ..Quirks::default()
    })
    .await;
    desk.put(&format!("/orders/{order}"), &json!({"gift_wrap": "blue"}))
        .await;
    let stored = desk.stored(&order);
    assert_eq!(stored["gift_wrap"], "blue");
    assert_eq!(
        stored.get("warehouse_zone"),
        None,
        "and, like all else, removed when left out"
    );
}

#[tokio::test]
async fn rules_act_on_their_own_event_only() {
    let note = RuleAction::Note {
        username: "Rule".into(),
        content: "checked".into(),
    };
    let tag = RuleAction::Tag {
        name: "Moved".into(),
        color: "#f00".into(),
    };
    let rules = vec![
        Rule {
            on: Trigger::Put,
            action: note,
        },
        Rule {
            on: Trigger::Move,
            action: tag,
        },
    ];
    let (desk, order) = desk(Quirks {
        rules,
        ..Quirks::default()
    })
    .await;
    let after = desk
        .put(&format!("/orders/{order}"), &desk.stored(&order))
        .await
        .body["order"]
        .clone();
    assert_eq!(after["order_notes"][1]["content"], "checked");
    assert_eq!(after["tag_name"], "");
    desk.post(
        "/move-orders",
        &json!({"order_id_list": [order], "destination_folder_id": 2}),
    )
    .await;
    let stored = desk.simulator.get_order(STORE, &order).unwrap();
    assert_eq!(stored["tag_name"], "Moved");
    assert_eq!(stored["order_notes"].as_array().unwrap().len(), 2);
}
