//! `rebuild`: the views anew from the log, as an operator calls it beside the running program.

use std::process::Command;

use system_tests::{Gateway, desk};

use super::PATIENCE;

#[tokio::test]
async fn views_that_somebody_has_spoilt_are_made_anew() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let job = client.submit_note(desk::STORE, &order, "before").await;
    client.wait_succeeded(&job, PATIENCE).await;
    let path = format!("/stores/{}", desk::STORE);
    let store = client.get(&path).await.expect(200).body;

    let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=30); \
        c.execute(\"update stores set label = 'spoilt'\"); c.execute('delete from jobs'); c.commit()";
    let spoilt = Command::new("python3")
        .args(["-c", script])
        .arg(gateway.data().join("app.db"))
        .output()
        .expect("python3 runs");
    assert!(spoilt.status.success(), "{spoilt:?}");
    client.get(&format!("/jobs/{job}")).await.expect(404);

    let ended = gateway.command("rebuild").run(PATIENCE).await;
    assert_eq!(ended.code(), Some(0), "{:?}", ended.lines);
    assert!(
        ended.lines.iter().any(|line| line.contains("the views are anew")),
        "{:?}",
        ended.lines
    );
    client.wait_succeeded(&job, PATIENCE).await;
    testkit::eventually("the label is back", PATIENCE, async || {
        client.get(&path).await.expect(200).body["label"] == store["label"]
    })
    .await;
    // And on it goes.
    let next = client.submit_note(desk::STORE, &order, "after").await;
    client.wait_succeeded(&next, PATIENCE).await;
}
