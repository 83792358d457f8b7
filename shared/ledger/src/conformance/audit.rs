//! The invariants of the log, and the views that must follow from it.

use std::collections::HashMap;

use crate::rebuild::Views;
use crate::{Backend, Recorded};

/// Reads the whole log, page by page.
pub async fn log(backend: &dyn Backend) -> Vec<Recorded> {
    let mut rows: Vec<Recorded> = Vec::new();
    loop {
        let after = rows.last().map_or(0, |row| row.position);
        let page = backend.events_after(after, 97).await.unwrap();
        if page.is_empty() {
            return rows;
        }
        rows.extend(page);
    }
}

/// Asserts that nothing is missing from the log and that nothing in it runs backwards.
pub fn sound(rows: &[Recorded]) {
    let mut tenants = HashMap::new();
    let mut streams = HashMap::new();
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(row.position, index as u64 + 1, "positions have no gap");
        let seq = tenants.entry(row.tenant_id).or_insert(0);
        *seq += 1;
        assert_eq!(row.tenant_seq, *seq, "numbers of a tenant have no gap");
        let version = streams.entry(row.stream.clone()).or_insert(0);
        *version += 1;
        assert_eq!(row.version, *version, "versions of {} have no gap", row.stream);
        if index > 0 {
            assert!(
                row.recorded_at >= rows[index - 1].recorded_at,
                "time ran backwards at {}",
                row.position
            );
        }
    }
}

/// The views that follow from the log.
pub fn fold(rows: &[Recorded]) -> Views {
    let mut views = Views::default();
    for row in rows {
        views.fold(row).unwrap();
    }
    views
}

/// Asserts that the log is sound and that every row of every view is what the log says; returns the views.
pub async fn whole(backend: &dyn Backend) -> Views {
    let rows = log(backend).await;
    sound(&rows);
    let views = fold(&rows);
    let head = backend.head().await.unwrap();
    assert_eq!(head.position, rows.len() as u64);
    if let Some(last) = rows.last() {
        assert_eq!(head.recorded_at, last.recorded_at);
    }
    for (id, tenant) in &views.tenants {
        assert_eq!(backend.tenant(*id).await.unwrap().as_ref(), Some(tenant));
        let mut keys = backend.keys_of(*id).await.unwrap();
        let mut expected: Vec<_> = views
            .keys
            .values()
            .filter(|key| key.tenant_id == *id)
            .cloned()
            .collect();
        keys.sort_by_key(|key| key.id);
        expected.sort_by_key(|key| key.id);
        assert_eq!(keys, expected);
    }
    for key in views.keys.values() {
        assert_eq!(
            backend.key_by_lookup(&key.lookup).await.unwrap().as_ref(),
            Some(key)
        );
    }
    for (id, store) in &views.stores {
        assert_eq!(backend.store(*id).await.unwrap().as_ref(), Some(store));
    }
    for (id, job) in &views.jobs {
        assert_eq!(backend.job(*id).await.unwrap().as_ref(), Some(job));
    }
    for (id, batch) in &views.batches {
        assert_eq!(backend.open_batch(*id).await.unwrap().as_ref(), Some(batch));
    }
    for ((store, order), image) in &views.images {
        assert_eq!(
            backend.order_image(*store, order).await.unwrap().as_ref(),
            Some(image)
        );
    }
    for (id, endpoint) in &views.endpoints {
        assert_eq!(backend.endpoint(*id).await.unwrap().as_ref(), Some(endpoint));
    }
    nothing_more(backend, &views).await;
    views
}

/// Asserts that the lists show no row that the log does not know.
pub async fn nothing_more(backend: &dyn Backend, views: &Views) {
    let partitions: Vec<u16> = (0..64).collect();
    let mut jobs = backend.jobs_changed(&partitions, 0, 1_000_000).await.unwrap();
    let mut expected: Vec<_> = views.jobs.values().cloned().collect();
    for job in &mut expected {
        job.body = None;
        job.outcome = None;
    }
    expected.sort_by_key(|job| job.last_position);
    jobs.sort_by_key(|job| job.last_position);
    assert_eq!(jobs, expected);
    let stores = backend.stores_changed(&partitions, 0, 1_000_000).await.unwrap();
    assert_eq!(stores.len(), views.stores.len());
    let mut batches = 0;
    for partition in partitions {
        batches += backend.open_batches(partition).await.unwrap().len();
    }
    assert_eq!(batches, views.batches.len());
    for tenant in views.tenants.keys() {
        let all = views.endpoints.values();
        let mut living: Vec<_> = all
            .filter(|endpoint| endpoint.tenant_id == *tenant && endpoint.deleted_at.is_none())
            .cloned()
            .collect();
        living.sort_by_key(|endpoint| endpoint.position);
        assert_eq!(backend.endpoints_of(*tenant).await.unwrap(), living);
    }
}
