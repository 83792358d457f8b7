//! What became of an order, and how it was at any time.

use std::collections::BTreeMap;

use app::{Changed, OrderAtError, OrderChange};
use domain::order::CommandKind;
use domain::{OrderId, Timestamp};
use ledger::{Append, DestroyKeys, Meta};
use serde_json::{Value, json};
use simulator::Edit;
use testkit::eventually;

use crate::support::*;

on_both_ledgers! {
    whatever_was_done_the_log_shows_each_order_as_it_was_and_views_follow_from_it
}

/// The whole history of an order, newest first, read in pages of two.
async fn history(world: &World, shop: &Shop<'_>, order: &str) -> Vec<OrderChange> {
    let order: OrderId = order.parse().expect("an id");
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let page = world
            .app
            .order_history(&world.caller, &shop.store, &order, before, 2)
            .await
            .expect("a page");
        assert!(page.changes.len() <= 2 && (page.next.is_none() || !page.changes.is_empty()));
        all.extend(page.changes);
        let Some(next) = page.next else { return all };
        before = Some(next);
    }
}

/// The order as the log knew it; none where it knew nothing.
async fn at(world: &World, shop: &Shop<'_>, order: &str, at: Timestamp) -> Option<Value> {
    let order: OrderId = order.parse().expect("an id");
    match world.app.order_at(&world.caller, &shop.store, &order, at).await {
        Ok(reading) => Some(serde_json::from_slice(&reading.body).expect("an order")),
        Err(OrderAtError::Unknown) => None,
        Err(error) => panic!("{error:?}"),
    }
}

fn paths(patch: &Value) -> Vec<&str> {
    let operations = patch.as_array().expect("a patch").iter();
    operations.filter_map(|op| op["path"].as_str()).collect()
}

#[tokio::test]
async fn a_history_names_our_changes_and_those_of_others() {
    let world = world().start().await;
    let shop = world.shop().await;
    let (order, other) = (shop.order(), shop.order());
    assert!(history(&world, &shop, &order).await.is_empty());
    let first = shop.run(note(&order, "ours")).await;
    // What changes nothing, fails, or concerns another order is no part of it.
    let same = json!([{"op": "replace", "path": "/email", "value": shop.get(&order)["email"]}]);
    assert_succeeded(&shop.run(mutate(&order, same)).await);
    shop.run(mutate(
        &order,
        json!([{"op": "test", "path": "/email", "value": 1}]),
    ))
    .await;
    assert_succeeded(&shop.run(note(&other, "elsewhere")).await);
    world
        .desk
        .foreign_edit(
            &shop.id,
            &order,
            Edit::merge(json!({"email": "theirs@example.com"})),
        )
        .expect("edited");
    let moved = shop.run(move_to(&order, 2)).await;
    let found = history(&world, &shop, &order).await;
    let told: Vec<&str> = found.iter().map(|change| change.type_name.as_str()).collect();
    assert_eq!(
        told,
        [
            "job.succeeded.v1",
            "order.changed_externally.v1",
            "job.succeeded.v1"
        ]
    );
    assert!(found.is_sorted_by(|newer, older| newer.position > older.position && newer.at >= older.at));
    for (change, view) in [(&found[0], &moved), (&found[2], &first)] {
        let Changed::ByJob(job) = &change.what else {
            panic!("{change:?}")
        };
        assert_eq!((job.job.id, &job.patch), (view.job.id, &view.patch));
        assert_eq!(job.job.result, view.job.result);
    }
    let Changed::Externally {
        etag_before,
        etag_after,
        diff,
    } = &found[1].what
    else {
        panic!("{:?}", found[1])
    };
    assert!(paths(diff.as_ref().expect("a diff")).contains(&"/email"));
    let tags = |view: &app::JobView| view.job.result.clone().expect("a result");
    assert_eq!(etag_before, &tags(&first).etag_after);
    assert_eq!(Some(etag_after), tags(&moved).etag_before.as_ref());
    world.check().await;
}

#[tokio::test]
async fn an_item_with_the_id_of_an_order_has_no_part_in_its_history() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    world
        .desk
        .put_inventory_item(
            &shop.id,
            json!({"id": order, "name": "Mug", "code": "MUG", "stock": 1}),
        )
        .expect("an item");
    let update = ask(CommandKind::InventoryUpdate, &order, json!({"stock": 5}));
    assert_succeeded(&shop.run(update).await);
    assert!(history(&world, &shop, &order).await.is_empty());
    let now = Timestamp::from_millis(i64::MAX);
    assert_eq!(at(&world, &shop, &order, now).await, None);
    assert_succeeded(&shop.run(note(&order, "ours")).await);
    let delete = ask(CommandKind::InventoryDelete, &order, Value::Null);
    assert_succeeded(&shop.run(delete).await);
    assert_eq!(history(&world, &shop, &order).await.len(), 1);
    assert_eq!(at(&world, &shop, &order, now).await, Some(shop.get(&order)));
    world.check().await;
}

