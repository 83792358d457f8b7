//! Who runs which partition.

use std::time::Duration;

use domain::{IncarnationId, Timestamp};
use ledger::{Claimed, Membership, PartitionOwner, PartitionQueue};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::connect::PostgresLedger;
use crate::error::{Reading, Result, corrupt};
use crate::time::At;

impl PostgresLedger {
    pub(crate) async fn make_partitions(&self, count: u16) -> Result<()> {
        let sql =
            "insert into partitions (partition) select generate_series(0, $1 - 1) on conflict do nothing";
        self.writers
            .write(sqlx::query(sql).bind(i32::from(count)))
            .await
            .map(drop)
    }

    pub(crate) async fn renew(&self, me: IncarnationId, ttl: Duration, draining: bool) -> Result<Membership> {
        let sql = "select clock, live, numbers, owners, epochs, alive from heartbeat($1, $2, $3)";
        let millis = i64::try_from(ttl.as_millis())
            .unwrap_or(i64::MAX)
            .min(Timestamp::from_millis(i64::MAX).as_millis());
        let rows = self
            .writers
            .write(sqlx::query(sql).bind(me.0).bind(millis).bind(draining))
            .await?;
        let row = rows.first().ok_or_else(|| corrupt("workers", me, "no answer"))?;
        let row = Reading::new(row, "partitions", "all");
        let numbers: Vec<i32> = row.get("numbers")?;
        let owners: Vec<Option<Uuid>> = row.get("owners")?;
        let epochs: Vec<i64> = row.get("epochs")?;
        let alive: Vec<bool> = row.get("alive")?;
        let partitions = numbers.into_iter().zip(owners).zip(epochs).zip(alive);
        Ok(Membership {
            live: row
                .get::<Vec<Uuid>, _>("live")?
                .into_iter()
                .map(IncarnationId)
                .collect(),
            partitions: partitions
                .map(|(((number, owner), epoch), live)| {
                    Ok(PartitionOwner {
                        partition: u16::try_from(number).map_err(|error| row.corrupt(error))?,
                        owner: owner.map(IncarnationId),
                        epoch: u64::try_from(epoch).map_err(|error| row.corrupt(error))?,
                        live,
                    })
                })
                .collect::<Result<_>>()?,
            now: row.get::<At, _>("clock")?.0,
        })
    }

    pub(crate) async fn queues_of_partitions(&self, now: Timestamp) -> Result<Vec<PartitionQueue>> {
        let sql = "select p.partition, p.owner, p.epoch, coalesce(w.expires_at > clock_timestamp(), false) as live, \
                   coalesce(j.queued, 0) as queued, coalesce(j.due, 0) as due, coalesce(j.running, 0) as running, \
                   j.oldest_due_at \
                   from partitions p left join workers w on w.incarnation = p.owner \
                   left join (select partition, count(*) filter (where status <> 'running') as queued, \
                   count(*) filter (where status <> 'running' and due_at <= $1) as due, \
                   count(*) filter (where status = 'running') as running, \
                   min(due_at) filter (where status <> 'running' and due_at <= $1) as oldest_due_at \
                   from jobs where status in ('queued', 'running', 'retrying') group by partition) j \
                   on j.partition = p.partition order by p.partition";
        let rows = self.readers.read(|| sqlx::query(sql).bind(At(now))).await?;
        rows.iter().map(partition_queue).collect()
    }

    pub(crate) async fn take_over(
        &self,
        me: IncarnationId,
        wanted: &[u16],
        force: bool,
    ) -> Result<Vec<Claimed>> {
        let sql = "select partition, epoch, idle_since from claim_partitions($1, $2, $3) order by partition";
        let rows = self
            .writers
            .write(sqlx::query(sql).bind(me.0).bind(numbers(wanted)).bind(force))
            .await?;
        rows.iter().map(claimed).collect()
    }

    pub(crate) async fn give_back(&self, me: IncarnationId, given: &[u16]) -> Result<()> {
        let sql = "select release_partitions($1, $2)::text";
        self.writers
            .write(sqlx::query(sql).bind(me.0).bind(numbers(given)))
            .await
            .map(drop)
    }

    pub(crate) async fn end(&self, me: IncarnationId) -> Result<()> {
        self.writers
            .write(sqlx::query("select end_incarnation($1)::text").bind(me.0))
            .await
            .map(drop)
    }
}

fn numbers(partitions: &[u16]) -> Vec<i32> {
    partitions.iter().copied().map(i32::from).collect()
}

fn claimed(row: &PgRow) -> Result<Claimed> {
    let number: i32 = Reading::new(row, "partitions", "?").get("partition")?;
    let row = Reading::new(row, "partitions", number);
    Ok(Claimed {
        partition: u16::try_from(number).map_err(|error| row.corrupt(error))?,
        epoch: row.number("epoch")?,
        idle_since: row.get::<Option<At>, _>("idle_since")?.map(|at| at.0),
    })
}

fn partition_queue(row: &PgRow) -> Result<PartitionQueue> {
    let number: i32 = Reading::new(row, "partitions", "?").get("partition")?;
    let row = Reading::new(row, "partitions", number);
    Ok(PartitionQueue {
        partition: u16::try_from(number).map_err(|error| row.corrupt(error))?,
        owner: row.get::<Option<Uuid>, _>("owner")?.map(IncarnationId),
        live: row.get("live")?,
        epoch: row.number("epoch")?,
        queued: row.number("queued")?,
        due: row.number("due")?,
        running: row.number("running")?,
        oldest_due_at: row.get::<Option<At>, _>("oldest_due_at")?.map(|at| at.0),
    })
}
