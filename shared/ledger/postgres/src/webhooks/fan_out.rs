//! How far the log has been fanned out.

use std::time::Duration;

use domain::webhook::Target;
use domain::{IncarnationId, OrderId, Timestamp};
use ledger::{DeliveryState, NewDelivery};
use uuid::Uuid;

use crate::connect::PostgresLedger;
use crate::error::{Reading, Result};
use crate::time::At;

/// Moves on and keeps what follows, both or nothing: the row lock of the one waits for whoever moves it meanwhile.
const FAN_OUT: &str = "with moved as (\
     update webhook_fan_out set position = $2 where id and position = $1 and worker = $3 returning 1 \
     ), kept as (\
     insert into webhook_deliveries (id, tenant_id, endpoint_id, lane, position, kind, recorded_at, store_id, order_id, \
     job_id, state, due_at, ended_at) \
     select x.id, x.tenant_id, x.endpoint_id, x.lane, x.position, x.kind, x.recorded_at, x.store_id, x.order_id, \
     x.job_id, x.state, $4, case when x.state = 'pending' then null else $4 end \
     from unnest($5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[], $9::bigint[], $10::text[], $11::timestamptz[], \
     $12::uuid[], $13::text[], $14::uuid[], $15::text[]) \
     x (id, tenant_id, endpoint_id, lane, position, kind, recorded_at, store_id, order_id, job_id, state) \
     where exists (select from moved) \
     on conflict (id) do nothing) \
     select count(*) as moved from moved";

impl PostgresLedger {
    pub(super) async fn lease_fan_out(
        &self,
        worker: IncarnationId,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Option<u64>> {
        let sql = "update webhook_fan_out set worker = $1, until = $3 \
                   where id and (worker is null or worker = $1 or until <= $2) returning position";
        let query = sqlx::query(sql)
            .bind(worker.0)
            .bind(At(now))
            .bind(At(now.plus(ttl)));
        let rows = self.writers.write(query).await?;
        let position = |row| Reading::new(row, "webhook_fan_out", "one").number("position");
        rows.first().map(position).transpose()
    }

    pub(super) async fn unlease_fan_out(&self, worker: IncarnationId) -> Result<()> {
        let sql = "update webhook_fan_out set worker = null, until = null where id and worker = $1";
        self.writers
            .write(sqlx::query(sql).bind(worker.0))
            .await
            .map(drop)
    }

    pub(super) async fn put_fan_out(
        &self,
        worker: IncarnationId,
        (from, to): (u64, u64),
        deliveries: &[NewDelivery],
        now: Timestamp,
    ) -> Result<bool> {
        let mut columns = Columns::default();
        for new in deliveries {
            columns.add(new);
        }
        let query = sqlx::query(FAN_OUT)
            .bind(from as i64)
            .bind(to as i64)
            .bind(worker.0)
            .bind(At(now))
            .bind(columns.ids)
            .bind(columns.tenants)
            .bind(columns.endpoints)
            .bind(columns.lanes)
            .bind(columns.positions)
            .bind(columns.kinds)
            .bind(columns.times)
            .bind(columns.stores)
            .bind(columns.orders)
            .bind(columns.jobs)
            .bind(columns.states);
        let rows = self.writers.write(query).await?;
        let moved = |row| Reading::new(row, "webhook_fan_out", "one").number("moved");
        Ok(rows.first().map(moved).transpose()? == Some(1))
    }
}

/// Deliveries column by column.
#[derive(Default)]
struct Columns<'d> {
    ids: Vec<Uuid>,
    tenants: Vec<Uuid>,
    endpoints: Vec<Option<Uuid>>,
    lanes: Vec<Uuid>,
    positions: Vec<i64>,
    kinds: Vec<&'static str>,
    times: Vec<At>,
    stores: Vec<Option<Uuid>>,
    orders: Vec<Option<&'d str>>,
    jobs: Vec<Option<Uuid>>,
    states: Vec<&'static str>,
}

impl<'d> Columns<'d> {
    fn add(&mut self, new: &'d NewDelivery) {
        let (endpoint, job) = match new.target {
            Target::Endpoint(id) => (Some(id.0), new.job_id),
            Target::Callback(job) => (None, Some(job)),
        };
        let state = if new.skipped {
            DeliveryState::Skipped
        } else {
            DeliveryState::Pending
        };
        self.ids.push(new.id().0);
        self.tenants.push(new.tenant_id.0);
        self.endpoints.push(endpoint);
        self.lanes.push(new.lane);
        self.positions.push(new.position as i64);
        self.kinds.push(new.kind.as_str());
        self.times.push(At(new.recorded_at));
        self.stores.push(new.store_id.map(|id| id.0));
        self.orders.push(new.order_id.as_ref().map(OrderId::as_str));
        self.jobs.push(job.map(|id| id.0));
        self.states.push(state.as_str());
    }
}