#[tokio::test]
async fn before_our_first_change_the_order_is_known_as_it_was_read_for_it() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let original = shop.get(&order);
    let view = shop.run(note(&order, "ours")).await;
    let opened = world.events_of("batch.opened.v1").await.remove(0).recorded_at;
    let submitted = view.job.submitted_at;
    if submitted < opened {
        assert_eq!(
            at(&world, &shop, &order, submitted).await,
            None,
            "nothing was known yet"
        );
    }
    let end = view.job.finished_at.expect("ended");
    if opened < end {
        assert_eq!(at(&world, &shop, &order, opened).await, Some(original));
    }
    assert_eq!(at(&world, &shop, &order, end).await, Some(shop.get(&order)));
    world.check().await;
}

#[tokio::test]
async fn what_was_erased_is_neither_shown_nor_forgotten() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let view = shop.run(note(&order, "ours")).await;
    let id: OrderId = order.parse().expect("an id");
    let key = world
        .ledger
        .data_key_of_order(shop.store.id, &id)
        .await
        .expect("the ledger answers")
        .expect("a key");
    let mut erase = Append::new(view.job.submitted_at, Meta::default());
    erase
        .destroy_keys
        .push(DestroyKeys::Order(shop.store.id, id.clone()));
    world.ledger.append(erase).await.expect("erased");
    world.app.seals().forget_key(key.id).await;
    let now = Timestamp::from_millis(i64::MAX);
    let shown = world.app.order_at(&world.caller, &shop.store, &id, now).await;
    assert!(matches!(shown, Err(OrderAtError::Erased)), "{shown:?}");
    let found = history(&world, &shop, &order).await;
    let Changed::ByJob(job) = &found[0].what else {
        panic!("{found:?}")
    };
    assert_eq!((job.job.id, &job.patch), (view.job.id, &None));
    world.check().await;
}

/// Some command, and now and then somebody else's edit before it.
pub fn step(world: &World, shop: &Shop<'_>, order: &str, dice: &mut Dice, round: u64) -> app::Submission {
    if dice.below(3) == 0 {
        let edit = match dice.below(3) {
            0 => Edit::note("Clerk", format!("theirs {round}")),
            1 => Edit::Move {
                folder_id: 1 + dice.below(3),
            },
            _ => Edit::merge(json!({"email": format!("theirs{round}@example.com")})),
        };
        world.desk.foreign_edit(&shop.id, order, edit).expect("edited");
    }
    let email = format!("ours{round}@example.com");
    match dice.below(8) {
        0 | 1 => note(order, &format!("ours {round}")),
        2 => move_to(order, 1 + dice.below(3)),
        3 => mutate(
            order,
            json!([
                {"op": "replace", "path": "/email", "value": email},
                {"op": "replace", "path": "/folder_id", "value": 1 + dice.below(3)},
            ]),
        ),
        4 => ask(
            CommandKind::OrderAddItems,
            order,
            json!({"items": [{"name": "Mug", "code": format!("M-{round}"), "price": 3, "quantity": 1}]}),
        ),
        5 => ask(
            CommandKind::OrderUpdateAddress,
            order,
            json!({"address_type": "shipping", "address": {"city": format!("City {round}")}}),
        ),
        6 => ask(CommandKind::OrderReplace, order, json!({"email": email})),
        _ => mutate(order, json!([{"op": "remove", "path": "/order_notes/0"}])),
    }
}

async fn whatever_was_done_the_log_shows_each_order_as_it_was_and_views_follow_from_it(database: Database) {
    let world = world().on(database).start().await;
    let shop = world.shop().await;
    let mut all = Vec::new();
    for seed in [3, 17, 4711, 90_210] {
        let mut dice = Dice(seed);
        let order = shop.order();
        let mut truth: BTreeMap<Timestamp, Option<Value>> = BTreeMap::new();
        for round in 0..15 {
            let command = step(&world, &shop, &order, &mut dice, round);
            let view = shop.run(command).await;
            let last = world.ledger.head().await.expect("a head").recorded_at;
            let known = at(&world, &shop, &order, last).await;
            // A first command that changes nothing leaves no image.
            if known.is_some() || truth.values().any(Option::is_some) {
                let now = Some(shop.get(&order));
                assert_eq!(known, now, "seed {seed}, round {round}: {view:?}");
            }
            truth.insert(last, known);
            // So that what comes next is not recorded at the same millisecond.
            eventually("the clock to move on", PATIENCE, async || {
                (world.app.now() > last).then_some(())
            })
            .await;
        }
        let delete = ask(CommandKind::OrderDelete, &order, Value::Null);
        assert_succeeded(&shop.run(delete).await);
        truth.insert(world.ledger.head().await.expect("a head").recorded_at, None);
        all.push((seed, order, truth));
    }
    let views = ledger::conformance::audit::whole(&*world.ledger).await;
    for rebuilt in [false, true] {
        if rebuilt {
            world.ledger.rebuild().await.expect("rebuilt");
        }
        for (seed, order, truth) in &all {
            for (time, then) in truth {
                let known = at(&world, &shop, order, *time).await;
                assert_eq!(&known, then, "seed {seed} at {time}, rebuilt {rebuilt}");
            }
        }
    }
    // The views are rows again that follow from the log, and the same ones.
    let rebuilt = ledger::conformance::audit::whole(&*world.ledger).await;
    assert_eq!((rebuilt.jobs, rebuilt.images), (views.jobs, views.images));
    world.check().await;
}
