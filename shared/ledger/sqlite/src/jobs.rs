//! Reading jobs, batches and images.

use domain::batch::OpenBatch;
use domain::image::OrderImage;
use domain::job::Job;
use domain::order::CommandKind;
use domain::{BatchId, JobId, OrderId, StoreId, TenantId};
use ledger::{JobFilter, QueueCounts};
use serde::Serialize;
use sqlx::QueryBuilder;
use sqlx::sqlite::{Sqlite, SqliteRow};

use crate::error::{Result, failed};
use crate::open::SqliteLedger;
use crate::readers::Read as _;
use crate::rows::{self, Cells};

macro_rules! bare {
    ($rest:literal) => {
        concat!("SELECT id, doc, position, last_position FROM jobs ", $rest)
    };
}

macro_rules! full {
    ($rest:literal) => {
        concat!(
            "SELECT id, doc, position, last_position, body, outcome FROM jobs ",
            $rest
        )
    };
}

macro_rules! listed {
    ($rest:literal) => {
        concat!(
            "SELECT id, doc, position, last_position, NULL AS body, outcome FROM jobs ",
            $rest
        )
    };
}

macro_rules! counts {
    ($rest:literal) => {
        concat!(
            "SELECT coalesce(sum(status <> 'running'), 0), coalesce(sum(status = 'running'), 0), ",
            "min(CASE WHEN status <> 'running' THEN due_at END) FROM jobs WHERE open = 1 AND ",
            $rest
        )
    };
}

/// A list as one argument, for `json_each`.
pub(crate) fn list(values: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(values).expect("ids and numbers are JSON")
}

impl SqliteLedger {
    pub(crate) async fn read_job(&self, id: JobId) -> Result<Option<Job>> {
        let query = sqlx::query(full!("WHERE id = ?")).bind(id.to_string());
        query
            .maybe(&self.readers)
            .await
            .map_err(failed)?
            .as_ref()
            .map(rows::job)
            .transpose()
    }

    pub(crate) async fn read_jobs(&self, ids: &[JobId]) -> Result<Vec<Job>> {
        let query = sqlx::query(full!("WHERE id IN (SELECT value FROM json_each(?))")).bind(list(ids));
        query
            .all(&self.readers)
            .await
            .map_err(failed)?
            .iter()
            .map(rows::job)
            .collect()
    }

    pub(crate) async fn read_page(&self, filter: &JobFilter) -> Result<Vec<Job>> {
        // `+` keeps SQLite from choosing an index that would make it sort all of a store's jobs.
        let mut query = QueryBuilder::<Sqlite>::new(listed!("WHERE tenant_id = "));
        query.push_bind(filter.tenant_id.to_string());
        match (&filter.store_id, &filter.order_id) {
            (Some(store), Some(order)) => {
                query.push(" AND store_id = ").push_bind(store.to_string());
                query.push(" AND order_id = ").push_bind(order.to_string());
            }
            (Some(store), None) => {
                query.push(" AND +store_id = ").push_bind(store.to_string());
            }
            (None, Some(order)) => {
                query.push(" AND +order_id = ").push_bind(order.to_string());
            }
            (None, None) => {}
        }
        if !filter.status.is_empty() {
            query
                .push(" AND status IN (SELECT value FROM json_each(")
                .push_bind(list(&filter.status))
                .push("))");
        }
        if let Some(kind) = filter.kind {
            query.push(" AND kind = ").push_bind(CommandKind::as_str(kind));
        }
        if let Some(from) = filter.from {
            query.push(" AND submitted_at >= ").push_bind(from.to_string());
        }
        if let Some(to) = filter.to {
            query.push(" AND submitted_at < ").push_bind(to.to_string());
        }
        if let Some(before) = filter.before {
            query
                .push(" AND position < ")
                .push_bind(i64::try_from(before).unwrap_or(i64::MAX));
        }
        query
            .push(" ORDER BY position DESC LIMIT ")
            .push_bind(i64::from(filter.limit));
        query
            .build()
            .all(&self.readers)
            .await
            .map_err(failed)?
            .iter()
            .map(rows::job)
            .collect()
    }

    pub(crate) async fn read_changed_jobs(
        &self,
        partitions: &[u16],
        after: u64,
        limit: u32,
    ) -> Result<Vec<Job>> {
        let query = sqlx::query(bare!(
            "WHERE last_position > ? AND +partition IN (SELECT value FROM json_each(?)) \
             ORDER BY last_position LIMIT ?"
        ));
        bare(
            query
                .bind(after as i64)
                .bind(list(partitions))
                .bind(i64::from(limit))
                .all(&self.readers)
                .await,
        )
    }

