//! What holds for every answer: headers, request ids, unknown paths, methods and bodies.

use serde_json::json;

use crate::place::Place;

const ALWAYS: [(&str, &str); 6] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("x-xss-protection", "0"),
    ("content-security-policy", "default-src 'none'"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "private, no-cache"),
];

#[tokio::test]
async fn security_headers_are_on_every_answer_errors_too() {
    let place = Place::new().await;
    for uri in [
        "/health",
        "/metrics",
        "/stores",
        "/nowhere",
        "/stores/101",
        "/problems/not_found",
    ] {
        let reply = place.get(uri).send().await;
        for (name, value) in ALWAYS {
            assert_eq!(reply.header(name), Some(value), "{uri} {name}");
        }
        assert_eq!(reply.header("strict-transport-security"), None);
    }
    let reply = place.get("/stores").anonymous().send().await;
    assert_eq!(reply.header("x-frame-options"), Some("DENY"));
}

#[tokio::test]
async fn hsts_is_sent_where_a_trusted_proxy_says_https() {
    let place = Place::new().await;
    let https = |peer: &str| {
        place
            .get("/health")
            .peer(peer)
            .header("x-forwarded-proto", "https")
    };
    let sent = https("10.0.0.1").send().await;
    assert_eq!(sent.header("strict-transport-security"), Some("max-age=31536000"));
    assert_eq!(
        https("203.0.113.1")
            .send()
            .await
            .header("strict-transport-security"),
        None
    );
}

