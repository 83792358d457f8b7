//! The scripts that save and restore an embedded ledger. They need the `sqlite3` program.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use domain::job::JobStatus;
use ledger::Backend;
use ledger_sqlite::lock_folder;

use crate::restoring::{backup, job, open, says, submit};

fn script(name: &str, folder: &Path, arguments: &[&Path]) -> Output {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ops/backup");
    Command::new(scripts.join(name))
        .current_dir(folder)
        .env("GATEWAY", env!("CARGO_BIN_EXE_orderdesk-gateway"))
        .env("MCP_KMS_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")
        .env("PARTITIONS", "4")
        .args(arguments)
        .output()
        .unwrap()
}

#[tokio::test]
async fn an_embedded_ledger_is_saved_while_it_is_used_and_restored_elsewhere() {
    if Command::new("sqlite3").arg("--version").output().is_err() {
        println!("skipped: the sqlite3 program is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (ledger, store) = backup(folder.path()).await;
    let due = submit(&ledger, &store, "1", Duration::ZERO).await;
    let _running = lock_folder(folder.path()).unwrap();
    let database = folder.path().join("app.db");
    let saved = script(
        "backup-sqlite.sh",
        folder.path(),
        &[&database, Path::new("saved")],
    );
    says(&saved, true, &["saved/app-"]);
    let late = submit(&ledger, &store, "2", Duration::ZERO).await;
    let file = std::fs::read_dir(folder.path().join("saved")).unwrap().next();
    let file: PathBuf = file.unwrap().unwrap().path();

    let refused = script("restore-sqlite.sh", folder.path(), &[&file, &database]);
    says(&refused, false, &["a gateway runs on"]);
    assert_eq!(
        job(&ledger, late).await.status,
        JobStatus::Queued,
        "nothing was replaced"
    );

    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("app.db");
    let restored = script("restore-sqlite.sh", elsewhere.path(), &[&file, &copy]);
    says(&restored, true, &["generation 2", "1 open jobs may"]);
    let ledger = open(elsewhere.path()).await;
    assert_eq!(job(&ledger, due).await.status, JobStatus::Failed);
    assert!(
        ledger.job(late).await.unwrap().is_none(),
        "it came after the backup"
    );
}
