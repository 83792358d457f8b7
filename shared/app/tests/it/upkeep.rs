//! What is cleared away.

use std::time::Duration;

use domain::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::place::{KEY, Place, key, note};

#[tokio::test]
async fn expired_idempotency_keys_are_cleared_away_and_live_ones_stay() {
    for (ttl, left) in [(Duration::ZERO, 1), (Duration::from_hours(1), 0)] {
        let place = Place::with(|config| config.idempotency_ttl = ttl).await;
        let (caller, store) = place.store(KEY).await;
        let submitted = place
            .app
            .submit(&caller, &store, vec![note("1", "x")], Some(key("k", 1)));
        submitted.await.unwrap();
        assert_eq!(place.app.clear_expired().await.unwrap(), left);
        assert_eq!(place.app.clear_expired().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn the_upkeep_clears_by_itself_and_ends_when_the_process_drains() {
    let place = Place::with(|config| config.idempotency_ttl = Duration::ZERO).await;
    let (caller, store) = place.store(KEY).await;
    let submitted = place
        .app
        .submit(&caller, &store, vec![note("1", "x")], Some(key("k", 1)));
    submitted.await.unwrap();
    let (tenant, long_ago) = (caller.tenant_id().unwrap(), Timestamp::from_millis(0));
    let ledger = place.app.ledger();
    assert!(ledger.idempotency(tenant, "k", long_ago).await.unwrap().is_some());
    let stop = CancellationToken::new();
    let upkeep = tokio::spawn(place.app.start_upkeep(Duration::from_millis(1), stop.clone()));
    let gone = async { while ledger.idempotency(tenant, "k", long_ago).await.unwrap().is_some() {} };
    tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(10), upkeep)
        .await
        .unwrap()
        .unwrap();
}
