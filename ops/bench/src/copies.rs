//! Ledgers of millions of events: copies of what a gateway wrote, in the form in which it wrote them, by SQL.

use std::collections::BTreeSet;

use ledger::Recorded;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, SqliteConnection};

use crate::Outcome;
use crate::raw;
use crate::stack::Database;

/// Stands where the number of the copy goes: so many hexadecimal digits.
const MARK: &str = "~~~~~~~~";
/// Events that are written in one transaction.
const CHUNK: i64 = 100_000;

/// What the copies have in common with what they are copies of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Copies are of the same jobs, in streams of their own: whatever is sealed beside them can be opened.
    Alike,
    /// Copies are of jobs of their own: as many rows of the views as if they had all been submitted.
    Fresh,
}

/// A connection of our own.
enum On {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// A ledger that nobody else uses meanwhile, and what is multiplied there.
pub(crate) struct Copies {
    on: On,
    /// Where the copies begin, and the tenant's number and the time there.
    first: i64,
    seq: i64,
    time: i64,
    /// Events of one copy.
    period: i64,
    made: i64,
}

const TEMPLATE: &str = "CREATE TEMP TABLE template (n bigint, stream text, version bigint, type text, \
    tenant_id text, store_id text, order_id text, job_id text, data text, sealed ";

const FILL: &str = "INSERT INTO template VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

/// Numbers from `$1` to `$2`; behind `$3` positions, `$4` of the tenant, `$6` milliseconds; `$5` of them are a copy.
const SQLITE: &str = "WITH RECURSIVE i (i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM i WHERE i < ?2) \
    INSERT INTO events (position, tenant_seq, stream, version, type, tenant_id, store_id, order_id, job_id, data, \
    sealed, meta, recorded_at) \
    SELECT ?3 + i, ?4 + i, replace(stream, '~~~~~~~~', printf('%08x', i / ?5)), version, type, tenant_id, store_id, \
    order_id, replace(job_id, '~~~~~~~~', printf('%08x', i / ?5)), \
    replace(data, '~~~~~~~~', printf('%08x', i / ?5)), sealed, meta, \
    strftime('%Y-%m-%dT%H:%M:%fZ', (?6 + i) / 1000.0, 'unixepoch') \
    FROM i CROSS JOIN template ON n = i % ?5";

const POSTGRES: &str = "insert into events (position, tenant_seq, stream, version, type, tenant_id, store_id, order_id, \
    job_id, data, sealed, meta, recorded_at) \
    select $3 + i, $4 + i, replace(stream, '~~~~~~~~', lpad(to_hex(i / $5), 8, '0')), version, type, \
    tenant_id::uuid, store_id::uuid, order_id, \
    replace(job_id, '~~~~~~~~', lpad(to_hex(i / $5), 8, '0'))::uuid, \
    replace(data, '~~~~~~~~', lpad(to_hex(i / $5), 8, '0')), sealed, meta, \
    'epoch'::timestamptz + ($6 + i) * interval '1 millisecond' \
    from generate_series($1::bigint, $2::bigint) i join template on n = i % $5 order by i";

impl Copies {
    /// Prepares to multiply the events of jobs, batches and orders that are there. One tenant has them all.
    pub(crate) async fn of(database: &Database, kind: Kind) -> Outcome<Self> {
        let backend = raw::open(database).await?;
        let head = backend.head().await?;
        let rows = backend.events_after(0, head.position as u32).await?;
        let seq = rows.last().map_or(0, |row| row.tenant_seq);
        let template = template(rows, kind);
        let mut copies = Self {
            on: connect(database).await?,
            first: head.position as i64,
            seq: seq as i64,
            time: head.recorded_at.as_millis(),
            period: template.len() as i64,
            made: 0,
        };
        copies.fill(&template).await?;
        Ok(copies)
    }

    /// How many events there are.
    pub(crate) fn events(&self) -> u64 {
        (self.first + self.made) as u64
    }

    /// Multiplies until there are so many events.
    pub(crate) async fn until(&mut self, events: u64) -> Outcome<()> {
        let wanted = events as i64 - self.first;
        while self.made < wanted {
            let until = (self.made + CHUNK).min(wanted);
            self.insert(until).await?;
            self.made = until;
        }
        for sql in [
            "UPDATE ledger_head SET (position, recorded_at) = \
             (SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1)",
            "UPDATE tenant_heads SET seq = (SELECT tenant_seq FROM events ORDER BY position DESC LIMIT 1)",
            // As if webhooks had been told of all this.
            "UPDATE webhook_fan_out SET position = (SELECT max(position) FROM events)",
        ] {
            self.run(sql).await?;
        }
        Ok(())
    }

