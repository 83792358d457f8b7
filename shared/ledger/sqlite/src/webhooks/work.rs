//! Claiming deliveries, and recording how they went.

use domain::{EndpointId, IncarnationId, Timestamp};
use ledger::{
    AfterAttempt, Delivery, DeliveryAttempt, DeliveryClaim, DeliveryOutcome, DeliveryState, OutcomeRecorded,
};
use sqlx::sqlite::SqliteConnection;

use super::deliveries::{columns, delivery};
use crate::error::{Result, failed};
use crate::open::SqliteLedger;
use crate::rows::Cells;

/// Lanes with something due, the one that waits longest first, and how much of each is under way. Goes from lane to lane
/// by the index, whatever each holds.
const LANES: &str = "WITH RECURSIVE lanes (lane) AS (\
     SELECT min(lane) FROM webhook_deliveries WHERE state = 'pending' UNION ALL \
     SELECT (SELECT min(d.lane) FROM webhook_deliveries d WHERE d.state = 'pending' AND d.lane > lanes.lane) \
     FROM lanes WHERE lanes.lane IS NOT NULL), \
     due (lane, due_at) AS (SELECT lane, (SELECT min(d.due_at) FROM webhook_deliveries d WHERE d.state = 'pending' \
     AND d.lane = lanes.lane) FROM lanes WHERE lane IS NOT NULL) \
     SELECT lane, (SELECT count(*) FROM webhook_deliveries d WHERE d.claimed_by IS NOT NULL AND d.lane = due.lane \
     AND d.due_at > ?1) FROM due WHERE due_at <= ?1 ORDER BY due_at";

const TAKE: &str = concat!(
    "UPDATE webhook_deliveries SET claimed_by = ?, due_at = ? WHERE id IN (SELECT id FROM webhook_deliveries WHERE \
     state = 'pending' AND lane = ? AND due_at <= ? ORDER BY due_at, position LIMIT ?) RETURNING ",
    columns!()
);

impl SqliteLedger {
    pub(super) async fn take_due(&self, claim: &DeliveryClaim) -> Result<Vec<Delivery>> {
        let mut write = self.begin().await?;
        let result = take_due_on(write.on(), claim).await;
        write.finish(result).await
    }

    pub(super) async fn put_outcomes(&self, outcomes: &[DeliveryOutcome]) -> Result<Vec<OutcomeRecorded>> {
        if outcomes.is_empty() {
            return Ok(Vec::new());
        }
        let mut write = self.begin().await?;
        let result = async {
            let mut recorded = Vec::with_capacity(outcomes.len());
            for outcome in outcomes {
                recorded.push(put_outcome(write.on(), outcome).await?);
            }
            Ok(recorded)
        }
        .await;
        write.finish(result).await
    }

    pub(super) async fn give_deliveries_back(&self, worker: IncarnationId, now: Timestamp) -> Result<u64> {
        let mut write = self.begin().await?;
        let result = sqlx::query(
            "UPDATE webhook_deliveries SET claimed_by = NULL, due_at = min(due_at, ?) WHERE claimed_by = ?",
        )
        .bind(now.to_string())
        .bind(worker.to_string())
        .execute(write.on())
        .await
        .map(|done| done.rows_affected())
        .map_err(failed);
        write.finish(result).await
    }

    pub(super) async fn skip_pending(&self, endpoint: EndpointId, now: Timestamp, limit: u32) -> Result<u64> {
        let mut write = self.begin().await?;
        let result = sqlx::query(
            "UPDATE webhook_deliveries SET state = 'skipped', ended_at = ?1, claimed_by = NULL WHERE id IN \
             (SELECT id FROM webhook_deliveries WHERE state = 'pending' AND lane = ?2 AND endpoint_id = ?2 AND \
             (claimed_by IS NULL OR due_at <= ?1) LIMIT ?3)",
        )
        .bind(now.to_string())
        .bind(endpoint.to_string())
        .bind(i64::from(limit))
        .execute(write.on())
        .await
        .map(|done| done.rows_affected())
        .map_err(failed);
        write.finish(result).await
    }
}

