//! A store deleted at every moment of its jobs' lives.

use app::PatchStore;
use domain::event::Event;
use domain::job::{CancelReason, ErrorCode, JobStatus};
use simulator::{Fault, HoldPhase, RequestKind};

use crate::support::*;

async fn destroyed(world: &World, shop: &Shop<'_>) {
    shop.until("without credentials", |store| {
        store.credentials_destroyed_at.is_some()
    })
    .await;
    assert!(
        world
            .ledger
            .open_jobs_of_store(shop.store.id, 10)
            .await
            .expect("the ledger")
            .is_empty()
    );
    let keys: Vec<_> = world
        .events_of("store.registered.v1")
        .await
        .iter()
        .filter(|event| event.store_id == Some(shop.store.id))
        .map(|event| match event.event().expect("readable") {
            Event::StoreRegistered(registered) => registered.data_key_id,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(keys.len(), 1);
    assert_eq!(
        world.ledger.data_key(keys[0]).await.expect("the ledger"),
        None,
        "the credentials' key is gone"
    );
    let told = world.events_of("store.credentials_destroyed.v1").await;
    assert_eq!(
        told.iter()
            .filter(|event| event.store_id == Some(shop.store.id))
            .count(),
        1
    );
    world.check().await;
}

#[tokio::test]
async fn a_store_deleted_with_waiting_jobs_cancels_them() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    shop.patch(PatchStore {
        paused: Some(true),
        ..PatchStore::default()
    })
    .await;
    let ids = shop
        .submit_all((0..450).map(|n| note(&order, &format!("note {n}"))).collect())
        .await;
    shop.delete().await;
    destroyed(&world, &shop).await;
    for id in ids {
        let job = world.job(id).await;
        assert_eq!(
            (job.status, job.cancel_reason),
            (JobStatus::Cancelled, Some(CancelReason::StoreDeleted))
        );
        assert!(job.body.is_some(), "its row is whole, as a rebuild would make it");
    }
    assert!(shop.log().is_empty());
}

#[tokio::test]
async fn a_store_deleted_without_jobs_loses_its_credentials() {
    let world = world().start().await;
    let shop = world.shop().await;
    shop.delete().await;
    destroyed(&world, &shop).await;
}

#[tokio::test]
async fn a_store_deleted_during_the_fetch_writes_nothing() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let hold = world
        .desk
        .hold(shop.requests(RequestKind::GetOrder), HoldPhase::BeforeAnswer);
    let id = shop.submit(note(&order, "too late")).await;
    assert!(world.desk.wait_held(hold, 1, PATIENCE).await);
    shop.delete().await;
    let job = world.until(id, "ended", |job| job.status.is_final()).await;
    assert_eq!(
        (job.status, job.cancel_reason),
        (JobStatus::Cancelled, Some(CancelReason::StoreDeleted))
    );
    world.desk.release(hold).expect("held");
    destroyed(&world, &shop).await;
    assert_eq!(
        (shop.count(RequestKind::PutOrder), shop.notes(&order, "too late")),
        (0, 0)
    );
}

#[tokio::test]
async fn a_store_deleted_during_the_update_waits_for_its_end() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let hold = world
        .desk
        .hold(shop.requests(RequestKind::PutOrder), HoldPhase::BeforeApply);
    let id = shop.submit(note(&order, "in flight")).await;
    assert!(world.desk.wait_held(hold, 1, PATIENCE).await);
    let behind = shop.submit(note(&order, "behind")).await;
    shop.delete().await;
    world
        .until(behind, "cancelled", |job| job.status == JobStatus::Cancelled)
        .await;
    assert!(
        shop.now().await.credentials_destroyed_at.is_none(),
        "the request in flight still needs them"
    );
    world.desk.release(hold).expect("held");
    destroyed(&world, &shop).await;
    assert_eq!(
        (world.job(id).await.status, shop.notes(&order, "in flight")),
        (JobStatus::Succeeded, 1)
    );
}

#[tokio::test]
async fn a_store_deleted_while_an_update_is_in_doubt_proves_it_first() {
    for (fault, status, count) in [
        (Fault::TimeoutLateWrite { delay_ms: 100 }, JobStatus::Succeeded, 1),
        (Fault::Timeout, JobStatus::Failed, 0),
    ] {
        let world = world().timeout_ms(800).start().await;
        let shop = world.shop().await;
        let order = shop.order();
        world.desk.fail_next(shop.requests(RequestKind::PutOrder), fault);
        let id = shop.submit(note(&order, "in doubt")).await;
        shop.asked(RequestKind::PutOrder).await;
        shop.delete().await;
        destroyed(&world, &shop).await;
        let job = world.job(id).await;
        assert_eq!(
            (job.status, shop.notes(&order, "in doubt")),
            (status, count),
            "{job:?}"
        );
        if status == JobStatus::Failed {
            assert_eq!(job.error.expect("an error").code, ErrorCode::StoreDeleted);
        }
    }
}

#[tokio::test]
async fn a_store_deleted_while_order_desk_is_away_ends_all_the_same() {
    let world = world().timeout_ms(800).start().await;
    let shop = world.shop().await;
    let order = shop.order();
    world
        .desk
        .fail_next(shop.requests(RequestKind::PutOrder), Fault::Timeout);
    let id = shop.submit(note(&order, "in doubt")).await;
    shop.asked(RequestKind::PutOrder).await;
    world.desk.refuse_connections().await;
    shop.delete().await;
    let job = world.until(id, "ended", |job| job.status.is_final()).await;
    assert_eq!(
        (job.status, job.error.expect("an error").code),
        (JobStatus::Failed, ErrorCode::StoreDeleted)
    );
    destroyed(&world, &shop).await;
}

#[tokio::test]
async fn a_store_deleted_during_submissions_leaves_no_open_job() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let submissions = (0..40).map(async |n| {
        for _ in 0..n {
            tokio::task::yield_now().await;
        }
        let command = vec![note(&order, &format!("note {n}"))];
        let accepted = world.app.submit(&world.caller, &shop.store, command, None).await;
        accepted.ok().map(|submitted| submitted.jobs[0].id)
    });
    let deletion = async {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        shop.delete().await;
    };
    let (accepted, ()) = futures::future::join(futures::future::join_all(submissions), deletion).await;
    destroyed(&world, &shop).await;
    for (n, id) in accepted.iter().enumerate() {
        let Some(id) = id else { continue };
        let job = world.job(*id).await;
        let count = shop.notes(&order, &format!("note {n}"));
        assert_eq!(count, usize::from(job.status == JobStatus::Succeeded), "{job:?}");
    }
}

#[tokio::test]
async fn a_deleted_stores_request_that_a_rejected_key_cannot_prove_ends() {
    let world = world().timeout_ms(800).start().await;
    let shop = world.shop().await;
    let order = shop.order();
    world
        .desk
        .fail_next(shop.requests(RequestKind::PutOrder), Fault::Timeout);
    let id = shop.submit(note(&order, "in doubt")).await;
    shop.asked(RequestKind::PutOrder).await;
    world
        .desk
        .add_store(simulator::StoreConfig::new(&shop.id, "another-key"));
    shop.delete().await;
    destroyed(&world, &shop).await;
    let job = world.job(id).await;
    assert_eq!(job.error.expect("an error").code, ErrorCode::StoreDeleted);
}
