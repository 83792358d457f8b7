//! What happens to the ledger when a client stands still, the server goes away, or an owner is deposed meanwhile.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use domain::{IncarnationId, JobId};
use ledger::conformance::{audit, sample};
use ledger::{AppendError, AppenderConfig, Backend, BackendError, Guard, Ledger, Refusal};
use ledger_postgres::{OpenError, PostgresLedger, PostgresOptions};
use sqlx::{Connection, PgConnection, Row};
use support::Database;
use testkit::{Postgres, eventually};

const DEADLINE: Duration = Duration::from_secs(30);
const LEASE: Duration = Duration::from_mins(1);

/// A client of its own that holds the head's lock in an open transaction.
async fn hold_head(url: &str, settings: &str) -> PgConnection {
    let mut holder = PgConnection::connect(url).await.unwrap();
    for sql in [settings, "begin", "select position from ledger_head for update"] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()))
            .execute(&mut holder)
            .await
            .unwrap();
    }
    holder
}

/// Waits until so many statements stand before a lock.
async fn waiting(server: &Postgres, database: &str, count: i64) {
    let name = database.rsplit('/').next().unwrap();
    let sql = format!(
        "select count(*) from pg_stat_activity where datname = '{name}' and wait_event_type = 'Lock'"
    );
    eventually("statements before the lock", DEADLINE, || async {
        let rows = server.sql("postgres", &sql).await;
        rows[0][0].as_deref().unwrap().parse::<i64>().unwrap() >= count
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_that_waits_while_its_owner_is_deposed_is_refused() {
    let database = Database::fresh().await;
    let ledger = database.connect().await;
    let place = sample::place(&ledger).await;
    let (former, next): (IncarnationId, IncarnationId) = (sample::id(), sample::id());
    ledger.init_partitions(8).await.unwrap();
    for worker in [former, next] {
        ledger.heartbeat(worker, LEASE, false).await.unwrap();
    }
    let epoch = ledger.claim(former, &[3], false).await.unwrap()[0].epoch;
    let head = ledger.head().await.unwrap();

    // First in the queue for the head's lock is the take-over, then comes the append of the former owner: its
    // statement began long before the take-over was committed.
    let holder = hold_head(&database.url, "select 1").await;
    let claimer = ledger.clone();
    let claim = tokio::spawn(async move { claimer.claim(next, &[3], true).await });
    waiting(database.server, &database.url, 1).await;
    let (append, job) = sample::submit(&place.store, Some("7"), sample::at(1));
    let append = append.guard(Guard::Owner {
        partition: 3,
        incarnation: former,
        epoch,
    });
    let (free, other) = sample::submit(&place.store, Some("8"), sample::at(1));
    let appender = ledger.clone();
    let late = tokio::spawn(async move { appender.append_batch(&[append, free]).await });
    waiting(database.server, &database.url, 2).await;
    holder.close().await.unwrap();

    assert_eq!(claim.await.unwrap().unwrap()[0].epoch, epoch + 1);
    let results = late.await.unwrap().unwrap();
    assert_eq!(results[0], Err(Refusal::NotOwner { partition: 3 }));
    assert_eq!(
        results[1].as_ref().unwrap().first,
        head.position + 1,
        "the refused one left no gap"
    );
    assert_eq!(ledger.job(job.id).await.unwrap(), None);
    assert!(ledger.job(other.id).await.unwrap().is_some());
    audit::whole(&ledger).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_under_way_is_not_overlooked_by_a_take_over() {
    let database = Database::fresh().await;
    let ledger = database.connect().await;
    let (owner, next): (IncarnationId, IncarnationId) = (sample::id(), sample::id());
    ledger.init_partitions(1).await.unwrap();
    ledger.heartbeat(owner, LEASE, false).await.unwrap();
    ledger.heartbeat(next, LEASE, false).await.unwrap();
    ledger.claim(owner, &[0], false).await.unwrap();
    ledger.heartbeat(owner, Duration::ZERO, false).await.unwrap();

    // The renewal has been made, and is not committed yet.
    let mut renewal = PgConnection::connect(&database.url).await.unwrap();
    sqlx::raw_sql("begin").execute(&mut renewal).await.unwrap();
    sqlx::query("select heartbeat($1, 60000, false)")
        .bind(owner.0)
        .execute(&mut renewal)
        .await
        .unwrap();
    let claimer = ledger.clone();
    let claim = tokio::spawn(async move { claimer.claim(next, &[0], false).await });
    waiting(database.server, &database.url, 1).await;
    sqlx::raw_sql("commit").execute(&mut renewal).await.unwrap();

    assert!(
        claim.await.unwrap().unwrap().is_empty(),
        "the owner was told that it still owns the partition"
    );
    let seen = ledger.heartbeat(next, LEASE, false).await.unwrap();
    assert_eq!(
        (seen.partitions[0].owner, seen.partitions[0].live),
        (Some(owner), true)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_stands_still_with_the_lock_cannot_freeze_the_others() {
    let database = Database::fresh().await;
    let ledger = support::connect_impatient(&database.url).await;
    let place = sample::place(&ledger).await;
    // With the limit that every connection of ours starts with.
    let _frozen = hold_head(
        &database.url,
        "set idle_in_transaction_session_timeout = '1500ms'",
    )
    .await;
    let started = Instant::now();
    let (append, _) = sample::submit(&place.store, Some("7"), sample::at(1));
    let error = ledger
        .append_batch(std::slice::from_ref(&append))
        .await
        .unwrap_err();
    assert!(matches!(error, BackendError::Unavailable(_)), "{error:?}");
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "the wait for the lock has a limit"
    );
    assert_eq!(
        ledger.head().await.unwrap().position,
        3,
        "readers are not held up"
    );
    eventually(
        "the frozen client lost its lock",
        Duration::from_secs(10),
        || async { ledger.append_batch(std::slice::from_ref(&append)).await },
    )
    .await[0]
        .as_ref()
        .unwrap();
    audit::whole(&ledger).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_connection_starts_with_its_limits_and_commits_durably() {
    let database = Database::fresh().await;
    let mut admin = PgConnection::connect(&database.url).await.unwrap();
    // A trigger sees the settings of the session that writes. The database's own defaults are bad ones.
    sqlx::raw_sql(
        "create table seen (at_table text, lock_timeout text, statement_timeout text, idle text, isolation text,
             durable text);
         create function see() returns trigger language plpgsql as $$ begin
             insert into seen values (tg_table_name, current_setting('lock_timeout'),
                 current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout'),
                 current_setting('transaction_isolation'), current_setting('synchronous_commit'));
             return new;
         end $$;
         create trigger see before insert on settings for each row execute function see();
         create trigger see before insert on tenants for each row execute function see();
         do $$ begin
             execute format('alter database %I set synchronous_commit = off', current_database());
             execute format('alter database %I set default_transaction_isolation = serializable', current_database());
         end $$;",
    )
    .execute(&mut admin)
    .await
    .unwrap();
    let ledger = support::connect_impatient(&database.url).await;
    ledger.init_setting("any", b"1").await.unwrap();
    sample::place(&ledger).await;
    let sql = "select lock_timeout, statement_timeout, idle, isolation from seen where at_table = 'settings'";
    let row = sqlx::query(sql).fetch_one(&mut admin).await.unwrap();
    let seen: Vec<String> = (0..4).map(|column| row.get(column)).collect();
    assert_eq!(seen, ["700ms", "15s", "1500ms", "read committed"]);
    let sql = "select durable from seen where at_table = 'tenants'";
    assert_eq!(
        sqlx::query(sql)
            .fetch_one(&mut admin)
            .await
            .unwrap()
            .get::<String, _>(0),
        "on"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_is_refused() {
    let database = Database::fresh().await;
    // The server says so of itself, as the search path finds this function first.
    let standby = "create function public.pg_is_in_recovery() returns boolean language sql as 'select true'";
    database.server.sql(&database.url, standby).await;
    let url = format!("{}?options[search_path]=public,pg_catalog", database.url);
    let error = PostgresLedger::connect(&url, PostgresOptions::default())
        .await
        .unwrap_err();
    assert!(matches!(error, OpenError::Standby), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_server_loses_no_acknowledged_append_and_leaves_no_gap() {
    let server = Postgres::start_new().await;
    let url = support::fresh_url(&server).await;
    let backend = Arc::new(support::connect(&url).await);
    let place = sample::place(&*backend).await;
    let ledger = Ledger::start(backend.clone(), AppenderConfig::default());

    let stop = Arc::new(AtomicBool::new(false));
    let count = Arc::new(AtomicU64::new(0));
    let mut writers = Vec::new();
    for n in 0..8 {
        let (ledger, place, stop, count) = (ledger.clone(), place.clone(), stop.clone(), count.clone());
        writers.push(tokio::spawn(async move {
            let mut acknowledged: Vec<(JobId, u64)> = Vec::new();
            let mut failures = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                let (append, job) = sample::submit(&place.store, Some("7"), sample::at(n));
                match ledger.append(append).await {
                    Ok(appended) => {
                        acknowledged.push((job.id, appended.first));
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(AppendError::Unavailable(_)) => {
                        failures += 1;
                        tokio::task::yield_now().await;
                    }
                    Err(error) => panic!("{error:?}"),
                }
            }
            (acknowledged, failures)
        }));
    }
    for round in 0..3 {
        let before = count.load(Ordering::Relaxed);
        eventually("appends go on", DEADLINE, || async {
            count.load(Ordering::Relaxed) > before + 50
        })
        .await;
        if round == 1 {
            server.kill9().await;
        } else {
            server.stop().await;
        }
        let outage = backend.head().await.unwrap_err();
        assert!(matches!(outage, BackendError::Unavailable(_)), "{outage:?}");
        server.start().await;
    }
    let before = count.load(Ordering::Relaxed);
    eventually("appends go on", DEADLINE, || async {
        count.load(Ordering::Relaxed) > before + 50
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    let (mut acknowledged, mut failures) = (Vec::new(), 0);
    for writer in writers {
        let (theirs, failed) = writer.await.unwrap();
        acknowledged.extend(theirs);
        failures += failed;
    }
    assert!(failures > 0, "the outages were felt");

    let rows = audit::log(&*backend).await;
    audit::sound(&rows);
    for (job, position) in &acknowledged {
        assert_eq!(
            rows[*position as usize - 1].job_id,
            Some(*job),
            "what was acknowledged is there"
        );
    }
    let distinct: HashSet<_> = rows.iter().filter_map(|row| row.job_id).collect();
    assert_eq!(distinct.len(), rows.len() - 3, "nothing is there twice");
    audit::whole(&*backend).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_do_not_notice_that_all_idle_connections_have_died() {
    let server = Postgres::start_new().await;
    let url = support::fresh_url(&server).await;
    let ledger = support::connect(&url).await;
    let place = sample::place(&ledger).await;
    for _ in 0..5 {
        // Fill the readers' pool, so that there is more than one dead connection.
        let all = (0..3).map(|_| ledger.store(place.store.id));
        futures::future::try_join_all(all).await.unwrap();
        server.restart().await;
        assert_eq!(
            ledger.store(place.store.id).await.unwrap().unwrap().id,
            place.store.id
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unforeseen_error_is_no_outage_and_spares_the_batch_mates() {
    let database = Database::fresh().await;
    let backend = Arc::new(database.connect().await);
    let place = sample::place(&*backend).await;
    let (mut poison, _) = sample::submit(&place.store, Some("7"), sample::at(1));
    // A data key that exists: a rule that no guard knows.
    poison.data_keys.push(sample::data_key(
        place.tenant.id,
        &place.store,
        None,
        sample::at(1),
    ));
    poison.data_keys[0].id = place.credentials;
    let (good, job) = sample::submit(&place.store, Some("8"), sample::at(1));
    let error = backend
        .append_batch(&[good.clone(), poison.clone()])
        .await
        .unwrap_err();
    assert!(matches!(error, BackendError::Failed(_)), "{error:?}");
    let text = format!("{error:?}");
    assert!(
        text.contains("data_keys_pkey") && !text.contains(&place.credentials.to_string()),
        "{text}"
    );
    assert_eq!(backend.head().await.unwrap().position, 3);

    let ledger = Ledger::start(backend.clone(), AppenderConfig::default());
    let (first, second) = tokio::join!(ledger.append(good), ledger.append(poison));
    assert!(first.is_ok());
    assert!(matches!(second, Err(AppendError::Failed(_))), "{second:?}");
    assert!(backend.job(job.id).await.unwrap().is_some());
    audit::whole(&*backend).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_row_is_named() {
    let database = Database::fresh().await;
    let ledger = database.connect().await;
    let place = sample::place(&ledger).await;
    database
        .server
        .sql(&database.url, "update stores set doc = '{}'")
        .await;
    let error = ledger.store(place.store.id).await.unwrap_err();
    let named = matches!(&error, BackendError::Corrupt { table: "stores", key, .. } if *key == place.store.id.to_string());
    assert!(named, "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_there_is_told_in_time_and_without_the_password() {
    let url = format!("postgres://gateway:hush@127.0.0.1:{}/x", testkit::free_port());
    let options = PostgresOptions {
        connect_timeout: Duration::from_secs(1),
        ..PostgresOptions::default()
    };
    let started = Instant::now();
    let error = PostgresLedger::connect(&url, options.clone()).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(4));
    assert!(matches!(error, OpenError::Unavailable(_)), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("hush"));
    let error = PostgresLedger::connect("redis://:hush@127.0.0.1/", options)
        .await
        .unwrap_err();
    assert!(matches!(error, OpenError::Url(_)), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("hush"));
}
