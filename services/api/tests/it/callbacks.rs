//! `callback_url` of a job, and the secret that signs what it is told.

use app::Purpose;
use app::payload::JobBody;
use serde_json::{Value, json};

use crate::place::{OTHER_KEY, Place};

const CALLBACK: &str = "callback_url=https%3A%2F%2Fexample.com%2Fdone%3Ftoken%3Dt0k3n";

#[tokio::test]
async fn a_callback_needs_a_secret() {
    let (place, order) = Place::with_order().await;
    let uri = format!("/stores/101/orders/{order}/add-note?{CALLBACK}");
    let tried = format!("{uri}&dry_run=true");
    let note = json!({"note": "x"});
    let item = json!({
        "kind": "order.add_note", "order_id": order, "body": note, "callback_url": "https://example.com/done"
    });
    let batch = json!({"jobs": [item]});
    let calls = [
        (uri.as_str(), &note, 202),
        (tried.as_str(), &note, 200),
        ("/stores/101/jobs:batch", &batch, 202),
    ];
    for (uri, body, _) in calls {
        let reply = place.post(uri).json(body).await;
        reply.refused(422, "callback_secret_missing");
    }
    place.register(OTHER_KEY, "102").await;
    let secret = place.post("/tenant/callback-secret").key(OTHER_KEY).send().await;
    secret.ok(201);
    let reply = place.post(&uri).json(&note).await;
    reply.refused(422, "callback_secret_missing");

    place.post("/tenant/callback-secret").send().await.ok(201);
    for (uri, body, status) in calls {
        let shown = place.post(uri).json(body).await.ok(status);
        assert!(!shown.to_string().contains("t0k3n"));
    }
    let shown = place.post(&uri).json(&note).await.ok(202);
    let job = place.job(&shown).await;
    assert!(job.has_callback);
    let sealed = job.body.as_ref().unwrap();
    let seals = place.app.seals();
    let body = seals.open_json::<JobBody>(job.tenant_id, Purpose::JobBody, job.id.0, sealed);
    assert_eq!(
        body.await.unwrap().callback_url.as_deref(),
        Some("https://example.com/done?token=t0k3n")
    );
}

#[tokio::test]
async fn a_callback_reaches_no_private_address() {
    let (place, order) = Place::with_order().await;
    place.post("/tenant/callback-secret").send().await.ok(201);
    for url in [
        "https://127.0.0.1/",
        "http://example.com/",
        "https://u:p@example.com/",
        "x",
    ] {
        let uri = format!("/stores/101/orders/{order}/add-note?callback_url={url}");
        let reply = place.post(&uri).json(&json!({"note": "x"})).await;
        let reply = reply.refused(422, "validation_failed");
        assert_eq!(reply.pointers(), ["/query/callback_url"], "{url}");
    }
}

#[tokio::test]
async fn a_callback_secret_is_shown_once_and_replaced_with_an_overlap() {
    let place = Place::new().await;
    let make = || place.post("/tenant/callback-secret");
    let first = make().header("idempotency-key", "c1").send().await.ok(201);
    let again = make().header("idempotency-key", "c1").send().await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.ok(201), first);
    let shown = place.get("/tenant").send().await;
    assert!(!shown.text.contains("whsec_"));
    let shown = shown.ok(200);
    assert_eq!(shown["callback_secret_id"], first["id"]);

    let second = make().send().await.ok(201);
    assert_ne!(first["id"], second["id"]);
    let present = place.get("/tenant").send().await.ok(200);
    assert_eq!(present["callback_secret_id"], second["id"]);
    let tenant = shown["tenant_id"].as_str().unwrap().parse().unwrap();
    let tenant = place.app.ledger().tenant(tenant).await.unwrap().unwrap();
    let body = place.app.seals().callback_body(&tenant).await.unwrap().unwrap();
    let secrets: Vec<Value> = body.secrets.iter().map(|secret| json!(secret.secret)).collect();
    assert_eq!(secrets, [second["secret"].clone(), first["secret"].clone()]);
    assert!(body.secrets[0].until.is_none() && body.secrets[1].until.is_some());

    let log = "/audit?type=tenant.callback_secret_created.v1";
    let log = place.get(log).send().await;
    assert!(!log.text.contains("whsec_"));
    assert_eq!(log.ok(200)["data"].as_array().unwrap().len(), 2);
    let reply = make().json(&json!({"secret": "mine"})).await;
    assert_eq!(reply.refused(422, "validation_failed").pointers(), ["/secret"]);
    let others = place.get("/tenant").key(OTHER_KEY).send().await.ok(200);
    assert_eq!(others["callback_secret_id"], Value::Null);
}
