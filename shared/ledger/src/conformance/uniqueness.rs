//! What may exist only once.

use domain::event::{KeyRevoked, StoreDeleted, StoreRenamed};
use domain::tenant::Key;

use super::{Fixture, audit, sample};
use crate::view::ViewRow;
use crate::{Append, Expected, IdempotencyAnswer, IdempotencyRecord, NewEvent, Refusal, Stream, Unique};

pub async fn a_store_is_registered_once_while_it_lives(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let register = |tenant: &domain::tenant::Tenant| {
        let mut append = sample::append(sample::at(1));
        sample::add_store(&mut append, tenant, "101", 3);
        append
    };
    let twice = sample::attempt(&*backend, register(&place.tenant)).await;
    assert_eq!(twice, Err(Refusal::Exists(Unique::Store)));

    let mut stranger = sample::append(sample::at(1));
    let (other, _) = sample::add_tenant(&mut stranger);
    sample::add_store(&mut stranger, &other, "101", 3);
    sample::land(&*backend, stranger).await;

    let mut rename = sample::append(sample::at(2));
    let renamed = rename.store(
        &place.store,
        StoreRenamed {
            at: sample::at(2),
            store_id: place.store.id,
            label: None,
        },
        place.store.credentials.clone(),
    );
    sample::land(&*backend, rename).await;

    let mut delete = sample::append(sample::at(3));
    delete.store(
        &renamed,
        StoreDeleted {
            at: sample::at(3),
            store_id: place.store.id,
        },
        None,
    );
    let (anew, id) = {
        let mut append = sample::append(sample::at(3));
        let (store, _) = sample::add_store(&mut append, &place.tenant, "101", 3);
        (append, store.id)
    };
    let batch = [register(&place.tenant), delete, anew, register(&place.tenant)];
    let results = backend.append_batch(&batch).await.unwrap();
    let exists = Err(Refusal::Exists(Unique::Store));
    assert_eq!(results[0], exists);
    assert!(
        results[1].is_ok() && results[2].is_ok(),
        "free again once its deletion was asked for"
    );
    assert_eq!(results[3], exists);
    assert_eq!(backend.stores_of(place.tenant.id).await.unwrap().len(), 1);
    let found = backend
        .store_by_upstream(place.tenant.id, &place.store.store_id)
        .await
        .unwrap();
    assert_eq!(found.map(|store| store.id), Some(id), "the living one of two");
    audit::whole(&*backend).await;
}

pub async fn one_of_two_racing_registrations_wins(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let mut racers = Vec::new();
    for _ in 0..4 {
        let handle = fixture.open().await;
        let tenant = place.tenant.clone();
        racers.push(tokio::spawn(async move {
            let mut append = sample::append(sample::at(1));
            sample::add_store(&mut append, &tenant, "202", 5);
            sample::attempt(&*handle, append).await
        }));
    }
    let mut won = 0;
    for racer in racers {
        match racer.await.unwrap() {
            Ok(_) => won += 1,
            Err(refusal) => assert_eq!(refusal, Refusal::Exists(Unique::Store)),
        }
    }
    assert_eq!(won, 1);
    audit::whole(&*backend).await;
}

pub async fn a_key_lookup_is_taken_for_ever(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let add = |lookup: &str| {
        let mut append = sample::append(sample::at(1));
        let (tenant, _) = sample::add_tenant(&mut append);
        sample::add_key(&mut append, tenant, lookup);
        append
    };
    let exists = Err(Refusal::Exists(Unique::Key));
    assert_eq!(sample::attempt(&*backend, add(&place.key.lookup)).await, exists);

    sample::land(&*backend, revoke(&place.tenant, &place.key)).await;
    let tombstone = backend.key_by_lookup(&place.key.lookup).await.unwrap().unwrap();
    assert_eq!(tombstone.revoked_at, Some(sample::at(2)));
    assert_eq!(
        sample::attempt(&*backend, add(&place.key.lookup)).await,
        exists,
        "tombstones count"
    );

    let results = backend
        .append_batch(&[add("aa"), add("aa"), add("bb")])
        .await
        .unwrap();
    assert!(results[0].is_ok() && results[2].is_ok());
    assert_eq!(results[1], exists);
    audit::whole(&*backend).await;
}

fn revoke(tenant: &domain::tenant::Tenant, key: &Key) -> Append {
    let mut append = sample::append(sample::at(2));
    let event = KeyRevoked {
        at: sample::at(2),
        tenant_id: tenant.id,
        key_id: key.id,
    };
    let revoked = key.clone().revoked(&event);
    let mut tenant = tenant.clone();
    let index = append.event(NewEvent {
        stream: Stream::Tenant(tenant.id),
        expected: Expected::Version(tenant.version),
        event: event.into(),
        sealed: None,
        tenant_id: tenant.id,
        store_id: None,
        order_id: None,
        job_id: None,
    });
    tenant.version += 1;
    append.view(ViewRow::Key(Box::new(revoked)), index);
    append.view(ViewRow::Tenant(Box::new(tenant)), index);
    append
}

pub async fn an_idempotency_key_is_taken_until_it_expires(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let stranger = sample::place(&*backend).await;
    let submit = |place: &sample::Place, now: i64| {
        let (mut append, job) = sample::submit(&place.store, Some("1"), sample::at(now));
        append.idempotency.push(IdempotencyRecord {
            tenant_id: place.tenant.id,
            key: "key 1".to_owned(),
            fingerprint: [7; 32],
            answer: IdempotencyAnswer::Job(job.id),
            expires_at: sample::at(now + 100),
        });
        (append, job)
    };
    let exists = Err(Refusal::Exists(Unique::Idempotency("key 1".to_owned())));
    let (first, job) = submit(&place, 1_000);
    let (second, lost) = submit(&place, 1_000);
    let results = backend
        .append_batch(&[first, second, submit(&stranger, 1_000).0])
        .await
        .unwrap();
    assert!(
        results[0].is_ok() && results[2].is_ok(),
        "each tenant has its own keys"
    );
    assert_eq!(results[1], exists);
    assert_eq!(backend.job(lost.id).await.unwrap(), None);
    assert_eq!(sample::attempt(&*backend, submit(&place, 1_099).0).await, exists);
    let kept = backend
        .idempotency(place.tenant.id, "key 1", sample::at(1_099))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(kept.answer, IdempotencyAnswer::Job(job.id));

    let (again, newer) = submit(&place, 1_100);
    sample::land(&*backend, again).await;
    let kept = backend
        .idempotency(place.tenant.id, "key 1", sample::at(1_150))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (kept.answer, kept.expires_at),
        (IdempotencyAnswer::Job(newer.id), sample::at(1_200))
    );
    audit::whole(&*backend).await;
}

pub async fn one_of_many_racing_repeats_wins(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let mut racers = Vec::new();
    for _ in 0..4 {
        let handle = fixture.open().await;
        let place = place.clone();
        racers.push(tokio::spawn(async move {
            let (mut append, job) = sample::submit(&place.store, Some("1"), sample::at(1));
            append.idempotency.push(IdempotencyRecord {
                tenant_id: place.tenant.id,
                key: "same".to_owned(),
                fingerprint: [1; 32],
                answer: IdempotencyAnswer::Job(job.id),
                expires_at: sample::at(1_000),
            });
            sample::attempt(&*handle, append).await
        }));
    }
    let mut won = 0;
    for racer in racers {
        match racer.await.unwrap() {
            Ok(_) => won += 1,
            Err(refusal) => assert_eq!(refusal, Refusal::Exists(Unique::Idempotency("same".to_owned()))),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(audit::whole(&*backend).await.jobs.len(), 1);
}
