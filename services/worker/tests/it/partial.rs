//! Changes whose second half, the move, does not come about.

use domain::job::ErrorCode;
use serde_json::json;
use simulator::{Fault, FaultRule, RequestKind};

use crate::support::*;

fn note_and_move(order: &str) -> app::Submission {
    mutate(
        order,
        json!([
            {"op": "add", "path": "/order_notes/-", "value": {"content": "written"}},
            {"op": "replace", "path": "/folder_id", "value": 2},
        ]),
    )
}

#[tokio::test]
async fn a_move_refused_after_the_update_is_told_with_what_was_applied() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let fault = Fault::Reject {
        status: 400,
        message: "This folder is closed".to_owned(),
    };
    world
        .desk
        .fail_next(shop.requests(RequestKind::MoveOrders), fault);
    let views = shop
        .run_all(vec![note(&order, "a neighbour"), note_and_move(&order)])
        .await;
    assert_succeeded(&views[0]);
    assert_failed(&views[1], ErrorCode::PartiallyApplied);
    assert_eq!(
        views[1].upstream_message.as_deref(),
        Some("This folder is closed")
    );
    let patch = views[1]
        .patch
        .as_ref()
        .and_then(|patch| patch.as_array())
        .expect("the applied patch");
    assert_eq!(patch.len(), 1, "{patch:?}");
    assert_eq!(patch[0]["value"]["content"], "written");
    let result = views[1].job.result.as_ref().expect("a result");
    assert!(result.changed && result.etag_after.is_some());
    assert_eq!(
        result.upstream_requests,
        3 + 1,
        "folders, fetch, update, move: {result:?}"
    );
    let after = shop.get(&order);
    assert_eq!(
        (
            &after["folder_id"],
            notes(&after, "written"),
            notes(&after, "a neighbour")
        ),
        (&json!(1), 1, 1)
    );
    world.check().await;
}

#[tokio::test]
async fn a_move_accepted_and_not_carried_out_is_told_the_same_way() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let pure = shop.order();
    let hold = world.desk.hold(
        shop.requests(RequestKind::MoveOrders),
        simulator::HoldPhase::BeforeAnswer,
    );
    let ids = shop
        .submit_all(vec![note_and_move(&order), move_to(&pure, 2)])
        .await;
    assert!(world.desk.wait_held(hold, 2, PATIENCE).await);
    // A rule of the merchant moves them back at once.
    for id in [&order, &pure] {
        world
            .desk
            .foreign_edit(&shop.id, id, simulator::Edit::Move { folder_id: 1 })
            .expect("moved");
    }
    world.desk.release(hold).expect("held");
    let views = world.all_ended(&ids).await;
    assert_failed(&views[0], ErrorCode::PartiallyApplied);
    assert_failed(&views[1], ErrorCode::NotTaken);
    assert_eq!(shop.notes(&order, "written"), 1);
    world.check().await;
}

#[tokio::test]
async fn a_move_that_keeps_failing_ends_partially_applied_with_the_note_once() {
    let world = world().max_attempts(2).start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let fault = Fault::ServerError {
        status: 500,
        applied: false,
    };
    world
        .desk
        .add_fault(FaultRule::always(shop.requests(RequestKind::MoveOrders), fault));
    let view = shop.run(note_and_move(&order)).await;
    assert_failed(&view, ErrorCode::PartiallyApplied);
    assert_eq!(
        (shop.notes(&order, "written"), shop.count(RequestKind::PutOrder)),
        (1, 1)
    );
    assert!(
        shop.count(RequestKind::MoveOrders) <= 3,
        "{}",
        shop.count(RequestKind::MoveOrders)
    );
    world.check().await;
}
