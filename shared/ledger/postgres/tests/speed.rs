//! How fast submissions are appended; for people to run:
//! `cargo nextest run --release -p ledger-postgres --run-ignored only --no-capture speed`.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::Sealed;
use ledger::conformance::sample;
use ledger::{Append, AppenderConfig, Guard, IdempotencyAnswer, IdempotencyRecord, Ledger};
use support::Database;

const FOR: Duration = Duration::from_secs(4);

fn submission(place: &sample::Place, n: usize) -> Append {
    let mut job = sample::submission(&place.store, Some("4312"), sample::now());
    job.lane = format!("order:{n}");
    let mut append = sample::append(job.at)
        .guard(Guard::TenantOpen(place.tenant.id))
        .guard(Guard::StoreOpen(place.store.id));
    append.data_keys.push(sample::data_key(
        place.tenant.id,
        &place.store,
        Some("4312"),
        job.at,
    ));
    append.idempotency.push(IdempotencyRecord {
        tenant_id: place.tenant.id,
        key: job.job_id.to_string(),
        fingerprint: [7; 32],
        answer: IdempotencyAnswer::Job(job.job_id),
        expires_at: sample::now().plus(Duration::from_hours(24)),
    });
    append.submit_job(&job, Some(Sealed::new(vec![0x5a; 300])));
    append
}

async fn run(clients: usize, submit: fn(&sample::Place, usize) -> Append) {
    let database = Database::fresh().await;
    let backend = Arc::new(database.connect().await);
    let place = sample::place(&*backend).await;
    let ledger = Ledger::start(backend, AppenderConfig::default());
    let started = Instant::now();
    let mut tasks = Vec::new();
    for n in 0..clients {
        let (ledger, place) = (ledger.clone(), place.clone());
        tasks.push(tokio::spawn(async move {
            let mut times = Vec::new();
            while started.elapsed() < FOR {
                let begun = Instant::now();
                ledger.append(submit(&place, n)).await.unwrap();
                times.push(begun.elapsed());
            }
            times
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    let rate = times.len() as f64 / started.elapsed().as_secs_f64();
    times.sort_unstable();
    let (middle, late) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!("{clients:4} clients: {rate:8.0}/s, p50 {middle:?}, p99 {late:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures, for people"]
async fn speed_of_submissions() {
    println!("event, job, data key, idempotency record:");
    for clients in [1, 8, 32, 128, 256] {
        run(clients, submission).await;
    }
    println!("event and job alone:");
    for clients in [1, 128] {
        run(clients, |place, _| {
            sample::submit(&place.store, Some("7"), sample::now()).0
        })
        .await;
    }
}
