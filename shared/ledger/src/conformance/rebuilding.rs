//! Views can be thrown away: the log says it all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::walk::Walk;
use super::{Fixture, audit, sample, views};

const DEADLINE: Duration = Duration::from_mins(1);

pub async fn rebuilt_views_are_the_same(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let mut walk = Walk::start(Arc::clone(&backend), 11).await;
    walk.steps(150).await;
    let before = audit::whole(&*backend).await;
    let head = backend.head().await.unwrap();
    for _ in 0..2 {
        assert_eq!(backend.rebuild().await.unwrap(), head.position);
        assert_eq!(audit::whole(&*backend).await, before);
        assert_eq!(backend.head().await.unwrap(), head);
    }
    views::every_query(&*backend, &before).await;
    walk.steps(50).await;
    let after = audit::whole(&*fixture.open().await).await;
    views::every_query(&*backend, &after).await;
}

pub async fn damaged_views_are_mended(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let mut walk = Walk::start(Arc::clone(&backend), 12).await;
    walk.steps(100).await;
    let before = audit::whole(&*backend).await;
    for sql in [
        "DELETE FROM jobs WHERE last_position > 10",
        "UPDATE jobs SET last_position = last_position + 1000000",
        "DELETE FROM order_images",
        "DELETE FROM open_batches",
        "DELETE FROM tenant_keys",
        "UPDATE stores SET label = 'wrong', credentials = NULL",
        "DELETE FROM tenants",
        "DELETE FROM webhook_endpoints",
    ] {
        fixture.raw(sql).await.unwrap();
    }
    backend.rebuild().await.unwrap();
    assert_eq!(audit::whole(&*backend).await, before);
    views::every_query(&*backend, &before).await;
}

pub async fn a_log_of_several_pages_is_rebuilt_whole(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    // The adapters read 2,000 events at a time: two pages, and a part of a third one.
    for _ in 0..41 {
        let submit = |order: u32| sample::submit(&place.store, Some(&order.to_string()), sample::at(1)).0;
        let appends: Vec<_> = (1..=100).map(submit).collect();
        let results = backend.append_batch(&appends).await.unwrap();
        assert!(results.iter().all(Result::is_ok));
    }
    let views = audit::fold(&audit::log(&*backend).await);
    assert_eq!(views.jobs.len(), 4_100);
    fixture.raw("DELETE FROM jobs").await.unwrap();
    let head = backend.head().await.unwrap();
    assert_eq!(backend.rebuild().await.unwrap(), head.position);
    audit::nothing_more(&*backend, &views).await;
}

pub async fn rebuilding_spares_what_is_no_view(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let (mut append, job) = sample::submit(&place.store, Some("1"), sample::at(1));
    append.idempotency.push(crate::IdempotencyRecord {
        tenant_id: place.tenant.id,
        key: "key".to_owned(),
        fingerprint: [3; 32],
        answer: crate::IdempotencyAnswer::Job(job.id),
        expires_at: sample::at(1_000),
    });
    sample::land(&*backend, append).await;
    backend.init_setting("partitions", b"4").await.unwrap();
    backend.init_partitions(4).await.unwrap();
    let worker = sample::id();
    let beat = Duration::from_mins(1);
    backend.heartbeat(worker, beat, false).await.unwrap();
    backend.claim(worker, &[3], false).await.unwrap();
    backend.rebuild().await.unwrap();
    assert!(backend.data_key(place.credentials).await.unwrap().is_some());
    assert!(
        backend
            .idempotency(place.tenant.id, "key", sample::at(2))
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(
        backend.setting("partitions").await.unwrap().as_deref(),
        Some(b"4".as_slice())
    );
    let membership = backend.heartbeat(worker, beat, false).await.unwrap();
    assert_eq!(
        (membership.partitions[3].owner, membership.partitions[3].epoch),
        (Some(worker), 1)
    );
}

pub async fn rebuilding_while_others_append_loses_nothing(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let mut walk = Walk::start(Arc::clone(&backend), 13).await;
    walk.steps(60).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for seed in 0..2 {
        let (handle, stop) = (fixture.open().await, Arc::clone(&stop));
        let steps = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&steps);
        let writer = tokio::spawn(async move {
            let mut walk = Walk::start(handle, 100 + seed).await;
            while !stop.load(Ordering::SeqCst) {
                walk.steps(1).await;
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        writers.push((writer, steps));
    }
    let started = Instant::now();
    let mut rebuilt = 0;
    // Until both have written while views were being rebuilt.
    while rebuilt < 3 || writers.iter().any(|(_, steps)| steps.load(Ordering::SeqCst) < 20) {
        let before = backend.head().await.unwrap().position;
        assert!(backend.rebuild().await.unwrap() >= before);
        rebuilt += 1;
        assert!(started.elapsed() < DEADLINE, "the writers do not get their turn");
    }
    stop.store(true, Ordering::SeqCst);
    for (writer, _) in writers {
        writer.await.unwrap();
    }
    let views = audit::whole(&*backend).await;
    views::every_query(&*backend, &views).await;
}
