//! Webhook endpoints: made, changed, tested, removed; what is secret is shown once.

use serde_json::{Value, json};

use crate::place::{KEY, OTHER_KEY, Place};

const NOBODYS: &str = "01920000-0000-7000-8000-000000000000";
const URL: &str = "https://example.com/hooks?token=t0k3n";

/// Makes an endpoint; its path and its secret.
async fn make(place: &Place, body: &Value) -> (String, String) {
    let reply = place.post("/webhook-endpoints").json(body).await;
    let path = reply.header("location").map(str::to_owned);
    let made = reply.ok(201);
    let expected = format!("/webhook-endpoints/{}", made["id"].as_str().unwrap());
    assert_eq!(path, Some(expected));
    (path.unwrap(), made["secret"].as_str().unwrap().to_owned())
}

async fn types(place: &Place) -> Vec<String> {
    let log = place.get("/audit?limit=500").send().await.ok(200);
    let entries = log["data"].as_array().unwrap();
    let kind = |entry: &Value| entry["type"].as_str().unwrap().to_owned();
    entries.iter().map(kind).collect()
}

#[tokio::test]
async fn an_endpoint_is_made_with_a_secret_that_is_shown_once() {
    let place = Place::new().await;
    place.register(KEY, "101").await;
    let body = json!({"url": URL, "events": ["job.failed"], "store_ids": ["Shop 101"]});
    let made = place.post("/webhook-endpoints").json(&body).await.ok(201);
    assert_eq!(
        (&made["url"], &made["events"]),
        (&json!(URL), &json!(["job.failed"]))
    );
    assert_eq!(
        made["store_ids"],
        json!(["101"]),
        "by Order Desk's id, which outlives the label"
    );
    assert_eq!(
        (&made["enabled"], &made["disabled_reason"]),
        (&json!(true), &Value::Null)
    );
    let secret = made["secret"].as_str().unwrap();

    let path = format!("/webhook-endpoints/{}", made["id"].as_str().unwrap());
    for uri in ["/webhook-endpoints", &path, "/audit", "/tenant"] {
        let reply = place.get(uri).send().await;
        assert!(
            !reply.text.contains("whsec_") && !reply.text.contains(&secret[6..]),
            "{uri}"
        );
        reply.ok(200);
    }
    let shown = place.get(&path).send().await.ok(200);
    assert_eq!(
        (&shown["secret_id"], &shown["url"]),
        (&made["secret_id"], &json!(URL))
    );
    assert!(types(&place).await.contains(&"endpoint.created.v1".to_owned()));
}

