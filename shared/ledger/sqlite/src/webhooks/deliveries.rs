//! Reading deliveries and the attempts at them.

use domain::webhook::Target;
use domain::{DeliveryId, JobId};
use ledger::{Delivery, DeliveryAttempt, DeliveryFilter, MOST_ATTEMPTS_SHOWN};
use sqlx::QueryBuilder;
use sqlx::sqlite::{Sqlite, SqliteRow};

use crate::error::{Result, corrupt, failed};
use crate::jobs::list;
use crate::open::SqliteLedger;
use crate::readers::Read as _;
use crate::rows::Cells;

/// What [`delivery`] reads.
macro_rules! columns {
    () => {
        "id, tenant_id, endpoint_id, lane, position, kind, recorded_at, store_id, order_id, job_id, state, attempts, \
         tries, due_at, claimed_by IS NOT NULL, ended_at"
    };
}
pub(super) use columns;

impl SqliteLedger {
    pub(super) async fn read_delivery(&self, id: DeliveryId) -> Result<Option<Delivery>> {
        let row = sqlx::query(concat!(
            "SELECT ",
            columns!(),
            " FROM webhook_deliveries WHERE id = ?"
        ))
        .bind(id.to_string())
        .maybe(&self.readers)
        .await
        .map_err(failed)?;
        row.as_ref().map(delivery).transpose()
    }

    pub(super) async fn count_pending(&self) -> Result<u64> {
        let row = sqlx::query("SELECT count(*) FROM webhook_deliveries WHERE state = 'pending'")
            .maybe(&self.readers)
            .await
            .map_err(failed)?;
        row.map_or(Ok(0), |row| Cells::new(&row, "webhook_deliveries").number(0))
    }

    pub(super) async fn read_deliveries(&self, filter: &DeliveryFilter) -> Result<Vec<Delivery>> {
        let select = concat!(
            "SELECT ",
            columns!(),
            " FROM webhook_deliveries WHERE endpoint_id = "
        );
        let mut query = QueryBuilder::<Sqlite>::new(select);
        query.push_bind(filter.endpoint_id.to_string());
        if let Some(state) = filter.state {
            query.push(" AND +state = ").push_bind(state.as_str());
        }
        if let Some(before) = filter.before {
            query
                .push(" AND position < ")
                .push_bind(i64::try_from(before).unwrap_or(i64::MAX));
        }
        query
            .push(" ORDER BY position DESC LIMIT ")
            .push_bind(i64::from(filter.limit));
        let rows = query.build().all(&self.readers).await.map_err(failed)?;
        rows.iter().map(delivery).collect()
    }

    pub(super) async fn read_attempts(
        &self,
        deliveries: &[DeliveryId],
    ) -> Result<Vec<(DeliveryId, DeliveryAttempt)>> {
        let rows = sqlx::query(
            "SELECT delivery_id, number, at, latency_ms, status, error, answer FROM webhook_attempts a WHERE \
             delivery_id IN (SELECT value FROM json_each(?)) AND number > (SELECT max(number) FROM \
             webhook_attempts b WHERE b.delivery_id = a.delivery_id) - ? ORDER BY delivery_id, number",
        )
        .bind(list(deliveries))
        .bind(i64::from(MOST_ATTEMPTS_SHOWN))
        .all(&self.readers)
        .await
        .map_err(failed)?;
        rows.iter().map(attempt).collect()
    }
}

/// A row with [`columns`].
pub(super) fn delivery(row: &SqliteRow) -> Result<Delivery> {
    let cells = Cells::new(row, "webhook_deliveries");
    let job_id: Option<JobId> = cells.maybe(9)?;
    let target = match (cells.maybe(2)?, job_id) {
        (Some(endpoint), _) => Target::Endpoint(endpoint),
        (None, Some(job)) => Target::Callback(job),
        (None, None) => {
            let id: String = cells.get(0)?;
            return Err(corrupt("webhook_deliveries", id, "it goes to nobody"));
        }
    };
    Ok(Delivery {
        id: cells.parsed(0)?,
        tenant_id: cells.parsed(1)?,
        target,
        lane: cells.parsed(3)?,
        position: cells.number(4)?,
        kind: cells.parsed(5)?,
        recorded_at: cells.parsed(6)?,
        store_id: cells.maybe(7)?,
        order_id: cells.maybe(8)?,
        job_id,
        state: cells.parsed(10)?,
        attempts: cells.small(11)?,
        tries: cells.small(12)?,
        due_at: cells.parsed(13)?,
        claimed: cells.number(14)? != 0,
        ended_at: cells.maybe(15)?,
    })
}

fn attempt(row: &SqliteRow) -> Result<(DeliveryId, DeliveryAttempt)> {
    let cells = Cells::new(row, "webhook_attempts");
    let attempt = DeliveryAttempt {
        number: cells.small(1)?,
        at: cells.parsed(2)?,
        latency_ms: cells.number(3)?,
        status: cells.get::<Option<u16>>(4)?,
        error: cells.get(5)?,
        answer: cells.sealed(6)?,
    };
    Ok((cells.parsed(0)?, attempt))
}
