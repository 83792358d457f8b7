//! Credentials that Order Desk rejects, pauses, cancellations.

use app::{CancelError, PatchStore};
use domain::job::{CancelReason, ErrorCode, JobStatus};
use domain::store::PauseReason;
use simulator::{HoldPhase, RequestKind, StoreConfig};
use vault::ApiKey;

use crate::support::*;

#[tokio::test]
async fn a_rejected_key_pauses_the_store_and_a_new_one_resumes_it() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    world.desk.add_store(StoreConfig::new(&shop.id, "the-new-key"));
    let id = shop.submit(note(&order, "waits")).await;
    shop.until("paused", |store| {
        store.paused == Some(PauseReason::CredentialsRejected)
    })
    .await;
    let job = world
        .until(id, "queued", |job| job.status == JobStatus::Queued)
        .await;
    assert_eq!((job.attempts, job.batch_id), (0, None));
    let requests = shop.log().len();
    assert_eq!(requests, 1, "a rejected key is not tried again");
    shop.patch(PatchStore {
        api_key: Some(ApiKey::parse("the-new-key").expect("a key")),
        ..PatchStore::default()
    })
    .await;
    assert_succeeded(&world.ended(id).await);
    assert_eq!((shop.notes(&order, "waits"), shop.now().await.paused), (1, None));
    world.check().await;
}

#[tokio::test]
async fn a_key_rejected_at_the_update_puts_the_job_back() {
    for status in [401, 403] {
        let world = world().start().await;
        let shop = world.shop().await;
        let order = shop.order();
        let fault = simulator::Fault::Reject {
            status,
            message: "No".to_owned(),
        };
        world.desk.fail_next(shop.requests(RequestKind::PutOrder), fault);
        let id = shop.submit(note(&order, "waits")).await;
        shop.until("paused", |store| {
            store.paused == Some(PauseReason::CredentialsRejected)
        })
        .await;
        let job = world
            .until(id, "queued", |job| job.status == JobStatus::Queued)
            .await;
        assert_eq!((job.attempts, job.batch_id), (0, None));
        shop.patch(PatchStore {
            paused: Some(false),
            ..PatchStore::default()
        })
        .await;
        assert_succeeded(&world.ended(id).await);
        assert_eq!(shop.notes(&order, "waits"), 1);
        world.check().await;
    }
}

#[tokio::test]
async fn a_key_rejected_at_the_move_after_an_update_adds_nothing_twice() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let operations = serde_json::json!([
        {"op": "add", "path": "/order_notes/-", "value": {"content": "written"}},
        {"op": "replace", "path": "/folder_id", "value": 2},
    ]);
    let fault = simulator::Fault::Reject {
        status: 401,
        message: "No".to_owned(),
    };
    world
        .desk
        .fail_next(shop.requests(RequestKind::MoveOrders), fault);
    let id = shop.submit(mutate(&order, operations)).await;
    shop.until("paused", |store| {
        store.paused == Some(PauseReason::CredentialsRejected)
    })
    .await;
    shop.patch(PatchStore {
        paused: Some(false),
        ..PatchStore::default()
    })
    .await;
    assert_succeeded(&world.ended(id).await);
    let after = shop.get(&order);
    assert_eq!(
        (after["folder_id"].as_u64(), notes(&after, "written")),
        (Some(2), 1)
    );
    assert_eq!(shop.count(RequestKind::PutOrder), 1);
    world.check().await;
}

#[tokio::test]
async fn a_key_rejected_at_a_judgement_pauses_the_store_and_the_proof_waits() {
    let world = world().timeout_ms(800).start().await;
    let shop = world.shop().await;
    let order = shop.order();
    world
        .desk
        .fail_next(shop.requests(RequestKind::PutOrder), simulator::Fault::ResetAfter);
    let reject = simulator::Fault::Reject {
        status: 401,
        message: "No".to_owned(),
    };
    world
        .desk
        .add_fault(simulator::FaultRule::once(shop.requests(RequestKind::GetOrder), reject).skip(1));
    let id = shop.submit(note(&order, "in doubt")).await;
    shop.until("paused", |store| {
        store.paused == Some(PauseReason::CredentialsRejected)
    })
    .await;
    assert_eq!(world.job(id).await.status, JobStatus::Running);
    shop.patch(PatchStore {
        paused: Some(false),
        ..PatchStore::default()
    })
    .await;
    let view = world.ended(id).await;
    assert_succeeded(&view);
    assert!(view.job.result.expect("a result").recovered);
    assert_eq!(shop.notes(&order, "in doubt"), 1);
    world.check().await;
}

#[tokio::test]
async fn a_paused_store_waits_and_a_resumed_one_goes_on() {
    let world = world().start().await;
    let (shop, other) = (world.shop().await, world.shop().await);
    let (order, free) = (shop.order(), other.order());
    shop.patch(PatchStore {
        paused: Some(true),
        ..PatchStore::default()
    })
    .await;
    let id = shop.submit(note(&order, "waits")).await;
    assert_succeeded(&other.run(note(&free, "meanwhile")).await);
    assert_eq!(
        (world.job(id).await.status, shop.log().len()),
        (JobStatus::Queued, 0)
    );
    shop.patch(PatchStore {
        paused: Some(false),
        ..PatchStore::default()
    })
    .await;
    assert_succeeded(&world.ended(id).await);
    world.check().await;
}

