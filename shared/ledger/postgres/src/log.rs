//! Reading the log.

use domain::{JobId, Sealed, StoreId, TenantId};
use ledger::{Head, OrderEventFilter, Recorded, Stream};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::connect::PostgresLedger;
use crate::error::{Reading, Result, corrupt};
use crate::time::{At, Exact};

macro_rules! select_events {
    ($rest:literal) => {
        concat!(
            "select position, tenant_seq, version, recorded_at, tenant_id, store_id, job_id, stream, type, order_id, ",
            "data, meta, sealed from events where ",
            $rest
        )
    };
}

/// Without what submitted jobs are to do.
macro_rules! select_job_events {
    ($rest:literal) => {
        concat!(
            "select position, tenant_seq, version, recorded_at, tenant_id, store_id, job_id, stream, type, order_id, ",
            "data, meta, case when starts_with(type, 'job.submitted.') then null else sealed end as sealed ",
            "from events where ",
            $rest
        )
    };
}

pub(crate) const EVENTS_AFTER: &str = select_events!("position > $1 order by position limit $2");

impl PostgresLedger {
    pub(crate) async fn log_head(&self) -> Result<Head> {
        let sql = "select position, recorded_at from ledger_head where id";
        let rows = self.readers.read(|| sqlx::query(sql)).await?;
        let row = rows
            .first()
            .ok_or_else(|| corrupt("ledger_head", "", "its row is missing"))?;
        let row = Reading::new(row, "ledger_head", "");
        Ok(Head {
            position: row.number("position")?,
            recorded_at: row.get::<At, _>("recorded_at")?.0,
        })
    }

    pub(crate) async fn log_after(&self, after: u64, limit: u32) -> Result<Vec<Recorded>> {
        let make = || {
            sqlx::query(EVENTS_AFTER)
                .bind(after as i64)
                .bind(i64::from(limit))
        };
        self.readers.read(make).await?.iter().map(recorded).collect()
    }

    pub(crate) async fn log_of_stream(
        &self,
        stream: &Stream,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Recorded>> {
        let sql = select_events!("stream = $1 and version > $2 order by version limit $3");
        let make = || {
            sqlx::query(sql)
                .bind(stream.to_string())
                .bind(after as i64)
                .bind(i64::from(limit))
        };
        self.readers.read(make).await?.iter().map(recorded).collect()
    }

    pub(crate) async fn log_of_erasures(&self, after: u64, limit: u32) -> Result<Vec<Recorded>> {
        let sql = select_events!(
            "type in ('erasure.done.v1', 'erasure.requested.v1') and position > $1 order by position limit $2"
        );
        let make = || sqlx::query(sql).bind(after as i64).bind(i64::from(limit));
        self.readers.read(make).await?.iter().map(recorded).collect()
    }

    pub(crate) async fn log_of_sealed(
        &self,
        tenant: TenantId,
        store: StoreId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Recorded>> {
        // Along the tenant's numbers: an index of its own would cost every append more than this costs the rare reader.
        let sql = select_events!(
            "tenant_id = $1 and tenant_seq > $2 and store_id = $3 and sealed is not null order by tenant_seq limit $4"
        );
        let make = || {
            sqlx::query(sql)
                .bind(tenant.0)
                .bind(after as i64)
                .bind(store.0)
                .bind(i64::from(limit))
        };
        self.readers.read(make).await?.iter().map(recorded).collect()
    }

    pub(crate) async fn log_of_jobs(
        &self,
        tenant: TenantId,
        job: Option<JobId>,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Recorded>> {
        let all = select_job_events!(
            "tenant_id = $1 and job_id is not null and position > $2 order by position limit $3"
        );
        let one =
            select_job_events!("job_id = $4 and tenant_id = $1 and position > $2 order by position limit $3");
        let make = || {
            let query = sqlx::query(if job.is_some() { one } else { all });
            let query = query.bind(tenant.0).bind(after as i64).bind(i64::from(limit));
            match job {
                Some(job) => query.bind(job.0),
                None => query,
            }
        };
        self.readers.read(make).await?.iter().map(recorded).collect()
    }

    pub(crate) async fn read_order_events(&self, filter: &OrderEventFilter) -> Result<Vec<Recorded>> {
        // The first list is the index's own, which it must see to be used.
        let sql = select_events!(
            "store_id = $1 and order_id = $2 and order_id is not null and type in ( \
             'batch.opened.v1', 'job.failed.v1', 'job.succeeded.v1', \
             'order.changed_externally.v1', 'order.edit_overwritten.v1', 'order.written.v1') \
             and type = any($3) and position < $4 and ($5::timestamptz is null or recorded_at <= $5) \
             order by position desc limit $6"
        );
        let make = || {
            sqlx::query(sql)
                .bind(filter.store_id.0)
                .bind(filter.order_id.as_str())
                .bind(filter.types.as_slice())
                .bind(filter.before.map_or(i64::MAX, |before| before as i64))
                .bind(filter.until.map(At))
                .bind(i64::from(filter.limit))
        };
        self.readers.read(make).await?.iter().map(recorded).collect()
    }
}

/// Reads a row of `events`.
pub(crate) fn recorded(row: &PgRow) -> Result<Recorded> {
    let key: i64 = row
        .try_get("position")
        .map_err(|error| corrupt("events", "?", error))?;
    let row = Reading::new(row, "events", key);
    Ok(Recorded {
        position: row.number("position")?,
        tenant_seq: row.number("tenant_seq")?,
        stream: row.get("stream")?,
        version: row.number("version")?,
        type_name: row.get("type")?,
        tenant_id: TenantId(row.get("tenant_id")?),
        store_id: row.get::<Option<Uuid>, _>("store_id")?.map(StoreId),
        order_id: row.parsed("order_id")?,
        job_id: row.get::<Option<Uuid>, _>("job_id")?.map(JobId),
        data: row.get("data")?,
        sealed: row.get::<Option<Vec<u8>>, _>("sealed")?.map(Sealed::new),
        meta: row.get("meta")?,
        recorded_at: row.get::<Exact, _>("recorded_at")?.0,
    })
}
