//! What was told to an endpoint, and having it told again.

use std::time::Duration;

use app::Purpose;
use domain::webhook::{Endpoint, Target, WebhookEvent};
use domain::{DeliveryId, IncarnationId, Timestamp};
use ledger::{AfterAttempt, DeliveryAttempt, DeliveryClaim, DeliveryOutcome, NewDelivery};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::place::{OTHER_KEY, Place};

const LEASE: Duration = Duration::from_mins(1);
const WORDS: &str = "Oh no, J\u{f6}rg!";

async fn endpoint(place: &Place) -> Endpoint {
    let body = json!({"url": "https://example.com/hooks"});
    let made = place.post("/webhook-endpoints").json(&body).await.ok(201);
    let id = made["id"].as_str().unwrap().parse().unwrap();
    place.app.ledger().endpoint(id).await.unwrap().unwrap()
}

fn told(endpoint: &Endpoint, position: u64) -> NewDelivery {
    NewDelivery {
        tenant_id: endpoint.tenant_id,
        target: Target::Endpoint(endpoint.id),
        lane: endpoint.id.0,
        position,
        kind: WebhookEvent::JobSucceeded,
        recorded_at: at(position),
        store_id: None,
        order_id: None,
        job_id: Some(Uuid::now_v7().into()),
        skipped: false,
    }
}

fn at(position: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + i64::try_from(position).unwrap() * 1_000)
}

/// What a worker does: fans out and tries each once; those of even positions arrive.
async fn work(place: &Place, deliveries: &[NewDelivery]) -> Vec<DeliveryId> {
    let ledger = place.app.ledger();
    let worker = IncarnationId(Uuid::now_v7());
    let now = place.app.now();
    let from = ledger.take_fan_out(worker, now, LEASE).await.unwrap().unwrap();
    let range = (from, from + 1);
    assert!(ledger.fan_out(worker, range, deliveries, now).await.unwrap());
    let claim = DeliveryClaim {
        worker,
        now,
        lease: LEASE,
        per_lane: 100,
        limit: 100,
    };
    for delivery in ledger.claim_deliveries(&claim).await.unwrap() {
        let sealer = place.app.seals().for_tenant(delivery.tenant_id).await.unwrap();
        let ok = delivery.position.is_multiple_of(2);
        let attempt = DeliveryAttempt {
            number: 0,
            at: now,
            latency_ms: 7,
            status: Some(if ok { 204 } else { 500 }),
            error: (!ok).then(|| "status".to_owned()),
            answer: Some(sealer.seal(Purpose::WebhookAnswer, delivery.id.0, WORDS.as_bytes())),
        };
        let after = if ok {
            AfterAttempt::Delivered
        } else {
            AfterAttempt::GivenUp
        };
        let outcome = DeliveryOutcome {
            id: delivery.id,
            worker,
            attempt: Some(attempt),
            after,
            now,
        };
        ledger.record_attempts(&[outcome]).await.unwrap();
    }
    ledger.release_fan_out(worker).await.unwrap();
    deliveries.iter().map(NewDelivery::id).collect()
}

