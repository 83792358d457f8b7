//! Who makes which delivery.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use domain::EndpointId;
use uuid::Uuid;

use super::super::{Fixture, sample};
use super::{LEASE, claim, claimed, keep, new, outcome, record, shown};
use crate::{AfterAttempt, Delivery, DeliveryClaim, DeliveryState};

pub async fn a_claim_takes_what_is_due_and_no_more_than_its_share(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let (busy, calm): (EndpointId, EndpointId) = (sample::id(), sample::id());
    let mut deliveries: Vec<_> = (1..=5).map(|position| new(busy, position)).collect();
    deliveries.push(new(calm, 6));
    keep(&*backend, &deliveries, sample::at(10)).await;
    let (one, two) = (sample::id(), sample::id());
    assert!(
        claimed(&*backend, claim(one, sample::at(9))).await.is_empty(),
        "not due"
    );
    let limited = DeliveryClaim {
        limit: 2,
        ..claim(one, sample::at(10))
    };
    let taken = claimed(&*backend, limited).await;
    assert_eq!(taken.len(), 2);
    let taken_of = |deliveries: &[Delivery], lane: EndpointId| -> Vec<u64> {
        let mine = deliveries.iter().filter(|delivery| delivery.lane == lane.0);
        let mut positions: Vec<u64> = mine.map(|delivery| delivery.position).collect();
        positions.sort_unstable();
        positions
    };
    let rest = claimed(&*backend, claim(two, sample::at(10))).await;
    let all = [taken, rest].concat();
    assert_eq!(taken_of(&all, busy), [1, 2, 3], "three at once, by all workers");
    assert_eq!(taken_of(&all, calm), [6]);
    assert!(claimed(&*backend, claim(one, sample::at(10))).await.is_empty());
    let mine = all.iter().find(|delivery| delivery.position == 1).unwrap();
    for worker in [one, two] {
        record(
            &*backend,
            outcome(worker, mine.id, AfterAttempt::Delivered, sample::at(11)),
        )
        .await;
    }
    let next = claimed(&*backend, claim(one, sample::at(11))).await;
    assert_eq!(taken_of(&next, busy), [4]);
}

pub async fn a_lane_with_a_long_backlog_delays_no_other(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let dead: EndpointId = sample::id();
    let backlog: Vec<_> = (1..=2_000).map(|position| new(dead, position)).collect();
    keep(&*backend, &backlog, sample::at(0)).await;
    let good: Vec<EndpointId> = (0..20).map(|_| sample::id()).collect();
    let worker = sample::id();
    let tight = |now| DeliveryClaim {
        limit: 23,
        ..claim(worker, now)
    };
    for round in 0..5 {
        let now = sample::at(10_000 + round);
        let position = 10_000 + u64::try_from(round).unwrap();
        let fresh: Vec<_> = good.iter().map(|id| new(*id, position)).collect();
        keep(&*backend, &fresh, now).await;
        let taken = claimed(&*backend, tight(now)).await;
        let mut of: HashMap<Uuid, usize> = HashMap::new();
        for delivery in &taken {
            *of.entry(delivery.lane).or_default() += 1;
        }
        assert!(
            good.iter().all(|id| of.get(&id.0) == Some(&1)),
            "round {round}: {of:?}"
        );
        // The dead one's are under way all the time.
        let good = taken.iter().filter(|delivery| delivery.lane != dead.0);
        let outcomes: Vec<_> = good
            .map(|delivery| outcome(worker, delivery.id, AfterAttempt::Delivered, now))
            .collect();
        backend.record_attempts(&outcomes).await.unwrap();
    }
}

pub async fn racing_claims_take_each_delivery_once(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let endpoints: Vec<EndpointId> = (0..6).map(|_| sample::id()).collect();
    let deliveries: Vec<_> = (1..=300).map(|n| new(endpoints[n as usize % 6], n)).collect();
    keep(&*backend, &deliveries, sample::at(0)).await;
    let mut racers = Vec::new();
    for _ in 0..4 {
        let handle = fixture.open().await;
        racers.push(tokio::spawn(async move {
            let worker = sample::id();
            let mut mine = Vec::new();
            loop {
                let taken = claimed(&*handle, claim(worker, sample::at(0))).await;
                if taken.is_empty() {
                    return mine;
                }
                for delivery in taken {
                    let done = outcome(worker, delivery.id, AfterAttempt::Delivered, sample::at(1));
                    assert!(record(&*handle, done).await.held);
                    mine.push(delivery.position);
                }
            }
        }));
    }
    let mut all = Vec::new();
    for racer in racers {
        all.extend(racer.await.unwrap());
    }
    // Who finds nothing free stops; what is left over then is nobody's.
    let rest = claim(sample::id(), sample::at(0));
    loop {
        let taken = claimed(&*backend, rest).await;
        if taken.is_empty() {
            break;
        }
        for delivery in taken {
            let done = outcome(rest.worker, delivery.id, AfterAttempt::Delivered, sample::at(1));
            record(&*backend, done).await;
            all.push(delivery.position);
        }
    }
    let distinct: HashSet<_> = all.iter().collect();
    assert_eq!((all.len(), distinct.len()), (300, 300));
}

pub async fn what_a_dead_worker_has_claimed_comes_to_another(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let delivery = new(sample::id(), 1);
    keep(&*backend, std::slice::from_ref(&delivery), sample::at(0)).await;
    let (dead, heir) = (sample::id(), sample::id());
    assert_eq!(claimed(&*backend, claim(dead, sample::at(0))).await.len(), 1);
    let end = sample::at(0).plus(LEASE);
    let before = end.minus(Duration::from_millis(1));
    assert!(claimed(&*backend, claim(heir, before)).await.is_empty());
    assert_eq!(claimed(&*backend, claim(heir, end)).await.len(), 1);
    let late = outcome(dead, delivery.id(), AfterAttempt::GivenUp, end);
    assert!(!record(&*backend, late).await.held);
    let shown = shown(&*backend, delivery.id()).await;
    assert_eq!((shown.state, shown.attempts), (DeliveryState::Pending, 0));
    assert!(backend.attempts_of(&[delivery.id()]).await.unwrap().is_empty());
    let sent = outcome(heir, delivery.id(), AfterAttempt::Delivered, end);
    assert!(record(&*backend, sent).await.held);
}

pub async fn what_a_worker_gives_back_is_due_at_once(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let endpoint = sample::id();
    keep(&*backend, &[new(endpoint, 1), new(endpoint, 2)], sample::at(0)).await;
    let (leaving, heir) = (sample::id(), sample::id());
    assert_eq!(claimed(&*backend, claim(leaving, sample::at(0))).await.len(), 2);
    assert_eq!(backend.release_deliveries(heir, sample::at(1)).await.unwrap(), 0);
    assert_eq!(
        backend.release_deliveries(leaving, sample::at(1)).await.unwrap(),
        2
    );
    assert_eq!(claimed(&*backend, claim(heir, sample::at(1))).await.len(), 2);
}
