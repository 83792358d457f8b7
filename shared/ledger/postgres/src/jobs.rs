//! Reading jobs.

use domain::job::{Job, JobStatus};
use domain::{JobId, OrderId, Sealed, StoreId, TenantId};
use ledger::{BackendError, JobFilter, QueueCounts};
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments, AssertSqlSafe, Encode, Postgres, Type};

use crate::connect::PostgresLedger;
use crate::error::{Reading, Result};
use crate::session::Statement;
use crate::time::At;

macro_rules! whole_jobs {
    ($rest:literal) => {
        concat!(
            "select id, position, last_position, doc, body, outcome from jobs where ",
            $rest
        )
    };
}

/// Without what they are to do.
macro_rules! listed_jobs {
    ($rest:literal) => {
        concat!(
            "select id, position, last_position, doc, null::bytea as body, outcome from jobs where ",
            $rest
        )
    };
}

/// Without the ciphertext.
macro_rules! light_jobs {
    ($rest:literal) => {
        concat!(
            "select id, position, last_position, doc, null::bytea as body, null::bytea as outcome from jobs where ",
            $rest
        )
    };
}

/// The condition of the partial indexes.
macro_rules! open {
    () => {
        "status in ('queued', 'running', 'retrying')"
    };
}

macro_rules! counts {
    ($rest:expr) => {
        concat!(
            "select count(*) filter (where status <> 'running') as queued, ",
            "count(*) filter (where status = 'running') as running, ",
            "min(due_at) filter (where status <> 'running') as oldest_due_at from jobs where ",
            open!(),
            $rest
        )
    };
}

impl PostgresLedger {
    pub(crate) async fn job_by_id(&self, id: JobId) -> Result<Option<Job>> {
        let rows = self
            .readers
            .read(|| sqlx::query(whole_jobs!("id = $1")).bind(id.0))
            .await?;
        rows.first().map(job).transpose()
    }

    pub(crate) async fn jobs_by_ids(&self, ids: &[JobId]) -> Result<Vec<Job>> {
        let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
        self.read_jobs(|| sqlx::query(whole_jobs!("id = any ($1)")).bind(&ids))
            .await
    }

    pub(crate) async fn filtered_jobs(&self, filter: &JobFilter) -> Result<Vec<Job>> {
        // Encoding texts and numbers cannot fail; if it did, the query would say so.
        let _ = page(filter).map_err(BackendError::Failed)?;
        self.read_jobs(|| page(filter).expect("it could be made a moment ago"))
            .await
    }

    pub(crate) async fn jobs_after(&self, partitions: &[u16], after: u64, limit: u32) -> Result<Vec<Job>> {
        let sql =
            light_jobs!("partition = any ($1) and last_position > $2 order by last_position, id limit $3");
        let numbers: Vec<i32> = partitions.iter().copied().map(i32::from).collect();
        self.read_jobs(|| {
            sqlx::query(sql)
                .bind(&numbers)
                .bind(after as i64)
                .bind(i64::from(limit))
        })
        .await
    }

    pub(crate) async fn open_jobs_after(&self, partition: u16, after: u64, limit: u32) -> Result<Vec<Job>> {
        let sql = concat!(
            light_jobs!("partition = $1 and position > $2 and "),
            open!(),
            " order by position, id limit $3"
        );
        let make = || {
            sqlx::query(sql)
                .bind(i32::from(partition))
                .bind(after as i64)
                .bind(i64::from(limit))
        };
        self.read_jobs(make).await
    }

    pub(crate) async fn open_jobs_in_store(&self, store: StoreId, limit: u32) -> Result<Vec<Job>> {
        let sql = concat!(
            light_jobs!("store_id = $1 and "),
            open!(),
            " order by position, id limit $2"
        );
        self.read_jobs(|| sqlx::query(sql).bind(store.0).bind(i64::from(limit)))
            .await
    }

    pub(crate) async fn open_jobs_for_order(
        &self,
        store: StoreId,
        order: &OrderId,
        limit: u32,
    ) -> Result<Vec<Job>> {
        let sql = concat!(
            light_jobs!("store_id = $1 and order_id = $2 and "),
            open!(),
            " order by position, id limit $3"
        );
        self.read_jobs(|| {
            sqlx::query(sql)
                .bind(store.0)
                .bind(order.as_str())
                .bind(i64::from(limit))
        })
        .await
    }

    pub(crate) async fn counts_of_store(&self, store: StoreId) -> Result<QueueCounts> {
        self.count(|| sqlx::query(counts!(" and store_id = $1")).bind(store.0))
            .await
    }

