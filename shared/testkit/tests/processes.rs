//! Child processes: output, environment, signals, and that none outlives its test.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

use testkit::process::Launch;
use testkit::{CrashPoint, Process, eventually};

const SOON: Duration = Duration::from_secs(20);

fn shell(script: &str) -> Launch {
    Process::at("/bin/sh").arg("-c").arg(script)
}

/// The state letter of a process, from the kernel; `None` if there is none or it waits to be reaped.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(") ")
        .next()?
        .chars()
        .next()
        .filter(|state| *state != 'Z')
}

#[tokio::test]
async fn output_of_both_streams_and_the_exit_code_are_kept() {
    let process = shell("echo out; echo err >&2; exit 7").start();
    assert_eq!(process.wait_exit(SOON).await.code(), Some(7));
    let mut lines = process.lines();
    lines.sort();
    assert_eq!(lines, ["err", "out"]);
    assert!(!process.is_running() && !process.sigterm());
}

#[tokio::test]
async fn a_line_is_found_before_and_after_it_is_written() {
    let process = shell("echo first; sleep 0.2; echo second; sleep 60").start();
    assert_eq!(process.wait_for_line("sec", SOON).await, "second");
    assert_eq!(process.wait_for_line("first", SOON).await, "first");
}

#[tokio::test]
#[should_panic(expected = "ended without \"never\"")]
async fn waiting_for_a_line_ends_with_the_process() {
    shell("echo other").start().wait_for_line("never", SOON).await;
}

#[tokio::test]
async fn the_environment_is_clean_but_for_what_is_set() {
    let process = shell("env")
        .env("GIVEN", "yes")
        .crash_at(&CrashPoint("here", 3))
        .start();
    process.wait_exit(SOON).await;
    let lines = process.lines();
    assert!(lines.contains(&"GIVEN=yes".to_owned()) && lines.contains(&"ODG_CRASH_POINT=here:3".to_owned()));
    // Cargo sets this one for every test.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    assert!(!lines.iter().any(|line| line.starts_with("CARGO_")), "{lines:?}");
}

#[tokio::test]
async fn a_process_can_be_frozen_woken_and_killed() {
    let process = shell("echo up; exec sleep 60").start();
    process.wait_for_line("up", SOON).await;
    let pid = process.pid().unwrap();
    assert!(process.sigstop());
    eventually("it is stopped", SOON, async || state(pid) == Some('T')).await;
    assert!(process.sigcont());
    eventually("it is awake", SOON, async || state(pid) == Some('S')).await;
    process.kill9();
    assert_eq!(process.wait_exit(SOON).await.signal(), Some(9));
}

#[tokio::test]
async fn an_http_server_is_awaited() {
    let port = testkit::free_port();
    let script =
        format!("import http.server as h; h.test(h.SimpleHTTPRequestHandler, port={port}, bind='127.0.0.1')");
    let process = Process::at("/usr/bin/env")
        .args(["python3", "-c", &script])
        .start();
    process
        .wait_http_ready(&format!("http://127.0.0.1:{port}/"), SOON)
        .await;
}

#[tokio::test]
async fn a_dropped_process_is_gone_with_its_folder() {
    let process = shell("pwd; exec sleep 60").start();
    let folder = process.wait_for_line("/odg-process-", SOON).await;
    let pid = process.pid().unwrap();
    drop(process);
    assert_eq!(state(pid), None);
    assert!(!Path::new(&folder).exists());
}

#[tokio::test]
async fn a_killed_test_leaves_no_child_no_server_and_no_folder() {
    let temporary = tempfile::tempdir().unwrap();
    // Servers run as another user need a way into the temporary folder.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o711);
    std::fs::set_permissions(temporary.path(), mode).unwrap();
    let test = Process::at(env!("CARGO_BIN_EXE_testkit-victim"))
        .env("TMPDIR", temporary.path().to_string_lossy())
        .start();
    let ports = test.wait_for_line(" ready", Duration::from_mins(1)).await;
    let sleeper: u32 = test.wait_for_line("sleeper ", SOON).await["sleeper ".len()..]
        .parse()
        .unwrap();
    let ports: Vec<u16> = ports
        .split_whitespace()
        .filter_map(|url| url.split(':').nth(2)?.split('/').next()?.parse().ok())
        .collect();
    let listening = || {
        ports
            .iter()
            .filter(|port| std::net::TcpStream::connect(("127.0.0.1", **port)).is_ok())
            .count()
    };
    assert_eq!((ports.len(), listening(), state(sleeper).is_some()), (3, 3, true));

    test.kill9();
    eventually("no server listens and the child is gone", SOON, async || {
        listening() == 0 && state(sleeper).is_none()
    })
    .await;
    eventually("no folder is left", SOON, async || {
        let left = std::fs::read_dir(temporary.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left
            .filter(|name| name.to_string_lossy().starts_with("odg-"))
            .collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    })
    .await;
}
