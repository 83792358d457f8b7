//! Claiming deliveries, and recording how they went.

use domain::{EndpointId, IncarnationId, Timestamp};
use ledger::{AfterAttempt, Delivery, DeliveryClaim, DeliveryOutcome, DeliveryState, OutcomeRecorded};
use sqlx::postgres::PgRow;

use super::deliveries::{columns, delivery};
use crate::connect::PostgresLedger;
use crate::error::{Reading, Result, corrupt};
use crate::rows::OutcomeIn;
use crate::time::At;

impl PostgresLedger {
    pub(super) async fn take_due(&self, claim: &DeliveryClaim) -> Result<Vec<Delivery>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from claim_deliveries($1, $2, $3, $4, $5)"
        );
        let most = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let query = sqlx::query(sql)
            .bind(claim.worker.0)
            .bind(At(claim.now))
            .bind(At(claim.now.plus(claim.lease)))
            .bind(most(claim.per_lane))
            .bind(most(claim.limit));
        let rows = self.writers.write(query).await?;
        rows.iter().map(delivery).collect()
    }

    pub(super) async fn put_outcomes(&self, outcomes: &[DeliveryOutcome]) -> Result<Vec<OutcomeRecorded>> {
        if outcomes.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<OutcomeIn<'_>> = outcomes.iter().map(outcome_in).collect();
        let sql = "select held, failing_since from record_attempts($1)";
        let rows = self.writers.write(sqlx::query(sql).bind(rows)).await?;
        let recorded = |row| {
            let row = Reading::new(row, "webhook_deliveries", "?");
            Ok(OutcomeRecorded {
                held: row.get("held")?,
                failing_since: row.get::<Option<At>, _>("failing_since")?.map(|at| at.0),
            })
        };
        rows.iter().map(recorded).collect()
    }

    pub(super) async fn give_deliveries_back(&self, worker: IncarnationId, now: Timestamp) -> Result<u64> {
        let sql = "select release_deliveries($1, $2) as changed";
        let query = sqlx::query(sql).bind(worker.0).bind(At(now));
        changed(&self.writers.write(query).await?)
    }

    pub(super) async fn skip_pending(&self, endpoint: EndpointId, now: Timestamp, limit: u32) -> Result<u64> {
        let sql = "select skip_deliveries($1, $2, $3) as changed";
        let query = sqlx::query(sql)
            .bind(endpoint.0)
            .bind(At(now))
            .bind(i32::try_from(limit).unwrap_or(i32::MAX));
        changed(&self.writers.write(query).await?)
    }
}

/// How many rows a function has changed.
pub(super) fn changed(rows: &[PgRow]) -> Result<u64> {
    let row = rows
        .first()
        .ok_or_else(|| corrupt("webhook_deliveries", "?", "no answer"))?;
    Reading::new(row, "webhook_deliveries", "?").number("changed")
}

fn outcome_in(outcome: &DeliveryOutcome) -> OutcomeIn<'_> {
    let (state, retry_at) = match outcome.after {
        AfterAttempt::Delivered => (DeliveryState::Delivered, None),
        AfterAttempt::Retry(at) => (DeliveryState::Pending, Some(At(at))),
        AfterAttempt::GivenUp => (DeliveryState::Failed, None),
        AfterAttempt::Skipped => (DeliveryState::Skipped, None),
    };
    let attempt = outcome.attempt.as_ref();
    OutcomeIn {
        id: outcome.id.0,
        worker: outcome.worker.0,
        state: state.as_str(),
        retry_at,
        now: At(outcome.now),
        tried: attempt.is_some(),
        at: attempt.map(|attempt| At(attempt.at)),
        latency_ms: attempt.map(|attempt| attempt.latency_ms as i64),
        status: attempt.and_then(|attempt| attempt.status).map(i32::from),
        error: attempt.and_then(|attempt| attempt.error.as_deref()),
        answer: attempt
            .and_then(|attempt| attempt.answer.as_ref())
            .map(domain::Sealed::as_bytes),
    }
}
