//! What is particular to SQLite: the file, its schema, its errors, and what a person finds in it.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::path::PathBuf;
use std::time::Duration;

use ledger::conformance::sample;
use ledger::{Backend, BackendError};
use ledger_sqlite::{SchemaError, SqliteLedger};
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};

struct Folder(tempfile::TempDir);

impl Folder {
    fn path(&self) -> PathBuf {
        self.0.path().join("app.db")
    }

    async fn shell(&self) -> SqliteConnection {
        SqliteConnection::connect(&format!("sqlite://{}", self.path().display()))
            .await
            .unwrap()
    }

    async fn raw(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut self.shell().await)
            .await
            .unwrap();
    }
}

async fn migrated() -> (Folder, SqliteLedger) {
    let folder = Folder(tempfile::tempdir().unwrap());
    let ledger = SqliteLedger::open(folder.path()).await.unwrap();
    ledger.migrate().await.unwrap();
    (folder, ledger)
}

#[tokio::test]
async fn a_schema_that_is_missing_or_another_is_refused() {
    let folder = Folder(tempfile::tempdir().unwrap());
    let ledger = SqliteLedger::open(folder.path()).await.unwrap();
    assert!(matches!(ledger.check_schema().await, Err(SchemaError::Missing)));
    ledger.migrate().await.unwrap();
    ledger.check_schema().await.unwrap();
    ledger.migrate().await.unwrap();

    folder
        .raw("UPDATE _sqlx_migrations SET version = 9999 WHERE version = 1")
        .await;
    for result in [ledger.check_schema().await, ledger.migrate().await] {
        let error = result.unwrap_err();
        assert!(
            matches!(error, SchemaError::Newer { found: 9999, known } if known < 9999),
            "{error}"
        );
        assert!(!error.to_string().contains('\n'));
    }
    folder.raw("UPDATE _sqlx_migrations SET version = -version").await;
    assert!(matches!(
        ledger.check_schema().await,
        Err(SchemaError::Older { found, .. }) if found < 1
    ));
}

