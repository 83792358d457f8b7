//! Submissions per second in group commit: `cargo run --release --example throughput [callers] [appends]`.

use std::sync::Arc;
use std::time::Instant;

use ledger::conformance::sample;
use ledger::{AppenderConfig, Guard, IdempotencyAnswer, IdempotencyRecord, Ledger};
use ledger_sqlite::SqliteLedger;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|word| word.parse::<usize>().expect("a number"));
    let callers = arguments.next().unwrap_or(128);
    let appends = arguments.next().unwrap_or(20_000);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let backend = SqliteLedger::open(folder.path().join("app.db"))
        .await
        .expect("a new database");
    backend.migrate().await.expect("a new schema");
    let ledger = Ledger::start(Arc::new(backend), AppenderConfig::default());
    let place = sample::place(&*ledger).await;
    let started = Instant::now();
    let mut tasks = Vec::new();
    for caller in 0..callers {
        let (ledger, place) = (ledger.clone(), place.clone());
        tasks.push(tokio::spawn(async move {
            for n in 0..appends / callers {
                let now = sample::now();
                let (append, job) = sample::submit(&place.store, Some("1"), now);
                let mut append = append
                    .guard(Guard::StoreOpen(place.store.id))
                    .guard(Guard::TenantOpen(place.tenant.id));
                append.idempotency.push(IdempotencyRecord {
                    tenant_id: place.tenant.id,
                    key: format!("{caller}-{n}"),
                    fingerprint: [1; 32],
                    answer: IdempotencyAnswer::Job(job.id),
                    expires_at: now.plus(std::time::Duration::from_hours(24)),
                });
                ledger.append(append).await.expect("a submission");
            }
        }));
    }
    for task in tasks {
        task.await.expect("a caller");
    }
    let seconds = started.elapsed().as_secs_f64();
    let done = appends / callers * callers;
    println!(
        "{callers} callers: {done} submissions in {seconds:.2} s, {:.0}/s",
        done as f64 / seconds
    );
}
