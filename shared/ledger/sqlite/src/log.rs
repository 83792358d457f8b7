//! Reading the log.

use domain::{JobId, TenantId};
use ledger::{Head, Recorded, Stream};
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
}

fn all(rows: std::result::Result<Vec<SqliteRow>, sqlx::Error>) -> Result<Vec<Recorded>> {
    rows.map_err(failed)?.iter().map(rows::recorded).collect()
}