#[tokio::test]
async fn a_person_can_read_tenants_and_stores() {
    let (folder, ledger) = migrated().await;
    let place = sample::place(&ledger).await;
    let mut shell = folder.shell().await;
    let row = sqlx::query("SELECT id, created_at FROM tenants")
        .fetch_one(&mut shell)
        .await
        .unwrap();
    assert_eq!(row.get::<String, _>(0), place.tenant.id.to_string());
    assert_eq!(row.get::<String, _>(1), place.tenant.created_at.to_string());
    let row = sqlx::query("SELECT id, store_id, label FROM stores")
        .fetch_one(&mut shell)
        .await
        .unwrap();
    assert_eq!(row.get::<String, _>(0), place.store.id.to_string());
    assert_eq!(row.get::<String, _>(1), "101");
    assert_eq!(row.get::<String, _>(2), "store 101");
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named() {
    let (folder, ledger) = migrated().await;
    let place = sample::place(&ledger).await;
    folder.raw("UPDATE stores SET doc = '{}'").await;
    match ledger.store(place.store.id).await {
        Err(BackendError::Corrupt {
            table: "stores", key, ..
        }) => assert_eq!(key, place.store.id.to_string()),
        other => panic!("{other:?}"),
    }
    folder.raw("DROP TRIGGER events_are_never_updated; UPDATE events SET recorded_at = 'once' WHERE position = 2").await;
    match ledger.events_after(0, 10).await {
        Err(BackendError::Corrupt {
            table: "events", key, ..
        }) => assert_eq!(key, "2"),
        other => panic!("{other:?}"),
    }
    match ledger.rebuild().await {
        Err(BackendError::Corrupt { table: "events", .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn who_holds_the_lock_for_too_long_makes_the_ledger_unavailable() {
    let (folder, ledger) = migrated().await;
    let place = sample::place(&ledger).await;
    let mut shell = folder.shell().await;
    sqlx::raw_sql("BEGIN IMMEDIATE")
        .execute(&mut shell)
        .await
        .unwrap();
    let (append, _) = sample::submit(&place.store, None, sample::at(1));
    match ledger.append_batch(std::slice::from_ref(&append)).await {
        Err(BackendError::Unavailable(_)) => {}
        other => panic!("{other:?}"),
    }
    sqlx::raw_sql("ROLLBACK").execute(&mut shell).await.unwrap();
    sample::land(&ledger, append).await;
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_any_more_leaves_no_lock_behind() {
    let (_folder, ledger) = migrated().await;
    let place = sample::place(&ledger).await;
    for polls in 0..12 {
        let (append, _) = sample::submit(&place.store, None, sample::at(1));
        let batch = [append];
        let mut write = Box::pin(ledger.append_batch(&batch));
        for _ in 0..polls {
            let waker = std::task::Waker::noop();
            let mut context = std::task::Context::from_waker(waker);
            if std::future::Future::poll(write.as_mut(), &mut context).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(write);
        let (append, _) = sample::submit(&place.store, None, sample::at(1));
        sample::land(&ledger, append).await;
    }
    ledger::conformance::audit::whole(&ledger).await;
}

#[tokio::test]
async fn the_long_dead_are_forgotten_unless_they_own_something() {
    let (folder, ledger) = migrated().await;
    ledger.init_partitions(1).await.unwrap();
    let (owner, idle, witness) = (sample::id(), sample::id(), sample::id());
    let minute = Duration::from_mins(1);
    ledger.heartbeat(owner, minute, false).await.unwrap();
    ledger.heartbeat(idle, minute, false).await.unwrap();
    ledger.claim(owner, &[0], false).await.unwrap();
    folder
        .raw("UPDATE workers SET expires_at = expires_at - 11 * 60 * 1000")
        .await;
    let membership = ledger.heartbeat(witness, minute, false).await.unwrap();
    assert_eq!(membership.live, [witness]);
    assert_eq!(
        (membership.partitions[0].owner, membership.partitions[0].live),
        (Some(owner), false)
    );
    let known: Vec<String> = sqlx::query_scalar("SELECT incarnation FROM workers ORDER BY incarnation")
        .fetch_all(&mut folder.shell().await)
        .await
        .unwrap();
    let mut expected = vec![owner.to_string(), witness.to_string()];
    expected.sort_unstable();
    assert_eq!(known, expected);
}

#[tokio::test]
async fn a_closed_ledger_is_unavailable() {
    let (_folder, ledger) = migrated().await;
    ledger.close().await;
    assert!(matches!(ledger.ping().await, Err(BackendError::Unavailable(_))));
    let append = sample::append(sample::at(1));
    assert!(matches!(
        ledger.append_batch(&[append]).await,
        Err(BackendError::Unavailable(_))
    ));
}

#[tokio::test]
async fn every_query_on_a_large_table_uses_an_index() {
    let (folder, _ledger) = migrated().await;
    let mut shell = folder.shell().await;
    for (sql, index) in [
        (
            "SELECT doc FROM jobs WHERE last_position > 1 AND +partition IN (1) ORDER BY last_position LIMIT 9",
            "jobs_changed",
        ),
        (
            "SELECT doc FROM jobs WHERE open = 1 AND partition = 1 AND position > 1 ORDER BY position LIMIT 9",
            "jobs_open",
        ),
        (
            "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE open = 1 AND store_id = 'a' AND lane = 'b' AND (due_at, position) < ('c', 1) ORDER BY due_at, position LIMIT 9)",
            "jobs_waiting",
        ),
        (
            "SELECT doc FROM jobs WHERE tenant_id = 'a' AND position < 9 ORDER BY position DESC LIMIT 9",
            "jobs_of_tenant",
        ),
        (
            "SELECT doc FROM jobs WHERE tenant_id = 'a' AND store_id = 'b' AND order_id = 'c' ORDER BY position DESC LIMIT 9",
            "jobs_of_order",
        ),
        (
            "SELECT data FROM events WHERE tenant_id = 'a' AND position > 1 AND type >= 'job.' AND type < 'job/' ORDER BY position LIMIT 9",
            "events_of_jobs",
        ),
        (
            "SELECT doc FROM stores WHERE tenant_id = 'a' AND store_id = 'b' AND deleted_at IS NULL",
            "stores_living",
        ),
        (
            "SELECT sum(status = 'running') FROM jobs WHERE open = 1 AND store_id = 'a'",
            "jobs_waiting",
        ),
    ] {
        let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")))
            .fetch_all(&mut shell)
            .await
            .unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get(3)).collect();
        let searches = |step: &String| step.starts_with("SEARCH") && step.contains(index);
        assert!(plan.iter().any(searches), "{sql}: {plan:?}");
        assert!(
            !plan
                .iter()
                .any(|step| step.starts_with("SCAN") && step.contains("jobs")),
            "{sql}: {plan:?}"
        );
        assert!(
            !plan.iter().any(|step| step.contains("TEMP B-TREE")),
            "{sql}: {plan:?}"
        );
    }
}
