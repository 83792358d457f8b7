//! Submissions without a gateway: the rows that it wrote, written again under new ids straight into its ledger.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use domain::event::{Event, JobSubmitted};
use domain::{DataKeyId, JobId, Sealed, Timestamp};
use ledger::{Append, Backend, Guard, IdempotencyAnswer, IdempotencyRecord, Meta};
use ledger_postgres::{PostgresLedger, PostgresOptions};
use ledger_sqlite::SqliteLedger;
use uuid::Uuid;

use crate::Outcome;
use crate::stack::Database;

/// What the gateway wrote last, to be written again.
pub(crate) struct Templates {
    submissions: Vec<Submission>,
    next: usize,
}

struct Submission {
    meta: Meta,
    event: JobSubmitted,
    body: Sealed,
}

/// Opens a ledger beside the gateway.
pub(crate) async fn open(database: &Database) -> Outcome<Arc<dyn Backend>> {
    Ok(match database {
        Database::Sqlite(path) => Arc::new(SqliteLedger::open(path).await?),
        Database::Postgres(url) => Arc::new(PostgresLedger::connect(url, PostgresOptions::default()).await?),
    })
}

/// The present time.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(since.as_millis() as i64)
}

impl Templates {
    /// Reads the last submissions of a ledger.
    pub(crate) async fn read(backend: &dyn Backend) -> Outcome<Self> {
        let head = backend.head().await?.position;
        let mut submissions = Vec::new();
        for recorded in backend.events_after(head.saturating_sub(2_000), 2_000).await? {
            if let (Ok(Event::JobSubmitted(event)), Some(body)) = (recorded.event(), recorded.sealed.clone())
            {
                submissions.push(Submission {
                    meta: recorded.meta(),
                    event,
                    body,
                });
            }
        }
        if submissions.is_empty() {
            Err("nothing was submitted".into())
        } else {
            Ok(Self { submissions, next: 0 })
        }
    }

    /// One more submission, under a new id.
    pub(crate) fn append(&mut self, with_key: bool) -> Append {
        let submission = &self.submissions[self.next % self.submissions.len()];
        self.next += 1;
        let event = JobSubmitted {
            job_id: JobId(Uuid::now_v7()),
            ..submission.event.clone()
        };
        let mut append = Append::new(now(), submission.meta.clone())
            .guard(Guard::TenantOpen(event.tenant_id))
            .guard(Guard::StoreOpen(event.store_id));
        if let Some(id) = vault::sealed_key_id(submission.body.as_bytes()) {
            append = append.guard(Guard::DataKey(DataKeyId(id)));
        }
        if with_key {
            append.idempotency.push(IdempotencyRecord {
                tenant_id: event.tenant_id,
                key: event.job_id.to_string(),
                fingerprint: [7; 32],
                answer: IdempotencyAnswer::Job(event.job_id),
                expires_at: append.now.plus(Duration::from_hours(24)),
            });
        }
        append.submit_job(&event, Some(submission.body.clone()));
        append
    }
}

/// Submissions per second by `append_batch` with this many in each transaction. Making them is not counted.
pub(crate) async fn rate(
    backend: &dyn Backend,
    templates: &mut Templates,
    batch: usize,
    with_key: bool,
    window: Duration,
) -> Outcome<f64> {
    let (mut spent, mut written) = (Duration::ZERO, 0_usize);
    let mut warm = false;
    while spent < window {
        let appends: Vec<Append> = (0..batch).map(|_| templates.append(with_key)).collect();
        let begun = Instant::now();
        let results = backend.append_batch(&appends).await?;
        let took = begun.elapsed();
        if let Some(refusal) = results.into_iter().find_map(Result::err) {
            return Err(format!("a raw append was refused: {refusal}").into());
        }
        if warm {
            spent += took;
            written += batch;
        }
        warm = true;
    }
    Ok(written as f64 / spent.as_secs_f64())
}
