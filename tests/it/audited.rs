//! The audit log of a running service, checked by [`auditor`] and, once somebody has changed the database, by
//! `verify-log`; the same on both deployments.

use system_tests::auditor::{self, Head};
use system_tests::{Client, Ended};
use testkit::eventually;

use reqwest::Method;
use serde_json::Value;

use crate::PATIENCE;

/// The present head, once it covers everything that the tenant has done so far.
pub(crate) async fn head(client: &Client) -> Head {
    let newest = client.get("/audit?limit=1").await.expect(200).body;
    let newest = newest["data"][0]["position"].as_u64().expect("an entry");
    let key = key(client).await;
    eventually("a head over the newest entry", PATIENCE, async || {
        let answer = client.get("/audit/checkpoint").await;
        let note = answer.body.as_str().unwrap_or_default();
        match auditor::head(note, &key) {
            Some(head) if head.size >= newest => Ok(head),
            other => Err(format!("{}: {other:?}", answer.status)),
        }
    })
    .await
}

/// The key that verifies heads.
pub(crate) async fn key(client: &Client) -> String {
    let keys = client.get("/audit/keys").await.expect(200).body;
    keys["keys"][0]["verifier_key"]
        .as_str()
        .expect("a key")
        .to_owned()
}

/// The whole export.
pub(crate) async fn export(client: &Client) -> String {
    let answer = client.request(Method::GET, "/audit/export").send().await;
    answer
        .expect("an answer")
        .text()
        .await
        .expect("it comes to its end")
}

/// Checks the export, a proof of each of its entries, and that nothing was changed since `kept`. Returns the export and
/// the positions in it.
pub(crate) async fn prove(client: &Client, kept: &Head) -> (String, Vec<u64>) {
    let key = key(client).await;
    let text = export(client).await;
    let entries = auditor::export(&text, &key).unwrap_or_else(|line| panic!("line {line} of\n{text}"));
    assert_eq!(entries[0]["tenant_position"], 1, "from the beginning");
    let mut positions = Vec::new();
    for entry in &entries {
        let position = entry["position"].as_u64().expect("a position");
        let uri = format!("/audit/proof/inclusion?position={position}");
        let proof = client.get(&uri).await.expect(200).body;
        let head = auditor::head(proof["checkpoint"].as_str().expect("a note"), &key).expect("it is signed");
        let path = auditor::hashes(&proof["hashes"]).expect("hashes");
        let leaf = auditor::hash(&entry["leaf"]).expect("a hash");
        let (index, size) = (position - 1, head.size);
        assert_eq!(
            (&proof["leaf_index"], &proof["tree_size"]),
            (&index.into(), &size.into())
        );
        assert_eq!(
            auditor::root_of_path(index, size, &leaf, &path),
            Some(head.root),
            "position {position}: {proof}"
        );
        // Nor does it prove anything else.
        let other = auditor::sha256(&[b"another event"]);
        assert_ne!(auditor::root_of_path(index, size, &other, &path), Some(head.root));
        positions.push(position);
    }
    let uri = format!("/audit/proof/consistency?from={}", kept.size);
    let proof = client.get(&uri).await.expect(200).body;
    let head = auditor::head(proof["checkpoint"].as_str().expect("a note"), &key).expect("it is signed");
    let path = auditor::hashes(&proof["hashes"]).expect("hashes");
    assert!(kept.size < head.size, "something was added");
    assert_eq!(
        auditor::roots_of_proof(kept.size, head.size, &kept.root, &path),
        Some((kept.root, head.root)),
        "{proof}"
    );
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines.last().expect("lines")["kind"], "end");
    (text, positions)
}

/// What somebody with every right on the database does, in words that both databases know, and the first position that
/// is bad then.
pub(crate) fn tamperings(positions: &[u64]) -> Vec<(Vec<String>, u64)> {
    let middle = positions[positions.len() / 2];
    let later = positions[positions.len() - 2];
    let first = positions[0];
    let set = |what: &str, at: u64| format!("UPDATE events SET {what} WHERE position = {at}");
    vec![
        (vec![set("data = data || ' '", middle)], middle),
        (
            vec![set("meta = replace(meta, '127.0.0.1', '127.0.0.2')", first)],
            first,
        ),
        (vec![set("order_id = '999999'", later)], later),
        (
            vec![format!("DELETE FROM events WHERE position = {middle}")],
            middle,
        ),
        (
            vec![
                set("position = 1000000", middle),
                set(&format!("position = {middle}"), later),
                set(&format!("position = {later}"), 1_000_000),
            ],
            middle,
        ),
    ]
}

/// Undoes them.
pub(crate) const KEEP: &str = "CREATE TABLE kept_events AS SELECT * FROM events";
pub(crate) const MEND: [&str; 2] = [
    "DELETE FROM events",
    "INSERT INTO events SELECT * FROM kept_events",
];

/// Asserts that `verify-log` found the log to be whole, or named this position as the first bad one.
#[track_caller]
pub(crate) fn finds(ended: &Ended, bad: Option<u64>) {
    let said = ended.lines.join("\n");
    match bad {
        None => assert!(ended.code() == Some(0) && said.contains("verified: "), "{said}"),
        Some(position) => assert!(
            ended.code() == Some(1) && said.contains(&format!("position {position}: the event ")),
            "position {position}: {said}"
        ),
    }
}
