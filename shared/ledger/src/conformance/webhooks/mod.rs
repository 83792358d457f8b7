//! Webhooks: whatever is to be told is told at least once, by one worker at a time, and nobody waits behind another.

mod claims;
mod outcomes;
mod repeats;

use std::time::Duration;

use domain::event::EndpointDeleted;
use domain::webhook::{Target, WebhookEvent};
use domain::{DeliveryId, EndpointId, IncarnationId, StoreId, TenantId, Timestamp};
use uuid::Uuid;

use super::{Fixture, sample};
pub use claims::*;
pub use outcomes::*;
pub use repeats::*;

use crate::{
    AfterAttempt, Backend, Delivery, DeliveryAttempt, DeliveryClaim, DeliveryOutcome, DeliveryState,
    NewDelivery, OutcomeRecorded,
};

const LEASE: Duration = Duration::from_mins(1);

fn new(endpoint: EndpointId, position: u64) -> NewDelivery {
    NewDelivery {
        tenant_id: TenantId(Uuid::from_u128(7)),
        target: Target::Endpoint(endpoint),
        lane: endpoint.0,
        position,
        kind: WebhookEvent::JobSucceeded,
        recorded_at: sample::at(i64::try_from(position).unwrap()),
        store_id: Some(StoreId(Uuid::from_u128(8))),
        order_id: Some("4312".parse().unwrap()),
        job_id: Some(sample::id()),
        skipped: false,
    }
}

/// Fans out at `now` whatever is given.
async fn keep(backend: &dyn Backend, deliveries: &[NewDelivery], now: Timestamp) {
    let worker = sample::id();
    let position = backend.take_fan_out(worker, now, LEASE).await.unwrap().unwrap();
    let range = (position, position + 1);
    assert!(backend.fan_out(worker, range, deliveries, now).await.unwrap());
    backend.release_fan_out(worker).await.unwrap();
}

fn claim(worker: IncarnationId, now: Timestamp) -> DeliveryClaim {
    DeliveryClaim {
        worker,
        now,
        lease: LEASE,
        per_lane: 3,
        limit: 100,
    }
}

async fn claimed(backend: &dyn Backend, claim: DeliveryClaim) -> Vec<Delivery> {
    backend.claim_deliveries(&claim).await.unwrap()
}

fn outcome(worker: IncarnationId, id: DeliveryId, after: AfterAttempt, now: Timestamp) -> DeliveryOutcome {
    DeliveryOutcome {
        id,
        worker,
        attempt: Some(DeliveryAttempt {
            number: 0,
            at: now,
            latency_ms: 12,
            status: Some(500),
            error: Some("status".to_owned()),
            answer: Some(sample::sealed("answer")),
        }),
        after,
        now,
    }
}

async fn record(backend: &dyn Backend, outcome: DeliveryOutcome) -> OutcomeRecorded {
    let mut recorded = backend.record_attempts(&[outcome]).await.unwrap();
    assert_eq!(recorded.len(), 1);
    recorded.remove(0)
}

async fn shown(backend: &dyn Backend, id: DeliveryId) -> Delivery {
    backend.delivery(id).await.unwrap().expect("it is there")
}

pub async fn an_endpoint_is_listed_until_it_is_removed(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let mut append = sample::append(sample::at(1));
    let mut made = Vec::new();
    for _ in 0..2 {
        let created = sample::endpoint_created(place.tenant.id, append.now);
        made.push(append.create_endpoint(&created, Some(sample::sealed("address"))));
    }
    let first = sample::land(&*backend, append).await.first;
    let listed = backend.endpoints_of(place.tenant.id).await.unwrap();
    let ids: Vec<_> = listed.iter().map(|endpoint| endpoint.id).collect();
    assert_eq!(ids, [made[0].id, made[1].id]);
    assert_eq!((listed[0].position, listed[1].position), (first, first + 1));
    assert_eq!(listed[0].sealed, Some(sample::sealed("address")));
    assert!(backend.endpoints_of(sample::id()).await.unwrap().is_empty());
    assert_eq!(backend.endpoint(sample::id()).await.unwrap(), None);

    let mut append = sample::append(sample::at(2));
    let (at, endpoint_id) = (append.now, made[0].id);
    append.endpoint(&listed[0], EndpointDeleted { at, endpoint_id }, None);
    let stale = append.clone();
    sample::land(&*backend, append).await;
    let left = backend.endpoints_of(place.tenant.id).await.unwrap();
    assert_eq!(left, listed[1..]);
    let removed = backend.endpoint(endpoint_id).await.unwrap().unwrap();
    assert_eq!((removed.deleted_at, removed.sealed), (Some(at), None));
    assert!(sample::attempt(&*backend, stale).await.is_err());
}

