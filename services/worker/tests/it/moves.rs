//! Moving orders between folders.

use domain::job::ErrorCode;
use domain::order::CommandKind;
use serde_json::json;
use simulator::RequestKind;

use crate::support::*;

#[tokio::test]
async fn an_order_moves_by_number_and_by_name_without_a_put() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let before = shop.get(&order);
    let view = shop.run(move_to(&order, 2)).await;
    assert_succeeded(&view);
    assert_eq!(shop.get(&order)["folder_id"], 2);
    assert_eq!(
        view.patch,
        Some(json!([{"op": "replace", "path": "/folder_id", "value": 2}]))
    );
    let named = shop
        .run(ask(
            CommandKind::OrderMoveFolder,
            &order,
            json!({"folder_name": "Closed"}),
        ))
        .await;
    assert_succeeded(&named);
    assert_eq!(shop.get(&order)["folder_id"], 3);
    let here = shop.run(move_to(&order, 3)).await;
    assert_succeeded(&here);
    assert!(!here.job.result.expect("a result").changed);
    assert_eq!(
        (
            shop.count(RequestKind::PutOrder),
            shop.count(RequestKind::MoveOrders)
        ),
        (0, 2)
    );
    assert_eq!(shop.count(RequestKind::GetStore), 1, "folders are remembered");
    let mut expected = content(&before);
    expected["folder_id"] = json!(3);
    assert_eq!(content(&shop.get(&order)), expected);
    world.check().await;
}

#[tokio::test]
async fn a_folder_that_does_not_exist_is_refused_before_anything_is_written() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let before = shop.get(&order);
    let both = json!([
        {"op": "add", "path": "/order_notes/-", "value": {"content": "with a move"}},
        {"op": "replace", "path": "/folder_id", "value": 99},
    ]);
    let commands = vec![
        note(&order, "a neighbour"),
        ask(
            CommandKind::OrderMoveFolder,
            &order,
            json!({"folder_name": "Nowhere"}),
        ),
        move_to(&order, 99),
        mutate(&order, both),
        note(&order, "another neighbour"),
    ];
    let views = shop.run_all(commands).await;
    assert_succeeded(&views[0]);
    for view in &views[1..4] {
        assert_failed(view, ErrorCode::FolderNotFound);
    }
    assert_succeeded(&views[4]);
    let after = shop.get(&order);
    assert_eq!(after["folder_id"], before["folder_id"]);
    assert_eq!(
        shop.notes(&order, "with a move"),
        0,
        "nothing of a refused command"
    );
    assert_eq!(
        (
            shop.notes(&order, "a neighbour"),
            shop.notes(&order, "another neighbour")
        ),
        (1, 1)
    );
    assert_eq!(shop.count(RequestKind::MoveOrders), 0);
    world.check().await;
}

#[tokio::test]
async fn a_change_with_a_move_is_one_put_and_one_move() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let both = json!([
        {"op": "add", "path": "/order_notes/-", "value": {"content": "moved"}},
        {"op": "replace", "path": "/folder_id", "value": 2},
    ]);
    let views = shop
        .run_all(vec![
            note(&order, "before"),
            mutate(&order, both),
            note(&order, "after"),
        ])
        .await;
    views.iter().for_each(assert_succeeded);
    let after = shop.get(&order);
    assert_eq!(after["folder_id"], 2);
    for text in ["before", "moved", "after"] {
        assert_eq!(shop.notes(&order, text), 1, "{text}");
    }
    let coalesced: Vec<u32> = views
        .iter()
        .map(|view| view.job.result.as_ref().expect("a result").coalesced_with)
        .collect();
    assert_eq!(coalesced, [1, 1, 0], "a move ends its batch");
    assert_eq!(
        (
            shop.count(RequestKind::PutOrder),
            shop.count(RequestKind::MoveOrders)
        ),
        (2, 1)
    );
    let puts: Vec<_> = shop
        .log()
        .into_iter()
        .filter(|e| e.kind == RequestKind::PutOrder)
        .collect();
    assert_eq!(
        puts[0].body.as_ref().expect("a body")["folder_id"],
        1,
        "a PUT keeps the fetched folder"
    );
    assert_eq!(view_patch(&views[1]).len(), 2);
    world.check().await;
}

#[tokio::test]
async fn folders_that_cannot_be_read_concern_only_who_asked_for_one() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let fault = simulator::Fault::Reject {
        status: 400,
        message: "No settings for you".to_owned(),
    };
    world.desk.fail_next(shop.requests(RequestKind::GetStore), fault);
    let views = shop
        .run_all(vec![note(&order, "a neighbour"), move_to(&order, 2)])
        .await;
    assert_succeeded(&views[0]);
    assert_failed(&views[1], ErrorCode::UpstreamRejected);
    assert_eq!(
        (shop.notes(&order, "a neighbour"), &shop.get(&order)["folder_id"]),
        (1, &json!(1))
    );
    world.check().await;
}

#[tokio::test]
async fn a_replacement_that_moves_reads_again_after_looking_the_folder_up() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let mut body = shop.get(&order);
    body["folder_id"] = json!(2);
    body["email"] = json!("moved@example.com");
    let edit = simulator::ScheduledEdit {
        store: shop.id.clone(),
        order: order.clone(),
        when: simulator::EditMoment::AfterGet,
        edit: simulator::Edit::merge(json!({"tag_name": "seen"})),
        times: 1,
    };
    world.desk.schedule_edit(edit);
    let view = shop.run(ask(CommandKind::OrderReplace, &order, body)).await;
    assert_succeeded(&view);
    let after = shop.get(&order);
    assert_eq!(
        (&after["folder_id"], &after["email"]),
        (&json!(2), &json!("moved@example.com"))
    );
    assert_eq!(
        shop.count(RequestKind::GetOrder),
        3,
        "read, read again after the look-up, checked after the move"
    );
    assert!(
        world.events_of("order.edit_overwritten.v1").await.is_empty(),
        "what was seen is not overwritten"
    );
    world.check().await;
}
