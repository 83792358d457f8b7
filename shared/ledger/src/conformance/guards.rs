//! Guards: what must still be true when an append gets its turn.

use std::time::Duration;

use domain::event::StoreDeleted;

use super::{Fixture, audit, sample};
use crate::view::ViewRow;
use crate::{DestroyKeys, Guard, Refusal};

const TTL: Duration = Duration::from_mins(1);

pub async fn a_partition_guard_holds_for_its_owner_in_its_epoch(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let (owner, other) = (sample::id(), sample::id());
    backend.init_partitions(4).await.unwrap();
    backend.heartbeat(owner, TTL, false).await.unwrap();
    backend.heartbeat(other, TTL, false).await.unwrap();
    assert_eq!(backend.claim(owner, &[1], false).await.unwrap().len(), 1);
    assert_eq!(backend.claim(other, &[2], false).await.unwrap().len(), 1);
    for (partition, incarnation, epoch, holds) in [
        (1, owner, 1, true),
        (1, owner, 2, false),
        (1, owner, 0, false),
        (1, other, 1, false),
        (2, owner, 1, false),
        (3, owner, 0, false),
        (99, owner, 1, false),
    ] {
        let (append, _) = sample::submit(&place.store, Some("1"), sample::at(1));
        let result = sample::attempt(
            &*backend,
            append.guard(Guard::Owner {
                partition,
                incarnation,
                epoch,
            }),
        )
        .await;
        if holds {
            assert!(result.is_ok());
        } else {
            assert_eq!(result, Err(Refusal::NotOwner { partition }));
        }
    }
    audit::whole(&*backend).await;
}

pub async fn a_store_that_is_being_deleted_takes_nothing(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let guard = Guard::StoreOpen(place.store.id);
    let submit = || sample::submit(&place.store, Some("1"), sample::at(1)).0;
    sample::land(&*backend, submit().guard(guard.clone())).await;
    assert_eq!(
        sample::attempt(&*backend, submit().guard(Guard::StoreOpen(sample::id()))).await,
        Err(Refusal::StoreGone)
    );
    let mut delete = sample::append(sample::at(2));
    delete.store(
        &place.store,
        StoreDeleted {
            at: sample::at(2),
            store_id: place.store.id,
        },
        None,
    );
    let batch = [
        submit().guard(guard.clone()),
        delete,
        submit().guard(guard.clone()),
        submit(),
    ];
    let results = backend.append_batch(&batch).await.unwrap();
    assert!(
        results[0].is_ok() && results[1].is_ok(),
        "the deletion follows the first submission"
    );
    assert_eq!(results[2], Err(Refusal::StoreGone));
    assert!(results[3].is_ok(), "who does not ask is not refused");
    assert_eq!(
        sample::attempt(&*backend, submit().guard(guard)).await,
        Err(Refusal::StoreGone)
    );
    audit::whole(&*backend).await;
}

pub async fn an_erased_tenant_takes_nothing(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let guard = Guard::TenantOpen(place.tenant.id);
    let submit = || sample::submit(&place.store, Some("1"), sample::at(1)).0;
    sample::land(&*backend, submit().guard(guard.clone())).await;
    assert_eq!(
        sample::attempt(&*backend, submit().guard(Guard::TenantOpen(sample::id()))).await,
        Err(Refusal::TenantGone)
    );
    let mut erased = place.tenant.clone();
    erased.deleted_at = Some(sample::at(2));
    let mut erase = submit();
    erase.view(ViewRow::Tenant(Box::new(erased.clone())), 0);
    sample::land(&*backend, erase).await;
    assert_eq!(
        backend.tenant(place.tenant.id).await.unwrap(),
        Some(erased),
        "a tombstone stays"
    );
    assert_eq!(
        sample::attempt(&*backend, submit().guard(guard)).await,
        Err(Refusal::TenantGone)
    );
}

pub async fn a_destroyed_data_key_seals_nothing_more(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let key = sample::data_key(place.tenant.id, &place.store, Some("1"), sample::at(1));
    let guard = Guard::DataKey(key.id);
    let submit = || sample::submit(&place.store, Some("1"), sample::at(1)).0;
    let mut keep = submit();
    keep.data_keys.push(key.clone());
    let mut destroy = sample::append(sample::at(2));
    destroy.destroy_keys.push(DestroyKeys::One(key.id));
    let batch = [
        submit().guard(guard.clone()),
        keep,
        submit().guard(guard.clone()),
        destroy,
        submit().guard(guard.clone()),
    ];
    let results = backend.append_batch(&batch).await.unwrap();
    let refused: Vec<_> = results
        .into_iter()
        .map(|result| result.err() == Some(Refusal::DataKeyGone))
        .collect();
    assert_eq!(refused, [true, false, false, false, true]);
    audit::whole(&*backend).await;
}

pub async fn every_guard_of_an_append_counts(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let (append, job) = sample::submit(&place.store, Some("1"), sample::at(1));
    let append = append
        .guard(Guard::TenantOpen(place.tenant.id))
        .guard(Guard::StoreOpen(place.store.id))
        .guard(Guard::DataKey(sample::id()));
    assert_eq!(
        sample::attempt(&*backend, append).await,
        Err(Refusal::DataKeyGone)
    );
    assert_eq!(backend.job(job.id).await.unwrap(), None);
    assert_eq!(backend.head().await.unwrap().position, 3);
}
