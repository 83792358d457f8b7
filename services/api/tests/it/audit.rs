//! What the audit log shows, to whom, and in which order.

use std::collections::HashSet;

use app::payload::JobBody;
use domain::event::Event;
use domain::job::ErrorCode;
use ledger::{Append, DestroyKeys, Meta};
use serde_json::{Value, json};

use crate::place::{KEY, OTHER_KEY, Place};

/// All pages of a query, one after another.
async fn pages(place: &Place, query: &str) -> Vec<Value> {
    let (mut all, mut uri) = (Vec::new(), format!("/audit?{query}"));
    for _ in 0..1_000 {
        let page = place.get(&uri).send().await;
        let link = page.header("link").map(str::to_owned);
        let body = page.ok(200);
        all.extend(body["data"].as_array().unwrap().iter().cloned());
        let Some(link) = link else {
            assert_eq!(body["next_cursor"], Value::Null);
            return all;
        };
        link[1..link.find('>').unwrap()].clone_into(&mut uri);
    }
    panic!("never the last page");
}

/// Whether an entry passes a filter.
type Passes<'t> = Box<dyn Fn(&Value) -> bool + 't>;

fn types(entries: &[Value]) -> Vec<&str> {
    entries
        .iter()
        .map(|entry| entry["type"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn everything_that_the_tenant_did_is_shown_newest_first_with_who_asked() {
    let (place, order) = Place::with_order().await;
    let shown = place
        .post(&format!("/stores/101/orders/{order}/add-note"))
        .header("x-request-id", "req-of-the-note")
        .peer("192.0.2.7")
        .json(&json!({"note": "Ring twice."}))
        .await
        .ok(202);
    let job = place.job(&shown).await;
    place.fail(&job, ErrorCode::OrderNotFound).await;
    let entries = pages(&place, "").await;
    assert_eq!(
        types(&entries),
        [
            "job.failed.v1",
            "job.submitted.v1",
            "store.registered.v1",
            "tenant.key_added.v1",
            "tenant.created.v1"
        ]
    );
    let numbers: Vec<_> = entries
        .iter()
        .map(|entry| entry["tenant_position"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [5, 4, 3, 2, 1]);
    let note = &entries[1];
    assert_eq!(note["request_id"], "req-of-the-note");
    assert_eq!(note["actor"]["client_ip"], "192.0.2.7");
    assert_eq!(note["actor"]["key_id"], json!(job.key_id));
    assert_eq!(note["subject"]["kind"], "job");
    assert_eq!(note["subject"]["id"], shown["id"]);
    assert_eq!(note["subject"]["job_id"], shown["id"]);
    assert_eq!(note["subject"]["order_id"], json!(order));
    assert_eq!(note["subject"]["store_id"], "101");
    assert_eq!(note["data"]["kind"], "order.add_note");
    assert_eq!(note["data"]["body"]["content"], "Ring twice.");
    assert_eq!(note["erased"], false);
    assert_eq!(entries[0]["data"]["error"]["code"], "order_not_found");
}

#[tokio::test]
async fn no_secret_is_shown() {
    let place = Place::new().await;
    place.register(KEY, "101").await;
    let patch = json!({"api_key": "another-key-of-101"});
    place.call("PATCH", "/stores/101").json(&patch).await.ok(200);
    let text = place.get("/audit").send().await.text;
    for secret in [
        "key-101",
        "another-key-of-101",
        KEY,
        "argon2",
        "salt",
        "phc",
        "lookup",
    ] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert!(text.contains("store.credentials_replaced.v1"));
}

#[tokio::test]
async fn every_filter_narrows_what_is_shown() {
    let (place, order) = Place::with_order().await;
    place.register(KEY, "102").await;
    let first = place.note(&order, "one").await;
    let second = place
        .post(&format!("/stores/101/orders/{order}/add-note"))
        .peer("2001:db8::5")
        .json(&json!({"note": "two"}))
        .await
        .ok(202);
    place.fail(&place.job(&first).await, ErrorCode::NeedsReview).await;
    let all = pages(&place, "").await;
    let key = all[0]["actor"]["key_id"]
        .as_str()
        .or(all[2]["actor"]["key_id"].as_str())
        .unwrap();
    let (job, time) = (first["id"].as_str().unwrap(), all[3]["at"].as_str().unwrap());
    let registration =
        all.iter().find(|e| e["subject"]["store_id"] == "102").unwrap()["subject"]["registration_id"]
            .as_str()
            .unwrap();
    let same = |entry: &Value, pointer: &str, value: &str| entry.pointer(pointer) == Some(&json!(value));
    let filters: [(String, Passes<'_>); 12] = [
        (
            "store_id=101".to_owned(),
            Box::new(|e| same(e, "/subject/store_id", "101")),
        ),
        (
            format!("store_id={registration}"),
            Box::new(|e| same(e, "/subject/store_id", "102")),
        ),
        (
            format!("order_id={order}"),
            Box::new(|e| same(e, "/subject/order_id", &order)),
        ),
        ("order_id=1".to_owned(), Box::new(|_| false)),
        (
            format!("job_id={job}"),
            Box::new(|e| same(e, "/subject/job_id", job)),
        ),
        (
            format!("actor={key}"),
            Box::new(|e| same(e, "/actor/key_id", key)),
        ),
        (
            "actor=2001:db8::5".to_owned(),
            Box::new(|e| same(e, "/actor/client_ip", "2001:db8::5")),
        ),
        ("actor=192.0.2.250".to_owned(), Box::new(|_| false)),
        (
            "type=job.submitted.v1".to_owned(),
            Box::new(|e| same(e, "/type", "job.submitted.v1")),
        ),
        (
            format!("from={time}"),
            Box::new(|e| e["at"].as_str() >= Some(time)),
        ),
        (format!("to={time}"), Box::new(|e| e["at"].as_str() < Some(time))),
        (
            format!("order_id={order}&type=job.failed.v1&store_id=101&job_id={job}"),
            Box::new(|e| same(e, "/type", "job.failed.v1")),
        ),
    ];
    for (query, passes) in &filters {
        let expected: Vec<_> = all.iter().filter(|entry| passes(entry)).cloned().collect();
        assert_eq!(pages(&place, query).await, expected, "{query}");
        assert_eq!(
            pages(&place, &format!("{query}&limit=1")).await,
            expected,
            "{query}"
        );
    }
    assert_eq!(
        pages(&place, "actor=2001:db8::5").await[0]["subject"]["job_id"],
        second["id"]
    );
}

#[tokio::test]
async fn a_tenant_sees_nothing_of_another_one() {
    let (place, order) = Place::with_order().await;
    let own = place.note(&order, "mine").await;
    let entries = pages(&place, "").await;
    let key = entries[0]["actor"]["key_id"].as_str().unwrap();
    let registration = entries[0]["subject"]["registration_id"].as_str().unwrap();
    let other = |uri: String| {
        let place = &place;
        async move { place.get(&uri).key(OTHER_KEY).send().await }
    };
    assert_eq!(other("/audit".to_owned()).await.ok(200)["data"], json!([]));
    place.register(OTHER_KEY, "101").await;
    let job = own["id"].as_str().unwrap();
    for query in [
        format!("order_id={order}"),
        format!("job_id={job}"),
        format!("actor={key}"),
        format!("store_id={registration}"),
    ] {
        let found = other(format!("/audit?{query}")).await.ok(200);
        assert_eq!(found["data"], json!([]), "{query}");
    }
    let all = other("/audit".to_owned()).await.ok(200);
    let numbers: Vec<_> = all["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["tenant_position"].clone())
        .collect();
    assert_eq!(numbers, [3, 2, 1].map(Value::from));
    // Another tenant's cursor is no more than a number.
    let cursor = place.get("/audit?limit=1").send().await.ok(200)["next_cursor"].clone();
    let page = other(format!("/audit?cursor={}", cursor.as_str().unwrap()))
        .await
        .ok(200);
    assert!(
        page["data"]
            .as_array()
            .unwrap()
            .iter()
            .all(|e| all["data"].as_array().unwrap().contains(e))
    );
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_with_its_name() {
    let place = Place::new().await;
    place.register(KEY, "101").await;
    for (query, pointer) in [
        ("typ=job.submitted.v1", "/query/typ"),
        ("type=job.submitted", "/query/type"),
        ("type=", "/query/type"),
        ("actor=nobody", "/query/actor"),
        ("order_id=x", "/query/order_id"),
        ("job_id=7", "/query/job_id"),
        ("from=yesterday", "/query/from"),
        ("to=2026-01-01", "/query/to"),
        ("limit=501", "/query/limit"),
        ("limit=1&limit=2", "/query/limit"),
    ] {
        let reply = place.get(&format!("/audit?{query}")).send().await;
        assert_eq!(
            reply.refused(422, "validation_failed").pointers(),
            [pointer],
            "{query}"
        );
    }
    for cursor in ["", "1", "MTIz", "%00", "MToxOm1vcmU"] {
        let reply = place.get(&format!("/audit?cursor={cursor}")).send().await;
        reply.refused(400, "invalid_cursor");
    }
    place
        .get("/audit?store_id=9")
        .send()
        .await
        .refused(404, "store_not_found");
    place
        .get("/audit")
        .anonymous()
        .send()
        .await
        .refused(401, "unauthorized");
}

#[tokio::test]
async fn pages_stay_as_they_are_while_others_append() {
    let (place, order) = Place::with_order().await;
    for n in 0..20 {
        place.note(&order, &n.to_string()).await;
    }
    let expected = pages(&place, "limit=500").await;
    let (mut seen, mut uri) = (Vec::new(), "/audit?limit=3".to_owned());
    for _ in 0..100 {
        let page = place.get(&uri).send().await.ok(200);
        seen.extend(page["data"].as_array().unwrap().iter().cloned());
        place.note(&order, "meanwhile").await;
        match page["next_cursor"].as_str() {
            Some(cursor) => uri = format!("/audit?limit=3&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(
        seen, expected,
        "nothing twice, nothing left out, nothing new among it"
    );
}

#[tokio::test]
async fn erased_personal_data_are_marked_and_the_rest_stays() {
    let (place, order) = Place::with_order().await;
    let job = place.job(&place.note(&order, "Call Jane.").await).await;
    let text = place.get("/audit").send().await.text;
    assert!(text.contains("Call Jane."));
    let mut append = Append::new(place.app.now(), Meta::default());
    append
        .destroy_keys
        .push(DestroyKeys::Order(job.store_id, order.parse().unwrap()));
    place.app.ledger().append(append).await.unwrap();
    let sealed = job.body.as_ref().unwrap();
    let sealer = place.app.seals().for_sealed(job.tenant_id, sealed).await.unwrap();
    place.app.seals().forget_key(sealer.key_id()).await;
    let opened = place
        .app
        .seals()
        .open_json::<JobBody>(job.tenant_id, app::Purpose::JobBody, job.id.0, sealed)
        .await;
    assert!(opened.is_err());
    let entry = &pages(&place, "type=job.submitted.v1").await[0];
    assert_eq!(entry["erased"], true);
    assert_eq!(entry["data"]["kind"], "order.add_note");
    assert_eq!(entry["data"].get("body"), None);
}

#[test]
fn the_document_lists_every_type_that_can_occur() {
    let document = api::openapi::document();
    let listed = document["components"]["schemas"]["EventType"]["enum"]
        .as_array()
        .unwrap();
    let listed: HashSet<_> = listed.iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(listed, Event::TYPES.iter().copied().collect());
    let parameters = document["paths"]["/audit"]["get"]["parameters"]
        .as_array()
        .unwrap();
    let named = parameters.iter().find(|one| one["name"] == "type").unwrap();
    assert_eq!(named["schema"]["$ref"], "#/components/schemas/EventType");
}