pub async fn the_fan_out_is_one_workers_at_a_time(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let (one, two) = (sample::id(), sample::id());
    let (now, later) = (sample::at(0), sample::at(0).plus(LEASE));
    assert_eq!(backend.take_fan_out(one, now, LEASE).await.unwrap(), Some(0));
    assert_eq!(backend.take_fan_out(two, now, LEASE).await.unwrap(), None);
    assert!(!backend.fan_out(two, (0, 5), &[], now).await.unwrap());
    assert!(backend.fan_out(one, (0, 5), &[], now).await.unwrap());
    let delivery = new(sample::id(), 6);
    let repeated = backend
        .fan_out(one, (0, 6), std::slice::from_ref(&delivery), now)
        .await
        .unwrap();
    assert!(!repeated, "it stands at 5");
    assert_eq!(
        backend.delivery(delivery.id()).await.unwrap(),
        None,
        "all or nothing"
    );
    assert_eq!(backend.take_fan_out(two, later, LEASE).await.unwrap(), Some(5));
    assert!(!backend.fan_out(one, (5, 6), &[], later).await.unwrap());
    backend.release_fan_out(one).await.unwrap();
    assert_eq!(
        backend.take_fan_out(one, later, LEASE).await.unwrap(),
        None,
        "it is not its own to give"
    );
    backend.release_fan_out(two).await.unwrap();
    assert_eq!(backend.take_fan_out(one, later, LEASE).await.unwrap(), Some(5));
}

pub async fn what_is_fanned_out_twice_is_there_once(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let endpoint = sample::id();
    let mut callback = new(endpoint, 6);
    callback.target = Target::Callback(sample::id());
    callback.lane = sample::id();
    callback.job_id = None;
    let deliveries = [new(endpoint, 5), callback.clone(), new(endpoint, 6)];
    keep(&*backend, &deliveries, sample::at(10)).await;
    let worker = sample::id();
    let first = claimed(&*backend, claim(worker, sample::at(10))).await;
    assert_eq!(first.len(), 3);
    let sent = outcome(
        worker,
        deliveries[0].id(),
        AfterAttempt::Delivered,
        sample::at(11),
    );
    record(&*backend, sent).await;
    keep(&*backend, &deliveries, sample::at(20)).await;
    assert!(claimed(&*backend, claim(worker, sample::at(20))).await.is_empty());
    assert_eq!(
        shown(&*backend, deliveries[0].id()).await.state,
        DeliveryState::Delivered
    );

    let delivery = shown(&*backend, callback.id()).await;
    assert_eq!(delivery.target, callback.target);
    let Target::Callback(job) = callback.target else {
        unreachable!()
    };
    assert_eq!(delivery.job_id, Some(job));
    let delivery = shown(&*backend, deliveries[2].id()).await;
    let new = &deliveries[2];
    assert_eq!(
        delivery,
        Delivery {
            id: new.id(),
            tenant_id: new.tenant_id,
            target: new.target,
            lane: new.lane,
            position: 6,
            kind: new.kind,
            recorded_at: new.recorded_at,
            store_id: new.store_id,
            order_id: new.order_id.clone(),
            job_id: new.job_id,
            state: DeliveryState::Pending,
            attempts: 0,
            tries: 0,
            due_at: sample::at(10).plus(LEASE),
            claimed: true,
            ended_at: None,
        }
    );
}
