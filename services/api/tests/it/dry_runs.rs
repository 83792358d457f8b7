//! Showing what a command would do.

use serde_json::json;

use crate::place::Place;

#[tokio::test]
async fn a_dry_run_shows_the_change_and_queues_nothing() {
    let (place, order) = Place::with_order().await;
    let pending = place.note(&order, "first").await;
    let uri = format!("/stores/101/orders/{order}");
    let tag = place.get(&uri).send().await.header("etag").unwrap().to_owned();
    let run = place
        .post(&format!("{uri}/add-note?dry_run=true"))
        .json(&json!({"note": "try"}))
        .await
        .ok(200);
    assert_eq!(
        (&run["dry_run"], &run["etag_before"]),
        (&json!(true), &json!(tag))
    );
    assert_ne!(run["etag_after"], run["etag_before"]);
    let added = |notes: &serde_json::Value| notes["order_notes"].as_array().unwrap().len();
    assert_eq!(added(&run["after"]), added(&run["before"]) + 1);
    assert_eq!(run["patch"][0]["op"], "add");
    assert_eq!(run["pending"], json!([pending["id"]]));
    assert_eq!(
        place.get("/jobs").send().await.ok(200)["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn what_would_fail_is_told() {
    let (place, order) = Place::with_order().await;
    let uri = format!("/stores/101/orders/{order}");
    let body = json!({"note": "try"});
    let missing = place
        .post("/stores/101/orders/999999999/add-note?dry_run=true")
        .json(&body)
        .await;
    missing.refused(404, "order_not_found");
    let other = place
        .post(&format!("{uri}/add-note?dry_run=true"))
        .header("if-match", "\"other\"");
    other.json(&body).await.refused(412, "precondition_failed");
    let test = json!({"operations": [{"op": "test", "path": "/email", "value": "nobody@example.com"}]});
    place
        .post(&format!("{uri}:mutate?dry_run=true"))
        .json(&test)
        .await
        .refused(422, "test_failed");
    let empty = place
        .post(&format!("{uri}/add-note?dry_run=true"))
        .json(&json!({}))
        .await;
    assert_eq!(empty.refused(422, "validation_failed").pointers(), ["/note"]);
    let folder = place
        .post(&format!("{uri}/move-folder?dry_run=true"))
        .json(&json!({"folder_name": "No such"}))
        .await;
    folder.refused(422, "folder_not_found");
    place
        .call("DELETE", "/stores/101/inventory/999999?dry_run=true")
        .send()
        .await
        .refused(404, "item_not_found");
}
