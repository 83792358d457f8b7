//! `rotate-kms`: another `MCP_KMS_KEY`, and nothing else changes for anybody.

use serde_json::json;
use system_tests::{Ended, Gateway, Spec, desk, kms_key};
use testkit::CrashPoint;

use super::PATIENCE;

/// The command as an operator calls it: the new key, and the one before.
fn rotation(gateway: &Gateway, new: &str, old: &str) -> Spec {
    gateway
        .command("rotate-kms")
        .env("MCP_KMS_KEY", new)
        .env("MCP_KMS_KEY_PREVIOUS", old)
}

#[track_caller]
fn says(ended: &Ended, code: i32, what: &str) {
    assert_eq!(ended.code(), Some(code), "{:?}", ended.lines);
    assert!(
        ended.lines.iter().any(|line| line.contains(what)),
        "{:?}",
        ended.lines
    );
}

#[tokio::test]
async fn logins_tags_and_requests_in_flight_survive_another_key() {
    let mut gateway = Gateway::start().await;
    let (old, new) = (gateway.kms_key().to_owned(), kms_key());
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let path = format!("/stores/{}/orders/{order}", desk::STORE);
    let tag = client.get(&path).await.expect(200).header("etag").to_owned();

    // While it runs: it goes on, with everything that it had and that comes.
    says(
        &rotation(&gateway, &new, &old).run(PATIENCE).await,
        0,
        "is wrapped with MCP_KMS_KEY",
    );
    let job = client.submit_note(desk::STORE, &order, "under the old key").await;
    client.wait_succeeded(&job, PATIENCE).await;
    let changed = client.get(&path).await.expect(200).header("etag").to_owned();
    assert_ne!(changed, tag);

    // It dies between its intent and its request; whoever knows only the old key does not come up.
    assert!(
        !gateway
            .restart_crashing(Some(&CrashPoint("intent.after", 1)))
            .await
    );
    let refused = gateway.logs().join("\n");
    assert!(
        refused.contains("MCP_KMS_KEY is (hidden): expected the key that wraps this ledger's root key"),
        "{refused}"
    );
    gateway.set_env("MCP_KMS_KEY", &new);
    assert!(
        gateway
            .restart_crashing(Some(&CrashPoint("intent.after", 1)))
            .await
    );
    let note = format!("{path}/add-note");
    let request = client
        .request(reqwest::Method::POST, &note)
        .json(&json!({"note": "in flight"}));
    // The answer may be lost with the process.
    let _ = client.send(request.header("Idempotency-Key", "in-flight")).await;
    gateway.wait_killed(PATIENCE).await;

    // A second rotation finds the request open.
    let newest = kms_key();
    says(
        &rotation(&gateway, &newest, &new).run(PATIENCE).await,
        0,
        "is wrapped with MCP_KMS_KEY",
    );
    gateway.set_env("MCP_KMS_KEY", &newest);
    gateway.restart().await;
    let request = client
        .request(reqwest::Method::POST, &note)
        .json(&json!({"note": "in flight"}));
    let again = client
        .send(request.header("Idempotency-Key", "in-flight"))
        .await
        .expect("an answer")
        .expect(202);
    client.wait_succeeded(&again.id(), PATIENCE).await;
    let notes = desk::notes_of(&gateway.desk, desk::STORE, &order);
    assert_eq!(desk::count(&notes, "in flight"), 1, "{notes:?}");
    let answer = client.get(&path).await.expect(200);
    let unchanged = client
        .request(reqwest::Method::GET, &path)
        .header("If-None-Match", answer.header("etag"));
    assert_eq!(client.send(unchanged).await.expect("an answer").status, 304);
}

#[tokio::test]
async fn an_interrupted_or_repeated_rotation_does_no_harm() {
    let mut gateway = Gateway::start().await;
    let (old, new) = (gateway.kms_key().to_owned(), kms_key());
    let client = gateway.client_with_store().await;
    for point in ["rotate.before", "rotate.after"] {
        let process = rotation(&gateway, &new, &old).launch(Some(&CrashPoint(point, 1)));
        let status = process.wait_exit(PATIENCE).await;
        assert_eq!(status.code(), None, "{point}");
        client.get("/stores").await.expect(200);
    }
    let repeated = rotation(&gateway, &new, &old).run(PATIENCE).await;
    says(&repeated, 0, "nothing changed");
    // Neither of these keys opens it.
    let wrong = rotation(&gateway, &kms_key(), &old).run(PATIENCE).await;
    says(&wrong, 2, "MCP_KMS_KEY is (hidden)");
    gateway.set_env("MCP_KMS_KEY", &new);
    gateway.restart().await;
    client.get("/stores").await.expect(200);
}

#[tokio::test]
async fn a_ledger_that_is_not_there_is_not_rotated_and_not_made() {
    let gateway = Gateway::start().await;
    let nowhere = gateway.data().join("nowhere/app.db");
    let spec = rotation(&gateway, &kms_key(), gateway.kms_key());
    let ended = spec
        .env("DATABASE_URL", format!("sqlite:///{}", nowhere.display()))
        .run(PATIENCE)
        .await;
    says(&ended, 1, "the root key was not rewrapped");
    assert!(!nowhere.exists());
}
