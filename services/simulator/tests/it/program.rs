//! The simulator as a program.

use std::process::Stdio;

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use crate::support::{DEADLINE, client, read};

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orderdesk-simulator"));
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

#[tokio::test]
async fn its_flags_make_stores_orders_and_a_bucket() {
    let mut command = program();
    command.args([
        "--port", "0", "--bucket", "2", "--refill", "0.01", "--store", "5:k", "--orders", "3",
    ]);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let started = tokio::time::timeout(DEADLINE, lines.next_line())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    let base = started.strip_prefix("Order Desk API at ").unwrap();
    assert!(base.starts_with("http://127.0.0.1:"), "{base}");
    let get = || {
        client()
            .get(format!("{base}/orders"))
            .header("ORDERDESK-STORE-ID", "5")
    };
    let page = read(get().header("ORDERDESK-API-KEY", "k").send().await.unwrap()).await;
    assert_eq!(
        (page.status, page.tokens, &page.body["total_records"]),
        (200, Some(1), &Value::from(3))
    );
    read(get().header("ORDERDESK-API-KEY", "k").send().await.unwrap()).await;
    let refused = read(get().header("ORDERDESK-API-KEY", "k").send().await.unwrap()).await;
    assert_eq!((refused.status, refused.retry_after), (429, Some(100)));
}

#[tokio::test]
async fn bad_flags_exit_with_2_and_say_what_is_taken() {
    for flags in [["--refill", "-1"], ["--store", "no-colon"], ["--port", "70000"]] {
        let output = program().args(flags).output();
        let output = tokio::time::timeout(DEADLINE, output).await.unwrap().unwrap();
        assert_eq!(output.status.code(), Some(2), "{flags:?}");
        assert!(!output.stderr.is_empty());
    }
}
