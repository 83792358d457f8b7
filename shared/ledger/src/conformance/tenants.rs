//! All tenants, what is left to erase of them, and what waits in each partition.

use std::collections::HashSet;
use std::time::Duration;

use domain::event::{JobSucceeded, TenantDeleted, TenantErased};
use domain::job::JobResult;
use domain::store::Store;
use domain::tenant::Tenant;
use domain::{DataKeyId, TenantId};

use super::{Fixture, sample};
use crate::{Backend, DestroyKeys, PartitionQueue, TokenCounts};

pub async fn tenants_come_in_pages_newest_first(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let mut tenants = Vec::new();
    for _ in 0..3 {
        tenants.push(sample::place(&*backend).await.tenant);
    }
    tenants.sort_by_key(|tenant| std::cmp::Reverse(tenant.id));
    let page = async |before: Option<TenantId>, limit| backend.tenants_page(before, limit).await.unwrap();
    assert_eq!(page(None, 10).await, tenants);
    assert_eq!(page(None, 2).await, tenants[..2]);
    assert_eq!(page(Some(tenants[1].id), 2).await, tenants[2..]);
    assert!(page(Some(tenants[2].id), 2).await.is_empty());
}

pub async fn a_tenant_is_to_be_erased_from_its_deletion_to_its_erasure(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    sample::place(&*backend).await;
    assert!(backend.tenants_to_erase(10).await.unwrap().is_empty());
    let mut append = sample::append(sample::at(1));
    let event = TenantDeleted {
        at: append.now,
        tenant_id: place.tenant.id,
        by_admin: true,
    };
    let deleted: Tenant = append.tenant(&place.tenant, event);
    sample::land(&*backend, append).await;
    assert_eq!(
        backend.tenants_to_erase(10).await.unwrap(),
        std::slice::from_ref(&deleted)
    );
    assert!(backend.tenants_to_erase(0).await.unwrap().is_empty());
    let mut append = sample::append(sample::at(2));
    let event = TenantErased {
        at: append.now,
        tenant_id: deleted.id,
    };
    let erased = append.tenant(&deleted, event);
    sample::land(&*backend, append).await;
    assert!(backend.tenants_to_erase(10).await.unwrap().is_empty());
    assert_eq!(backend.tenant(erased.id).await.unwrap(), Some(erased));
}

pub async fn what_is_left_of_a_tenant_is_its_own(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let (place, other) = (sample::place(&*backend).await, sample::place(&*backend).await);
    let of_order = sample::data_key(place.tenant.id, &place.store, Some("9"), sample::at(1));
    let mut of_tenant = sample::data_key(place.tenant.id, &place.store, None, sample::at(1));
    of_tenant.store_id = None;
    let mut append = sample::append(sample::at(1));
    append.data_keys.extend([of_order.clone(), of_tenant.clone()]);
    sample::land(&*backend, append).await;

    let keys = async |tenant: TenantId, limit| -> HashSet<DataKeyId> {
        let keys = backend.data_keys_of_tenant(tenant, limit).await.unwrap();
        keys.into_iter().collect()
    };
    let all = HashSet::from([place.credentials, of_order.id, of_tenant.id]);
    assert_eq!(keys(place.tenant.id, 10).await, all);
    assert_eq!(keys(place.tenant.id, 2).await.len(), 2);
    assert_eq!(
        keys(other.tenant.id, 10).await,
        HashSet::from([other.credentials])
    );
    let mut destroy = sample::append(sample::at(2));
    destroy.destroy_keys = all.iter().copied().map(DestroyKeys::One).collect();
    sample::land(&*backend, destroy).await;
    assert!(keys(place.tenant.id, 10).await.is_empty());
    assert_eq!(keys(other.tenant.id, 10).await.len(), 1);

    let stores = async |tenant: TenantId| backend.stores_with_credentials(tenant, 10).await.unwrap();
    let ids: Vec<_> = stores(place.tenant.id)
        .await
        .iter()
        .map(|store| store.id)
        .collect();
    assert_eq!(ids, [place.store.id]);
    assert!(stores(sample::id()).await.is_empty());
}

