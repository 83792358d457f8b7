//! Every kind of command, end to end, on a well-behaved Order Desk.

use domain::job::{ErrorCode, JobStatus};
use domain::order::CommandKind;
use serde_json::json;
use simulator::{Quirks, RequestKind};

use crate::support::*;

#[tokio::test]
async fn a_note_is_added_and_nothing_else_is_touched() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let before = shop.get(&order);
    let view = shop.run(note(&order, "Call first")).await;
    assert_succeeded(&view);
    let after = shop.get(&order);
    let added = after["order_notes"][1].clone();
    assert_eq!(
        (&added["content"], &added["username"]),
        (&json!("Call first"), &json!("API"))
    );
    let mut expected = content(&before);
    expected["order_notes"]
        .as_array_mut()
        .unwrap()
        .push(added.clone());
    assert_eq!(content(&after), expected);
    let put = shop
        .log()
        .into_iter()
        .find(|entry| entry.kind == RequestKind::PutOrder)
        .expect("a PUT");
    let sent = put.body.expect("a body");
    assert_eq!(
        sent["warehouse_zone"], before["warehouse_zone"],
        "unknown members travel"
    );
    assert_eq!(sent["checkout_data"], before["checkout_data"]);

    let result = view.job.result.expect("a result");
    assert_eq!(result.order_id.as_deref(), Some(order.as_str()));
    assert!(result.changed && !result.recovered && result.window_ms.is_some());
    assert_eq!((result.coalesced_with, result.upstream_requests), (0, 2));
    assert_ne!(result.etag_before, result.etag_after);
    assert_eq!(
        view.patch,
        Some(json!([{"op": "add", "path": "/order_notes/1", "value": added}]))
    );
    assert!(view.differences.is_empty(), "{:?}", view.differences);
    assert_eq!((view.job.attempts, shop.log().len()), (1, 2));
    world.check().await;
}

#[tokio::test]
async fn an_answer_without_the_order_costs_one_more_read() {
    let world = world().start().await;
    world.desk.set_quirks(Quirks {
        put_answer_without_order: true,
        ..Quirks::default()
    });
    let shop = world.shop().await;
    let order = shop.order();
    let view = shop.run(note(&order, "Call first")).await;
    assert_succeeded(&view);
    assert_eq!(view.job.result.expect("a result").upstream_requests, 3);
    assert_eq!((shop.notes(&order, "Call first"), shop.log().len()), (1, 3));
    world.check().await;
}

#[tokio::test]
async fn items_an_address_and_operations_become_part_of_the_order() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let before = shop.get(&order);
    let commands = vec![
        ask(
            CommandKind::OrderAddItems,
            &order,
            json!({"items": [{"name": "Pen", "code": "PEN", "price": 2, "quantity": 3}]}),
        ),
        ask(
            CommandKind::OrderUpdateAddress,
            &order,
            json!({"address_type": "shipping", "address": {"city": "Hamburg", "postal_code": "20095"}}),
        ),
        mutate(
            &order,
            json!([
                {"op": "replace", "path": "/email", "value": "new@example.com"},
                {"op": "add", "path": "metadata", "value": {"batch": "7"}},
            ]),
        ),
    ];
    for view in shop.run_all(commands).await {
        assert_succeeded(&view);
        let result = view.job.result.expect("a result");
        assert_eq!((result.coalesced_with, result.upstream_requests), (2, 2));
    }
    let after = shop.get(&order);
    let item = &after["order_items"][2];
    assert_eq!((&item["code"], &item["quantity"]), (&json!("PEN"), &json!(3)));
    assert_eq!(
        (&after["shipping"]["city"], &after["shipping"]["postal_code"]),
        (&json!("Hamburg"), &json!("20095"))
    );
    assert_eq!(after["email"], "new@example.com");
    assert_eq!(after["order_metadata"], json!({"batch": "7"}));
    let mut expected = content(&before);
    expected["order_items"].as_array_mut().unwrap().push(item.clone());
    for field in ["shipping", "email", "order_metadata"] {
        expected[field] = after[field].clone();
    }
    assert_eq!(content(&after), expected);
    assert_eq!(after["shipping"]["address1"], before["shipping"]["address1"]);
    world.check().await;
}

#[tokio::test]
async fn a_replacement_becomes_the_order_and_leaves_what_it_does_not_name() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let before = shop.get(&order);
    let mut body = before.clone();
    body["email"] = json!("other@example.com");
    body["order_total"] = json!(1);
    body.as_object_mut().unwrap().shift_remove("checkout_data");
    let view = shop.run(ask(CommandKind::OrderReplace, &order, body)).await;
    assert_succeeded(&view);
    let mut expected = content(&before);
    expected["email"] = json!("other@example.com");
    assert_eq!(content(&shop.get(&order)), expected);
    // The same again changes nothing and needs no PUT.
    let again = shop
        .run(ask(CommandKind::OrderReplace, &order, shop.get(&order)))
        .await;
    assert_succeeded(&again);
    let result = again.job.result.expect("a result");
    assert!(!result.changed);
    assert_eq!(
        (result.upstream_requests, shop.count(RequestKind::PutOrder)),
        (1, 1)
    );
    assert_eq!(
        (again.patch, result.etag_before),
        (Some(json!([])), result.etag_after)
    );
    world.check().await;
}

