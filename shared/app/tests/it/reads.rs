//! Reads: paid for with the owner's tokens, shown only in time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use app::{CacheState, ReadError, ReadOptions};
use async_trait::async_trait;
use queue::{GrantAnswer, GrantHandler, GrantRequest, Queue, ReadScope};
use serde_json::{Value, json};
use simulator::{Fault, HoldPhase, RequestKind};
use testkit::eventually;
use uuid::Uuid;

use crate::place::{KEY, OTHER_KEY, Owner, Place, SOON};

/// Past the cache: what is tested here are the calls.
const OPTIONS: ReadOptions = ReadOptions { no_cache: true };

#[tokio::test]
async fn an_order_is_read_with_a_token_of_the_owner_which_is_given_back() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let order = place
        .desk
        .put_order("101", json!({"email": "a@example.com", "odd": [1, {"x": null}]}))
        .unwrap();
    let owner = Owner::generous(10_000);
    let _serving = place
        .queue
        .serve_grants(store.partition, Arc::clone(&owner) as _)
        .await;
    let id = order.parse().unwrap();
    let read = place
        .app
        .read_order(&caller, &store, &id, ReadOptions::default())
        .await
        .unwrap();
    let shown: Value = serde_json::from_slice(&read.body).unwrap();
    assert_eq!(shown["odd"], json!([1, {"x": null}]), "every field as it came");
    assert_eq!((read.cache, read.age), (CacheState::Miss, Duration::ZERO));
    let again = place.app.read_order(&caller, &store, &id, OPTIONS).await.unwrap();
    assert_eq!((again.etag, again.cache), (read.etag, CacheState::Bypass));
    eventually("both grants are given back", SOON, async || {
        owner.released_count() == 2
    })
    .await;
    let asked = owner.asked.lock().unwrap()[0].clone();
    assert_eq!(
        (asked.partition, &asked.upstream_key),
        (store.partition, &store.upstream_key)
    );
    assert_eq!(
        (asked.read, asked.interactive),
        (ReadScope::Order { order_id: id }, true)
    );
    assert_eq!(
        place
            .app
            .store_status(&caller, &store)
            .await
            .unwrap()
            .tokens
            .map(|t| t.available),
        Some(18)
    );
}

#[tokio::test]
async fn a_short_refusal_is_waited_for_and_a_long_one_is_passed_on() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let id = place.desk.put_order("101", json!({})).unwrap().parse().unwrap();
    let owner = Owner::reluctant(&[20, 30]);
    let serving = place
        .queue
        .serve_grants(store.partition, Arc::clone(&owner) as _)
        .await;
    let started = Instant::now();
    place.app.read_order(&caller, &store, &id, OPTIONS).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(50));
    drop(serving);
    let owner = Owner::reluctant(&[7_000]);
    let _serving = place
        .queue
        .serve_grants(store.partition, Arc::clone(&owner) as _)
        .await;
    let refused = place.app.read_order(&caller, &store, &id, OPTIONS).await;
    let Err(ReadError::Unavailable { retry_after }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(retry_after, Duration::from_secs(7));
    assert_eq!(
        place.desk.counters().total().requests,
        1,
        "without a token nothing is sent"
    );
}

#[tokio::test]
async fn refusals_do_not_hold_a_read_for_longer_than_it_may_wait() {
    let place = Place::with(|config| config.read_timeout = Duration::from_millis(100)).await;
    let (caller, store) = place.store(KEY).await;
    let owner = Owner::reluctant(&[40; 50]);
    let _serving = place
        .queue
        .serve_grants(store.partition, Arc::clone(&owner) as _)
        .await;
    let refused = place
        .app
        .read_order(&caller, &store, &"1".parse().unwrap(), OPTIONS)
        .await;
    assert!(
        matches!(refused, Err(ReadError::Unavailable { .. })),
        "{refused:?}"
    );
    assert!(owner.asked.lock().unwrap().len() <= 4);
}

#[tokio::test]
async fn without_an_owner_one_read_trickles_through_and_the_next_must_wait() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let id = place.desk.put_order("101", json!({})).unwrap().parse().unwrap();
    place.app.read_order(&caller, &store, &id, OPTIONS).await.unwrap();
    let next = place.app.read_order(&caller, &store, &id, OPTIONS).await;
    assert!(matches!(next, Err(ReadError::Unavailable { .. })), "{next:?}");
    assert_eq!(place.desk.counters().kind(RequestKind::GetOrder).requests, 1);
}

/// Answers a question only if it may take at least so long over it.
struct Slow(u64);

#[async_trait]
impl GrantHandler for Slow {
    async fn grant(&self, request: GrantRequest) -> GrantAnswer {
        if request.patience_ms < self.0 {
            std::future::pending::<()>().await;
        }
        GrantAnswer::refused(5_000)
    }

    async fn released(&self, _partition: u16, _grant_id: Uuid) {}
}

