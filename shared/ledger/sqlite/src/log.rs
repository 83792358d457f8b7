//! Reading the log.

use domain::{JobId, StoreId, TenantId, Timestamp};
use ledger::{Head, OrderEventFilter, Recorded, Stream};
use sqlx::sqlite::SqliteRow;

use crate::error::{Result, failed};
use crate::open::SqliteLedger;
use crate::readers::Read as _;
use crate::rows::{self, Cells};

macro_rules! events {
    ($rest:literal) => {
        concat!(
            "SELECT position, tenant_seq, stream, version, type, tenant_id, store_id, order_id, job_id, data, ",
            "sealed, meta, recorded_at FROM events ",
            $rest
        )
    };
}

/// Without what submitted jobs are to do.
macro_rules! job_events {
    ($rest:literal) => {
        concat!(
            "SELECT position, tenant_seq, stream, version, type, tenant_id, store_id, order_id, job_id, data, ",
            "CASE WHEN type >= 'job.submitted.' AND type < 'job.submitted/' THEN NULL ELSE sealed END, ",
            "meta, recorded_at FROM events ",
            $rest
        )
    };
}

impl SqliteLedger {
    pub(crate) async fn read_head(&self) -> Result<Head> {
        let row = sqlx::query("SELECT position, recorded_at FROM ledger_head")
            .one(&self.readers)
            .await
            .map_err(failed)?;
        let cells = Cells::new(&row, "ledger_head");
        Ok(Head {
            position: cells.number(0)?,
            recorded_at: cells.parsed(1)?,
        })
    }

    pub(crate) async fn read_events(&self, after: u64, limit: u32) -> Result<Vec<Recorded>> {
        let query = sqlx::query(events!("WHERE position > ? ORDER BY position LIMIT ?"));
        all(query
            .bind(after as i64)
            .bind(i64::from(limit))
            .all(&self.readers)
            .await)
    }

    pub(crate) async fn read_stream(&self, stream: &Stream, after: u64, limit: u32) -> Result<Vec<Recorded>> {
        let query = sqlx::query(events!(
            "WHERE stream = ? AND version > ? ORDER BY version LIMIT ?"
        ));
        all(query
            .bind(stream.to_string())
            .bind(after as i64)
            .bind(i64::from(limit))
            .all(&self.readers)
            .await)
    }

    pub(crate) async fn read_erasures(&self, after: u64, limit: u32) -> Result<Vec<Recorded>> {
        let query = sqlx::query(events!(
            "WHERE type IN ('erasure.done.v1', 'erasure.requested.v1') AND position > ? ORDER BY position LIMIT ?"
        ));
        all(query
            .bind(after as i64)
            .bind(i64::from(limit))
            .all(&self.readers)
            .await)
    }

    pub(crate) async fn read_sealed_of_store(
        &self,
        tenant: TenantId,
        store: StoreId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Recorded>> {
        // Along the tenant's numbers: an index of its own would cost every append more than this costs the rare reader.
        let query = sqlx::query(events!(
            "WHERE tenant_id = ? AND tenant_seq > ? AND +store_id = ? AND sealed IS NOT NULL \
             ORDER BY tenant_seq LIMIT ?"
        ));
        all(query
            .bind(tenant.to_string())
            .bind(after as i64)
            .bind(store.to_string())
            .bind(i64::from(limit))
            .all(&self.readers)
            .await)
    }

    pub(crate) async fn read_job_events(
        &self,
        tenant: TenantId,
        job: Option<JobId>,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Recorded>> {
        let rows = match job {
            None => {
                sqlx::query(job_events!(
                    "WHERE tenant_id = ? AND position > ? AND type >= 'job.' AND type < 'job/' ORDER BY position LIMIT ?"
                ))
                .bind(tenant.to_string())
                .bind(after as i64)
                .bind(i64::from(limit))
                .all(&self.readers)
                .await
            }
            Some(job) => {
                sqlx::query(job_events!(
                    "WHERE stream = ? AND +tenant_id = ? AND +position > ? ORDER BY version LIMIT ?"
                ))
                .bind(Stream::Job(job).to_string())
                .bind(tenant.to_string())
                .bind(after as i64)
                .bind(i64::from(limit))
                .all(&self.readers)
                .await
            }
        };
        all(rows)
    }

    pub(crate) async fn read_order_events(&self, filter: &OrderEventFilter) -> Result<Vec<Recorded>> {
        // The first list is the index's own, which it must see to be used.
        let query = sqlx::query(events!(
            "WHERE store_id = ? AND order_id = ? AND order_id IS NOT NULL AND type IN ( \
             'batch.opened.v1', 'job.failed.v1', 'job.succeeded.v1', \
             'order.changed_externally.v1', 'order.edit_overwritten.v1', 'order.written.v1') \
             AND type IN (SELECT value FROM json_each(?)) AND position < ? AND recorded_at <= ? \
             ORDER BY position DESC LIMIT ?"
        ));
        let types: Vec<String> = filter.types.iter().map(|name| format!("\"{name}\"")).collect();
        let until = filter.until.unwrap_or(Timestamp::from_millis(i64::MAX));
        let rows = query
            .bind(filter.store_id.to_string())
            .bind(filter.order_id.to_string())
            .bind(format!("[{}]", types.join(",")))
            .bind(filter.before.map_or(i64::MAX, |before| before as i64))
            .bind(until.to_string())
            .bind(i64::from(filter.limit))
            .all(&self.readers)
            .await;
        all(rows)
    }
}

pub(crate) fn all(rows: std::result::Result<Vec<SqliteRow>, sqlx::Error>) -> Result<Vec<Recorded>> {
    rows.map_err(failed)?.iter().map(rows::recorded).collect()
}