fn sequences(page: &Value) -> Vec<u64> {
    let data = page["data"].as_array().unwrap();
    data.iter().map(|one| one["sequence"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn deliveries_are_listed_with_their_attempts() {
    let place = Place::new().await;
    let endpoint = endpoint(&place).await;
    let deliveries: Vec<_> = (101..=105).map(|position| told(&endpoint, position)).collect();
    let ids = work(&place, &deliveries).await;
    let uri = format!("/webhook-endpoints/{}/deliveries", endpoint.id);
    let list = async |query: &str| place.get(&format!("{uri}?{query}")).send().await;
    let page = list("limit=3").await.ok(200);
    assert_eq!(sequences(&page), [105, 104, 103]);
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = list(&format!("limit=3&cursor={cursor}")).await.ok(200);
    assert_eq!(
        (sequences(&next), &next["next_cursor"]),
        (vec![102, 101], &Value::Null)
    );
    assert_eq!(sequences(&list("status=failed").await.ok(200)), [105, 103, 101]);
    let reply = list("status=lost").await.refused(422, "validation_failed");
    assert_eq!(reply.pointers(), ["/query/status"]);

    let first = &next["data"][1];
    assert_eq!(
        (&first["id"], &first["endpoint_id"]),
        (&json!(ids[0]), &json!(endpoint.id))
    );
    assert_eq!(
        (&first["type"], &first["status"]),
        (&json!("job.succeeded"), &json!("failed"))
    );
    assert_eq!(
        (&first["attempt_count"], &first["next_attempt_at"]),
        (&json!(1), &Value::Null)
    );
    let attempt = &first["attempts"][0];
    assert_eq!(
        (&attempt["status"], &attempt["latency_ms"]),
        (&json!(500), &json!(7))
    );
    assert_eq!(
        (&attempt["error"], &attempt["answer"]),
        (&json!("status"), &json!(WORDS))
    );
    let path = format!("/webhook-endpoints/{}", endpoint.id);
    let shown = place.get(&path).send().await.ok(200);
    assert!(shown["last_success_at"].is_string() && shown["last_failure_at"].is_string());
}

#[tokio::test]
async fn one_delivery_is_made_again_under_the_same_id() {
    let place = Place::new().await;
    place.register(OTHER_KEY, "102").await;
    let endpoint = endpoint(&place).await;
    let ids = work(&place, &[told(&endpoint, 101)]).await;
    let uri = format!("/webhook-deliveries/{}:redeliver", ids[0]);
    let call = || place.post(&uri).header("idempotency-key", "again");
    let shown = call().send().await.ok(202);
    assert_eq!(
        (&shown["id"], &shown["status"]),
        (&json!(ids[0]), &json!("pending"))
    );
    assert_eq!(
        (&shown["attempt_count"], &shown["ended_at"]),
        (&json!(1), &Value::Null)
    );
    assert!(shown["next_attempt_at"].is_string());
    let again = call().send().await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let log = place.get("/audit?type=delivery.repeated.v1").send().await.ok(200);
    assert_eq!(log["data"].as_array().unwrap().len(), 1);
    assert!(log["data"][0]["actor"]["key_id"].is_string());

    let others = place.post(&uri).key(OTHER_KEY).send().await;
    others.refused(404, "delivery_not_found");
    for id in ["01920000-0000-7000-8000-000000000000", "x"] {
        let nobodys = place
            .post(&format!("/webhook-deliveries/{id}:redeliver"))
            .send()
            .await;
        nobodys.refused(404, "delivery_not_found");
    }
    let path = format!("/webhook-endpoints/{}", endpoint.id);
    let off = place.call("PATCH", &path).json(&json!({"enabled": false})).await;
    off.ok(200);
    let disabled = place.post(&uri).send().await;
    disabled.refused(409, "endpoint_disabled");
    place.call("DELETE", &path).send().await.ok(204);
    place.post(&uri).send().await.refused(404, "delivery_not_found");
}

#[tokio::test]
async fn a_range_is_told_again_in_whole_or_where_it_failed() {
    let place = Place::new().await;
    let endpoint = endpoint(&place).await;
    let deliveries: Vec<_> = (101..=106).map(|position| told(&endpoint, position)).collect();
    work(&place, &deliveries).await;
    let path = format!("/webhook-endpoints/{}", endpoint.id);
    let uri = format!("{path}:replay");
    let body = json!({"from": at(102), "to": at(106), "only_failed": true});
    let call = || place.post(&uri).header("idempotency-key", "again");
    let shown = call().json(&body).await.ok(202);
    assert_eq!(
        (&shown["deliveries"], &shown["only_failed"]),
        (&json!(2), &json!(true))
    );
    let again = call().json(&body).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let all = json!({"from": at(102), "to": at(106)});
    let shown = place.post(&uri).json(&all).await.ok(202);
    assert_eq!(
        shown["deliveries"], 2,
        "those that are pending already are left alone"
    );
    let pending = format!("{path}/deliveries?status=pending");
    let pending = place.get(&pending).send().await.ok(200);
    assert_eq!(sequences(&pending), [105, 104, 103, 102]);
    let log = place.get("/audit?type=endpoint.replayed.v1").send().await.ok(200);
    assert_eq!(log["data"].as_array().unwrap().len(), 2);

    let encoded = uri.replace(':', "%3A");
    place.post(&encoded).json(&all).await.ok(202);
    let backwards = json!({"from": at(106), "to": at(102)});
    let reply = place.post(&uri).json(&backwards).await;
    assert_eq!(reply.refused(422, "validation_failed").pointers(), ["/to"]);
    let off = place.call("PATCH", &path).json(&json!({"enabled": false})).await;
    off.ok(200);
    let disabled = place.post(&uri).json(&all).await;
    disabled.refused(409, "endpoint_disabled");
}