#[tokio::test]
async fn an_endpoint_may_be_the_first_change_of_a_tenant() {
    let place = Place::new().await;
    let (path, _) = make(&place, &json!({"url": URL})).await;
    let shown = place.get(&path).send().await.ok(200);
    assert_eq!(
        (&shown["events"], &shown["store_ids"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn what_cannot_be_told_is_refused_with_its_pointer() {
    let place = Place::new().await;
    place.register(KEY, "101").await;
    for (body, pointer) in [
        (json!({}), "/url"),
        (json!({"url": "http://example.com/"}), "/url"),
        (json!({"url": "https://user:pass@example.com/"}), "/url"),
        (json!({"url": "https://127.0.0.1/"}), "/url"),
        (json!({"url": "https://2130706433/"}), "/url"),
        (json!({"url": "https://[::ffff:169.254.169.254]/"}), "/url"),
        (json!({"url": "/hooks"}), "/url"),
        (json!({"url": URL, "events": []}), "/events"),
        (json!({"url": URL, "events": ["job.gone"]}), "/events"),
        (json!({"url": URL, "store_ids": ["101", "999"]}), "/store_ids/1"),
        (json!({"url": URL, "secret": "mine"}), "/secret"),
    ] {
        let reply = place.post("/webhook-endpoints").json(&body).await;
        let reply = reply.refused(422, "validation_failed");
        assert_eq!(reply.pointers(), [pointer], "{body}");
        assert!(!reply.text.contains("pass@"));
    }
    let listed = place.get("/webhook-endpoints").send().await.ok(200);
    assert_eq!(listed["data"], json!([]));
}

#[tokio::test]
async fn an_address_of_the_inside_is_refused_in_every_notation_and_wherever_one_is_named() {
    let (place, order) = Place::with_order().await;
    let (path, _) = make(&place, &json!({"url": URL})).await;
    place.post("/tenant/callback-secret").send().await.ok(201);
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "localhost",
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "10.0.0.1",
        "100.64.0.1",
        "192.168.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::169.254.169.254]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
    ] {
        let url = format!("https://{host}/hooks");
        let made = place.post("/webhook-endpoints").json(&json!({"url": url})).await;
        assert_eq!(
            made.refused(422, "validation_failed").pointers(),
            ["/url"],
            "{url}"
        );
        let changed = place.call("PATCH", &path).json(&json!({"url": url})).await;
        assert_eq!(
            changed.refused(422, "validation_failed").pointers(),
            ["/url"],
            "{url}"
        );
        let job = format!("/stores/101/orders/{order}/add-note?callback_url={url}");
        let asked = place.post(&job).json(&json!({"note": "n"})).await;
        assert_eq!(
            asked.refused(422, "validation_failed").pointers(),
            ["/query/callback_url"],
            "{url}"
        );
    }
    assert_eq!(place.get(&path).send().await.ok(200)["url"], URL);
}

#[tokio::test]
async fn an_opened_network_may_be_told_in_plain() {
    let open = |config: &mut app::AppConfig| config.webhook_allow_nets = vec!["127.0.0.0/8".parse().unwrap()];
    let place = Place::with_app(open).await;
    make(&place, &json!({"url": "http://127.0.0.1:8000/"})).await;
    let reply = place
        .post("/webhook-endpoints")
        .json(&json!({"url": "http://10.0.0.1/"}))
        .await;
    reply.refused(422, "validation_failed");
}

#[tokio::test]
async fn an_endpoint_is_changed_member_by_member() {
    let place = Place::new().await;
    place.register(KEY, "101").await;
    let (path, _) = make(&place, &json!({"url": URL, "events": ["job.failed"]})).await;
    let patch = async |body: Value| place.call("PATCH", &path).json(&body).await;
    let before = place.get(&path).send().await.ok(200);
    assert_eq!(patch(json!({})).await.ok(200), before, "nothing changed");

    let shown = patch(json!({"store_ids": ["101"], "events": null})).await.ok(200);
    assert_eq!(
        (&shown["events"], &shown["store_ids"]),
        (&Value::Null, &json!(["101"]))
    );
    let shown = patch(json!({"url": "https://example.org/"})).await.ok(200);
    assert_eq!(
        (&shown["url"], &shown["store_ids"]),
        (&json!("https://example.org/"), &json!(["101"]))
    );
    assert_eq!(place.get(&path).send().await.ok(200), shown);
    let shown = patch(json!({"enabled": false})).await.ok(200);
    assert_eq!(
        (&shown["enabled"], &shown["disabled_reason"]),
        (&json!(false), &json!("user"))
    );
    assert!(shown["disabled_at"].is_string());
    let test = place.post(&format!("{path}/test")).send().await;
    test.refused(409, "endpoint_disabled");
    let shown = patch(json!({"enabled": true})).await.ok(200);
    assert_eq!(
        (&shown["enabled"], &shown["disabled_at"]),
        (&json!(true), &Value::Null)
    );
    let reply = patch(json!({"url": "https://10.0.0.1/"})).await;
    assert_eq!(reply.refused(422, "validation_failed").pointers(), ["/url"]);
    let log = types(&place).await;
    let count = |name: &str| log.iter().filter(|kind| *kind == name).count();
    let counts = [
        count("endpoint.updated.v1"),
        count("endpoint.disabled.v1"),
        count("endpoint.enabled.v1"),
    ];
    assert_eq!(counts, [2, 1, 1]);
}

#[tokio::test]
async fn a_new_secret_is_shown_and_the_old_one_signs_on() {
    let place = Place::new().await;
    let (path, first) = make(&place, &json!({"url": URL})).await;
    let rotate = format!("{path}/rotate-secret");
    let shown = place.post(&rotate).send().await.ok(200);
    let second = shown["secret"].as_str().unwrap();
    assert_ne!(second, first);
    assert!(shown["old_secret_until"].is_string());
    let endpoint = shown["id"].as_str().unwrap().parse().unwrap();
    let endpoint = place.app.ledger().endpoint(endpoint).await.unwrap().unwrap();
    let body = place.app.seals().endpoint_body(&endpoint).await.unwrap();
    let secrets: Vec<&str> = body.secrets.iter().map(|secret| secret.secret.as_str()).collect();
    assert_eq!(secrets, [second, &first]);
    assert_eq!(body.url, URL);
    let shown = place.get(&path).send().await.ok(200);
    assert_eq!(shown["secret"], Value::Null);

    let once = || place.post(&rotate).header("idempotency-key", "r1");
    let answer = once().send().await.ok(200);
    let again = once().send().await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(
        again.ok(200),
        answer,
        "a lost answer can be had again under its key"
    );
}

#[tokio::test]
async fn a_removed_endpoint_is_gone() {
    let place = Place::new().await;
    let (path, _) = make(&place, &json!({"url": URL})).await;
    let (kept, _) = make(&place, &json!({"url": "https://example.org/"})).await;
    let remove = || place.call("DELETE", &path).header("idempotency-key", "d1");
    remove().send().await.ok(204);
    let again = remove().send().await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    place.get(&path).send().await.refused(404, "endpoint_not_found");
    let gone = place.call("DELETE", &path).send().await;
    gone.refused(404, "endpoint_not_found");
    let listed = place.get("/webhook-endpoints").send().await.ok(200);
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    let left = listed["data"][0]["id"].as_str().unwrap();
    assert_eq!(format!("/webhook-endpoints/{left}"), kept);
}

#[tokio::test]
async fn endpoints_come_in_pages_newest_first() {
    let place = Place::new().await;
    let mut made = Vec::new();
    for n in 0..5 {
        let body = json!({"url": format!("https://example.com/{n}")});
        made.push(make(&place, &body).await.0);
    }
    let mut seen = Vec::new();
    let mut uri = "/webhook-endpoints?limit=2".to_owned();
    for _ in 0..3 {
        let page = place.get(&uri).send().await.ok(200);
        for one in page["data"].as_array().unwrap() {
            seen.push(format!("/webhook-endpoints/{}", one["id"].as_str().unwrap()));
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => uri = format!("/webhook-endpoints?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    made.reverse();
    assert_eq!(seen, made);
}

#[tokio::test]
async fn a_tenant_has_no_more_than_a_hundred_endpoints() {
    let place = Place::new().await;
    for _ in 0..app::MOST_ENDPOINTS {
        make(&place, &json!({"url": URL})).await;
    }
    let reply = place.post("/webhook-endpoints").json(&json!({"url": URL})).await;
    reply.refused(409, "too_many_endpoints");
}

#[tokio::test]
async fn nobody_sees_or_touches_the_endpoints_of_another() {
    let place = Place::new().await;
    place.register(OTHER_KEY, "102").await;
    let (path, _) = make(&place, &json!({"url": URL})).await;
    let listed = place.get("/webhook-endpoints").key(OTHER_KEY).send().await;
    assert_eq!(listed.ok(200)["data"], json!([]));
    let range = json!({"from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z"});
    let nobodys = format!("/webhook-endpoints/{NOBODYS}");
    for path in [path.as_str(), &nobodys, "/webhook-endpoints/x"] {
        for (method, tail, body) in [
            ("GET", "", None),
            ("PATCH", "", Some(json!({"enabled": false}))),
            ("DELETE", "", None),
            ("POST", "/rotate-secret", None),
            ("POST", "/test", None),
            ("POST", ":replay", Some(range.clone())),
            ("GET", "/deliveries", None),
        ] {
            let call = place.call(method, &format!("{path}{tail}")).key(OTHER_KEY);
            let reply = match body {
                Some(body) => call.json(&body).await,
                None => call.send().await,
            };
            reply.refused(404, "endpoint_not_found");
        }
    }
    let body = json!({"url": URL, "store_ids": ["102"]});
    let reply = place.post("/webhook-endpoints").json(&body).await;
    assert_eq!(
        reply.refused(422, "validation_failed").pointers(),
        ["/store_ids/0"]
    );
}

#[tokio::test]
async fn a_test_is_asked_for_once_per_call_and_is_on_record() {
    let place = Place::new().await;
    let (path, _) = make(&place, &json!({"url": URL, "events": ["job.failed"]})).await;
    let test = format!("{path}/test");
    let call = || place.post(&test).header("idempotency-key", "t1");
    let reply = call().send().await;
    assert_eq!(reply.header("location"), Some(&*format!("{path}/deliveries")));
    reply.ok(202);
    let again = call().send().await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let log = types(&place).await;
    let tests = log.iter().filter(|kind| *kind == "endpoint.tested.v1");
    assert_eq!(tests.count(), 1);
    let reply = place.post(&test).json(&json!({"now": true})).await;
    assert_eq!(reply.refused(422, "validation_failed").pointers(), ["/now"]);
}
