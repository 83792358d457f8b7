//! SIGKILL in the middle of commits: what was acknowledged is there, whole and in order.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use ledger::conformance::{audit, sample};
use ledger::{AppenderConfig, Backend, Ledger};
use ledger_sqlite::{LockError, SqliteLedger, lock_folder};

const FOLDER: &str = "LEDGER_SQLITE_TEST_FOLDER";
const ROUNDS: usize = 5;
const CALLERS: usize = 16;
/// Appends per caller at most, so that a child whose parent died ends by itself.
const APPENDS: usize = 20_000;

/// What the child process does; a test by name only, which does nothing when it runs as one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_appends_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    let _lock = lock_folder(folder).unwrap();
    let backend = SqliteLedger::open(folder.join("app.db")).await.unwrap();
    backend.check_schema().await.unwrap();
    let ledger = Ledger::start(Arc::new(backend), AppenderConfig::default());
    let place = sample::place(&*ledger).await;
    let mut callers = Vec::new();
    for _ in 0..CALLERS {
        let (ledger, place) = (ledger.clone(), place.clone());
        callers.push(tokio::spawn(async move {
            for _ in 0..APPENDS {
                let (mut append, job) = sample::submit(&place.store, Some("1"), sample::now());
                sample::add_image(&mut append, &place.store, "1", "digest");
                let appended = ledger.append(append).await.unwrap();
                let line = format!("acknowledged {} {} {}\n", appended.first, appended.last, job.id);
                std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
            }
        }));
    }
    for caller in callers {
        caller.await.unwrap();
    }
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spawn(folder: &Path) -> (Killed, impl Iterator<Item = String>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "child_appends_until_it_is_killed",
            "--exact",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    (Killed(child), lines)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_append_survives_sigkill() {
    if std::env::var_os(FOLDER).is_some() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let ledger = SqliteLedger::open(&path).await.unwrap();
    ledger.migrate().await.unwrap();
    ledger.close().await;

    let mut acknowledged: HashSet<(u64, u64, String)> = HashSet::new();
    for round in 0..ROUNDS {
        let (mut child, lines) = spawn(folder.path());
        let mut heard = 0;
        for line in lines {
            let Some(rest) = line.split_once("acknowledged ").map(|(_, rest)| rest) else {
                continue;
            };
            let words: Vec<&str> = rest.split(' ').collect();
            // Killed in mid-line, it said nothing.
            let [first, last, job] = words[..] else { continue };
            if job.len() < 36 {
                continue;
            }
            acknowledged.insert((first.parse().unwrap(), last.parse().unwrap(), job.to_owned()));
            heard += 1;
            // Another moment each time; what is left in the pipe was acknowledged, too.
            if heard == 1 {
                assert!(matches!(lock_folder(folder.path()), Err(LockError::Taken { .. })));
            }
            if heard == 40 + round * 37 {
                child.0.kill().unwrap();
            }
        }
        assert!(!child.0.wait().unwrap().success());
        assert!(heard >= 40 + round * 37, "it ended by itself after {heard}");

        let _lock = lock_folder(folder.path()).unwrap();
        let ledger = SqliteLedger::open(&path).await.unwrap();
        let views = audit::whole(&ledger).await;
        let rows = audit::log(&ledger).await;
        for (first, last, job) in &acknowledged {
            let (first, last) = (&rows[*first as usize - 1], &rows[*last as usize - 1]);
            assert_eq!(first.stream, format!("job-{job}"));
            assert_eq!(
                (last.position, last.type_name.as_str()),
                (first.position + 1, "order.written.v1")
            );
            assert!(views.jobs.contains_key(&job.parse().unwrap()));
        }
        assert!(ledger.head().await.unwrap().position as usize >= acknowledged.len() * 2);
        ledger.close().await;
    }
}
