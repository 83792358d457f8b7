//! What a tenant is shown of its jobs, page by page and event by event.

use std::cmp::Reverse;
use std::time::Duration;

use domain::job::{Job, JobStatus};
use domain::order::CommandKind;
use domain::{OrderId, TenantId, Timestamp};

use super::first;
use crate::conformance::{audit, sample};
use crate::{Backend, JobFilter, Recorded};

/// Pages of jobs, by every filter.
pub(super) async fn pages(backend: &dyn Backend, tenant: TenantId, jobs: &[Job]) {
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
        expected.sort_by_key(|job| Reverse(job.position));
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

/// What happened to the jobs of one tenant, for those who follow them.
pub(super) async fn job_events(backend: &dyn Backend, tenant: TenantId) {
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
