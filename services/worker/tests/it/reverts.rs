//! Taking changes back.

use app::{JobView, RevertError, Submission};
use domain::job::ErrorCode;
use domain::order::CommandKind;
use serde_json::{Value, json};
use simulator::{Edit, Fault, RequestKind};

use crate::support::*;

/// The command that takes a job's change back.
async fn undo(world: &World, view: &JobView) -> Result<Submission, RevertError> {
    let revert = world.app.revert(&world.caller, view.job.id).await?;
    assert_eq!(revert.store.id, view.job.store_id);
    let mut command = ask(CommandKind::OrderMutate, revert.order_id.as_str(), revert.body);
    command.revert_of = Some(view.job.id);
    Ok(command)
}

async fn revert(shop: &Shop<'_>, view: &JobView) -> JobView {
    shop.run(undo(shop.world, view).await.expect("a command")).await
}

#[tokio::test]
async fn every_change_of_an_order_is_taken_back() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let item = json!({"name": "Pen", "code": "PEN", "price": 2.50, "quantity": 3});
    let city = json!({"address_type": "shipping", "address": {"city": "Bonn", "phone": "0228 1"}});
    let commands = [
        note(&order, "ours"),
        move_to(&order, 3),
        ask(
            CommandKind::OrderAddItems,
            &order,
            json!({"items": [item.clone(), item]}),
        ),
        ask(CommandKind::OrderUpdateAddress, &order, city),
        ask(
            CommandKind::OrderReplace,
            &order,
            json!({"email": "new@example.com", "checkout_data": {"gift": "yes"}, "order_notes": []}),
        ),
        mutate(
            &order,
            json!([
                {"op": "remove", "path": "/order_items/0"},
                {"op": "replace", "path": "/order_items/0/quantity", "value": 40},
                {"op": "replace", "path": "/folder_id", "value": 2},
                {"op": "add", "path": "metadata", "value": {"batch": "7"}},
            ]),
        ),
    ];
    for command in commands {
        let before = shop.get(&order);
        let made = shop.run(command).await;
        assert_succeeded(&made);
        let after = shop.get(&order);
        assert_ne!(content(&after), content(&before), "{:?}", made.job.kind);
        let undone = revert(&shop, &made).await;
        assert_succeeded(&undone);
        assert_eq!(undone.job.revert_of, Some(made.job.id));
        assert_eq!(alike(&shop.get(&order)), alike(&before), "{:?}", made.job.kind);
        // And the taking back is a change like any other; but an item that came back has another id.
        if shop.get(&order)["order_items"] != before["order_items"] {
            continue;
        }
        assert_succeeded(&revert(&shop, &undone).await);
        assert_eq!(alike(&shop.get(&order)), alike(&after), "{:?}", made.job.kind);
    }
    world.check().await;
}

/// The content of an order; an item that comes back gets an id of its own.
fn alike(order: &Value) -> Value {
    let mut order = content(order);
    for item in order["order_items"].as_array_mut().expect("items") {
        item.as_object_mut().expect("an item").shift_remove("id");
    }
    order
}

#[tokio::test]
async fn later_changes_stay_and_those_in_the_same_place_are_not_trampled() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let email = |text: &str| {
        mutate(
            &order,
            json!([{"op": "replace", "path": "/email", "value": text}]),
        )
    };
    let first = shop.run(email("first@example.com")).await;
    let noted = shop.run(note(&order, "ours")).await;
    world
        .desk
        .foreign_edit(&shop.id, &order, Edit::note("Clerk", "theirs"))
        .expect("edited");
    assert_succeeded(&revert(&shop, &noted).await);
    assert_eq!((shop.notes(&order, "ours"), shop.notes(&order, "theirs")), (0, 1));
    assert_eq!(shop.get(&order)["email"], "first@example.com");
    // Once is enough: a second time there is nothing to take back.
    assert_failed(&revert(&shop, &noted).await, ErrorCode::TestFailed);
    assert_eq!(shop.notes(&order, "theirs"), 1);
    assert_succeeded(&shop.run(email("second@example.com")).await);
    assert_failed(&revert(&shop, &first).await, ErrorCode::TestFailed);
    assert_eq!(shop.get(&order)["email"], "second@example.com");
    world.check().await;
}