#[tokio::test]
async fn an_order_is_created_marked_found_and_deleted() {
    let world = world().start().await;
    let shop = world.shop().await;
    let view = shop.run(create(new_order("ada@example.com"))).await;
    assert_succeeded(&view);
    let id = view
        .job
        .result
        .clone()
        .expect("a result")
        .order_id
        .expect("an id");
    assert_eq!(
        view.job.order_id.as_ref().map(ToString::to_string),
        Some(id.clone())
    );
    let created = shop.get(&id);
    assert_eq!(created["email"], "ada@example.com");
    assert_eq!(created["order_items"][0]["code"], "MUG");
    assert_eq!(created["order_metadata"]["gateway_job"], view.job.id.to_string());
    assert_eq!(
        (
            view.job.result.expect("a result").upstream_requests,
            shop.log().len()
        ),
        (1, 1)
    );

    let changed = shop.run(note(&id, "after its creation")).await;
    assert_succeeded(&changed);
    let deleted = shop
        .run(ask(CommandKind::OrderDelete, &id, serde_json::Value::Null))
        .await;
    assert_succeeded(&deleted);
    assert_eq!(
        deleted.job.result.as_ref().expect("a result").etag_before,
        changed.job.result.expect("one").etag_after
    );
    assert!(world.desk.get_order(&shop.id, &id).is_none());
    assert!(world.events_of("order.changed_externally.v1").await.is_empty());
    for late in [
        note(&id, "too late"),
        ask(CommandKind::OrderDelete, &id, serde_json::Value::Null),
        move_to(&id, 2),
    ] {
        assert_failed(&shop.run(late).await, ErrorCode::OrderNotFound);
    }
    world.check().await;
}

#[tokio::test]
async fn inventory_is_created_changed_and_deleted() {
    let world = world().start().await;
    let shop = world.shop().await;
    let new = app::Submission::new(
        CommandKind::InventoryCreate,
        None,
        json!({"name": "Pen", "code": "PEN", "stock": 4, "price": 2.5}),
    );
    let made = shop.run(new).await;
    assert_succeeded(&made);
    let id = made
        .job
        .result
        .clone()
        .expect("a result")
        .order_id
        .expect("an id");
    let views = shop
        .run_all(vec![
            ask(CommandKind::InventoryUpdate, &id, json!({"stock": 9})),
            ask(CommandKind::InventoryUpdate, &id, json!({"location": "A-3"})),
        ])
        .await;
    views.iter().for_each(assert_succeeded);
    assert_eq!(views[0].job.result.as_ref().expect("a result").coalesced_with, 1);
    let items = world.desk.inventory(&shop.id).expect("the store");
    assert_eq!(items.len(), 1);
    let item = &items[0];
    assert_eq!(
        (&item["stock"], &item["location"], &item["code"]),
        (&json!(9), &json!("A-3"), &json!("PEN"))
    );
    assert_eq!(item["name"], "Pen", "what was not given stays");
    assert_eq!(
        view_patch(&views[0]),
        [json!({"op": "replace", "path": "/stock", "value": 9})]
    );
    let gone = shop
        .run(ask(CommandKind::InventoryDelete, &id, serde_json::Value::Null))
        .await;
    assert_succeeded(&gone);
    assert!(world.desk.inventory(&shop.id).expect("the store").is_empty());
    for late in [
        ask(CommandKind::InventoryUpdate, &id, json!({"stock": 1})),
        ask(CommandKind::InventoryDelete, &id, serde_json::Value::Null),
    ] {
        assert_failed(&shop.run(late).await, ErrorCode::ItemNotFound);
    }
    world.check().await;
}

#[tokio::test]
async fn a_source_id_that_exists_is_told_with_its_order() {
    let world = world().start().await;
    let shop = world.shop().await;
    let mut order = new_order("ada@example.com");
    order["source_id"] = json!("CART-1");
    let first = shop.run(create(order.clone())).await;
    assert_succeeded(&first);
    assert_eq!(first.job.result.as_ref().expect("a result").upstream_requests, 2);
    let second = shop.run(create(order)).await;
    assert_failed(&second, ErrorCode::OrderExists);
    assert_eq!(
        second.job.error.expect("an error").existing_order_id,
        first.job.result.expect("a result").order_id
    );
    assert_eq!(shop.count(RequestKind::CreateOrder), 1);
    world.check().await;
}

#[tokio::test]
async fn an_order_that_is_refused_is_told_in_order_desks_words() {
    let world = world().start().await;
    let shop = world.shop().await;
    let mut order = new_order("ada@example.com");
    order["shipping"] = json!({"city": "Nowhere"});
    let view = shop.run(create(order)).await;
    assert_failed(&view, ErrorCode::UpstreamRejected);
    assert_eq!(
        view.upstream_message.as_deref(),
        Some("A name or company is required")
    );
    assert_eq!(view.job.error.expect("an error").upstream_status, Some(400));
    world.check().await;
}

#[tokio::test]
async fn without_hints_the_sweep_finds_the_job() {
    let world = world().without_hints().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let view = shop.run(note(&order, "nobody told")).await;
    assert_eq!(
        (view.job.status, shop.notes(&order, "nobody told")),
        (JobStatus::Succeeded, 1)
    );
    world.check().await;
}
