//! Every command of the contract, with its options.

use std::time::Duration;

use serde_json::{Value, json};

use crate::place::Place;

/// The bodies as the specification prints them, and the kind that each becomes.
const SPECIFICATION: [(&str, &str, &str, &str); 9] = [
    (
        "POST",
        "/stores/101/orders",
        "order.create",
        r#"{
  "email": "customer@example.com",
  "shipping": {
    "first_name": "John",
    "last_name": "Doe",
    "address1": "123 Main St",
    "city": "Anytown",
    "state": "CA",
    "postal_code": "12345",
    "country": "US"
  },
  "items": [
    {
      "name": "Product Name",
      "code": "PROD-001",
      "price": 29.99,
      "quantity": 1
    }
  ]
}"#,
    ),
    (
        "POST",
        "/stores/101/orders/7:mutate",
        "order.mutate",
        r#"{
  "operations": [
    {
      "op": "replace",
      "path": "folder_id",
      "value": 456
    },
    {
      "op": "add",
      "path": "notes",
      "value": [{"note": "Updated by API", "type": "system"}]
    }
  ]
}"#,
    ),
    (
        "POST",
        "/stores/101/orders/7/move-folder",
        "order.move_folder",
        r#"{ "folder_id": 456 }"#,
    ),
    (
        "POST",
        "/stores/101/orders/7/add-items",
        "order.add_items",
        r#"{
  "items": [
    {
      "name": "Additional Product",
      "code": "PROD-002",
      "price": 19.99,
      "quantity": 2
    }
  ]
}"#,
    ),
    (
        "POST",
        "/stores/101/orders/7/update-address",
        "order.update_address",
        r#"{
  "address_type": "shipping",
  "address": {
    "first_name": "Jane",
    "last_name": "Smith",
    "address1": "456 Oak Ave",
    "city": "Newtown",
    "state": "NY",
    "postal_code": "67890",
    "country": "US"
  }
}"#,
    ),
    (
        "POST",
        "/stores/101/orders/7/add-note",
        "order.add_note",
        r#"{
  "note": "Customer requested expedited shipping",
  "note_type": "customer_service"
}"#,
    ),
    (
        "POST",
        "/stores/101/inventory",
        "inventory.create",
        r#"{
  "name": "New Product",
  "code": "PROD-003",
  "price": 39.99,
  "stock": 100
}"#,
    ),
    (
        "PUT",
        "/stores/101/inventory/9",
        "inventory.update",
        r#"{
  "name": "Updated Product Name",
  "price": 44.99,
  "stock": 75
}"#,
    ),
    (
        "PUT",
        "/stores/101/orders/7",
        "order.replace",
        r#"{"id": "7", "email": "a@example.com"}"#,
    ),
];