#[tokio::test]
async fn of_jobs_that_travelled_together_each_takes_back_its_own() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let city = json!({"address_type": "shipping", "address": {"city": "Bonn"}});
    let together = vec![
        note(&order, "one"),
        ask(CommandKind::OrderUpdateAddress, &order, city),
        note(&order, "two"),
        move_to(&order, 3),
    ];
    let before = shop.get(&order);
    let views = shop.run_all(together).await;
    assert_eq!(shop.count(RequestKind::PutOrder), 1, "they travelled together");
    assert_succeeded(&revert(&shop, &views[1]).await);
    assert_eq!(shop.get(&order)["shipping"], before["shipping"]);
    assert_succeeded(&revert(&shop, &views[3]).await);
    // The second note would move up if the first went before it: from the last one on.
    assert_succeeded(&revert(&shop, &views[2]).await);
    assert_eq!((shop.notes(&order, "one"), shop.notes(&order, "two")), (1, 0));
    assert_succeeded(&revert(&shop, &views[0]).await);
    assert_eq!(content(&shop.get(&order)), content(&before));
    world.check().await;
}

#[tokio::test]
async fn what_was_applied_in_part_is_taken_back_in_part() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let before = shop.get(&order);
    let message = "no".to_owned();
    let refusal = Fault::Reject { status: 400, message };
    world
        .desk
        .fail_next(shop.requests(RequestKind::MoveOrders), refusal);
    let command = mutate(
        &order,
        json!([
            {"op": "replace", "path": "/email", "value": "new@example.com"},
            {"op": "replace", "path": "/folder_id", "value": 3},
        ]),
    );
    let view = shop.run(command).await;
    assert_failed(&view, ErrorCode::PartiallyApplied);
    assert_succeeded(&revert(&shop, &view).await);
    assert_eq!(content(&shop.get(&order)), content(&before));
    world.check().await;
}

#[tokio::test]
async fn what_has_changed_nothing_or_cannot_come_back_is_refused() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let refused = async |view: &JobView| undo(&world, view).await.expect_err("refused");
    let same = json!([{"op": "replace", "path": "/email", "value": shop.get(&order)["email"]}]);
    let unchanged = shop.run(mutate(&order, same)).await;
    assert!(matches!(refused(&unchanged).await, RevertError::NotApplied));
    let failed = json!([{"op": "test", "path": "/email", "value": 1}]);
    let failed = shop.run(mutate(&order, failed)).await;
    assert!(matches!(refused(&failed).await, RevertError::NotApplied));
    let created = shop.run(create(new_order("new@example.com"))).await;
    assert!(matches!(refused(&created).await, RevertError::Kind));
    let mut later = note(&order, "later");
    later.run_at = Some(world.app.now().plus(PATIENCE));
    let waiting = shop.submit(later).await;
    let error = world
        .app
        .revert(&world.caller, waiting)
        .await
        .expect_err("refused");
    assert!(matches!(error, RevertError::NotEnded));
    world
        .app
        .cancel(&world.caller, waiting, None)
        .await
        .expect("cancelled");
    let noted = shop.run(note(&order, "ours")).await;
    let deleted = shop.run(ask(CommandKind::OrderDelete, &order, Value::Null)).await;
    assert!(matches!(refused(&deleted).await, RevertError::Kind));
    assert_failed(&revert(&shop, &noted).await, ErrorCode::OrderNotFound);
    let mut stranger = world.caller.clone();
    stranger.tenant = app::TenantRef::Known(domain::TenantId(uuid::Uuid::from_u128(1)));
    let error = world
        .app
        .revert(&stranger, noted.job.id)
        .await
        .expect_err("refused");
    assert!(matches!(error, RevertError::NotFound));
    shop.delete().await;
    assert!(matches!(refused(&noted).await, RevertError::StoreGone));
    world.check().await;
}