    /// Leaves the ledger as one that has run for a while: its log folded into the file, its statistics up to date.
    pub(crate) async fn settle(&mut self) -> Outcome<()> {
        match self.on {
            On::Sqlite(_) => self.run("PRAGMA wal_checkpoint(TRUNCATE)").await,
            On::Postgres(_) => self.run("VACUUM (ANALYZE) events").await,
        }
    }

    async fn fill(&mut self, template: &[Recorded]) -> Outcome<()> {
        let bytes = if matches!(self.on, On::Sqlite(_)) {
            "BLOB"
        } else {
            "BYTEA"
        };
        let table = format!("{TEMPLATE}{bytes}, meta text, PRIMARY KEY (n))");
        match &mut self.on {
            On::Sqlite(on) => sqlx::query(sqlx::AssertSqlSafe(table))
                .execute(on)
                .await
                .map(drop)?,
            On::Postgres(on) => sqlx::query(sqlx::AssertSqlSafe(table))
                .execute(on)
                .await
                .map(drop)?,
        }
        macro_rules! fill {
            ($on:expr, $n:expr, $row:expr) => {
                sqlx::query(FILL)
                    .bind($n as i64)
                    .bind(&$row.stream)
                    .bind($row.version as i64)
                    .bind(&$row.type_name)
                    .bind($row.tenant_id.to_string())
                    .bind($row.store_id.map(|id| id.to_string()))
                    .bind($row.order_id.as_ref().map(ToString::to_string))
                    .bind($row.job_id.map(|id| marked(&id.to_string(), &$row.data)))
                    .bind(&$row.data)
                    .bind(
                        $row.sealed
                            .as_ref()
                            .map(|sealed| sealed.as_bytes().to_vec()),
                    )
                    .bind(&$row.meta)
                    .execute($on)
                    .await
                    .map(drop)?
            };
        }
        for (n, row) in template.iter().enumerate() {
            match &mut self.on {
                On::Sqlite(on) => fill!(on, n, row),
                On::Postgres(on) => fill!(on, n, row),
            }
        }
        Ok(())
    }

    async fn insert(&mut self, until: i64) -> Outcome<()> {
        macro_rules! insert {
            ($on:expr, $sql:expr) => {
                sqlx::query($sql)
                    .bind(self.made)
                    .bind(until - 1)
                    .bind(self.first + 1)
                    .bind(self.seq + 1)
                    .bind(self.period)
                    .bind(self.time + 1)
                    .execute($on)
                    .await
                    .map(drop)?
            };
        }
        match &mut self.on {
            On::Sqlite(on) => insert!(on, SQLITE),
            On::Postgres(on) => insert!(on, POSTGRES),
        }
        Ok(())
    }

    async fn run(&mut self, sql: &'static str) -> Outcome<()> {
        match &mut self.on {
            On::Sqlite(on) => sqlx::query(sql).execute(on).await.map(drop)?,
            On::Postgres(on) => sqlx::query(sql).execute(on).await.map(drop)?,
        }
        Ok(())
    }
}

async fn connect(database: &Database) -> Outcome<On> {
    Ok(match database {
        Database::Sqlite(path) => {
            let options = SqliteConnectOptions::new()
                .filename(path)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Off)
                .pragma("cache_size", "-262144")
                .disable_statement_logging();
            On::Sqlite(options.connect().await?)
        }
        Database::Postgres(url) => On::Postgres(PgConnection::connect(url).await?),
    })
}

/// The events to multiply, with marks where the copies differ.
fn template(rows: Vec<Recorded>, kind: Kind) -> Vec<Recorded> {
    let multiplied = |row: &Recorded| {
        let kinds = ["job.", "batch.", "order."];
        kinds.iter().any(|kind| row.type_name.starts_with(kind))
    };
    let mut rows: Vec<Recorded> = rows.into_iter().filter(multiplied).collect();
    let ids: BTreeSet<String> = rows
        .iter()
        .filter_map(|row| {
            row.stream
                .strip_prefix("job-")
                .or(row.stream.strip_prefix("batch-"))
        })
        .map(str::to_owned)
        .collect();
    for (n, row) in rows.iter_mut().enumerate() {
        if kind == Kind::Alike {
            row.stream = format!("copy-{n}-{MARK}");
            row.version = 1;
            continue;
        }
        for id in &ids {
            let mark = mark(id);
            row.stream = row.stream.replace(id, &mark);
            row.data = row.data.replace(id, &mark);
        }
        // An order's events are numbered in one stream; nothing is folded by their numbers.
        if row.stream.starts_with("order-") {
            row.stream = format!("{}-{MARK}", row.stream);
        }
    }
    rows
}

/// An id whose last digits are those of the copy.
fn mark(id: &str) -> String {
    format!("{}{MARK}", &id[..id.len() - MARK.len()])
}

/// A job's id, marked if it is marked in the data of its event.
fn marked(id: &str, data: &str) -> String {
    if data.contains(id) {
        id.to_owned()
    } else {
        mark(id)
    }
}