    pub(crate) async fn counts_of_tenant(&self, tenant: TenantId) -> Result<QueueCounts> {
        // By way of its stores, which have the index.
        let sql = counts!(" and store_id in (select id from stores where tenant_id = $1)");
        self.count(|| sqlx::query(sql).bind(tenant.0)).await
    }

    pub(crate) async fn count_ahead(&self, job: &Job) -> Result<u64> {
        let sql = concat!(
            "select count(*) as ahead from (select from jobs where store_id = $1 and lane = $2 ",
            "and (due_at, position) < ($3, $4) and id <> $5 and ",
            open!(),
            // As the index has them, so that it ends where the limit does (`MOST_AHEAD`).
            " order by due_at, position limit 1000) as counted"
        );
        let make = || {
            let query = sqlx::query(sql).bind(job.store_id.0).bind(&job.lane);
            query
                .bind(At(job.due_at))
                .bind(job.position as i64)
                .bind(job.id.0)
        };
        let rows = self.readers.read(make).await?;
        rows.first()
            .map_or(Ok(0), |row| Reading::new(row, "jobs", "count").number("ahead"))
    }

    async fn read_jobs<'q>(&self, make: impl Fn() -> Statement<'q> + Send + Sync) -> Result<Vec<Job>> {
        self.readers.read(make).await?.iter().map(job).collect()
    }

    async fn count<'q>(&self, make: impl Fn() -> Statement<'q> + Send + Sync) -> Result<QueueCounts> {
        let rows = self.readers.read(make).await?;
        let Some(row) = rows.first() else {
            return Ok(QueueCounts::default());
        };
        let row = Reading::new(row, "jobs", "count");
        Ok(QueueCounts {
            queued: row.number("queued")?,
            running: row.number("running")?,
            oldest_due_at: row.get::<Option<At>, _>("oldest_due_at")?.map(|at| at.0),
        })
    }
}

/// Only the conditions that are asked for, so that the database can choose its index.
fn page(filter: &JobFilter) -> std::result::Result<Statement<'static>, BoxDynError> {
    let mut page = Page {
        sql: listed_jobs!("tenant_id = $1").to_owned(),
        values: PgArguments::default(),
    };
    page.values.add(filter.tenant_id.0)?;
    if let Some(store) = filter.store_id {
        page.and("store_id = ", store.0, "")?;
    }
    if let Some(order) = &filter.order_id {
        page.and("order_id = ", order.as_str(), "")?;
    }
    if !filter.status.is_empty() {
        let names: Vec<&'static str> = filter.status.iter().copied().map(JobStatus::as_str).collect();
        page.and("status = any (", names, ")")?;
    }
    if let Some(kind) = filter.kind {
        page.and("kind = ", kind.as_str(), "")?;
    }
    if let Some(from) = filter.from {
        page.and("submitted_at >= ", At(from), "")?;
    }
    if let Some(to) = filter.to {
        page.and("submitted_at < ", At(to), "")?;
    }
    if let Some(before) = filter.before {
        page.and("position < ", i64::try_from(before).unwrap_or(i64::MAX), "")?;
    }
    page.sql.push_str(" order by position desc limit ");
    page.value(i64::from(filter.limit))?;
    // Made of the literals above and of `$n`.
    Ok(sqlx::query_with(AssertSqlSafe(page.sql), page.values))
}

struct Page {
    sql: String,
    values: PgArguments,
}

impl Page {
    fn and<'q, T>(&mut self, before: &str, value: T, after: &str) -> std::result::Result<(), BoxDynError>
    where
        T: Encode<'q, Postgres> + Type<Postgres>,
    {
        self.sql.push_str(" and ");
        self.sql.push_str(before);
        self.value(value)?;
        self.sql.push_str(after);
        Ok(())
    }

    fn value<'q, T>(&mut self, value: T) -> std::result::Result<(), BoxDynError>
    where
        T: Encode<'q, Postgres> + Type<Postgres>,
    {
        self.values.add(value)?;
        self.sql.push('$');
        self.sql.push_str(&self.values.len().to_string());
        Ok(())
    }
}

fn job(row: &PgRow) -> Result<Job> {
    let key = JobId(Reading::new(row, "jobs", "?").get("id")?);
    let row = Reading::new(row, "jobs", key);
    let mut job: Job = row.json("doc")?;
    job.position = row.number("position")?;
    job.last_position = row.number("last_position")?;
    job.body = row.get::<Option<Vec<u8>>, _>("body")?.map(Sealed::new);
    job.outcome = row.get::<Option<Vec<u8>>, _>("outcome")?.map(Sealed::new);
    Ok(job)
}
