//! A panic in a process of its own: this test's program, started once more.

use std::process::Command;
use std::sync::Arc;

use runtime::config::LogLevel;
use runtime::telemetry::{LogContext, init_logs, log_context};

const CHILD: &str = "ODG_TEST_PANICS";

struct Request;

impl LogContext for Request {
    fn fields(&self, tell: &mut dyn FnMut(&'static str, &str)) {
        tell("request_id", "r-1");
    }
}

fn read_address(text: &str) -> Result<(), &str> {
    if text.contains('@') { Err(text) } else { Ok(()) }
}

fn panic_in_a_task() {
    init_logs(LogLevel::Info);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let work = log_context(Arc::new(Request), async {
            read_address("jane@example.com").expect("an address is known");
        });
        let end = tokio::spawn(work).await;
        assert!(end.is_err(), "the task panics");
    });
}

#[test]
fn a_panic_is_a_log_line_of_its_request_without_the_data_it_stumbled_over() {
    if std::env::var_os(CHILD).is_some() {
        return panic_in_a_task();
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("a_panic_is_a_log_line_of_its_request_without_the_data_it_stumbled_over")
        .env(CHILD, "1")
        .env_remove("RUST_BACKTRACE")
        .output()
        .unwrap();
    let text = String::from_utf8([child.stdout, child.stderr].concat()).unwrap();
    let line = text
        .lines()
        .find(|line| line.contains("panicked"))
        .unwrap_or_else(|| panic!("{text}"));
    let line = line.trim_start_matches(|before| before != '{');
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["message"], "panicked: an address is known");
    assert_eq!(line["request_id"], "r-1");
    assert!(line["location"].as_str().unwrap().contains("panics.rs:"));
    assert!(!text.contains("jane@"), "{text}");
}
