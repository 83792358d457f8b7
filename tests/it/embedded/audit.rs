//! The audit log of a running gateway, taken away and verified without it.

use std::process::Command;

use reqwest::Method;
use system_tests::{Client, Gateway, Spec, auditor, desk};
use testkit::eventually;

use super::PATIENCE;
use crate::audited::{self, KEEP, MEND, finds};

#[tokio::test]
async fn an_export_is_verified_by_the_program_without_the_gateway() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    for text in ["one", "two", "three"] {
        let job = client.submit_note(desk::STORE, &order, text).await;
        client.wait_succeeded(&job, PATIENCE).await;
    }
    let log = client.get("/audit?limit=500").await.expect(200).body;
    let newest = log["data"][0]["position"].as_u64().unwrap();
    let position = format!("\"position\":{newest},");
    // Sealed and signed some seconds later.
    let text = eventually("an export with the newest entry", PATIENCE, || async {
        let answer = client.request(Method::GET, "/audit/export").send().await.ok()?;
        answer.text().await.ok().filter(|text| text.contains(&position))
    })
    .await;
    let (good, said) = verify(&gateway, &text).await;
    assert!(good && said.contains("none missing between"), "{said}");
    let lines: Vec<&str> = text.lines().collect();
    let (good, said) = verify(&gateway, &lines[..lines.len() - 1].join("\n")).await;
    assert!(!good && said.contains("broke"), "{said}");
    let (good, said) = verify(&gateway, &text.replacen("order.add_note", "order.add_nota", 1)).await;
    assert!(!good && said.contains("position"), "{said}");
}

#[tokio::test]
async fn its_proofs_hold_for_an_outsider_and_what_is_changed_in_the_database_is_named() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let orders = desk::orders(&gateway.desk, 3);
    let stranger = gateway.client();
    let run = async |client: &Client, round: &str| {
        for order in &orders {
            let job = client.submit_note(desk::STORE, order, round).await;
            client.wait_succeeded(&job, PATIENCE).await;
            // Others' events lie between.
            let label = serde_json::json!({"label": round});
            stranger.post("/tenant/keys", &label).await;
        }
    };
    stranger.register_store("999", "another-key").await;
    run(&client, "first").await;
    let kept = audited::head(&client).await;
    run(&client, "second").await;
    audited::head(&client).await;
    let (text, positions) = audited::prove(&client, &kept).await;
    let key = audited::key(&client).await;

    // Its lines: the auditor and the program agree about what was done to them.
    let lines: Vec<&str> = text.lines().collect();
    let middle = lines.len() / 2;
    let altered = lines[middle].replacen("\"version\":", "\"version\":1", 1);
    let mut removed = lines.clone();
    removed.remove(middle);
    let mut swapped = lines.clone();
    swapped.swap(middle, middle + 1);
    let mut changed = lines.clone();
    changed[middle] = &altered;
    for bad in [removed, swapped, changed] {
        let bad = bad.join("\n");
        assert_eq!(auditor::export(&bad, &key).unwrap_err(), middle + 1);
        let (good, said) = verify(&gateway, &bad).await;
        assert!(
            !good && said.contains(&format!("line {}, position ", middle + 1)),
            "{said}"
        );
    }

    gateway.kill9();
    for table in ["events_are_never_updated", "events_are_never_deleted"] {
        sqlite(&gateway, &[format!("DROP TRIGGER {table}")]);
    }
    sqlite(&gateway, &[KEEP.to_owned()]);
    finds(&gateway.command("verify-log").run(PATIENCE).await, None);
    for (statements, bad) in audited::tamperings(&positions) {
        sqlite(&gateway, &statements);
        finds(&gateway.command("verify-log").run(PATIENCE).await, Some(bad));
        sqlite(&gateway, &MEND.map(str::to_owned));
    }
    finds(&gateway.command("verify-log").run(PATIENCE).await, None);
}

/// Changes the database past the gateway.
fn sqlite(gateway: &Gateway, statements: &[String]) {
    let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=30); \
        [c.execute(sql) for sql in sys.argv[2:]]; c.commit()";
    let ran = Command::new("python3")
        .args(["-c", script])
        .arg(gateway.data().join("app.db"))
        .args(statements)
        .output()
        .expect("python3 runs");
    assert!(ran.status.success(), "{statements:?}: {ran:?}");
}

/// Whether the program takes the text for an export, and what it says; it has nothing else.
async fn verify(gateway: &Gateway, text: &str) -> (bool, String) {
    let file = gateway.data().join("export.ndjson");
    std::fs::write(&file, text).expect("the data folder can be written to");
    let spec = Spec::of("orderdesk-gateway")
        .arg("verify-log")
        .arg(file.to_str().expect("its path is text"));
    let ended = spec.run(PATIENCE).await;
    (ended.code() == Some(0), ended.lines.join("\n"))
}
