//! The main job, in one process.

use std::time::Duration;

use system_tests::{EveryJobEndedOnce, Gateway, desk};

#[tokio::test]
async fn a_note_is_accepted_carried_out_and_survives_a_restart() {
    let mut gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let mut check = EveryJobEndedOnce::of(desk::STORE);
    check.note(&client, &order, "before").await;
    check.check(&client, &gateway.desk, Duration::from_secs(20)).await;
    gateway.restart().await;
    check.note(&client, &order, "after").await;
    let report = check.check(&client, &gateway.desk, Duration::from_secs(20)).await;
    assert_eq!(report.succeeded, 2);
    let tenant = client.get("/tenant").await;
    assert_eq!(tenant.body["tokens"], serde_json::json!({"spent": 4, "saved": 0}));
    assert_eq!(
        desk::notes_of(&gateway.desk, desk::STORE, &order),
        ["Handle with care", "before", "after"]
    );
}
