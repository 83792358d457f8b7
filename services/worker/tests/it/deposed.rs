//! A worker whose partition another one has taken over without its knowing.
//!
//! The lease keeps such a worker from beginning requests; what keeps it from writing is the guard of its appends alone.

use std::time::Duration;

use domain::IncarnationId;
use domain::job::JobStatus;
use simulator::{HoldPhase, RequestKind};

use crate::support::*;

/// Takes a shop's partition over for somebody else, and leaves the job to it.
async fn take_over(shop: &Shop<'_>) {
    let ledger = &shop.world.ledger;
    let other = IncarnationId(uuid::Uuid::now_v7());
    ledger
        .heartbeat(other, Duration::from_mins(10), false)
        .await
        .expect("a heartbeat");
    let taken = ledger
        .claim(other, &[shop.store.partition], true)
        .await
        .expect("a claim");
    assert_eq!(taken.len(), 1);
}

async fn came_to_rest(world: &World) {
    testkit::eventually("the cycle has ended", PATIENCE, async || world.cycles() == 0).await;
}

#[tokio::test]
async fn its_intent_is_refused_and_nothing_is_sent() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let hold = world
        .desk
        .hold(shop.requests(RequestKind::GetOrder), HoldPhase::BeforeAnswer);
    let id = shop.submit(note(&order, "deposed")).await;
    assert!(world.desk.wait_held(hold, 1, PATIENCE).await);
    take_over(&shop).await;
    world.desk.release(hold).expect("held");
    came_to_rest(&world).await;
    assert_eq!(world.job(id).await.status, JobStatus::Queued);
    assert!(world.events_of("batch.opened.v1").await.is_empty());
    assert_eq!(shop.count(RequestKind::PutOrder), 0);
    assert!(
        shop.count(RequestKind::GetOrder) <= 2,
        "it does not try again and again"
    );
}

#[tokio::test]
async fn what_came_of_its_request_is_left_to_its_successor() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let hold = world
        .desk
        .hold(shop.requests(RequestKind::PutOrder), HoldPhase::BeforeAnswer);
    let id = shop.submit(note(&order, "deposed")).await;
    assert!(world.desk.wait_held(hold, 1, PATIENCE).await);
    take_over(&shop).await;
    world.desk.release(hold).expect("held");
    came_to_rest(&world).await;
    assert_eq!(
        world.job(id).await.status,
        JobStatus::Running,
        "the request is open for the successor to judge"
    );
    assert!(world.events_of("batch.closed.v1").await.is_empty());
}
