//! Every query against the fold.

mod jobs;

use std::collections::HashSet;
use std::sync::Arc;

use domain::job::{Job, JobStatus};
use domain::store::Store;
use domain::{OrderId, TenantId};

use super::walk::Walk;
use super::{Fixture, audit, sample};
use crate::rebuild::Views;
use crate::{Backend, MOST_AHEAD, QueueCounts};

pub async fn every_query_shows_what_the_log_says(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let mut walk = Walk::start(Arc::clone(&backend), 42).await;
    walk.steps(300).await;
    let views = audit::whole(&*backend).await;
    let states: HashSet<_> = views.jobs.values().map(|job| job.status).collect();
    assert_eq!(
        states.len(),
        JobStatus::ALL.len(),
        "the history shows every state"
    );
    assert!(!views.batches.is_empty() && !views.images.is_empty());
    every_query(&*backend, &views).await;
}

pub async fn what_does_not_exist_is_not_found(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let order: OrderId = "1".parse().unwrap();
    assert_eq!(backend.tenant(sample::id()).await.unwrap(), None);
    assert_eq!(backend.key_by_lookup("nothing").await.unwrap(), None);
    assert_eq!(backend.store(sample::id()).await.unwrap(), None);
    for (tenant, upstream) in [(place.tenant.id, "102"), (sample::id(), "101")] {
        let upstream = upstream.parse().unwrap();
        assert_eq!(backend.store_by_upstream(tenant, &upstream).await.unwrap(), None);
    }
    assert_eq!(backend.job(sample::id()).await.unwrap(), None);
    assert_eq!(backend.open_batch(sample::id()).await.unwrap(), None);
    assert_eq!(backend.order_image(sample::id(), &order).await.unwrap(), None);
    assert_eq!(backend.data_key(sample::id()).await.unwrap(), None);
    assert_eq!(
        backend.queue_counts(sample::id()).await.unwrap(),
        QueueCounts::default()
    );
    assert_eq!(
        backend.tenant_queue_counts(sample::id()).await.unwrap(),
        QueueCounts::default()
    );
    for order in [None, Some(&order)] {
        assert_eq!(backend.last_change(sample::id(), order).await.unwrap(), 0);
    }
    assert!(backend.jobs(&[]).await.unwrap().is_empty());
    assert!(backend.jobs_changed(&[], 0, 10).await.unwrap().is_empty());
    assert!(backend.stores_changed(&[], 0, 10).await.unwrap().is_empty());
}

pub async fn a_long_lane_is_counted_up_to_a_limit(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let (appends, jobs): (Vec<_>, Vec<_>) = (0..=MOST_AHEAD + 1)
        .map(|_| sample::submit(&place.store, Some("7"), sample::at(1)))
        .unzip();
    let results = backend.append_batch(&appends).await.unwrap();
    assert!(results.iter().all(Result::is_ok));
    for (ahead, job) in (0..).zip(&jobs) {
        if ahead == 0 || ahead >= MOST_AHEAD - 1 {
            let job = backend.job(job.id).await.unwrap().unwrap();
            assert_eq!(backend.jobs_ahead(&job).await.unwrap(), MOST_AHEAD.min(ahead));
        }
    }
}

/// Asserts that every query answers what follows from `views`.
pub async fn every_query(backend: &dyn Backend, views: &Views) {
    let mut jobs: Vec<Job> = views.jobs.values().cloned().collect();
    jobs.sort_by_key(|job| job.position);
    whole_jobs(backend, &jobs).await;
    changed(backend, views, &jobs).await;
    open(backend, views, &jobs).await;
    counted(backend, views, &jobs).await;
    last_changes(backend, views, &jobs).await;
    for tenant in views.tenants.keys() {
        jobs::pages(backend, *tenant, &jobs).await;
        jobs::job_events(backend, *tenant).await;
        stores(backend, *tenant, views).await;
    }
    batches(backend, views).await;
}

fn bare(job: &Job) -> Job {
    Job {
        body: None,
        outcome: None,
        ..job.clone()
    }
}

fn first(mut jobs: Vec<Job>, limit: usize) -> Vec<Job> {
    jobs.truncate(limit);
    jobs
}

async fn whole_jobs(backend: &dyn Backend, jobs: &[Job]) {
    let mut ids: Vec<_> = jobs.iter().step_by(3).map(|job| job.id).collect();
    ids.push(sample::id());
    let mut found = backend.jobs(&ids).await.unwrap();
    found.sort_by_key(|job| job.position);
    assert_eq!(found, jobs.iter().step_by(3).cloned().collect::<Vec<_>>());
}

async fn changed(backend: &dyn Backend, views: &Views, jobs: &[Job]) {
    let middle = jobs.len() as u64 / 2;
    for partitions in [vec![0, 1, 2, 3, 4, 5, 6, 7], vec![2], vec![7, 1]] {
        for (after, limit) in [
            (0, 1_000),
            (0, 3),
            (middle, 1_000),
            (middle, 2),
            (u64::from(u32::MAX), 5),
        ] {
            let mut expected: Vec<Job> = jobs
                .iter()
                .filter(|job| partitions.contains(&job.partition) && job.last_position > after)
                .map(bare)
                .collect();
            expected.sort_by_key(|job| job.last_position);
            let found = backend.jobs_changed(&partitions, after, limit).await.unwrap();
            assert_eq!(found, first(expected, limit as usize));

            let mut expected: Vec<Store> = views
                .stores
                .values()
                .filter(|store| partitions.contains(&store.partition) && store.last_position > after)
                .cloned()
                .collect();
            expected.sort_by_key(|store| store.last_position);
            expected.truncate(limit as usize);
            assert_eq!(
                backend.stores_changed(&partitions, after, limit).await.unwrap(),
                expected
            );
        }
    }
}

