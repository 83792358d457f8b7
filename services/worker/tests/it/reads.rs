//! Reads of others beside changes: what the cache forgets, and what lists may show.

use std::sync::Arc;
use std::time::Duration;

use app::{CacheState, Listing, ReadError, ReadOptions, Reading, Search};
use domain::order::CommandKind;
use serde_json::json;
use simulator::{Edit, HoldPhase, RequestKind};

use crate::support::*;

async fn list(shop: &Shop<'_>, listing: Listing, no_cache: bool) -> Result<Reading, ReadError> {
    let search = Search::new(listing, 50, 0);
    let store = Arc::new(shop.store.clone());
    let world = shop.world;
    world
        .app
        .list(&world.caller, &store, &search, ReadOptions { no_cache })
        .await
}

async fn read(shop: &Shop<'_>, order: &str) -> Reading {
    let store = Arc::new(shop.store.clone());
    let world = shop.world;
    let order = order.parse().expect("an id");
    world
        .app
        .read_order(&world.caller, &store, &order, ReadOptions::default())
        .await
        .expect("it is shown")
}

fn shows(reading: &Reading, text: &str) -> bool {
    reading
        .body
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

#[tokio::test]
async fn what_a_change_touched_is_forgotten_when_its_end_is_seen() {
    let world = world().start().await;
    let shop = world.shop().await;
    let (order, other) = (shop.order(), shop.order());
    for round in 0..3 {
        let text = format!("note of round {round}");
        // After a change areas are raised twice, the second time perhaps only now.
        testkit::eventually("both are kept", PATIENCE, async || {
            let all = list(&shop, Listing::Orders, false).await.expect("it is shown");
            all.cache == CacheState::Hit && read(&shop, &order).await.cache == CacheState::Hit
        })
        .await;
        read(&shop, &other).await;
        assert_succeeded(&shop.run(note(&order, &text)).await);
        let all = list(&shop, Listing::Orders, false).await.expect("it is shown");
        assert!(shows(&all, &text), "{round}");
        assert!(shows(&read(&shop, &order).await, &text), "{round}");
        assert_eq!(read(&shop, &other).await.cache, CacheState::Hit);
    }
    world.check().await;
}

#[tokio::test]
async fn a_new_item_is_in_the_next_list_and_orders_stay_cached() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    read(&shop, &order).await;
    list(&shop, Listing::Inventory, false).await.expect("it is shown");
    let item = json!({"name": "a thing", "code": "T-1", "price": "1.00"});
    let mut create = ask(CommandKind::InventoryCreate, &order, item);
    create.order_id = None;
    assert_succeeded(&shop.run(create).await);
    let items = list(&shop, Listing::Inventory, false).await.expect("it is shown");
    assert!(shows(&items, "a thing"));
    assert_eq!(read(&shop, &order).await.cache, CacheState::Hit);
    world.check().await;
}

#[tokio::test]
async fn an_edit_that_a_list_has_shown_is_never_reverted() {
    let world = world().timeout_ms(60_000).start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let hold = world
        .desk
        .hold(shop.requests(RequestKind::PutOrder), HoldPhase::BeforeApply);
    let job = shop.submit(note(&order, "ours")).await;
    assert!(world.desk.wait_held(hold, 1, PATIENCE).await);
    // The update is on its way and will overwrite this, since it was fetched before.
    let edit = Edit::merge(json!({"email": "theirs@example.com"}));
    world.desk.foreign_edit(&shop.id, &order, edit).expect("edited");
    let shown = list(&shop, Listing::Orders, true).await;
    let was_shown = shown.is_ok_and(|list| shows(&list, "theirs@example.com"));
    world.desk.release(hold).expect("held");
    assert_succeeded(&world.ended(job).await);
    let is_kept = shop.get(&order)["email"] == "theirs@example.com";
    assert!(is_kept || !was_shown, "it was shown and then reverted");
    // And afterwards lists go on.
    let list = list(&shop, Listing::Orders, true).await.expect("it is shown");
    assert!(shows(&list, "ours"));
    world.check().await;
}

#[tokio::test]
async fn a_change_begins_when_the_lists_before_it_have_ended() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let hold = world
        .desk
        .hold(shop.requests(RequestKind::GetOrders), HoldPhase::BeforeAnswer);
    let listing = list(&shop, Listing::Orders, true);
    let change = async {
        assert!(world.desk.wait_held(hold, 1, PATIENCE).await);
        // Too late to be in the list, and before the change's fetch.
        let edit = Edit::merge(json!({"email": "theirs@example.com"}));
        world.desk.foreign_edit(&shop.id, &order, edit).expect("edited");
        let job = shop.submit(note(&order, "ours")).await;
        testkit::eventually("the worker knows it", PATIENCE, async || world.known_jobs() > 0).await;
        // It has had its chance to begin, and fetches nothing while the list may be shown.
        let began = world
            .desk
            .wait_until(Duration::from_millis(500), |_| {
                shop.count(RequestKind::GetOrder) > 0
            })
            .await;
        world.desk.release(hold).expect("held");
        (job, began)
    };
    let (listed, (job, began)) = tokio::join!(listing, change);
    // A list that came too late, on a busy machine, was not shown, and is not waited for.
    if let Ok(listed) = listed {
        assert!(!began, "it began while a list was under way");
        assert!(!shows(&listed, "theirs@example.com"));
    }
    assert_succeeded(&world.ended(job).await);
    assert_eq!(shop.get(&order)["email"], "theirs@example.com");
    world.check().await;
}
