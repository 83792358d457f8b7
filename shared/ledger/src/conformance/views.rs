//! Every query against the fold.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use domain::job::{Job, JobStatus};
use domain::order::CommandKind;
use domain::store::Store;
use domain::{OrderId, TenantId, Timestamp};

use super::walk::Walk;
use super::{Fixture, audit, sample};
use crate::Recorded;
use crate::rebuild::Views;
use crate::{Backend, JobFilter, MOST_AHEAD, QueueCounts};

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
        pages(backend, *tenant, &jobs).await;
        job_events(backend, *tenant).await;
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

async fn pages(backend: &dyn Backend, tenant: TenantId, jobs: &[Job]) {
    let mine: Vec<Job> = jobs
        .iter()
        .filter(|job| job.tenant_id == tenant)
        .map(|job| Job {
            body: None,
            ..job.clone()
        })
        .collect();
    let Some(some) = mine.get(mine.len() / 2) else {
        return;
    };
    let all = JobFilter {
        tenant_id: tenant,
        store_id: None,
        order_id: None,
        status: Vec::new(),
        kind: None,
        from: None,
        to: None,
        before: None,
        limit: 1_000,
    };
    let one: OrderId = "1".parse().unwrap();
    let filters = [
        all.clone(),
        JobFilter {
            limit: 4,
            ..all.clone()
        },
        JobFilter {
            store_id: Some(some.store_id),
            ..all.clone()
        },
        JobFilter {
            store_id: Some(sample::id()),
            ..all.clone()
        },
        JobFilter {
            order_id: Some(one.clone()),
            ..all.clone()
        },
        JobFilter {
            store_id: Some(some.store_id),
            order_id: Some(one),
            ..all.clone()
        },
        JobFilter {
            status: vec![JobStatus::Queued],
            ..all.clone()
        },
        JobFilter {
            status: vec![JobStatus::Failed, JobStatus::Running],
            ..all.clone()
        },
        JobFilter {
            kind: Some(CommandKind::OrderDelete),
            ..all.clone()
        },
        JobFilter {
            from: Some(some.submitted_at),
            ..all.clone()
        },
        JobFilter {
            to: Some(some.submitted_at),
            ..all.clone()
        },
        JobFilter {
            before: Some(some.position),
            ..all.clone()
        },
        JobFilter {
            from: Some(some.submitted_at.minus(Duration::from_millis(300))),
            to: Some(some.submitted_at.plus(Duration::from_millis(300))),
            status: vec![JobStatus::Succeeded, JobStatus::Queued],
            kind: Some(CommandKind::OrderAddNote),
            before: Some(some.position + 20),
            limit: 5,
            ..all.clone()
        },
    ];
    for filter in filters {
        let mut expected: Vec<Job> = mine.iter().filter(|job| shows(&filter, job)).cloned().collect();
        expected.sort_by_key(|job| std::cmp::Reverse(job.position));
        let found = backend.jobs_page(&filter).await.unwrap();
        assert_eq!(found, first(expected, filter.limit as usize), "{filter:?}");
    }

    let mut walked = Vec::new();
    let mut cursor = JobFilter { limit: 7, ..all };
    loop {
        let page = backend.jobs_page(&cursor).await.unwrap();
        let Some(last) = page.last() else { break };
        cursor.before = Some(last.position);
        walked.extend(page);
    }
    walked.reverse();
    assert_eq!(walked, mine, "pages show each job once");
}

fn shows(filter: &JobFilter, job: &Job) -> bool {
    filter.store_id.is_none_or(|store| job.store_id == store)
        && filter
            .order_id
            .as_ref()
            .is_none_or(|order| job.order_id.as_ref() == Some(order))
        && (filter.status.is_empty() || filter.status.contains(&job.status))
        && filter.kind.is_none_or(|kind| job.kind == kind)
        && filter.from.is_none_or(|from: Timestamp| job.submitted_at >= from)
        && filter.to.is_none_or(|to| job.submitted_at < to)
        && filter.before.is_none_or(|before| job.position < before)
}

async fn job_events(backend: &dyn Backend, tenant: TenantId) {
    let rows = audit::log(backend).await;
    let mine: Vec<_> = rows
        .into_iter()
        .filter(|row| row.tenant_id == tenant && row.type_name.starts_with("job."))
        .map(|row| {
            let submitted = row.type_name.starts_with("job.submitted.");
            let sealed = row.sealed.filter(|_| !submitted);
            Recorded { sealed, ..row }
        })
        .collect();
    let Some(middle) = mine.get(mine.len() / 2) else {
        return;
    };
    assert_eq!(
        backend.job_events_after(tenant, None, 0, 100_000).await.unwrap(),
        mine
    );
    let after = middle.position;
    let rest: Vec<_> = mine
        .iter()
        .filter(|row| row.position > after)
        .take(3)
        .cloned()
        .collect();
    assert_eq!(
        backend.job_events_after(tenant, None, after, 3).await.unwrap(),
        rest
    );
    let job = middle.job_id.unwrap();
    let of_job: Vec<_> = mine
        .iter()
        .filter(|row| row.job_id == Some(job))
        .cloned()
        .collect();
    assert_eq!(
        backend.job_events_after(tenant, Some(job), 0, 100).await.unwrap(),
        of_job
    );
    let rest: Vec<_> = of_job
        .iter()
        .filter(|row| row.position > after)
        .cloned()
        .collect();
    assert_eq!(
        backend
            .job_events_after(tenant, Some(job), after, 100)
            .await
            .unwrap(),
        rest
    );
    assert!(
        backend
            .job_events_after(sample::id(), Some(job), 0, 100)
            .await
            .unwrap()
            .is_empty(),
        "not a stranger's"
    );
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