    pub(crate) async fn read_open_jobs(&self, partition: u16, after: u64, limit: u32) -> Result<Vec<Job>> {
        let query = sqlx::query(bare!(
            "WHERE open = 1 AND partition = ? AND position > ? ORDER BY position LIMIT ?"
        ));
        bare(
            query
                .bind(i64::from(partition))
                .bind(after as i64)
                .bind(i64::from(limit))
                .all(&self.readers)
                .await,
        )
    }

    pub(crate) async fn read_open_jobs_of_store(&self, store: StoreId, limit: u32) -> Result<Vec<Job>> {
        let query = sqlx::query(bare!("WHERE open = 1 AND store_id = ? ORDER BY position LIMIT ?"));
        bare(
            query
                .bind(store.to_string())
                .bind(i64::from(limit))
                .all(&self.readers)
                .await,
        )
    }

    pub(crate) async fn read_open_jobs_of_order(
        &self,
        store: StoreId,
        order: &OrderId,
        limit: u32,
    ) -> Result<Vec<Job>> {
        let query = sqlx::query(bare!(
            "WHERE store_id = ? AND order_id = ? AND open = 1 ORDER BY position LIMIT ?"
        ));
        bare(
            query
                .bind(store.to_string())
                .bind(order.to_string())
                .bind(i64::from(limit))
                .all(&self.readers)
                .await,
        )
    }

    pub(crate) async fn count_store(&self, store: StoreId) -> Result<QueueCounts> {
        let query = sqlx::query(counts!("store_id = ?")).bind(store.to_string());
        counts(&query.one(&self.readers).await.map_err(failed)?)
    }

    pub(crate) async fn count_tenant(&self, tenant: TenantId) -> Result<QueueCounts> {
        // By store, because the open jobs have an index by store; by tenant again, for who reads this.
        let query = sqlx::query(counts!(
            "store_id IN (SELECT id FROM stores WHERE stores.tenant_id = ?1) AND +tenant_id = ?1"
        ));
        counts(
            &query
                .bind(tenant.to_string())
                .one(&self.readers)
                .await
                .map_err(failed)?,
        )
    }

    pub(crate) async fn count_ahead(&self, job: &Job) -> Result<u64> {
        // Ordered as the index is, so that it ends where the limit does (`MOST_AHEAD`).
        let row = sqlx::query(
            "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE open = 1 AND store_id = ? AND lane = ? AND \
             (due_at, position) < (?, ?) ORDER BY due_at, position LIMIT 1000)",
        )
        .bind(job.store_id.to_string())
        .bind(job.lane.clone())
        .bind(job.due_at.to_string())
        .bind(job.position as i64)
        .one(&self.readers)
        .await
        .map_err(failed)?;
        Cells::new(&row, "jobs").number(0)
    }

    pub(crate) async fn read_batches(&self, partition: u16) -> Result<Vec<OpenBatch>> {
        let rows = sqlx::query(
            "SELECT id, doc, position, plan FROM open_batches WHERE partition = ? ORDER BY position",
        )
        .bind(i64::from(partition))
        .all(&self.readers)
        .await
        .map_err(failed)?;
        rows.iter().map(rows::batch).collect()
    }

    pub(crate) async fn read_batch(&self, id: BatchId) -> Result<Option<OpenBatch>> {
        let row = sqlx::query("SELECT id, doc, position, plan FROM open_batches WHERE id = ?")
            .bind(id.to_string())
            .maybe(&self.readers)
            .await
            .map_err(failed)?;
        row.as_ref().map(rows::batch).transpose()
    }

    pub(crate) async fn read_image(&self, store: StoreId, order: &OrderId) -> Result<Option<OrderImage>> {
        let row = sqlx::query(
            "SELECT store_id || '/' || order_id, doc, position, image FROM order_images \
             WHERE store_id = ? AND order_id = ?",
        )
        .bind(store.to_string())
        .bind(order.to_string())
        .maybe(&self.readers)
        .await
        .map_err(failed)?;
        row.as_ref().map(rows::image).transpose()
    }
}

fn bare(rows: std::result::Result<Vec<SqliteRow>, sqlx::Error>) -> Result<Vec<Job>> {
    rows.map_err(failed)?.iter().map(rows::bare_job).collect()
}

fn counts(row: &SqliteRow) -> Result<QueueCounts> {
    let cells = Cells::new(row, "jobs");
    Ok(QueueCounts {
        queued: cells.number(0)?,
        running: cells.number(1)?,
        oldest_due_at: cells.maybe(2)?,
    })
}
