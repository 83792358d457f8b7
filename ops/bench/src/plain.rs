//! The same rows by plain SQL: events and jobs in multi-row inserts, nothing tested, heads moved once.

use std::time::{Duration, Instant};

use domain::job::Job;
use ledger::view::ViewRow;
use ledger::{Append, Backend};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, Postgres, QueryBuilder, Sqlite, SqliteConnection,
};

use crate::Outcome;
use crate::raw::Templates;
use crate::stack::Database;

const EVENTS: &str = "insert into events (position, tenant_seq, stream, version, type, tenant_id, store_id, order_id, \
    job_id, data, sealed, meta, recorded_at) ";

/// A connection of our own.
enum On {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// One submission and where it stands.
struct Row {
    append: Append,
    position: i64,
    seq: i64,
}

impl Row {
    fn job(&self) -> Option<&Job> {
        self.append.views.iter().find_map(|view| match &view.row {
            ViewRow::Job(job) => Some(&**job),
            _ => None,
        })
    }
}

/// Submissions per second with this many in each transaction. Leaves the ledger unusable for the gateway: the
/// views and heads are not all moved.
pub(crate) async fn rate(
    database: &Database,
    backend: &dyn Backend,
    templates: &mut Templates,
    batch: usize,
    window: Duration,
) -> Outcome<f64> {
    let mut on = match database {
        Database::Sqlite(path) => {
            let options = SqliteConnectOptions::new()
                .filename(path)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .pragma("wal_autocheckpoint", "2000")
                .disable_statement_logging();
            On::Sqlite(options.connect().await?)
        }
        Database::Postgres(url) => On::Postgres(PgConnection::connect(url).await?),
    };
    let mut head = backend.head().await?.position as i64;
    // Far above the tenant's own numbers, so that they need not be read.
    let mut seq = 1_000_000_000;
    let (mut spent, mut written, mut warm) = (Duration::ZERO, 0_usize, false);
    while spent < window {
        let rows: Vec<Row> = (0..batch)
            .map(|_| {
                head += 1;
                seq += 1;
                Row {
                    append: templates.append(false),
                    position: head,
                    seq,
                }
            })
            .collect();
        let begun = Instant::now();
        match &mut on {
            On::Sqlite(connection) => sqlite(connection, &rows, head).await?,
            On::Postgres(connection) => postgres(connection, &rows, head).await?,
        }
        if warm {
            spent += begun.elapsed();
            written += batch;
        }
        warm = true;
    }
    Ok(written as f64 / spent.as_secs_f64())
}

async fn sqlite(connection: &mut SqliteConnection, rows: &[Row], head: i64) -> Outcome<()> {
    let mut transaction = connection.begin().await?;
    let mut events = QueryBuilder::<Sqlite>::new(EVENTS);
    events.push_values(rows, |mut to, row| {
        let new = &row.append.events[0];
        to.push_bind(row.position)
            .push_bind(row.seq)
            .push_bind(new.stream.to_string())
            .push_bind(1)
            .push_bind(new.event.type_name())
            .push_bind(new.tenant_id.to_string())
            .push_bind(new.store_id.map(|id| id.to_string()))
            .push_bind(new.order_id.as_ref().map(ToString::to_string))
            .push_bind(new.job_id.map(|id| id.to_string()))
            .push_bind(new.event.to_data())
            .push_bind(new.sealed.as_ref().map(|sealed| sealed.as_bytes().to_vec()))
            .push_bind(serde_json::to_string(&row.append.meta).unwrap_or_default())
            .push_bind(row.append.now.to_string());
    });
    events.build().execute(&mut *transaction).await?;
    let mut jobs = QueryBuilder::<Sqlite>::new(
        "insert into jobs (position, id, tenant_id, store_id, partition, order_id, lane, kind, status, open, \
         submitted_at, due_at, last_position, doc, body) ",
    );
    jobs.push_values(
        rows.iter().filter_map(|row| Some((row, row.job()?))),
        |mut to, (row, job)| {
            to.push_bind(row.position)
                .push_bind(job.id.to_string())
                .push_bind(job.tenant_id.to_string())
                .push_bind(job.store_id.to_string())
                .push_bind(i64::from(job.partition))
                .push_bind(job.order_id.as_ref().map(ToString::to_string))
                .push_bind(job.lane.clone())
                .push_bind(job.kind.as_str())
                .push_bind(job.status.as_str())
                .push_bind(1)
                .push_bind(job.submitted_at.to_string())
                .push_bind(job.due_at.to_string())
                .push_bind(row.position)
                .push_bind(serde_json::to_string(job).unwrap_or_default())
                .push_bind(job.body.as_ref().map(|sealed| sealed.as_bytes().to_vec()));
        },
    );
    jobs.build().execute(&mut *transaction).await?;
    sqlx::query("update ledger_head set position = ?")
        .bind(head)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

async fn postgres(connection: &mut PgConnection, rows: &[Row], head: i64) -> Outcome<()> {
    let mut transaction = connection.begin().await?;
    let mut events = QueryBuilder::<Postgres>::new(EVENTS);
    events.push_values(rows, |mut to, row| {
        let new = &row.append.events[0];
        to.push_bind(row.position)
            .push_bind(row.seq)
            .push_bind(new.stream.to_string())
            .push_bind(1_i64)
            .push_bind(new.event.type_name())
            .push_bind(new.tenant_id.0)
            .push_bind(new.store_id.map(|id| id.0))
            .push_bind(new.order_id.as_ref().map(ToString::to_string))
            .push_bind(new.job_id.map(|id| id.0))
            .push_bind(new.event.to_data())
            .push_bind(new.sealed.as_ref().map(|sealed| sealed.as_bytes().to_vec()))
            .push_bind(serde_json::to_string(&row.append.meta).unwrap_or_default())
            .push_bind(row.append.now.to_string())
            .push_unseparated("::timestamptz");
    });
    events.build().execute(&mut *transaction).await?;
    let mut jobs = QueryBuilder::<Postgres>::new(
        "insert into jobs (position, id, tenant_id, store_id, partition, order_id, lane, kind, status, \
         submitted_at, due_at, last_position, doc, body) ",
    );
    jobs.push_values(
        rows.iter().filter_map(|row| Some((row, row.job()?))),
        |mut to, (row, job)| {
            to.push_bind(row.position)
                .push_bind(job.id.0)
                .push_bind(job.tenant_id.0)
                .push_bind(job.store_id.0)
                .push_bind(i32::from(job.partition))
                .push_bind(job.order_id.as_ref().map(ToString::to_string))
                .push_bind(job.lane.clone())
                .push_bind(job.kind.as_str())
                .push_bind(job.status.as_str())
                .push_bind(job.submitted_at.to_string())
                .push_unseparated("::timestamptz")
                .push_bind(job.due_at.to_string())
                .push_unseparated("::timestamptz")
                .push_bind(row.position)
                .push_bind(serde_json::to_string(job).unwrap_or_default())
                .push_bind(job.body.as_ref().map(|sealed| sealed.as_bytes().to_vec()));
        },
    );
    jobs.build().execute(&mut *transaction).await?;
    sqlx::query("update ledger_head set position = $1")
        .bind(head)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}
