//! What a command would do, shown and not done.

use std::sync::Arc;

use app::{DryRunError, Submission};
use domain::job::ErrorCode;
use domain::order::CommandKind;
use queue::Queue;
use serde_json::{Value, json};

use crate::place::{KEY, Owner, Place, command, note};

#[tokio::test]
async fn a_change_is_shown_with_its_patch_tags_and_the_jobs_before_it() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let order = place
        .desk
        .put_order("101", json!({"email": "a@example.com"}))
        .unwrap();
    let before = place.desk.get_order("101", &order).unwrap();
    let _serving = place
        .queue
        .serve_grants(store.partition, Owner::generous(10_000))
        .await;
    let waiting = place.submit(&caller, &store, note(&order, "first")).await;
    let item = command(CommandKind::InventoryDelete, Some(&order), Value::Null);
    place.submit(&caller, &store, item).await;

    let run = place
        .app
        .dry_run(&caller, &store, &note(&order, "second"))
        .await
        .unwrap();
    assert_eq!(run.before["email"], "a@example.com");
    assert_eq!(run.after["order_notes"][0]["content"], "second");
    assert_eq!(run.patch[0]["op"], "add");
    assert_ne!(run.etag_before, run.etag_after);
    assert_eq!(
        run.pending,
        [waiting.id],
        "an item of the same id is something else"
    );
    assert_eq!(
        place.desk.get_order("101", &order).unwrap(),
        before,
        "nothing was written"
    );
    assert_eq!(place.count("job.submitted.v1").await, 2, "nothing was queued");

    let tag = run.etag_before.unwrap();
    let with = |tag: &str| Submission {
        if_match: Some(tag.parse().unwrap()),
        ..note(&order, "x")
    };
    assert!(
        place
            .app
            .dry_run(&caller, &store, &with(tag.as_str()))
            .await
            .is_ok()
    );
    let other = place.app.dry_run(&caller, &store, &with("\"other\"")).await;
    assert!(matches!(other, Err(DryRunError::PreconditionFailed)), "{other:?}");
}

#[tokio::test]
async fn a_folder_is_found_by_its_name() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let order = place.desk.put_order("101", json!({"folder_id": 1})).unwrap();
    let _serving = place
        .queue
        .serve_grants(store.partition, Owner::generous(10_000))
        .await;
    let run = async |name: &str| {
        let submission = command(
            CommandKind::OrderMoveFolder,
            Some(&order),
            json!({"folder_name": name}),
        );
        place.app.dry_run(&caller, &store, &submission).await
    };
    assert_eq!(run("Closed").await.unwrap().after["folder_id"], 3);
    let unknown = run("Nowhere").await;
    assert!(
        matches!(&unknown, Err(DryRunError::NotApplicable(error)) if error.code == ErrorCode::FolderNotFound),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn what_would_fail_says_why() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let order = place.desk.put_order("101", json!({})).unwrap();
    let owner = Owner::generous(10_000);
    let _serving = place
        .queue
        .serve_grants(store.partition, Arc::clone(&owner) as _)
        .await;
    let missing = place.app.dry_run(&caller, &store, &note("987654", "x")).await;
    assert!(matches!(missing, Err(DryRunError::OrderNotFound)), "{missing:?}");
    let operations = json!({"operations": [{"op": "test", "path": "/email", "value": "nobody"}]});
    let test = command(CommandKind::OrderMutate, Some(&order), operations);
    let failed = place.app.dry_run(&caller, &store, &test).await;
    assert!(
        matches!(&failed, Err(DryRunError::NotApplicable(error)) if error.code == ErrorCode::TestFailed),
        "{failed:?}"
    );
    let asked = owner.granted();
    let invalid = command(CommandKind::OrderAddNote, Some(&order), json!({"note": 1}));
    let invalid = place.app.dry_run(&caller, &store, &invalid).await;
    assert!(
        matches!(&invalid, Err(DryRunError::Invalid(errors)) if errors[0].0),
        "{invalid:?}"
    );
    assert_eq!(
        owner.granted(),
        asked,
        "a body that cannot be read costs no token"
    );
}

#[tokio::test]
async fn creates_deletions_and_items_are_shown_too() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let order = place.desk.put_order("101", json!({})).unwrap();
    let item = place
        .desk
        .put_inventory_item("101", json!({"name": "Mug", "code": "M", "stock": 1}))
        .unwrap();
    let _serving = place
        .queue
        .serve_grants(store.partition, Owner::generous(10_000))
        .await;
    let run = async |kind, id: Option<&str>, body| {
        place
            .app
            .dry_run(&caller, &store, &command(kind, id, body))
            .await
            .unwrap()
    };
    let created = run(
        CommandKind::OrderCreate,
        None,
        json!({"order_items": [{"name": "A", "quantity": 1}]}),
    )
    .await;
    assert_eq!(
        (&created.before, &created.after["order_items"][0]["name"]),
        (&Value::Null, &json!("A"))
    );
    let deleted = run(CommandKind::OrderDelete, Some(&order), Value::Null).await;
    assert_eq!(
        (&deleted.before["id"], &deleted.after),
        (&json!(order), &Value::Null)
    );
    let updated = run(CommandKind::InventoryUpdate, Some(&item), json!({"stock": 5})).await;
    assert_eq!(
        (&updated.after["stock"], &updated.after["code"]),
        (&json!(5), &json!("M"))
    );
    let gone = run(CommandKind::InventoryDelete, Some(&item), Value::Null).await;
    assert_eq!((&gone.before["code"], gone.after), (&json!("M"), Value::Null));
    assert!(place.desk.get_order("101", &order).is_some());
}