pub async fn every_partition_shows_what_waits_in_it(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    backend.init_partitions(5).await.unwrap();
    let place = sample::place(&*backend).await;
    for at in [2, 1, 60_000] {
        let (append, _) = sample::submit(&place.store, Some("7"), sample::at(at));
        sample::land(&*backend, append).await;
    }
    let incarnation = sample::id();
    let ttl = Duration::from_mins(1);
    backend.heartbeat(incarnation, ttl, false).await.unwrap();
    backend.claim(incarnation, &[3], false).await.unwrap();
    let queues = backend.partition_queues(sample::at(1_000)).await.unwrap();
    let numbers: Vec<_> = queues.iter().map(|queue| queue.partition).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
    let idle = PartitionQueue {
        partition: 0,
        owner: None,
        live: false,
        epoch: 0,
        queued: 0,
        due: 0,
        running: 0,
        oldest_due_at: None,
    };
    assert_eq!(queues[0], idle);
    let busy = PartitionQueue {
        partition: 3,
        owner: Some(incarnation),
        live: true,
        epoch: 1,
        queued: 3,
        due: 2,
        running: 0,
        oldest_due_at: Some(sample::at(1)),
    };
    assert_eq!(queues[3], busy);
}

pub async fn a_tenants_tokens_are_the_shares_of_its_succeeded_jobs(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let (place, other) = (sample::place(&*backend).await, sample::place(&*backend).await);
    let tokens = async || backend.tenant_tokens(place.tenant.id).await.unwrap();
    assert_eq!(tokens().await, TokenCounts::default());

    // Three in two requests, which do not divide evenly; one alone, which had to read twice.
    succeed(&*backend, &place.store, 3, 2, 2).await;
    succeed(&*backend, &place.store, 1, 0, 3).await;
    succeed(&*backend, &other.store, 5, 4, 2).await;
    let (append, _) = sample::submit(&place.store, Some("7"), sample::at(1));
    sample::land(&*backend, append).await;
    assert_eq!(tokens().await, TokenCounts { spent: 5, saved: 4 });

    // So many that their sum is kept; what comes after is added to it, by another process too.
    let many = TokenCounts::KEPT_FROM as usize;
    succeed(&*backend, &place.store, many, 0, 2).await;
    let all = TokenCounts {
        spent: 5 + 2 * TokenCounts::KEPT_FROM,
        saved: 4,
    };
    assert_eq!(tokens().await, all);
    assert_eq!(tokens().await, all);
    succeed(&*backend, &place.store, 2, 1, 2).await;
    let all = TokenCounts {
        spent: all.spent + 2,
        saved: 6,
    };
    assert_eq!(tokens().await, all);
    let elsewhere = fixture.open().await;
    assert_eq!(elsewhere.tenant_tokens(place.tenant.id).await.unwrap(), all);
    let stranger = backend.tenant_tokens(other.tenant.id).await.unwrap();
    assert_eq!(stranger, TokenCounts { spent: 2, saved: 8 });
}

/// So many jobs of a store succeed, each with `coalesced_with` others in `upstream_requests`.
async fn succeed(
    backend: &dyn Backend,
    store: &Store,
    jobs: usize,
    coalesced_with: u32,
    upstream_requests: u32,
) {
    let result = JobResult {
        coalesced_with,
        upstream_requests,
        ..JobResult::default()
    };
    let appends: Vec<_> = (0..jobs)
        .map(|_| {
            let (mut append, job) = sample::submit(store, Some("7"), sample::at(1));
            let event = JobSucceeded {
                at: append.now,
                job_id: job.id,
                attempts: 1,
                result: result.clone(),
            };
            append.job(&job, event, None);
            append
        })
        .collect();
    let results = backend.append_batch(&appends).await.unwrap();
    assert!(results.iter().all(Result::is_ok));
}