async fn open(backend: &dyn Backend, views: &Views, jobs: &[Job]) {
    let running: Vec<Job> = jobs
        .iter()
        .filter(|job| !job.status.is_final())
        .map(bare)
        .collect();
    let of = |keep: &dyn Fn(&Job) -> bool, limit: usize| {
        first(running.iter().filter(|job| keep(job)).cloned().collect(), limit)
    };
    let middle = running.get(running.len() / 2).map_or(0, |job| job.position);
    for partition in 0..8 {
        for (after, limit) in [(0, 1_000_u32), (0, 2), (middle, 1_000)] {
            let expected = of(
                &|job| job.partition == partition && job.position > after,
                limit as usize,
            );
            assert_eq!(
                backend.open_jobs(partition, after, limit).await.unwrap(),
                expected
            );
        }
    }
    for store in views.stores.keys() {
        for limit in [1_000_u32, 2] {
            let expected = of(&|job| job.store_id == *store, limit as usize);
            assert_eq!(backend.open_jobs_of_store(*store, limit).await.unwrap(), expected);
            let order: OrderId = "1".parse().unwrap();
            let expected = of(
                &|job| job.store_id == *store && job.order_id.as_ref() == Some(&order),
                limit as usize,
            );
            assert_eq!(
                backend.open_jobs_of_order(*store, &order, limit).await.unwrap(),
                expected
            );
        }
    }
}

fn counts<'a>(jobs: impl Iterator<Item = &'a Job>) -> QueueCounts {
    let mut counts = QueueCounts::default();
    for job in jobs {
        match job.status {
            JobStatus::Queued | JobStatus::Retrying => {
                counts.queued += 1;
                let oldest = counts.oldest_due_at.get_or_insert(job.due_at);
                *oldest = (*oldest).min(job.due_at);
            }
            JobStatus::Running => counts.running += 1,
            JobStatus::Succeeded | JobStatus::Failed | JobStatus::Cancelled => {}
        }
    }
    counts
}

async fn counted(backend: &dyn Backend, views: &Views, jobs: &[Job]) {
    for store in views.stores.keys() {
        let expected = counts(jobs.iter().filter(|job| job.store_id == *store));
        assert_eq!(backend.queue_counts(*store).await.unwrap(), expected);
    }
    for tenant in views.tenants.keys() {
        let expected = counts(jobs.iter().filter(|job| job.tenant_id == *tenant));
        assert_eq!(backend.tenant_queue_counts(*tenant).await.unwrap(), expected);
    }
    for job in jobs.iter().step_by(2) {
        let ahead = jobs.iter().filter(|other| {
            other.store_id == job.store_id
                && other.lane == job.lane
                && !other.status.is_final()
                && (other.due_at, other.position) < (job.due_at, job.position)
        });
        assert_eq!(backend.jobs_ahead(job).await.unwrap(), ahead.count() as u64);
    }
}

/// Asserts that the last change of each order and store is the one that `views` knows.
async fn last_changes(backend: &dyn Backend, views: &Views, jobs: &[Job]) {
    let ended = |job: &&Job| job.status.is_final();
    let last = |positions: Vec<u64>| positions.into_iter().max().unwrap_or(0);
    for store in views.stores.keys() {
        let mine = || jobs.iter().filter(|job| job.store_id == *store);
        let expected = last(mine().filter(ended).map(|job| job.last_position).collect());
        assert_eq!(backend.last_change(*store, None).await.unwrap(), expected);
        let orders: HashSet<OrderId> = mine().filter_map(|job| job.order_id.clone()).collect();
        for order in orders {
            let of_order = mine()
                .filter(ended)
                .filter(|job| job.order_id.as_ref() == Some(&order));
            let image = views
                .images
                .get(&(*store, order.clone()))
                .map(|image| image.position);
            let expected = last(of_order.map(|job| job.last_position).chain(image).collect());
            assert_eq!(backend.last_change(*store, Some(&order)).await.unwrap(), expected);
        }
    }
}

async fn stores(backend: &dyn Backend, tenant: TenantId, views: &Views) {
    let mut expected: Vec<Store> = views
        .stores
        .values()
        .filter(|store| store.tenant_id == tenant && store.deleted_at.is_none())
        .cloned()
        .collect();
    expected.sort_by_key(|store| (store.created_at, store.id));
    assert_eq!(backend.stores_of(tenant).await.unwrap(), expected);
    for store in views.stores.values() {
        let living = expected.iter().find(|mine| mine.store_id == store.store_id);
        let found = backend.store_by_upstream(tenant, &store.store_id).await.unwrap();
        assert_eq!(found.as_ref(), living);
    }
}

async fn batches(backend: &dyn Backend, views: &Views) {
    for partition in 0..8 {
        let mut expected: Vec<_> = views
            .batches
            .values()
            .filter(|batch| batch.partition == partition)
            .cloned()
            .collect();
        expected.sort_by_key(|batch| batch.position);
        let mut found = backend.open_batches(partition).await.unwrap();
        found.sort_by_key(|batch| batch.position);
        assert_eq!(found, expected);
    }
    for store in views.stores.keys() {
        for order in ["0", "1", "2", "3", "4", "5", "6", "7", "8"] {
            let order: OrderId = order.parse().unwrap();
            let expected = views.images.get(&(*store, order.clone())).cloned();
            assert_eq!(backend.order_image(*store, &order).await.unwrap(), expected);
        }
    }
}
