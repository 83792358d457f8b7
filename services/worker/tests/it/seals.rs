//! The log is sealed and signed while it grows.

use ledger::seal::{Identity, Report, verify};
use testkit::eventually;

use crate::support::*;

/// Verifies the log.
async fn verified(world: &World) -> Report {
    let identity = Identity::find(&*world.ledger)
        .await
        .expect("the ledger answers")
        .expect("it has a name");
    let key = |generation| identity.public_key(generation, world.app.keyring().signing_seed());
    verify(&*world.ledger, key, &[]).await.expect("nobody touched it")
}

/// Waits until a signed head covers all there is, and verifies the log.
async fn sealed(world: &World) -> Report {
    eventually("everything is signed", PATIENCE, async || {
        let end = world.ledger.head().await.expect("the ledger answers").position;
        let head = world
            .ledger
            .latest_signed_head()
            .await
            .expect("the ledger answers");
        head.is_some_and(|head| head.size == end)
    })
    .await;
    verified(world).await
}

#[tokio::test]
async fn what_happens_is_signed_soon_and_each_size_once() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    assert_succeeded(&shop.run(note(&order, "one")).await);
    let first = sealed(&world).await;
    assert!(first.events > 5);
    assert_succeeded(&shop.run(note(&order, "two")).await);
    let second = sealed(&world).await;
    assert!(second.events > first.events);
    assert_eq!(second.sealed, second.events);
    let heads = world
        .ledger
        .signed_heads_from(0, 1_000)
        .await
        .expect("the ledger answers");
    assert!(heads.iter().all(|head| head.generation == 1));
    world.check().await;
}

#[tokio::test]
async fn the_successor_of_a_killed_worker_goes_on_with_the_same_tree() {
    let mut world = world().start().await;
    let order = {
        let shop = world.shop().await;
        let order = shop.order();
        assert_succeeded(&shop.run(note(&order, "one")).await);
        order
    };
    let before = sealed(&world).await;
    assert!(before.sealed > 5 && !order.is_empty());
    world.kill_worker().await;
    world.shop().await;
    let waiting = verified(&world).await;
    assert!(waiting.sealed < waiting.events, "nobody seals");
    world.start_worker().await;
    let after = sealed(&world).await;
    assert!(after.heads > waiting.heads && after.events >= waiting.events);
    world.check().await;
}

#[tokio::test]
async fn nothing_is_signed_over_an_altered_head() {
    let mut world = world().start().await;
    sealed(&world).await;
    world.kill_worker().await;
    let before = world
        .ledger
        .latest_signed_head()
        .await
        .expect("the ledger answers")
        .expect("a head");
    let mut forged = before.clone();
    forged.size += 1;
    world
        .ledger
        .put_signed_head(&forged)
        .await
        .expect("the ledger answers");
    world.start_worker().await;
    let shop = world.shop().await;
    let order = shop.order();
    assert_succeeded(&shop.run(note(&order, "goes on all the same")).await);
    assert_eq!(
        world
            .ledger
            .latest_signed_head()
            .await
            .expect("the ledger answers"),
        Some(forged)
    );
    drop(shop);
    world.check().await;
}
