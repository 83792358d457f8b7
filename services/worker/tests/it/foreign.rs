//! Others at work on the same order.

use app::Purpose;
use app::payload::ImageBody;
use app::seals::image_row;
use domain::OrderId;
use serde_json::{Value, json};
use simulator::{Edit, EditMoment, RequestKind, ScheduledEdit};

use crate::support::*;

async fn images(world: &World, shop: &Shop<'_>, order: &str, type_name: &str) -> Vec<ImageBody> {
    let order: OrderId = order.parse().expect("an id");
    let row = image_row(shop.store.id, &order);
    let mut found = Vec::new();
    for event in world.events_of(type_name).await {
        if event.store_id != Some(shop.store.id) {
            continue;
        }
        let sealed = event.sealed.expect("sealed");
        let body = world
            .app
            .seals()
            .open_json::<ImageBody>(event.tenant_id, Purpose::OrderImage, row, &sealed)
            .await;
        found.push(body.expect("opens"));
    }
    found
}

fn diff(image: &ImageBody) -> Vec<Value> {
    image
        .diff
        .as_ref()
        .and_then(|diff| diff.as_array().cloned())
        .expect("a diff")
}

#[tokio::test]
async fn an_edit_between_two_changes_survives_and_is_on_record() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    assert_succeeded(&shop.run(note(&order, "ours 1")).await);
    let edit =
        Edit::merge(json!({"email": "theirs@example.com", "email_count": "9", "shipping": {"city": "Bonn"}}));
    world.desk.foreign_edit(&shop.id, &order, edit).expect("edited");
    world
        .desk
        .foreign_edit(&shop.id, &order, Edit::note("Clerk", "theirs"))
        .expect("edited");
    assert_succeeded(&shop.run(note(&order, "ours 2")).await);
    let after = shop.get(&order);
    assert_eq!(
        (&after["email"], &after["shipping"]["city"]),
        (&json!("theirs@example.com"), &json!("Bonn"))
    );
    for text in ["ours 1", "theirs", "ours 2"] {
        assert_eq!(notes(&after, text), 1, "{text}");
    }
    let found = images(&world, &shop, &order, "order.changed_externally.v1").await;
    assert_eq!(found.len(), 1);
    let mut paths: Vec<String> = diff(&found[0])
        .iter()
        .map(|op| op["path"].as_str().expect("a path").to_owned())
        .collect();
    paths.sort();
    paths.retain(|path| !path.starts_with("/date_updated"));
    let shown: Vec<&str> = paths.iter().map(String::as_str).collect();
    assert!(
        ["/email", "/order_notes/2", "/shipping/city"]
            .iter()
            .all(|path| shown.contains(path)),
        "{shown:?}"
    );
    // Seen once, recorded once.
    assert_succeeded(&shop.run(note(&order, "ours 3")).await);
    assert_eq!(world.events_of("order.changed_externally.v1").await.len(), 1);
    world.check().await;
}

fn after_get(shop: &Shop<'_>, order: &str, edit: Edit) -> ScheduledEdit {
    ScheduledEdit {
        store: shop.id.clone(),
        order: order.to_owned(),
        when: EditMoment::AfterGet,
        edit,
        times: 1,
    }
}

#[tokio::test]
async fn an_edit_inside_the_window_is_reported_where_it_shows() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    // A shipment and a tag are nothing that a PUT takes: they tell of somebody's doing.
    let edit = Edit::merge(json!({"tag_name": "urgent", "tag_color": "red", "email": "theirs@example.com"}));
    world.desk.schedule_edit(after_get(&shop, &order, edit));
    let view = shop.run(note(&order, "ours")).await;
    assert_succeeded(&view);
    let pointers: Vec<&str> = view
        .differences
        .iter()
        .filter_map(|d| d["pointer"].as_str())
        .collect();
    assert!(pointers.contains(&"/tag_name"), "{pointers:?}");
    let after = shop.get(&order);
    assert_eq!((&after["tag_name"], notes(&after, "ours")), (&json!("urgent"), 1));
    assert_eq!(
        after["email"], "buyer3@example.com",
        "what came within the window is overwritten"
    );
    let found = images(&world, &shop, &order, "order.edit_overwritten.v1").await;
    assert_eq!(found.len(), 1);
    world.check().await;
}

#[tokio::test]
async fn somebody_moving_the_order_inside_the_window_keeps_the_move() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    world
        .desk
        .schedule_edit(after_get(&shop, &order, Edit::Move { folder_id: 3 }));
    let view = shop.run(note(&order, "ours")).await;
    assert_succeeded(&view);
    let after = shop.get(&order);
    assert_eq!((&after["folder_id"], notes(&after, "ours")), (&json!(3), 1));
    assert_eq!(
        images(&world, &shop, &order, "order.edit_overwritten.v1")
            .await
            .len(),
        1
    );
    assert!(
        view.differences.iter().any(|d| d["pointer"] == "/folder_id"),
        "{:?}",
        view.differences
    );
    world.check().await;
}

#[tokio::test]
async fn a_strict_command_notices_an_edit_between_its_reads() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    world.desk.schedule_edit(after_get(
        &shop,
        &order,
        Edit::merge(json!({"email": "theirs@example.com"})),
    ));
    let mut command = note(&order, "ours");
    command.strict = true;
    let view = shop.run(command).await;
    assert_succeeded(&view);
    let after = shop.get(&order);
    assert_eq!(
        (&after["email"], notes(&after, "ours")),
        (&json!("theirs@example.com"), 1)
    );
    let reads = shop.count(RequestKind::GetOrder);
    assert_eq!(
        reads, 3,
        "the first, the one that saw the edit, and one more that did not change"
    );
    assert_eq!(view.job.result.expect("a result").upstream_requests, 4);
    world.check().await;
}

#[tokio::test]
async fn an_order_that_keeps_changing_is_tried_again_later() {
    let world = world().max_attempts(2).start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let mut edit = after_get(&shop, &order, Edit::note("Clerk", "again"));
    edit.times = 3;
    world.desk.schedule_edit(edit);
    let mut command = note(&order, "ours");
    command.strict = true;
    let view = shop.run(command).await;
    assert_succeeded(&view);
    let after = shop.get(&order);
    assert_eq!(
        (notes(&after, "again"), notes(&after, "ours")),
        (3, 1),
        "every edit survives"
    );
    assert_eq!(view.job.attempts, 2);
    world.check().await;
}
