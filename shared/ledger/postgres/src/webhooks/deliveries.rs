//! Reading deliveries and the attempts at them.

use domain::webhook::Target;
use domain::{DeliveryId, EndpointId, JobId, Sealed, StoreId, TenantId};
use ledger::{Delivery, DeliveryAttempt, DeliveryFilter, MOST_ATTEMPTS_SHOWN};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::connect::PostgresLedger;
use crate::error::{Reading, Result};
use crate::time::At;

/// What [`delivery`] reads.
macro_rules! columns {
    () => {
        "id, tenant_id, endpoint_id, lane, position, kind, recorded_at, store_id, order_id, job_id, state, attempts, \
         tries, due_at, claimed_by is not null as claimed, ended_at"
    };
}
pub(super) use columns;

impl PostgresLedger {
    pub(super) async fn read_delivery(&self, id: DeliveryId) -> Result<Option<Delivery>> {
        let sql = concat!("select ", columns!(), " from webhook_deliveries where id = $1");
        let rows = self.readers.read(|| sqlx::query(sql).bind(id.0)).await?;
        rows.first().map(delivery).transpose()
    }

    pub(super) async fn count_pending(&self) -> Result<u64> {
        let sql = "select count(*) as pending from webhook_deliveries where state = 'pending'";
        let rows = self.readers.read(|| sqlx::query(sql)).await?;
        let row = rows
            .first()
            .map(|row| Reading::new(row, "webhook_deliveries", "?"));
        row.map_or(Ok(0), |row| row.number("pending"))
    }

    pub(super) async fn read_deliveries(&self, filter: &DeliveryFilter) -> Result<Vec<Delivery>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from webhook_deliveries where endpoint_id = $1 and position < $2 and ($3 is null or state = $3) \
             order by position desc limit $4"
        );
        let before = filter.before.and_then(|before| i64::try_from(before).ok());
        let make = || {
            sqlx::query(sql)
                .bind(filter.endpoint_id.0)
                .bind(before.unwrap_or(i64::MAX))
                .bind(filter.state.map(ledger::DeliveryState::as_str))
                .bind(i64::from(filter.limit))
        };
        self.readers.read(make).await?.iter().map(delivery).collect()
    }

    pub(super) async fn read_attempts(
        &self,
        deliveries: &[DeliveryId],
    ) -> Result<Vec<(DeliveryId, DeliveryAttempt)>> {
        let sql = "select a.delivery_id, a.number, a.at, a.latency_ms, a.status, a.error, a.answer \
                   from unnest($1::uuid[]) d (id) cross join lateral (select * from webhook_attempts a \
                   where a.delivery_id = d.id order by a.number desc limit $2) a order by a.delivery_id, a.number";
        let ids: Vec<Uuid> = deliveries.iter().map(|id| id.0).collect();
        let make = || sqlx::query(sql).bind(&ids).bind(i64::from(MOST_ATTEMPTS_SHOWN));
        self.readers.read(make).await?.iter().map(attempt).collect()
    }
}

/// A row with [`columns`].
pub(super) fn delivery(row: &PgRow) -> Result<Delivery> {
    let id = DeliveryId(Reading::new(row, "webhook_deliveries", "?").get("id")?);
    let row = Reading::new(row, "webhook_deliveries", id);
    let job_id = row.get::<Option<Uuid>, _>("job_id")?.map(JobId);
    let endpoint = row.get::<Option<Uuid>, _>("endpoint_id")?.map(EndpointId);
    let target = match (endpoint, job_id) {
        (Some(endpoint), _) => Target::Endpoint(endpoint),
        (None, Some(job)) => Target::Callback(job),
        (None, None) => return Err(row.corrupt("it goes to nobody")),
    };
    let wrong = |_| row.corrupt("it is in no state that is known");
    Ok(Delivery {
        id,
        tenant_id: TenantId(row.get("tenant_id")?),
        target,
        lane: row.get("lane")?,
        position: row.number("position")?,
        kind: row
            .get::<&str, _>("kind")?
            .parse()
            .map_err(|error: domain::webhook::WebhookEventError| row.corrupt(error))?,
        recorded_at: row.get::<At, _>("recorded_at")?.0,
        store_id: row.get::<Option<Uuid>, _>("store_id")?.map(StoreId),
        order_id: row.parsed("order_id")?,
        job_id,
        state: row.get::<&str, _>("state")?.parse().map_err(wrong)?,
        attempts: small(&row, "attempts")?,
        tries: small(&row, "tries")?,
        due_at: row.get::<At, _>("due_at")?.0,
        claimed: row.get("claimed")?,
        ended_at: row.get::<Option<At>, _>("ended_at")?.map(|at| at.0),
    })
}

fn small(row: &Reading<'_>, column: &str) -> Result<u32> {
    u32::try_from(row.get::<i32, _>(column)?).map_err(|error| row.corrupt(error))
}

fn attempt(row: &PgRow) -> Result<(DeliveryId, DeliveryAttempt)> {
    let id = DeliveryId(Reading::new(row, "webhook_attempts", "?").get("delivery_id")?);
    let row = Reading::new(row, "webhook_attempts", id);
    let status = row
        .get::<Option<i32>, _>("status")?
        .map(u16::try_from)
        .transpose();
    let attempt = DeliveryAttempt {
        number: small(&row, "number")?,
        at: row.get::<At, _>("at")?.0,
        latency_ms: row.number("latency_ms")?,
        status: status.map_err(|error| row.corrupt(error))?,
        error: row.get("error")?,
        answer: row.get::<Option<Vec<u8>>, _>("answer")?.map(Sealed::new),
    };
    Ok((id, attempt))
}