#[tokio::test]
async fn a_request_id_is_echoed_if_it_is_one_and_made_if_not() {
    let place = Place::new().await;
    let echoed = place
        .get("/nowhere")
        .header("x-request-id", "my-id.1_A")
        .send()
        .await
        .refused(404, "not_found");
    assert_eq!(echoed.header("x-request-id"), Some("my-id.1_A"));
    for bad in ["has space", "", &"x".repeat(129)] {
        let made = place.get("/health").header("x-request-id", bad).send().await;
        let id = made.header("x-request-id").unwrap();
        assert!(id != bad && id.parse::<uuid::Uuid>().is_ok(), "{id}");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let place = Place::new().await;
    place
        .get("/nowhere")
        .anonymous()
        .send()
        .await
        .refused(404, "not_found");
    let reply = place
        .call("PUT", "/stores")
        .send()
        .await
        .refused(405, "method_not_allowed");
    let allow = reply.header("allow").unwrap();
    assert!(
        allow.contains("GET") && allow.contains("POST") && !allow.contains("PUT"),
        "{allow}"
    );
    place
        .call("POST", "/health")
        .send()
        .await
        .refused(405, "method_not_allowed");
}

#[tokio::test]
async fn a_verb_behind_an_id_is_told_from_the_id() {
    let place = Place::new().await;
    place.register(crate::place::KEY, "101").await;
    let reply = place
        .get("/stores/101/orders/2:mutate")
        .send()
        .await
        .refused(405, "method_not_allowed");
    assert_eq!(reply.header("allow"), Some("POST"));
    let reply = place
        .post("/stores/101/orders/2")
        .json(&json!({}))
        .await
        .refused(405, "method_not_allowed");
    assert_eq!(reply.header("allow"), Some("GET, HEAD, PUT, DELETE"));
    place
        .post("/stores/101/orders/2:explode")
        .json(&json!({}))
        .await
        .refused(404, "not_found");
    place
        .get("/stores/101/orders/2:explode")
        .send()
        .await
        .refused(404, "not_found");
    place
        .post("/stores/101/orders/2:3:mutate")
        .json(&json!({}))
        .await
        .refused(422, "validation_failed");
    let note = place
        .post("/stores/101/orders/2:mutate/add-note")
        .json(&json!({"note": "x"}))
        .await;
    assert_eq!(
        note.refused(422, "validation_failed").pointers(),
        ["/path/order_id"]
    );
    let job = "01920000-0000-7000-8000-000000000000";
    let reply = place
        .get(&format!("/jobs/{job}:cancel"))
        .send()
        .await
        .refused(405, "method_not_allowed");
    assert_eq!(reply.header("allow"), Some("POST"));
    let reply = place
        .post(&format!("/jobs/{job}"))
        .send()
        .await
        .refused(405, "method_not_allowed");
    assert_eq!(reply.header("allow"), Some("GET, HEAD"));
    place
        .post(&format!("/jobs/{job}:explode"))
        .send()
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn a_colon_may_be_percent_encoded() {
    let place = Place::new().await;
    place.register(crate::place::KEY, "101").await;
    let body = json!({"operations": [{"op": "replace", "path": "folder_id", "value": 2}]});
    place
        .post("/stores/101/orders/2%3Amutate")
        .json(&body)
        .await
        .ok(202);
    place.post("/jobs%3Acancel").json(&json!({})).await.ok(200);
    let batch = json!({"jobs": [{"kind": "order.delete", "order_id": "2"}]});
    place.post("/stores/101/jobs%3abatch").json(&batch).await.ok(202);
}

#[tokio::test]
async fn bodies_must_be_json_of_the_right_type_and_size() {
    let place = Place::new().await;
    place
        .post("/stores")
        .raw("{}")
        .await
        .refused(415, "unsupported_media_type");
    let typed = |kind: &str| place.post("/stores").header("content-type", kind);
    typed("text/plain")
        .raw("{}")
        .await
        .refused(415, "unsupported_media_type");
    typed("application/json; charset=utf-8")
        .raw("{")
        .await
        .refused(400, "invalid_json");
    typed("application/json")
        .raw("")
        .await
        .refused(400, "invalid_json");
    typed("application/json")
        .raw(vec![0xff, 0xfe])
        .await
        .refused(400, "invalid_json");
    typed("application/json")
        .raw("[]")
        .await
        .refused(422, "validation_failed");
    let long = format!("\"{}\"", "x".repeat(1 << 20));
    typed("application/json")
        .raw(long.clone())
        .await
        .refused(413, "body_too_large");
    let announced = typed("application/json").header("content-length", "1048577");
    announced.raw("{}").await.refused(413, "body_too_large");
    // A batch may be larger: this one is refused for what it is, not for its size.
    let batch = place
        .post("/stores/101/jobs:batch")
        .header("content-type", "application/json");
    batch.raw(long).await.refused(422, "validation_failed");
}

#[tokio::test]
async fn every_problem_explains_itself() {
    let place = Place::new().await;
    let reply = place.get("/nowhere").anonymous().send().await;
    let told = place
        .get(reply.body["type"].as_str().unwrap())
        .anonymous()
        .send()
        .await
        .ok(200);
    assert_eq!(
        (&told["code"], &told["status"]),
        (&json!("not_found"), &json!(404))
    );
    assert!(told["description"].is_string() && told["title"].is_string());
    place
        .get("/problems/nonsense")
        .anonymous()
        .send()
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn service_endpoints_need_no_key() {
    let place = Place::new().await;
    for uri in ["/health", "/health/live"] {
        let health = place.get(uri).anonymous().send().await.ok(200);
        assert_eq!(health["status"], "ok");
        assert!(health["version"].is_string());
    }
    for uri in ["/ready", "/health/ready"] {
        let ready = place.get(uri).anonymous().send().await.ok(200);
        assert_eq!(ready["status"], "ready");
        for check in ["ledger", "queue", "cache"] {
            assert_eq!(ready["checks"][check]["status"], "ok");
            assert!(ready["checks"][check]["latency_ms"].is_u64());
        }
    }
    assert_eq!(place.get("/metrics").anonymous().send().await.status, 200);
}

#[tokio::test]
async fn a_draining_process_is_not_ready() {
    let place = Place::new().await;
    place.draining.cancel();
    let ready = place.get("/ready").anonymous().send().await.ok(503);
    assert_eq!(ready["status"], "unavailable");
    place.get("/health").anonymous().send().await.ok(200);
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let place = Place::new().await;
    let reply = place.call("HEAD", "/health").anonymous().send().await;
    assert_eq!((reply.status.as_u16(), reply.text.as_str()), (200, ""));
    let reply = place.call("HEAD", "/nowhere").anonymous().send().await;
    assert_eq!((reply.status.as_u16(), reply.text.as_str()), (404, ""));
}

#[tokio::test]
async fn a_precondition_is_refused_where_nothing_has_a_tag() {
    let (place, order) = Place::with_order().await;
    let job = place.note(&order, "x").await;
    let cancel = format!("/jobs/{}:cancel", job["id"].as_str().unwrap());
    let calls = [
        ("POST", "/stores"),
        ("PATCH", "/stores/101"),
        ("DELETE", "/stores/101"),
        ("POST", cancel.as_str()),
        ("POST", "/jobs:cancel"),
        ("POST", "/jobs:retry"),
    ];
    for (method, uri) in calls {
        let call = place.call(method, uri).header("if-match", "\"t\"");
        call.json(&json!({})).await.refused(400, "invalid_header");
    }
    place.get("/stores/101").send().await.ok(200);
    assert_eq!(place.job(&job).await.status, domain::job::JobStatus::Queued);
}

#[tokio::test]
async fn a_problem_that_does_not_decode_is_a_problem_too() {
    let place = Place::new().await;
    place
        .get("/problems/%FF")
        .anonymous()
        .send()
        .await
        .refused(404, "not_found");
}
