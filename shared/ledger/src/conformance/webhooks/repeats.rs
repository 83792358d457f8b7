//! Deliveries that are made again, not at all, or removed.

use super::super::{Fixture, sample};
use super::{claim, claimed, keep, new, outcome, record, shown};
use crate::{
    AfterAttempt, DeliveryClaim, DeliveryFilter, DeliveryState, EraseDeliveries, NewDelivery, Replay,
};

pub async fn a_delivery_is_made_again_when_somebody_asks(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let delivery = new(sample::id(), 1);
    keep(&*backend, std::slice::from_ref(&delivery), sample::at(0)).await;
    let worker = sample::id();
    claimed(&*backend, claim(worker, sample::at(0))).await;
    assert!(!backend.redeliver(sample::id(), sample::at(1)).await.unwrap());
    assert!(backend.redeliver(delivery.id(), sample::at(1)).await.unwrap());
    assert!(
        claimed(&*backend, claim(worker, sample::at(1))).await.is_empty(),
        "it is under way"
    );
    record(
        &*backend,
        outcome(worker, delivery.id(), AfterAttempt::Delivered, sample::at(2)),
    )
    .await;
    assert!(backend.redeliver(delivery.id(), sample::at(3)).await.unwrap());
    let again = shown(&*backend, delivery.id()).await;
    assert_eq!(
        (again.state, again.attempts, again.tries),
        (DeliveryState::Pending, 1, 0)
    );
    assert_eq!((again.due_at, again.ended_at), (sample::at(3), None));
    assert_eq!(claimed(&*backend, claim(worker, sample::at(3))).await.len(), 1);
}

pub async fn a_range_is_made_again_in_bites(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let endpoint = sample::id();
    let mut deliveries: Vec<_> = (1..=8).map(|position| new(endpoint, position)).collect();
    deliveries.push(new(sample::id(), 3));
    keep(&*backend, &deliveries, sample::at(0)).await;
    let worker = sample::id();
    let wide = |now| DeliveryClaim {
        per_lane: 10,
        ..claim(worker, now)
    };
    for delivery in claimed(&*backend, wide(sample::at(10))).await {
        let after = match delivery.position {
            4 => AfterAttempt::GivenUp,
            5 => AfterAttempt::Retry(sample::at(1_000)),
            _ => AfterAttempt::Delivered,
        };
        record(&*backend, outcome(worker, delivery.id, after, sample::at(11))).await;
    }
    let replay = Replay {
        endpoint_id: endpoint,
        from: sample::at(2),
        to: sample::at(8),
        only_failed: false,
        now: sample::at(20),
    };
    let failed = Replay {
        only_failed: true,
        ..replay
    };
    assert_eq!(backend.replay(&failed, 0, 10).await.unwrap(), [4]);
    assert_eq!(backend.replay(&replay, 0, 2).await.unwrap(), [2, 3]);
    assert_eq!(backend.replay(&replay, 3, 2).await.unwrap(), [6, 7]);
    assert!(backend.replay(&replay, 7, 2).await.unwrap().is_empty());
    let mut due: Vec<_> = claimed(&*backend, wide(sample::at(20))).await;
    due.sort_by_key(|delivery| delivery.position);
    let positions: Vec<_> = due.iter().map(|delivery| delivery.position).collect();
    assert_eq!(positions, [2, 3, 4, 6, 7]);
    assert!(due.iter().all(|delivery| delivery.tries == 0));
}

pub async fn what_is_skipped_is_not_tried_and_can_be_made_again(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let endpoint = sample::id();
    let mut late = new(endpoint, 9);
    late.skipped = true;
    let deliveries = [
        new(endpoint, 1),
        new(endpoint, 2),
        new(endpoint, 3),
        late,
        new(sample::id(), 4),
    ];
    keep(&*backend, &deliveries, sample::at(0)).await;
    let worker = sample::id();
    let one = DeliveryClaim {
        per_lane: 1,
        ..claim(worker, sample::at(0))
    };
    assert_eq!(claimed(&*backend, one).await.len(), 2);
    assert_eq!(
        backend.skip_deliveries(endpoint, sample::at(1), 1).await.unwrap(),
        1
    );
    assert_eq!(
        backend
            .skip_deliveries(endpoint, sample::at(1), 10)
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        backend
            .skip_deliveries(endpoint, sample::at(1), 10)
            .await
            .unwrap(),
        0,
        "one is under way"
    );
    assert!(claimed(&*backend, claim(worker, sample::at(2))).await.is_empty());
    let filter = DeliveryFilter {
        endpoint_id: endpoint,
        state: Some(DeliveryState::Skipped),
        before: None,
        limit: 10,
    };
    let skipped = backend.deliveries_page(&filter).await.unwrap();
    let positions: Vec<_> = skipped.iter().map(|delivery| delivery.position).collect();
    assert_eq!(positions, [9, 3, 2]);
    assert!(skipped.iter().all(|delivery| delivery.ended_at.is_some()));
    let replay = Replay {
        endpoint_id: endpoint,
        from: sample::at(0),
        to: sample::at(100),
        only_failed: true,
        now: sample::at(20),
    };
    assert_eq!(backend.replay(&replay, 0, 10).await.unwrap(), [2, 3, 9]);
}

pub async fn what_is_erased_leaves_nothing(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let endpoint = sample::id();
    let mut deliveries: Vec<_> = (1..=6).map(|position| new(endpoint, position)).collect();
    deliveries[0].order_id = Some("1".parse().unwrap());
    deliveries[1].store_id = Some(sample::id());
    deliveries[2].tenant_id = sample::id();
    deliveries[2].order_id = None;
    deliveries[3].order_id = None;
    deliveries[5].order_id = None;
    keep(&*backend, &deliveries, sample::at(0)).await;
    let worker = sample::id();
    let erase = async |which: EraseDeliveries, limit| backend.erase_deliveries(&which, limit).await.unwrap();
    let store = deliveries[0].store_id.unwrap();
    let order = EraseDeliveries::Order(store, "4312".parse().unwrap());
    assert_eq!(erase(order.clone(), 10).await, 0, "it is to be told yet");
    let wide = DeliveryClaim {
        per_lane: 10,
        ..claim(worker, sample::at(0))
    };
    for delivery in claimed(&*backend, wide).await {
        let ended = sample::at(i64::try_from(delivery.position).unwrap());
        record(
            &*backend,
            outcome(worker, delivery.id, AfterAttempt::Delivered, ended),
        )
        .await;
    }
    let ids: Vec<_> = deliveries.iter().map(NewDelivery::id).collect();
    let left = async || {
        let mut left = Vec::new();
        for (n, id) in ids.iter().enumerate() {
            let there = backend.delivery(*id).await.unwrap().is_some();
            let attempts = backend.attempts_of(&[*id]).await.unwrap().len();
            assert_eq!(attempts, usize::from(there));
            if there {
                left.push(n + 1);
            }
        }
        left
    };
    assert_eq!(erase(order.clone(), 10).await, 1);
    assert_eq!(erase(order, 10).await, 0);
    assert_eq!(left().await, [1, 2, 3, 4, 6]);
    assert_eq!(
        erase(EraseDeliveries::Tenant(deliveries[2].tenant_id), 10).await,
        1
    );
    assert_eq!(left().await, [1, 2, 4, 6]);
    assert_eq!(erase(EraseDeliveries::EndedBefore(sample::at(6)), 2).await, 2);
    assert_eq!(left().await, [4, 6]);
    assert_eq!(erase(EraseDeliveries::EndedBefore(sample::at(6)), 2).await, 1);
    assert_eq!(left().await, [6]);
}