#[tokio::test]
async fn an_owner_that_is_slow_is_not_passed_over_and_one_that_stays_silent_is() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let id = place.desk.put_order("101", json!({})).unwrap().parse().unwrap();
    let serving = place
        .queue
        .serve_grants(store.partition, Arc::new(Slow(900)))
        .await;
    let refused = place.app.read_order(&caller, &store, &id, OPTIONS).await;
    let Err(ReadError::Unavailable { retry_after }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(retry_after, Duration::from_secs(5), "it was heard in the end");
    assert_eq!(place.desk.counters().total().requests, 0);
    drop(serving);
    let _serving = place
        .queue
        .serve_grants(store.partition, Arc::new(Slow(u64::MAX)))
        .await;
    place.app.read_order(&caller, &store, &id, OPTIONS).await.unwrap();
}

#[tokio::test]
async fn what_comes_too_late_is_not_shown() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let id = place.desk.put_order("101", json!({})).unwrap().parse().unwrap();
    let owner = Owner::generous(100);
    let _serving = place
        .queue
        .serve_grants(store.partition, Arc::clone(&owner) as _)
        .await;
    let hold = place.desk.hold(RequestKind::GetOrder, HoldPhase::BeforeAnswer);
    let late = place.app.read_order(&caller, &store, &id, OPTIONS).await;
    assert!(matches!(late, Err(ReadError::Unavailable { .. })), "{late:?}");
    place.desk.release(hold).unwrap();
    eventually("the grant is given back", SOON, async || {
        owner.released_count() == 1
    })
    .await;
}

#[tokio::test]
async fn a_suspended_process_does_not_show_what_it_read_before() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let id: domain::OrderId = place.desk.put_order("101", json!({})).unwrap().parse().unwrap();
    let owner = Owner::generous(5_000);
    let _serving = place
        .queue
        .serve_grants(store.partition, Arc::clone(&owner) as _)
        .await;
    let hold = place.desk.hold(RequestKind::GetOrder, HoldPhase::BeforeAnswer);
    let (app, order) = (place.app.clone(), id.clone());
    let read =
        tokio::spawn(async move { app.read_order(&caller, &store, &order, OPTIONS).await.map(|_| ()) });
    assert!(place.desk.wait_held(hold, 1, SOON).await);
    place.clock.advance(Duration::from_secs(6));
    place.desk.release(hold).unwrap();
    let late = read.await.unwrap();
    assert!(matches!(late, Err(ReadError::Unavailable { .. })), "{late:?}");
}

#[tokio::test]
async fn a_caller_who_goes_away_leaves_the_answer_to_the_next_and_the_grant_is_given_back() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let id: domain::OrderId = place.desk.put_order("101", json!({})).unwrap().parse().unwrap();
    let owner = Owner::generous(60_000);
    let _serving = place
        .queue
        .serve_grants(store.partition, Arc::clone(&owner) as _)
        .await;
    let hold = place.desk.hold(RequestKind::GetOrder, HoldPhase::BeforeAnswer);
    let (app, from, of, order) = (place.app.clone(), caller.clone(), Arc::clone(&store), id.clone());
    let read = tokio::spawn(async move {
        app.read_order(&from, &of, &order, ReadOptions::default())
            .await
            .map(|_| ())
    });
    assert!(place.desk.wait_held(hold, 1, SOON).await);
    assert_eq!((owner.granted(), owner.released_count()), (1, 0));
    read.abort();
    place.desk.release(hold).unwrap();
    eventually("the grant is given back", SOON, async || {
        owner.released_count() == 1
    })
    .await;
    let next = place
        .app
        .read_order(&caller, &store, &id, ReadOptions::default())
        .await
        .unwrap();
    assert_eq!(next.cache, CacheState::Hit);
    assert_eq!(place.desk.counters().total().requests, 1);
}

#[tokio::test]
async fn what_order_desk_says_is_told_apart() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let owner = Owner::generous(10_000);
    let _serving = place
        .queue
        .serve_grants(store.partition, Arc::clone(&owner) as _)
        .await;
    let read = async || {
        place
            .app
            .read_order(&caller, &store, &"999".parse().unwrap(), OPTIONS)
            .await
    };
    assert!(matches!(read().await, Err(ReadError::NotFound)));
    let reject = |status| Fault::Reject {
        status,
        message: "secret street 5".into(),
    };
    place.desk.fail_next(RequestKind::GetOrder, reject(401));
    assert!(matches!(read().await, Err(ReadError::CredentialsRejected)));
    place.desk.fail_next(RequestKind::GetOrder, reject(400));
    let refused = read().await;
    assert!(
        matches!(
            refused,
            Err(ReadError::Rejected {
                status: 400,
                message: Some(_)
            })
        ),
        "{refused:?}"
    );
    assert!(!format!("{refused:?}").contains("street"));
    place.desk.fail_next(
        RequestKind::GetOrder,
        Fault::ServerError {
            status: 503,
            applied: false,
        },
    );
    assert!(matches!(read().await, Err(ReadError::Unavailable { .. })));
}

#[tokio::test]
async fn another_tenant_cannot_read_through_a_store() {
    let place = Place::new().await;
    let (_, store) = place.store(KEY).await;
    let id = place.desk.put_order("101", json!({})).unwrap().parse().unwrap();
    let provisional = place.caller(OTHER_KEY).await;
    let known = place.store(OTHER_KEY).await.0;
    for stranger in [provisional, known] {
        let read = place.app.read_order(&stranger, &store, &id, OPTIONS).await;
        assert!(matches!(read, Err(ReadError::StoreGone)), "{read:?}");
    }
    assert_eq!(place.desk.counters().total().requests, 0);
}
