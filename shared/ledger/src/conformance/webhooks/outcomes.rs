//! How deliveries went.

use domain::EndpointId;

use super::super::{Fixture, sample};
use super::{claim, claimed, keep, new, outcome, record, shown};
use crate::{AfterAttempt, Delivery, DeliveryClaim, DeliveryFilter, DeliveryState};

pub async fn an_outcome_moves_its_delivery_on(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let endpoint = sample::id();
    let deliveries: Vec<_> = (1..=4).map(|position| new(endpoint, position)).collect();
    keep(&*backend, &deliveries, sample::at(0)).await;
    let worker = sample::id();
    let wide = |now| DeliveryClaim {
        per_lane: 10,
        ..claim(worker, now)
    };
    claimed(&*backend, wide(sample::at(0))).await;
    let now = sample::at(5);
    let again = sample::at(50);
    let mut skipped = outcome(worker, deliveries[3].id(), AfterAttempt::Skipped, now);
    skipped.attempt = None;
    let outcomes = [
        outcome(worker, deliveries[0].id(), AfterAttempt::Delivered, now),
        outcome(worker, deliveries[1].id(), AfterAttempt::Retry(again), now),
        outcome(worker, deliveries[2].id(), AfterAttempt::GivenUp, now),
        skipped,
    ];
    let recorded = backend.record_attempts(&outcomes).await.unwrap();
    assert!(recorded.iter().all(|recorded| recorded.held));
    assert_eq!(
        backend.pending_deliveries().await.unwrap(),
        1,
        "the one that is tried again"
    );
    let expected = [
        (DeliveryState::Delivered, 1, Some(now)),
        (DeliveryState::Pending, 1, None),
        (DeliveryState::Failed, 1, Some(now)),
        (DeliveryState::Skipped, 0, Some(now)),
    ];
    for (new, expected) in deliveries.iter().zip(expected) {
        let shown = shown(&*backend, new.id()).await;
        assert_eq!((shown.state, shown.attempts, shown.ended_at), expected);
        assert_eq!((shown.tries, shown.claimed), (expected.1, false));
    }
    assert_eq!(shown(&*backend, deliveries[1].id()).await.due_at, again);
    assert!(claimed(&*backend, wide(sample::at(49))).await.is_empty());
    assert_eq!(claimed(&*backend, wide(again)).await.len(), 1);
    record(
        &*backend,
        outcome(worker, deliveries[1].id(), AfterAttempt::Delivered, again),
    )
    .await;

    let attempts = backend
        .attempts_of(&[deliveries[1].id(), deliveries[3].id()])
        .await
        .unwrap();
    let numbers: Vec<_> = attempts
        .iter()
        .map(|(id, attempt)| (*id, attempt.number))
        .collect();
    assert_eq!(numbers, [(deliveries[1].id(), 1), (deliveries[1].id(), 2)]);
    let mut first = outcomes[1].attempt.clone().unwrap();
    first.number = 1;
    assert_eq!(attempts[0].1, first);

    let filter = DeliveryFilter {
        endpoint_id: endpoint,
        state: None,
        before: None,
        limit: 3,
    };
    let positions =
        |page: Vec<Delivery>| -> Vec<u64> { page.iter().map(|delivery| delivery.position).collect() };
    assert_eq!(
        positions(backend.deliveries_page(&filter).await.unwrap()),
        [4, 3, 2]
    );
    let next = DeliveryFilter {
        before: Some(2),
        ..filter
    };
    assert_eq!(positions(backend.deliveries_page(&next).await.unwrap()), [1]);
    let delivered = DeliveryFilter {
        state: Some(DeliveryState::Delivered),
        ..filter
    };
    assert_eq!(
        positions(backend.deliveries_page(&delivered).await.unwrap()),
        [2, 1]
    );
    let other = DeliveryFilter {
        endpoint_id: sample::id(),
        ..filter
    };
    assert!(backend.deliveries_page(&other).await.unwrap().is_empty());
}

pub async fn an_endpoint_fails_since_its_first_failure_after_a_success(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let endpoint: EndpointId = sample::id();
    let worker = sample::id();
    let retry = AfterAttempt::Retry(sample::at(0));
    let mut since = Vec::new();
    for (n, after) in [
        retry,
        AfterAttempt::GivenUp,
        AfterAttempt::Delivered,
        retry,
        retry,
    ]
    .into_iter()
    .enumerate()
    {
        let now = sample::at(100 * i64::try_from(n).unwrap());
        let delivery = new(endpoint, n as u64 + 1);
        keep(&*backend, std::slice::from_ref(&delivery), now).await;
        let wide = DeliveryClaim {
            per_lane: 10,
            ..claim(worker, now)
        };
        claimed(&*backend, wide).await;
        since.push(
            record(&*backend, outcome(worker, delivery.id(), after, now))
                .await
                .failing_since,
        );
    }
    let at = |millis| Some(sample::at(millis));
    assert_eq!(since, [at(0), at(0), None, at(300), at(300)]);
    let health = backend.endpoint_health(&[endpoint, sample::id()]).await.unwrap();
    assert_eq!(health.len(), 1);
    assert_eq!(health[0].endpoint_id, endpoint);
    assert_eq!(
        (
            health[0].failing_since,
            health[0].last_success_at,
            health[0].last_failure_at
        ),
        (at(300), at(200), at(400))
    );
}