#[tokio::test]
async fn a_cancelled_job_never_reaches_order_desk() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    shop.patch(PatchStore {
        paused: Some(true),
        ..PatchStore::default()
    })
    .await;
    let ids = shop
        .submit_all(vec![note(&order, "cancelled"), note(&order, "kept")])
        .await;
    world
        .app
        .cancel(&world.caller, ids[0], None)
        .await
        .expect("cancelled");
    shop.patch(PatchStore {
        paused: Some(false),
        ..PatchStore::default()
    })
    .await;
    let views = world.all_ended(&ids).await;
    assert_eq!(
        (views[0].job.status, views[0].job.cancel_reason),
        (JobStatus::Cancelled, Some(CancelReason::User))
    );
    assert_succeeded(&views[1]);
    assert_eq!(
        (shop.notes(&order, "cancelled"), shop.notes(&order, "kept")),
        (0, 1)
    );
    world.check().await;
}

#[tokio::test]
async fn a_cancellation_during_the_fetch_wins_against_the_intent() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let hold = world
        .desk
        .hold(shop.requests(RequestKind::GetOrder), HoldPhase::BeforeAnswer);
    let ids = shop
        .submit_all(vec![note(&order, "cancelled"), note(&order, "kept")])
        .await;
    assert!(world.desk.wait_held(hold, 1, PATIENCE).await);
    world
        .app
        .cancel(&world.caller, ids[0], None)
        .await
        .expect("cancelled");
    world.desk.release(hold).expect("held");
    let views = world.all_ended(&ids).await;
    assert_eq!(views[0].job.status, JobStatus::Cancelled);
    assert_succeeded(&views[1]);
    assert_eq!(
        (shop.notes(&order, "cancelled"), shop.notes(&order, "kept")),
        (0, 1)
    );
    assert_eq!(
        shop.count(RequestKind::PutOrder),
        1,
        "the batch was folded again without it"
    );
    world.check().await;
}

#[tokio::test]
async fn a_cancellation_during_the_update_loses() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let hold = world
        .desk
        .hold(shop.requests(RequestKind::PutOrder), HoldPhase::BeforeApply);
    let id = shop.submit(note(&order, "sent")).await;
    assert!(world.desk.wait_held(hold, 1, PATIENCE).await);
    let refused = world.app.cancel(&world.caller, id, None).await;
    assert!(matches!(refused, Err(CancelError::Running)), "{refused:?}");
    world.desk.release(hold).expect("held");
    assert_succeeded(&world.ended(id).await);
    assert!(matches!(
        world.app.cancel(&world.caller, id, None).await,
        Err(CancelError::Finished)
    ));
    world.check().await;
}

#[tokio::test]
async fn a_race_between_cancellations_and_intents_has_one_winner_each() {
    let world = world().start().await;
    let shop = world.shop().await;
    let races = (0..30).map(async |n| {
        let order = shop.order();
        let id = shop.submit(note(&order, "raced")).await;
        for _ in 0..n % 6 {
            tokio::task::yield_now().await;
        }
        let cancelled = world.app.cancel(&world.caller, id, None).await.is_ok();
        let view = world.ended(id).await;
        let expected = if cancelled {
            JobStatus::Cancelled
        } else {
            JobStatus::Succeeded
        };
        assert_eq!(view.job.status, expected, "{:?}", view.job);
        assert_eq!(shop.notes(&order, "raced"), usize::from(!cancelled));
    });
    futures::future::join_all(races).await;
    world.check().await;
}

#[tokio::test]
async fn a_job_whose_time_is_over_ends_with_its_last_cause() {
    let world = world().deadline_ms(1_500).start().await;
    let (shop, waiting) = (world.shop().await, world.shop().await);
    let (order, other) = (shop.order(), waiting.order());
    let fault = simulator::Fault::ServerError {
        status: 500,
        applied: false,
    };
    world.desk.add_fault(simulator::FaultRule::always(
        shop.requests(RequestKind::GetOrder),
        fault,
    ));
    let id = shop.submit(note(&order, "never")).await;
    waiting
        .patch(PatchStore {
            paused: Some(true),
            ..PatchStore::default()
        })
        .await;
    let paused = waiting.submit(note(&other, "paused time does not count")).await;
    let view = world.ended(id).await;
    assert_failed(&view, ErrorCode::DeadlineExceeded);
    assert_eq!(
        view.job.error.expect("an error").cause,
        Some(ErrorCode::UpstreamUnavailable)
    );
    assert_eq!(shop.notes(&order, "never"), 0);
    assert!(!world.job(paused).await.status.is_final());
    waiting
        .patch(PatchStore {
            paused: Some(false),
            ..PatchStore::default()
        })
        .await;
    assert_succeeded(&world.ended(paused).await);
    world.check().await;
}
