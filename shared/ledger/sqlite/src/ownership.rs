//! Who runs which partition. Times are milliseconds of the machine's clock, read under the write lock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::{IncarnationId, Timestamp};
use ledger::{Claimed, Membership, PartitionOwner, PartitionQueue};
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::error::{Result, corrupt, failed};
use crate::jobs::list;
use crate::open::SqliteLedger;
use crate::readers::Read as _;
use crate::rows::Cells;

/// How long the heartbeat of a dead incarnation is kept, for people to look at.
const FORGET: Duration = Duration::from_mins(10);

fn clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl SqliteLedger {
    pub(crate) async fn make_partitions(&self, count: u16) -> Result<()> {
        let mut write = self.begin().await?;
        let all: Vec<u16> = (0..count).collect();
        let result =
            sqlx::query("INSERT OR IGNORE INTO partitions (partition) SELECT value FROM json_each(?)")
                .bind(list(&all))
                .execute(write.on())
                .await
                .map(drop)
                .map_err(failed);
        write.finish(result).await
    }

    pub(crate) async fn beat(
        &self,
        incarnation: IncarnationId,
        ttl: Duration,
        draining: bool,
    ) -> Result<Membership> {
        let mut write = self.begin().await?;
        let result = beat_on(write.on(), incarnation, ttl, draining).await;
        write.finish(result).await
    }

    pub(crate) async fn take(
        &self,
        incarnation: IncarnationId,
        partitions: &[u16],
        force: bool,
    ) -> Result<Vec<Claimed>> {
        let mut write = self.begin().await?;
        let result = take_on(write.on(), incarnation, partitions, force).await;
        write.finish(result).await
    }

    pub(crate) async fn give_back(&self, incarnation: IncarnationId, partitions: &[u16]) -> Result<()> {
        let mut write = self.begin().await?;
        let result = sqlx::query(
            "UPDATE partitions SET owner = NULL, released_at = ? WHERE owner = ? AND partition IN \
             (SELECT value FROM json_each(?))",
        )
        .bind(clock())
        .bind(incarnation.to_string())
        .bind(list(partitions))
        .execute(write.on())
        .await
        .map(drop)
        .map_err(failed);
        write.finish(result).await
    }

    pub(crate) async fn read_partition_queues(&self, now: Timestamp) -> Result<Vec<PartitionQueue>> {
        let rows = sqlx::query(
            "SELECT p.partition, p.owner, p.epoch, coalesce(w.expires_at > ?1, 0), coalesce(j.queued, 0), \
             coalesce(j.due, 0), coalesce(j.running, 0), j.oldest \
             FROM partitions p LEFT JOIN workers w ON w.incarnation = p.owner \
             LEFT JOIN (SELECT partition, sum(status <> 'running') AS queued, \
             sum(status <> 'running' AND due_at <= ?2) AS due, sum(status = 'running') AS running, \
             min(CASE WHEN status <> 'running' AND due_at <= ?2 THEN due_at END) AS oldest \
             FROM jobs WHERE open = 1 GROUP BY partition) j ON j.partition = p.partition ORDER BY p.partition",
        )
        .bind(clock())
        .bind(now.to_string())
        .all(&self.readers)
        .await
        .map_err(failed)?;
        rows.iter().map(partition_queue).collect()
    }

    pub(crate) async fn leave(&self, incarnation: IncarnationId) -> Result<()> {
        let mut write = self.begin().await?;
        let result = leave_on(write.on(), incarnation).await;
        write.finish(result).await
    }
}

