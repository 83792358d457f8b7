//! Looking into a ledger's file.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Runs a query on an SQLite file as another program beside the gateway would; its rows, of texts or nulls.
///
/// # Panics
/// If it fails.
pub fn sqlite(file: &Path, query: &str) -> Vec<Vec<Option<String>>> {
    let script = "import json, sqlite3, sys; \
        print(json.dumps(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchall()))";
    let output = Command::new("python3")
        .args(["-c", script])
        .arg(file)
        .arg(query)
        .output()
        .expect("python3 runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{query}: {told}");
    let rows: Vec<Vec<Value>> = serde_json::from_slice(&output.stdout).expect("rows");
    rows.into_iter()
        .map(|row| row.iter().map(|cell| cell.as_str().map(str::to_owned)).collect())
        .collect()
}
