//! Private servers: each with a folder and a port of its own, on 127.0.0.1 only, gone with the test.
//!
//! All of them keep their port and their data over `stop`, `kill9`, `start` and `restart`. Their methods take
//! `&self`, so that a test may share one between the task that breaks it and those that use it. What fails here
//! panics, with the end of the server's log.

mod dump;
mod nats;
mod postgres;
pub(crate) mod program;
mod redis;

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::guarded::{Guarded, Spawn};

pub use crate::wire::Row;
pub use nats::Nats;
pub use postgres::Postgres;
pub use redis::Redis;

/// Starting includes recovery after a kill, on a machine busy with other tests.
const PATIENCE: Duration = Duration::from_mins(1);

/// Starts a server and waits until `ready` succeeds; one that gives up is started again until the time is over, since
/// what is left of a killed predecessor (Postgres' other processes, a port) may need a moment to go.
async fn start(
    guarded: &mut Guarded,
    what: impl Fn() -> Spawn,
    ready: impl AsyncFn() -> std::io::Result<()>,
) {
    let started = Instant::now();
    let log = guarded.folder().join("server.log");
    loop {
        guarded.spawn(what()).expect("/bin/sh starts");
        loop {
            let answer = ready().await;
            if guarded.exited().is_some() {
                break;
            }
            let Err(error) = answer else { return };
            assert!(started.elapsed() < PATIENCE, "not ready: {error}\n{}", tail(&log));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let ended = guarded.exited();
        assert!(
            started.elapsed() < PATIENCE,
            "the server ended ({ended:?})\n{}",
            tail(&log)
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Asks the server to end and waits until it has; one that does not obey is killed.
async fn stop(guarded: &mut Guarded, signal: Signal) {
    let started = Instant::now();
    if guarded.signal(signal) {
        while guarded.exited().is_none() && started.elapsed() < PATIENCE / 4 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    guarded.kill();
}

/// Sends a server's output to its log, which it may go on writing as another user.
fn log_to(command: &mut Command, log: &Path) {
    let file = File::options()
        .create(true)
        .append(true)
        .open(log)
        .expect("the log can be opened");
    command
        .stderr(file.try_clone().expect("a file handle can be copied"))
        .stdout(file);
}

/// The end of a log, for a panic's message.
fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}