async fn take_due_on(on: &mut SqliteConnection, claim: &DeliveryClaim) -> Result<Vec<Delivery>> {
    let now = claim.now.to_string();
    let lanes = sqlx::query(LANES)
        .bind(&now)
        .fetch_all(&mut *on)
        .await
        .map_err(failed)?;
    let mut taken = Vec::new();
    for lane in &lanes {
        let cells = Cells::new(lane, "webhook_deliveries");
        let room = u64::from(claim.per_lane).saturating_sub(cells.number(1)?);
        let room = room.min((claim.limit as usize).saturating_sub(taken.len()) as u64);
        if room == 0 {
            continue;
        }
        let rows = sqlx::query(TAKE)
            .bind(claim.worker.to_string())
            .bind(claim.now.plus(claim.lease).to_string())
            .bind(cells.get::<String>(0)?)
            .bind(&now)
            .bind(room as i64)
            .fetch_all(&mut *on)
            .await
            .map_err(failed)?;
        let mut some = rows.iter().map(delivery).collect::<Result<Vec<_>>>()?;
        // What is changed comes back in no order.
        some.sort_by_key(|delivery| delivery.position);
        taken.append(&mut some);
    }
    Ok(taken)
}

async fn put_outcome(on: &mut SqliteConnection, outcome: &DeliveryOutcome) -> Result<OutcomeRecorded> {
    let (state, due_at) = match outcome.after {
        AfterAttempt::Delivered => (DeliveryState::Delivered, None),
        AfterAttempt::Retry(at) => (DeliveryState::Pending, Some(at)),
        AfterAttempt::GivenUp => (DeliveryState::Failed, None),
        AfterAttempt::Skipped => (DeliveryState::Skipped, None),
    };
    let ended_at = due_at.is_none().then(|| outcome.now.to_string());
    let row = sqlx::query(
        "UPDATE webhook_deliveries SET state = ?1, attempts = attempts + ?2, tries = tries + ?2, due_at = \
         coalesce(?3, due_at), ended_at = ?4, claimed_by = NULL WHERE id = ?5 AND claimed_by = ?6 AND \
         state = 'pending' RETURNING id, attempts, endpoint_id",
    )
    .bind(state.as_str())
    .bind(i64::from(outcome.attempt.is_some()))
    .bind(due_at.map(|at| at.to_string()))
    .bind(ended_at)
    .bind(outcome.id.to_string())
    .bind(outcome.worker.to_string())
    .fetch_optional(&mut *on)
    .await
    .map_err(failed)?;
    let Some(row) = row else {
        return Ok(OutcomeRecorded {
            held: false,
            failing_since: None,
        });
    };
    let cells = Cells::new(&row, "webhook_deliveries");
    let mut failing_since = None;
    if let Some(attempt) = &outcome.attempt {
        put_attempt(on, outcome, attempt, cells.number(1)?).await?;
        if let Some(endpoint) = cells.maybe(2)? {
            failing_since = put_health(on, endpoint, attempt, outcome.after).await?;
        }
    }
    Ok(OutcomeRecorded {
        held: true,
        failing_since,
    })
}

async fn put_attempt(
    on: &mut SqliteConnection,
    outcome: &DeliveryOutcome,
    attempt: &DeliveryAttempt,
    number: u64,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO webhook_attempts (delivery_id, number, at, latency_ms, status, error, answer) VALUES \
         (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(outcome.id.to_string())
    .bind(number as i64)
    .bind(attempt.at.to_string())
    .bind(attempt.latency_ms as i64)
    .bind(attempt.status.map(i64::from))
    .bind(attempt.error.clone())
    .bind(attempt.answer.as_ref().map(|answer| answer.as_bytes().to_vec()))
    .execute(on)
    .await
    .map(drop)
    .map_err(failed)
}

async fn put_health(
    on: &mut SqliteConnection,
    endpoint: EndpointId,
    attempt: &DeliveryAttempt,
    after: AfterAttempt,
) -> Result<Option<Timestamp>> {
    let sql = match after {
        AfterAttempt::Delivered => {
            "INSERT INTO webhook_health (endpoint_id, last_success_at) VALUES (?, ?) ON CONFLICT DO UPDATE SET \
             failing_since = NULL, last_success_at = excluded.last_success_at RETURNING endpoint_id, failing_since"
        }
        AfterAttempt::Retry(_) | AfterAttempt::GivenUp => {
            "INSERT INTO webhook_health (endpoint_id, failing_since, last_failure_at) VALUES (?1, ?2, ?2) ON CONFLICT \
             DO UPDATE SET failing_since = coalesce(failing_since, excluded.failing_since), last_failure_at = \
             excluded.last_failure_at RETURNING endpoint_id, failing_since"
        }
        AfterAttempt::Skipped => return Ok(None),
    };
    let row = sqlx::query(sql)
        .bind(endpoint.to_string())
        .bind(attempt.at.to_string())
        .fetch_one(on)
        .await
        .map_err(failed)?;
    Cells::new(&row, "webhook_health").maybe(1)
}