#[tokio::test]
async fn the_calls_of_the_specification_become_jobs() {
    let (place, _) = Place::with_order().await;
    for (method, uri, kind, body) in SPECIFICATION {
        let call = place.call(method, uri).header("content-type", "application/json");
        let reply = call.header("x-request-id", "spec-1").raw(body).await;
        let location = reply.header("location").map(str::to_owned);
        let job = reply.ok(202);
        assert_eq!(
            (&job["kind"], &job["status"]),
            (&json!(kind), &json!("queued")),
            "{method} {uri}"
        );
        assert_eq!(location, Some(format!("/jobs/{}", job["id"].as_str().unwrap())));
        assert_eq!(
            (&job["store_id"], &job["request_id"]),
            (&json!("101"), &json!("spec-1"))
        );
        assert_eq!(job["max_attempts"], 8);
        assert!(job["queue"]["ahead"].is_u64());
        let shown = place.get(&location.unwrap()).send().await.ok(200);
        assert_eq!((&shown["id"], &shown["links"]), (&job["id"], &job["links"]));
    }
    for (uri, kind) in [
        ("/stores/101/orders/7", "order.delete"),
        ("/stores/101/inventory/9", "inventory.delete"),
    ] {
        assert_eq!(place.call("DELETE", uri).send().await.ok(202)["kind"], kind);
    }
    assert_eq!(place.get("/tenant").send().await.ok(200)["jobs"]["queued"], 11);
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_pointed_at() {
    let (place, _) = Place::with_order().await;
    let cases: [(&str, &str, Value, &str, &[&str]); 6] = [
        (
            "POST",
            "/stores/101/orders/7/add-note",
            json!({"nota": "x"}),
            "validation_failed",
            &["/nota", "/note"],
        ),
        (
            "POST",
            "/stores/101/orders/7/add-items",
            json!({"items": {}}),
            "validation_failed",
            &["/items"],
        ),
        (
            "POST",
            "/stores/101/orders/7/move-folder",
            json!({}),
            "validation_failed",
            &["/folder_id"],
        ),
        (
            "PUT",
            "/stores/101/orders/7",
            json!({"id": "8"}),
            "validation_failed",
            &["/id"],
        ),
        (
            "POST",
            "/stores/101/orders/7:mutate",
            json!({"operations": [{"op": "replace", "path": "/order_total", "value": 1}]}),
            "field_read_only",
            &["/operations/0/path"],
        ),
        (
            "POST",
            "/stores/101/orders",
            json!({"items": [], "order_items": []}),
            "validation_failed",
            &[],
        ),
    ];
    for (method, uri, body, code, pointers) in cases {
        let reply = place.call(method, uri).json(&body).await.refused(422, code);
        for pointer in pointers {
            assert!(reply.pointers().contains(pointer), "{uri}: {}", reply.text);
        }
    }
    let reply = place.call("PUT", "/stores/101/orders/7x").json(&json!({})).await;
    assert_eq!(
        reply.refused(422, "validation_failed").pointers(),
        ["/path/order_id"]
    );
    assert_eq!(place.get("/jobs").send().await.ok(200)["data"], json!([]));
}

#[tokio::test]
async fn options_are_taken_from_the_query_and_misspelt_ones_refused() {
    let (place, _) = Place::with_order().await;
    let note = |query: &str| {
        let call = place.post(&format!("/stores/101/orders/7/add-note?{query}"));
        async move { call.json(&json!({"note": "x"})).await }
    };
    let job = note("priority=high&guard=strict&run_at=2099-01-01T00:00:00Z").await;
    assert_eq!(
        job.refused(422, "validation_failed").pointers(),
        ["/query/run_at"]
    );
    let past = note("priority=low&run_at=2001-01-01T00:00:00Z&guard=strict")
        .await
        .ok(202);
    assert_eq!(
        (&past["priority"], &past["run_at"]),
        (&json!("low"), &json!(null))
    );
    assert!(place.job(&past).await.strict);
    let reply = note("prioritty=high&guard=loose")
        .await
        .refused(422, "validation_failed");
    assert_eq!(reply.pointers(), ["/query/guard", "/query/prioritty"]);
    note("callback_url=https://example.com/x")
        .await
        .refused(422, "callback_secret_missing");
}

#[tokio::test]
async fn preconditions_are_kept_with_the_job_and_refused_where_they_mean_nothing() {
    let (place, _) = Place::with_order().await;
    let note = |tag: &str| {
        let call = place
            .post("/stores/101/orders/7/add-note")
            .header("if-match", tag);
        async move { call.json(&json!({"note": "x"})).await }
    };
    let job = note("\"abc\"").await.ok(202);
    assert_eq!(place.job(&job).await.if_match.as_deref(), Some("\"abc\""));
    assert_eq!(
        place.job(&note("*").await.ok(202)).await.if_match.as_deref(),
        Some("*")
    );
    for bad in ["W/\"abc\"", "abc", ""] {
        note(bad).await.refused(400, "invalid_header");
    }
    let create = place.post("/stores/101/orders").header("if-match", "*");
    let reply = create
        .json(&json!({"email": "a@example.com"}))
        .await
        .refused(422, "validation_failed");
    assert_eq!(reply.pointers(), ["/header/If-Match"]);
}

#[tokio::test]
async fn waiting_ends_with_the_job_or_with_the_time() {
    let (place, _) = Place::with_order().await;
    let note = |prefer: &str| {
        let call = place
            .post("/stores/101/orders/7/add-note")
            .header("prefer", prefer);
        async move { call.json(&json!({"note": "x"})).await }
    };
    let began = std::time::Instant::now();
    let reply = note("wait=1").await;
    assert!(began.elapsed() >= Duration::from_millis(900), "it waited");
    assert_eq!(reply.header("preference-applied"), Some("wait=1"));
    reply.ok(202);
    let reply = note("respond-async").await;
    assert_eq!(reply.header("preference-applied"), Some("respond-async"));
    note("wait=soon").await.refused(400, "invalid_header");

    let (waited, ()) = tokio::join!(note("wait=999"), async {
        let open = testkit::eventually("the job is there", Duration::from_secs(10), || async {
            let jobs = place.get("/jobs?status=queued&limit=1").send().await.ok(200);
            let newest = jobs["data"][0].clone();
            (newest["queue"] != json!(null) && jobs["data"][0]["order_id"] == "7").then_some(newest)
        });
        let _ = open.await;
        for job in place.get("/jobs?status=queued").send().await.ok(200)["data"]
            .as_array()
            .unwrap()
        {
            place.succeed(&place.job(job).await).await;
        }
        // The one that waits may have come after the list was read.
        testkit::eventually("none is queued", Duration::from_secs(10), || async {
            let jobs = place.get("/jobs?status=queued").send().await.ok(200);
            for job in jobs["data"].as_array().unwrap() {
                place.succeed(&place.job(job).await).await;
            }
            place.get("/jobs").send().await.ok(200)["data"]
                .as_array()
                .unwrap()
                .len()
                == 3
                && jobs["data"] == json!([])
        })
        .await;
    });
    assert_eq!(waited.header("preference-applied"), Some("wait=60"));
    assert!(waited.header("location").is_some());
    let job = waited.ok(200);
    assert_eq!(
        (&job["status"], &job["result"]["changed"]),
        (&json!("succeeded"), &json!(true))
    );
}

#[tokio::test]
async fn a_draining_process_ends_the_wait_and_shows_the_job_as_it_is() {
    let (place, _) = Place::with_order().await;
    place.draining.cancel();
    let call = place
        .post("/stores/101/orders/7/add-note")
        .header("prefer", "wait=60");
    let reply = tokio::time::timeout(Duration::from_secs(10), call.json(&json!({"note": "x"}))).await;
    assert_eq!(reply.expect("no minute passes").ok(202)["status"], "queued");
}

#[tokio::test]
async fn a_trace_context_is_kept_with_the_events() {
    let (place, _) = Place::with_order().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let call = place
        .post("/stores/101/orders/7/add-note")
        .header("traceparent", trace)
        .peer("203.0.113.5");
    call.json(&json!({"note": "x"})).await.ok(202);
    let events = place.app.ledger().events_after(0, 100).await.unwrap();
    let submitted = events
        .iter()
        .find(|event| event.type_name == "job.submitted.v1")
        .unwrap();
    let meta: Value = serde_json::from_str(&submitted.meta).unwrap();
    assert_eq!(
        (&meta["traceparent"], &meta["client_ip"]),
        (&json!(trace), &json!("203.0.113.5"))
    );
}

#[tokio::test]
async fn a_precondition_has_a_greatest_length() {
    let (place, _) = Place::with_order().await;
    let note = |tag: String| {
        let call = place
            .post("/stores/101/orders/7/add-note")
            .header("if-match", &tag);
        async move { call.json(&json!({"note": "x"})).await }
    };
    note(format!("\"{}\"", "t".repeat(2_000))).await.ok(202);
    let long = note(format!("\"{}\"", "t".repeat(3_000))).await;
    assert_eq!(
        long.refused(422, "validation_failed").pointers(),
        ["/header/If-Match"]
    );
}
