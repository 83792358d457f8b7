//! `migrate --restored`, as a person calls it after putting a backup in place.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use app::{RestoredError, restored};
use domain::batch::{OpenBatch, RequestKind};
use domain::event::{BatchOpened, JobIntentRecorded};
use domain::job::{ErrorCode, Job, JobStatus};
use domain::store::Store;
use domain::{IncarnationId, JobId};
use ledger::conformance::sample;
use ledger::seal::Identity;
use ledger::view::ViewRow;
use ledger::{AppenderConfig, Backend, Expected, Ledger, NewEvent, Stream};
use ledger_sqlite::SqliteLedger;

fn migrate_restored(folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_orderdesk-gateway"))
        .current_dir(folder)
        .env("MCP_KMS_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")
        .env("DATABASE_URL", "sqlite:///app.db")
        .env("PARTITIONS", "4")
        .args(["migrate", "--restored"])
        .output()
        .unwrap()
}

#[track_caller]
pub(crate) fn says(output: &Output, success: bool, what: &[&str]) {
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.success(), success, "{text}");
    for what in what {
        assert!(text.contains(what), "{what}: {text}");
    }
}

pub(crate) async fn open(folder: &Path) -> SqliteLedger {
    SqliteLedger::open(folder.join("app.db")).await.unwrap()
}

/// A ledger with one store of four partitions.
pub(crate) async fn backup(folder: &Path) -> (SqliteLedger, Store) {
    let ledger = open(folder).await;
    ledger.migrate().await.unwrap();
    ledger.init_setting("partitions", b"4").await.unwrap();
    ledger.init_partitions(4).await.unwrap();
    let store = sample::place(&ledger).await.store;
    (ledger, store)
}

pub(crate) async fn submit(ledger: &SqliteLedger, store: &Store, order: &str, later: Duration) -> JobId {
    let mut job = sample::submission(store, Some(order), sample::now());
    job.due_at = sample::now().plus(later);
    let mut append = sample::append(sample::now());
    append.submit_job(&job, Some(sample::sealed("body")));
    sample::land(ledger, append).await;
    job.job_id
}

/// The last thing before a request's bytes are sent.
async fn intend(ledger: &SqliteLedger, job: &Job) {
    let mut append = sample::append(sample::now());
    let opened = BatchOpened {
        at: sample::now(),
        batch_id: sample::id(),
        tenant_id: job.tenant_id,
        store_id: job.store_id,
        partition: job.partition,
        order_id: job.order_id.clone(),
        lane: job.lane.clone(),
        request: RequestKind::Put,
        jobs: vec![job.id],
        etag_before: None,
    };
    let index = append.event(NewEvent {
        stream: Stream::Batch(opened.batch_id),
        expected: Expected::Version(0),
        tenant_id: job.tenant_id,
        store_id: Some(job.store_id),
        order_id: job.order_id.clone(),
        job_id: None,
        event: opened.clone().into(),
        sealed: None,
    });
    let row = ViewRow::OpenBatch(Box::new(OpenBatch::opened(&opened, None)));
    append.view(row, index);
    let intent = JobIntentRecorded {
        at: sample::now(),
        job_id: job.id,
        batch_id: opened.batch_id,
        attempt: 1,
    };
    append.job(job, intent, None);
    sample::land(ledger, append).await;
}

pub(crate) async fn job(ledger: &SqliteLedger, id: JobId) -> Job {
    ledger.job(id).await.unwrap().unwrap()
}

#[tokio::test]
async fn nothing_that_may_have_been_done_since_the_backup_is_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, store) = backup(folder.path()).await;
    let due = submit(&ledger, &store, "1", Duration::ZERO).await;
    let in_doubt = submit(&ledger, &store, "2", Duration::ZERO).await;
    let later = submit(&ledger, &store, "3", Duration::from_hours(1)).await;
    intend(&ledger, &job(&ledger, in_doubt).await).await;
    let head = ledger.head().await.unwrap().position;
    drop(ledger);

    let expected = [
        "generation 2",
        "1 requests are in doubt",
        "1 open jobs may",
        "1 open jobs were not due",
    ];
    says(&migrate_restored(folder.path()), true, &expected);

    let ledger = open(folder.path()).await;
    let ended = job(&ledger, due).await;
    assert_eq!(ended.status, JobStatus::Failed);
    assert_eq!(ended.error.unwrap().code, ErrorCode::NeedsReview);
    assert_eq!(ended.body, Some(sample::sealed("body")), "it can be retried");
    assert_eq!(job(&ledger, in_doubt).await.status, JobStatus::Running);
    assert_eq!(job(&ledger, later).await.status, JobStatus::Queued);
    assert_eq!(ledger.head().await.unwrap().position, head + 1);
    let identity = Identity::open(&ledger, sample::id()).await.unwrap();
    assert_eq!(identity.generation(), 2);
    drop(ledger);

    let again = [
        "generation 3",
        "1 requests are in doubt",
        "0 open jobs may",
        "1 open jobs were not due",
    ];
    says(&migrate_restored(folder.path()), true, &again);
}

#[tokio::test]
async fn a_shared_ledger_that_a_worker_uses_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, store) = backup(folder.path()).await;
    let due = submit(&ledger, &store, "1", Duration::ZERO).await;
    let worker: IncarnationId = sample::id();
    let hour = Duration::from_hours(1);
    ledger.heartbeat(worker, hour, false).await.unwrap();
    ledger.claim(worker, &[0, 1, 2, 3], false).await.unwrap();

    // As if it were shared: an embedded one is proven unused by the lock on its folder.
    let shared = Ledger::start(Arc::new(open(folder.path()).await), AppenderConfig::default());
    let refused = restored(&shared, sample::id(), sample::now(), false).await;
    assert!(matches!(refused, Err(RestoredError::InUse)), "{refused:?}");
    assert_eq!(job(&ledger, due).await.status, JobStatus::Queued);
    assert_eq!(ledger.setting("generation").await.unwrap(), None);
    let members = ledger.heartbeat(worker, hour, false).await.unwrap();
    assert_eq!(members.live, [worker], "nothing of the attempt stays behind");

    drop(ledger);
    says(&migrate_restored(folder.path()), true, &["1 open jobs may"]);
}
