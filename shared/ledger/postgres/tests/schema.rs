//! Migrations, the shape of the tables, and what they keep.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::batch::{BatchOutcome, OpenBatch, RequestKind};
use domain::event::{BatchClosed, BatchOpened, JobSucceeded, KeyRevoked};
use domain::job::JobResult;
use ledger::conformance::{audit, sample};
use ledger::view::ViewRow;
use ledger::{Append, Backend, BackendError, Expected, NewEvent, Stream};
use ledger_postgres::{MigrateError, SchemaError};
use support::Database;
use testkit::{Postgres, eventually};

const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_may_migrate_at_once() {
    let server = Postgres::shared().await;
    let url = server.database().await;
    let mut processes = Vec::new();
    for _ in 0..4 {
        let ledger = support::connect(&url).await;
        processes.push(tokio::spawn(async move { ledger.migrate().await }));
    }
    for process in processes {
        process.await.unwrap().unwrap();
    }
    let ledger = support::connect(&url).await;
    ledger.migrate().await.unwrap();
    ledger.check_schema().await.unwrap();
    sample::place(&ledger).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_refuses_tables_that_it_does_not_know() {
    let server = Postgres::shared().await;
    let url = server.database().await;
    let ledger = support::connect(&url).await;
    assert!(matches!(ledger.check_schema().await, Err(SchemaError::Missing)));
    assert!(matches!(ledger.head().await, Err(BackendError::Failed(_))));
    ledger.migrate().await.unwrap();
    ledger.check_schema().await.unwrap();
    server
        .sql(
            &url,
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
             values (9999, 'later', true, '', 0)",
        )
        .await;
    assert!(matches!(
        ledger.check_schema().await,
        Err(SchemaError::Newer { found: 9999, .. })
    ));
    assert!(matches!(ledger.migrate().await, Err(MigrateError::Migration(_))));
    server
        .sql(&url, "delete from _sqlx_migrations where version > 1")
        .await;
    assert!(matches!(
        ledger.check_schema().await,
        Err(SchemaError::Older { found: 1, .. })
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_cannot_be_emptied_either() {
    let database = Database::fresh().await;
    let ledger = database.connect().await;
    sample::place(&ledger).await;
    for sql in [
        "truncate events",
        "truncate events cascade",
        "update events set meta = '' where false",
    ] {
        let error = database.server.try_sql(&database.url, sql).await.unwrap_err();
        assert!(error.to_string().contains("insert-only"), "{sql}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_can_read_the_tables() {
    let database = Database::fresh().await;
    let ledger = database.connect().await;
    let place = sample::place(&ledger).await;
    let rows = database
        .server
        .sql(&database.url, "SELECT id, created_at FROM tenants")
        .await;
    assert_eq!(rows[0][0].as_deref(), Some(&*place.tenant.id.to_string()));
    let rows = database
        .server
        .sql(&database.url, "SELECT id, store_id, label FROM stores")
        .await;
    assert_eq!(rows[0][1].as_deref(), Some("101"));
    assert_eq!(rows[0][2].as_deref(), place.store.label.as_deref());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn times_are_kept_to_the_millisecond() {
    let database = Database::fresh().await;
    let ledger = database.connect().await;
    let place = sample::place(&ledger).await;
    let mut batch = Vec::new();
    for millis in [1, 9, 99, 123, 500, 999] {
        batch.push(sample::submit(&place.store, Some("7"), sample::at(millis)).0);
    }
    let results = ledger.append_batch(&batch).await.unwrap();
    for (result, append) in results.iter().zip(&batch) {
        assert_eq!(result.as_ref().unwrap().recorded_at, append.now);
    }
    let sql = "select count(*) from events where recorded_at <> date_trunc('milliseconds', recorded_at)";
    assert_eq!(
        database.server.sql(&database.url, sql).await[0][0].as_deref(),
        Some("0")
    );
    let sql = "select to_char(max(due_at) at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') from jobs";
    let rows = database.server.sql(&database.url, sql).await;
    assert_eq!(rows[0][0].as_deref(), Some(&*sample::at(999).to_string()));
}

/// One of everything: a key that is revoked, a job that is done, a batch that is open and one that is closed, images.
async fn fill(ledger: &dyn Backend) -> sample::Place {
    let place = sample::place(ledger).await;
    let mut append = sample::append(sample::at(1));
    let (tenant, key) = sample::add_key(
        &mut append,
        place.tenant.clone(),
        &format!("of {}", place.tenant.id),
    );
    let revoked = KeyRevoked {
        at: append.now,
        tenant_id: tenant.id,
        key_id: key.id,
    };
    let index = append.event(NewEvent {
        stream: Stream::Tenant(tenant.id),
        expected: Expected::Any,
        tenant_id: tenant.id,
        store_id: None,
        order_id: None,
        job_id: None,
        event: revoked.clone().into(),
        sealed: None,
    });
    let mut tenant = tenant;
    tenant.version += 1;
    append.view(ViewRow::Tenant(Box::new(tenant)), index);
    append.view(ViewRow::Key(Box::new(key.revoked(&revoked))), index);
    sample::land(ledger, append).await;

    for order in ["11", "12", "13"] {
        let (append, job) = sample::submit(&place.store, Some(order), sample::at(2));
        sample::land(ledger, append).await;
        let mut append = sample::append(sample::at(3));
        sample::add_image(&mut append, &place.store, order, "digest");
        let job = ledger.job(job.id).await.unwrap().unwrap();
        let done = JobSucceeded {
            at: sample::at(3),
            job_id: job.id,
            attempts: 1,
            result: JobResult::default(),
        };
        append.job(&job, done, Some(sample::sealed("outcome")));
        let batch = open_batch(&mut append, &place, order);
        if order != "11" {
            let closed = BatchClosed {
                at: sample::at(3),
                batch_id: batch.id,
                outcome: BatchOutcome::Applied,
                recovered: false,
            };
            let index = append.event(NewEvent {
                stream: Stream::Batch(batch.id),
                expected: Expected::Version(1),
                tenant_id: place.tenant.id,
                store_id: Some(place.store.id),
                order_id: None,
                job_id: None,
                event: closed.into(),
                sealed: None,
            });
            append.view(ViewRow::ClosedBatch(batch.id), index);
        }
        sample::land(ledger, append).await;
    }
    place
}

fn open_batch(append: &mut Append, place: &sample::Place, order: &str) -> OpenBatch {
    let event = BatchOpened {
        at: append.now,
        batch_id: sample::id(),
        tenant_id: place.tenant.id,
        store_id: place.store.id,
        partition: place.store.partition,
        order_id: Some(order.parse().unwrap()),
        lane: format!("order:{order}"),
        request: RequestKind::Put,
        jobs: vec![sample::id()],
        etag_before: None,
    };
    let batch = OpenBatch::opened(&event, Some(sample::sealed("plan")));
    let index = append.event(NewEvent {
        stream: Stream::Batch(event.batch_id),
        expected: Expected::Version(0),
        tenant_id: place.tenant.id,
        store_id: Some(place.store.id),
        order_id: event.order_id.clone(),
        job_id: None,
        event: event.into(),
        sealed: Some(sample::sealed("plan")),
    });
    append.view(ViewRow::OpenBatch(Box::new(batch.clone())), index);
    batch
}

const SHAPE: &str = "
    select c.relname, i.relname, pg_get_indexdef(i.oid), con.conname, c.relacl::text
    from pg_class c
    join pg_index x on x.indrelid = c.oid
    join pg_class i on i.oid = x.indexrelid
    left join pg_constraint con on con.conindid = i.oid
    where c.relnamespace = 'public'::regnamespace
    order by 1, 2, 4";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rebuild_heals_damaged_views_and_keeps_the_tables_as_they_were() {
    let database = Database::fresh().await;
    let ledger = database.connect().await;
    fill(&ledger).await;
    let server = database.server;
    server
        .sql(
            &database.url,
            "create role reader_of_rebuild; grant select on jobs to reader_of_rebuild",
        )
        .await;
    let shape = server.sql(&database.url, SHAPE).await;
    let before = audit::whole(&ledger).await;
    let damage = "update jobs set status = 'queued', doc = '{}', body = null; delete from tenants; \
                  update order_images set image = ''; delete from open_batches; delete from tenant_keys; \
                  update stores set last_position = 0, credentials = null";
    server.sql(&database.url, damage).await;
    let folded = ledger.rebuild().await.unwrap();
    assert_eq!(folded, ledger.head().await.unwrap().position);
    assert_eq!(audit::whole(&ledger).await, before);
    assert_eq!(server.sql(&database.url, SHAPE).await, shape);
    let columns = "select status, count(*) from jobs group by 1";
    assert_eq!(
        server.sql(&database.url, columns).await,
        [[Some("succeeded".to_owned()), Some("3".to_owned())]]
    );
    server
        .sql(
            &database.url,
            "revoke all on jobs from reader_of_rebuild; drop role reader_of_rebuild",
        )
        .await;
    fill(&ledger).await;
    audit::whole(&ledger).await;
    ledger.rebuild().await.unwrap();
    audit::whole(&ledger).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rebuild_works_while_others_append_and_read() {
    let database = Database::fresh().await;
    let ledger = Arc::new(database.connect().await);
    let place = fill(&*ledger).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut others = Vec::new();
    for n in 0..2 {
        let (ledger, place, stop) = (Arc::new(database.connect().await), place.clone(), stop.clone());
        others.push(tokio::spawn(async move {
            let mut landed = 0_u32;
            while !stop.load(Ordering::Relaxed) {
                let batch: Vec<_> = (0..5)
                    .map(|_| sample::submit(&place.store, Some("9"), sample::at(n)).0)
                    .collect();
                let appended = ledger.append_batch(&batch).await.unwrap();
                assert!(appended.iter().all(Result::is_ok));
                assert_eq!(
                    ledger.store(place.store.id).await.unwrap().unwrap().id,
                    place.store.id
                );
                landed += 5;
            }
            landed
        }));
    }
    for _ in 0..3 {
        let before = ledger.head().await.unwrap().position;
        eventually("appends go on", DEADLINE, || async {
            ledger.head().await.unwrap().position > before + 50
        })
        .await;
        ledger.rebuild().await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    let mut landed = 0;
    for other in others {
        landed += other.await.unwrap();
    }
    let views = audit::whole(&*ledger).await;
    assert_eq!(views.jobs.len(), landed as usize + 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_rebuilds_one_is_refused_and_nothing_is_left_over() {
    let database = Database::fresh().await;
    let (one, two) = (database.connect().await, database.connect().await);
    fill(&one).await;
    let (first, second) = tokio::join!(one.rebuild(), two.rebuild());
    assert!(first.is_ok() || second.is_ok());
    audit::whole(&one).await;
    let left = database
        .server
        .sql(
            &database.url,
            "select 1 from pg_namespace where nspname = 'ledger_rebuild'",
        )
        .await;
    assert!(left.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_in_a_long_lane_is_found_by_its_index_and_no_further_than_asked() {
    let database = Database::fresh().await;
    let ledger = database.connect().await;
    let place = sample::place(&ledger).await;
    let lane = (0..3_000).map(|_| sample::submit(&place.store, Some("7"), sample::at(1)).0);
    let lane: Vec<Append> = lane.collect();
    assert!(
        ledger
            .append_batch(&lane)
            .await
            .unwrap()
            .iter()
            .all(Result::is_ok)
    );
    let store = place.store.id;
    for prepare in ["select 1", "analyze jobs"] {
        database.server.sql(&database.url, prepare).await;
        let sql = format!(
            "explain (analyze, costs off, timing off) select count(*) from (select from jobs where store_id = '{store}' \
             and lane = 'order:7' and (due_at, position) < ('2100-01-01', 9000) and id <> '{store}' \
             and status in ('queued', 'running', 'retrying') order by due_at, position limit 1000) as counted"
        );
        let plan = database.server.sql(&database.url, &sql).await;
        let plan: Vec<String> = plan.into_iter().flatten().flatten().collect();
        let scan = plan
            .iter()
            .find(|step| step.contains("jobs_store_id_lane_due_at_position_idx"));
        assert!(scan.is_some_and(|step| step.contains("rows=1000")), "{plan:#?}");
    }
}