async fn beat_on(
    on: &mut SqliteConnection,
    incarnation: IncarnationId,
    ttl: Duration,
    draining: bool,
) -> Result<Membership> {
    let now = clock();
    sqlx::query("INSERT OR REPLACE INTO workers (incarnation, expires_at, draining) VALUES (?, ?, ?)")
        .bind(incarnation.to_string())
        .bind(now.saturating_add(millis(ttl)))
        .bind(draining)
        .execute(&mut *on)
        .await
        .map_err(failed)?;
    sqlx::query(
        "DELETE FROM workers WHERE expires_at < ? AND incarnation NOT IN \
         (SELECT owner FROM partitions WHERE owner IS NOT NULL)",
    )
    .bind(now.saturating_sub(millis(FORGET)))
    .execute(&mut *on)
    .await
    .map_err(failed)?;
    let rows = sqlx::query(
        "SELECT incarnation FROM workers WHERE expires_at > ? AND NOT draining ORDER BY incarnation",
    )
    .bind(now)
    .fetch_all(&mut *on)
    .await
    .map_err(failed)?;
    let mut live: Vec<IncarnationId> = rows
        .iter()
        .map(|row| Cells::new(row, "workers").parsed(0))
        .collect::<Result<_>>()?;
    live.sort_unstable();
    let rows = sqlx::query(
        "SELECT partition, owner, epoch, coalesce(expires_at > ?, 0) FROM partitions \
         LEFT JOIN workers ON incarnation = owner ORDER BY partition",
    )
    .bind(now)
    .fetch_all(on)
    .await
    .map_err(failed)?;
    let mut partitions = Vec::with_capacity(rows.len());
    for row in &rows {
        let cells = Cells::new(row, "partitions");
        partitions.push(PartitionOwner {
            partition: cells.number(0)? as u16,
            owner: cells.maybe(1)?,
            epoch: cells.number(2)?,
            live: cells.number(3)? != 0,
        });
    }
    Ok(Membership {
        live,
        partitions,
        now: Timestamp::from_millis(now),
    })
}

async fn take_on(
    on: &mut SqliteConnection,
    incarnation: IncarnationId,
    partitions: &[u16],
    force: bool,
) -> Result<Vec<Claimed>> {
    let now = clock();
    let valid: i64 =
        sqlx::query_scalar("SELECT count(*) FROM workers WHERE incarnation = ? AND expires_at > ?")
            .bind(incarnation.to_string())
            .bind(now)
            .fetch_one(&mut *on)
            .await
            .map_err(failed)?;
    if valid == 0 {
        return Ok(Vec::new());
    }
    // A lease that has not run out ends with the proof that its holder is dead: now.
    let rows = sqlx::query(
        "SELECT partition, epoch, CASE WHEN owner IS NULL THEN released_at ELSE \
         min(coalesce(expires_at, ?1), ?1) END FROM partitions LEFT JOIN workers ON incarnation = owner \
         WHERE partition IN (SELECT value FROM json_each(?2)) AND (owner IS NULL OR (owner <> ?3 AND \
         (?4 OR expires_at IS NULL OR expires_at <= ?1))) ORDER BY partition",
    )
    .bind(now)
    .bind(list(partitions))
    .bind(incarnation.to_string())
    .bind(force)
    .fetch_all(&mut *on)
    .await
    .map_err(failed)?;
    let mut claimed = Vec::with_capacity(rows.len());
    for row in &rows {
        let cells = Cells::new(row, "partitions");
        claimed.push(Claimed {
            partition: cells.number(0)? as u16,
            epoch: cells.number(1)? + 1,
            idle_since: cells.get::<Option<i64>>(2)?.map(Timestamp::from_millis),
        });
    }
    let taken: Vec<u16> = claimed.iter().map(|claim| claim.partition).collect();
    sqlx::query(
        "UPDATE partitions SET owner = ?, epoch = epoch + 1 WHERE partition IN (SELECT value FROM json_each(?))",
    )
    .bind(incarnation.to_string())
    .bind(list(&taken))
    .execute(on)
    .await
    .map_err(failed)?;
    Ok(claimed)
}

async fn leave_on(on: &mut SqliteConnection, incarnation: IncarnationId) -> Result<()> {
    sqlx::query("UPDATE partitions SET owner = NULL, released_at = ? WHERE owner = ?")
        .bind(clock())
        .bind(incarnation.to_string())
        .execute(&mut *on)
        .await
        .map_err(failed)?;
    sqlx::query("DELETE FROM workers WHERE incarnation = ?")
        .bind(incarnation.to_string())
        .execute(on)
        .await
        .map_err(failed)?;
    Ok(())
}

fn partition_queue(row: &SqliteRow) -> Result<PartitionQueue> {
    let cells = Cells::new(row, "partitions");
    let number = cells.number(0)?;
    Ok(PartitionQueue {
        partition: u16::try_from(number).map_err(|error| corrupt("partitions", number, error))?,
        owner: cells.maybe(1)?,
        epoch: cells.number(2)?,
        live: cells.number(3)? != 0,
        queued: cells.number(4)?,
        due: cells.number(5)?,
        running: cells.number(6)?,
        oldest_due_at: cells.maybe(7)?,
    })
}
