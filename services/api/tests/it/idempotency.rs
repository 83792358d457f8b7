//! Repeats of a request under its `Idempotency-Key`.

use serde_json::json;

use crate::place::{KEY, OTHER_KEY, Place};

#[tokio::test]
async fn a_repeat_shows_the_same_job_however_its_json_is_written() {
    let (place, _) = Place::with_order().await;
    let note = |key: &str, body: &'static str| {
        let call = place
            .post("/stores/101/orders/7/add-note")
            .header("content-type", "application/json");
        let call = call.header("idempotency-key", key);
        async move { call.raw(body).await }
    };
    let first = note("n-1", r#"{"note": "x", "note_type": "y"}"#).await;
    assert_eq!(first.header("idempotency-replayed"), None);
    let first = first.ok(202);
    let again = note("\"n-1\"", r#"{ "note_type":"y","note":"\u0078" }"#).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert!(again.header("location").is_some());
    assert_eq!(again.ok(202)["id"], first["id"]);
    note("n-1", r#"{"note": "z"}"#)
        .await
        .refused(422, "idempotency_key_reused");
    assert_ne!(
        note("n-2", r#"{"note": "x", "note_type": "y"}"#).await.ok(202)["id"],
        first["id"]
    );
    for bad in ["", "\"open"] {
        note(bad, r#"{"note": "x"}"#).await.refused(400, "invalid_header");
    }
}

#[tokio::test]
async fn the_present_state_is_shown_and_waiting_applies_anew() {
    let (place, _) = Place::with_order().await;
    let note = |prefer: &'static str| {
        let call = place
            .post("/stores/101/orders/7/add-note")
            .header("idempotency-key", "n-1");
        async move { call.header("prefer", prefer).json(&json!({"note": "x"})).await }
    };
    let job = note("respond-async").await.ok(202);
    place.succeed(&place.job(&job).await).await;
    let again = note("wait=30").await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let again = again.ok(200);
    assert_eq!(
        (&again["id"], &again["status"]),
        (&job["id"], &json!("succeeded"))
    );
    assert_eq!(note("respond-async").await.ok(202)["status"], "succeeded");
}

#[tokio::test]
async fn path_query_precondition_and_method_make_another_request() {
    let (place, _) = Place::with_order().await;
    let base = || {
        place
            .post("/stores/101/orders/7/add-note")
            .header("idempotency-key", "k")
    };
    base().json(&json!({"note": "x"})).await.ok(202);
    let clashes = [
        place
            .post("/stores/101/orders/8/add-note")
            .header("idempotency-key", "k"),
        place
            .post("/stores/101/orders/7/add-note?priority=high")
            .header("idempotency-key", "k"),
        base().header("if-match", "*"),
    ];
    for call in clashes {
        call.json(&json!({"note": "x"}))
            .await
            .refused(422, "idempotency_key_reused");
    }
    let traced = base()
        .header("x-request-id", "another")
        .header("prefer", "respond-async");
    assert_eq!(
        traced
            .json(&json!({"note": "x"}))
            .await
            .header("idempotency-replayed"),
        Some("true")
    );
    // Another tenant's keys are its own.
    place.register(OTHER_KEY, "101").await;
    let theirs = place
        .post("/stores/101/orders/7/add-note")
        .key(OTHER_KEY)
        .header("idempotency-key", "k");
    assert_eq!(
        theirs
            .json(&json!({"note": "x"}))
            .await
            .header("idempotency-replayed"),
        None
    );
}

#[tokio::test]
async fn a_refusal_leaves_the_key_free() {
    let (place, _) = Place::with_order().await;
    let note = |body| {
        let call = place
            .post("/stores/101/orders/7/add-note")
            .header("idempotency-key", "k");
        async move { call.json(&body).await }
    };
    note(json!({})).await.refused(422, "validation_failed");
    note(json!({"note": "x"})).await.ok(202);
}

#[tokio::test]
async fn a_registration_is_answered_as_the_first_time_even_after_a_change() {
    let place = Place::new().await;
    let register = |label: &str| {
        let body = json!({"store_id": "101", "api_key": "key-101", "label": label});
        let call = place.post("/stores").header("idempotency-key", "s-1");
        async move { call.json(&body).await }
    };
    let first = register("One").await.ok(201);
    place
        .call("PATCH", "/stores/101")
        .json(&json!({"label": "Two"}))
        .await
        .ok(200);
    let again = register("One").await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.header("location"), Some("/stores/101"));
    assert_eq!(again.ok(201), first);
    register("Three").await.refused(422, "idempotency_key_reused");
}

#[tokio::test]
async fn a_patch_and_a_cancellation_are_replayed() {
    let (place, order) = Place::with_order().await;
    let job = place.note(&order, "x").await;
    let cancel = format!("/jobs/{}:cancel", job["id"].as_str().unwrap());
    let calls = [
        ("PATCH", "/stores/101", json!({"label": "L"})),
        ("POST", cancel.as_str(), json!({})),
    ];
    for (index, (method, uri, body)) in calls.into_iter().enumerate() {
        let send = || {
            place
                .call(method, uri)
                .header("idempotency-key", &format!("k{index}"))
        };
        let first = send().json(&body).await.ok(200);
        let again = send().json(&body).await;
        assert_eq!(again.header("idempotency-replayed"), Some("true"), "{uri}");
        assert_eq!(again.ok(200), first);
    }
}

#[tokio::test]
async fn a_command_is_found_again_after_its_store_was_deleted() {
    let (place, _) = Place::with_order().await;
    let note = || {
        place
            .post("/stores/101/orders/7/add-note")
            .header("idempotency-key", "k")
    };
    let first = note().json(&json!({"note": "x"})).await.ok(202);
    place.call("DELETE", "/stores/101").send().await.ok(204);
    let again = note().json(&json!({"note": "x"})).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.ok(202)["id"], first["id"]);
    note()
        .json(&json!({"note": "y"}))
        .await
        .refused(422, "idempotency_key_reused");
    place.get("/stores").key(KEY).send().await.ok(200);
}

#[tokio::test]
async fn twins_at_the_same_time_make_one_job() {
    let (place, _) = Place::with_order().await;
    let twins = (0..8).map(|_| {
        let call = place
            .post("/stores/101/orders/7/add-note")
            .header("idempotency-key", "twin");
        async move { call.json(&json!({"note": "x"})).await.ok(202)["id"].clone() }
    });
    let ids = futures::future::join_all(twins).await;
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert_eq!(
        place.get("/jobs").send().await.ok(200)["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_call_for_many_is_answered_again_after_its_store_was_deleted() {
    let (place, order) = Place::with_order().await;
    place.note(&order, "x").await;
    let cancel = |filter: serde_json::Value| {
        let call = place.post("/jobs:cancel").header("idempotency-key", "k");
        async move { call.json(&filter).await }
    };
    let first = cancel(json!({"store_id": "101"})).await.ok(200);
    place.call("DELETE", "/stores/101").send().await.ok(204);
    let again = cancel(json!({"store_id": "101"})).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.ok(200), first);
    let other = place.post("/jobs:cancel").header("idempotency-key", "other");
    other
        .json(&json!({"store_id": "101"}))
        .await
        .refused(404, "store_not_found");
}
