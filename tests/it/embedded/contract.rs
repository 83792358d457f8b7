//! The HTTP contract, through the whole process.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Edit, Fault, HoldPhase, RequestKind};
use system_tests::{Answer, Client, Gateway, desk};

use super::PATIENCE;

fn path(order: &str) -> String {
    format!("/stores/{}/orders/{order}", desk::STORE)
}

async fn with(client: &Client, path: &str, header: (&str, &str), body: &Value) -> Answer {
    client.send(client.request(Method::POST, path).header(header.0, header.1).json(body)).await.expect("an answer")
}

#[tokio::test]
async fn the_specifications_own_bodies_work_as_shown() {
    let gateway = Gateway::start().await;
    let client = gateway.client();
    let raw = async |method: Method, path: &str, body: &'static str| {
        let request = client.request(method, path).header("Content-Type", "application/json").body(body);
        client.send(request).await.unwrap()
    };
    let folders = |desk: &mut simulator::StoreConfig| {
        desk.folders.push(simulator::Folder { id: 456, name: "Shipped".to_owned() });
    };
    let mut store = simulator::StoreConfig::new("your-store-id", "your-api-key");
    folders(&mut store);
    gateway.desk.add_store(store);
    let order = gateway.desk.seed_orders("your-store-id", 1).unwrap().remove(0);
    let item = json!({"name": "Old", "code": "OLD", "price": 1, "stock": 1});
    let item = gateway.desk.put_inventory_item("your-store-id", item).unwrap();

    let body = r#"{ "store_id": "your-store-id", "api_key": "your-api-key", "label": "My Store" }"#;
    let store = raw(Method::POST, "/stores", body).await.expect(201).body;
    assert_eq!((&store["store_id"], &store["label"]), (&json!("your-store-id"), &json!("My Store")));
    assert_eq!(client.get("/stores").await.expect(200).body["data"].as_array().map(Vec::len), Some(1));

    let orders = "/stores/your-store-id/orders";
    let commands = [
        (Method::POST, orders.to_owned(), r#"{
            "email": "customer@example.com",
            "shipping": { "first_name": "John", "last_name": "Doe", "address1": "123 Main St", "city": "Anytown",
                          "state": "CA", "postal_code": "12345", "country": "US" },
            "items": [ { "name": "Product Name", "code": "PROD-001", "price": 29.99, "quantity": 1 } ]
        }"#),
        (Method::POST, format!("{orders}/{order}:mutate"), r#"{
            "operations": [
                { "op": "replace", "path": "folder_id", "value": 456 },
                { "op": "add", "path": "notes", "value": [{"note": "Updated by API", "type": "system"}] }
            ]
        }"#),
        (Method::POST, format!("{orders}/{order}/move-folder"), r#"{ "folder_id": 456 }"#),
        (Method::POST, format!("{orders}/{order}/add-items"), r#"{
            "items": [ { "name": "Additional Product", "code": "PROD-002", "price": 19.99, "quantity": 2 } ]
        }"#),
        (Method::POST, format!("{orders}/{order}/update-address"), r#"{
            "address_type": "shipping",
            "address": { "first_name": "Jane", "last_name": "Smith", "address1": "456 Oak Ave", "city": "Newtown",
                         "state": "NY", "postal_code": "67890", "country": "US" }
        }"#),
        (Method::POST, format!("{orders}/{order}/add-note"), r#"{
            "note": "Customer requested expedited shipping", "note_type": "customer_service"
        }"#),
        (Method::POST, "/stores/your-store-id/inventory".to_owned(), r#"{
            "name": "New Product", "code": "PROD-003", "price": 39.99, "stock": 100
        }"#),
        (Method::PUT, format!("/stores/your-store-id/inventory/{item}"), r#"{
            "name": "Updated Product Name", "price": 44.99, "stock": 75
        }"#),
    ];
    let mut jobs = Vec::new();
    for (method, path, body) in commands {
        let answer = raw(method, &path, body).await.expect(202);
        assert_eq!(answer.header("Location"), format!("/jobs/{}", answer.id()));
        jobs.push(client.wait_succeeded(&answer.id(), PATIENCE).await);
    }
    let created = jobs[0]["result"]["order_id"].as_str().unwrap().to_owned();
    let created = client.get(&format!("{orders}/{created}")).await.expect(200).body;
    assert_eq!(created["email"], "customer@example.com");
    assert_eq!(created["order_items"][0]["code"], "PROD-001");
    let now = client.get(&format!("{orders}/{order}")).await.expect(200);
    assert!(now.header("ETag").starts_with('"'), "{:?}", now.headers);
    assert_eq!(now.body["folder_id"].to_string().trim_matches('"'), "456");
    assert_eq!(now.body["shipping"]["city"], "Newtown");
    let notes = desk::notes_of(&gateway.desk, "your-store-id", &order);
    assert_eq!(notes, ["Handle with care", "Updated by API", "Customer requested expedited shipping"]);
    assert_eq!(now.body["order_notes"][2]["username"], "customer_service");
    assert_eq!(desk::items_of(&gateway.desk, "your-store-id", &order), ["MUG-BLUE", "STICKER", "PROD-002"]);
    let stock = gateway.desk.inventory("your-store-id").unwrap();
    assert!(stock.iter().any(|item| item["code"] == "PROD-003"));
    assert!(stock.iter().any(|item| item["name"] == "Updated Product Name" && item["code"] == "OLD"));

    // The complete order, as it was read, with one change.
    let mut complete = now.body.clone();
    complete["customer_id"] = json!("C-1");
    let job = client.put(&format!("{orders}/{order}"), &complete).await.expect(202).id();
    client.wait_succeeded(&job, PATIENCE).await;
    assert_eq!(gateway.desk.get_order("your-store-id", &order).unwrap()["customer_id"], "C-1");

    let job = client.delete(&format!("/stores/your-store-id/inventory/{item}")).await.expect(202).id();
    client.wait_succeeded(&job, PATIENCE).await;
    client.delete("/stores/your-store-id").await.expect(204);
    assert_eq!(client.get("/stores").await.expect(200).body["data"], json!([]));
}

#[tokio::test]
async fn prefer_wait_holds_the_answer_until_the_job_has_ended() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let note = json!({"note": "waited for"});
    let answer = with(&client, &format!("{}/add-note", path(&order)), ("Prefer", "wait=30"), &note).await.expect(200);
    assert_eq!(answer.body["status"], "succeeded");
    assert_eq!(answer.header("Preference-Applied"), "wait=30");

    let missing = with(&client, &format!("{}/add-note", path("99999999")), ("Prefer", "wait=30"), &note).await.expect(200);
    assert_eq!(missing.body["error"]["code"], "order_not_found", "{}", missing.body);

    let hold = gateway.desk.hold(RequestKind::GetOrder, HoldPhase::BeforeApply);
    let started = Instant::now();
    let answer = with(&client, &format!("{}/add-note", path(&order)), ("Prefer", "wait=1"), &note).await.expect(202);
    assert!(started.elapsed() >= Duration::from_secs(1));
    gateway.desk.release(hold).unwrap();
    client.wait_succeeded(&answer.id(), PATIENCE).await;
}

#[tokio::test]
async fn a_repeated_request_finds_its_job_even_after_a_restart() {
    let mut gateway = Gateway::start().await;
    let client = gateway.client();
    let key = ("Idempotency-Key", "once-and-for-all");
    let store = json!({"store_id": desk::STORE, "api_key": simulator::SimulatorConfig::API_KEY});
    let registered = with(&client, "/stores", ("Idempotency-Key", "the-store"), &store).await.expect(201);
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let (path, note) = (format!("{}/add-note", path(&order)), json!({"note": "only once"}));
    let first = with(&client, &path, key, &note).await.expect(202);
    client.wait_succeeded(&first.id(), PATIENCE).await;
    gateway.kill9();
    gateway.restart().await;

    let again = with(&client, &path, key, &note).await.expect(202);
    assert_eq!(again.id(), first.id());
    assert_eq!(again.header("Idempotency-Replayed"), "true");
    assert_eq!(again.body["status"], "succeeded", "the job in its present state");
    let other = with(&client, &path, key, &json!({"note": "something else"})).await.expect(422);
    assert_eq!(other.code(), "idempotency_key_reused");
    let stores = with(&client, "/stores", ("Idempotency-Key", "the-store"), &store).await.expect(201);
    assert_eq!(stores.body, registered.body);
    assert_eq!(stores.header("Idempotency-Replayed"), "true");
    assert_eq!(desk::count(&desk::notes_of(&gateway.desk, desk::STORE, &order), "only once"), 1);
}

#[tokio::test]
async fn a_dry_run_shows_the_change_and_makes_none() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let before = desk::order(&gateway.desk, &order);
    let body = json!({"operations": [{"op": "replace", "path": "shipping.city", "value": "Newtown"}]});
    let answer = client.post(&format!("{}:mutate?dry_run=true", path(&order)), &body).await.expect(200).body;
    assert_eq!(answer["dry_run"], true);
    assert_eq!(answer["before"]["shipping"]["city"], "Springfield");
    assert_eq!(answer["after"]["shipping"]["city"], "Newtown");
    assert_eq!(answer["patch"], json!([{"op": "replace", "path": "/shipping/city", "value": "Newtown"}]));
    assert_ne!(answer["etag_before"], answer["etag_after"]);
    let missing = client.post(&format!("{}:mutate?dry_run=true", path("99999999")), &body).await.expect(404);
    assert_eq!(missing.code(), "order_not_found");
    assert_eq!(desk::order(&gateway.desk, &order), before);
    assert_eq!(client.get("/jobs").await.expect(200).body["data"], json!([]));
}

#[tokio::test]
async fn of_two_jobs_with_one_tag_the_second_fails_and_touches_nothing() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let tag = client.get(&path(&order)).await.expect(200).header("ETag").to_owned();
    // Both wait for the same fetch, so that they travel in one batch.
    let hold = gateway.desk.hold(RequestKind::GetOrder, HoldPhase::BeforeApply);
    let note = |text: &str| json!({"note": text});
    let path = format!("{}/add-note", path(&order));
    let waiting = with(&client, &path, ("Prefer", "respond-async"), &note("the reason to fetch")).await.expect(202).id();
    assert!(gateway.desk.wait_held(hold, 1, PATIENCE).await);
    let first = with(&client, &path, ("If-Match", &tag), &note("first")).await.expect(202).id();
    gateway.desk.release(hold).unwrap();
    client.wait_succeeded(&waiting, PATIENCE).await;
    let stale = client.wait_ended(&first, PATIENCE).await;
    assert_eq!(stale["error"]["code"], "precondition_failed", "the order has changed since: {stale}");

    let order = gateway.desk.put_order(desk::STORE, simulator::sample_order(7)).unwrap();
    let tag = client.get(&self::path(&order)).await.expect(200).header("ETag").to_owned();
    let jobs: Vec<_> = ["first", "second"]
        .map(|text| json!({"kind": "order.add_note", "order_id": order, "body": {"note": text}, "if_match": tag}))
        .to_vec();
    let ids = client.batch(desk::STORE, &jobs).await;
    let first = client.wait_succeeded(&ids[0], PATIENCE).await;
    let second = client.wait_ended(&ids[1], PATIENCE).await;
    assert_eq!(first["result"]["etag_before"], tag.as_str());
    assert_eq!(second["status"], "failed");
    assert_eq!(second["error"]["code"], "precondition_failed", "{second}");
    assert_eq!(desk::notes_of(&gateway.desk, desk::STORE, &order), ["Handle with care", "first"]);

    let tag = client.get(&self::path(&order)).await.expect(200).header("ETag").to_owned();
    let fresh = with(&client, &format!("{}/add-note", self::path(&order)), ("If-Match", &tag), &note("fresh")).await;
    client.wait_succeeded(&fresh.expect(202).id(), PATIENCE).await;
    let weak = with(&client, &format!("{}/add-note", self::path(&order)), ("If-Match", "W/\"x\""), &note("weak")).await;
    assert_eq!(weak.status, 400);
}

#[tokio::test]
async fn a_batch_is_accepted_whole_or_not_at_all() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let good = |n: u32| json!({"kind": "order.add_note", "order_id": order, "body": {"note": format!("part {n}")}});
    let bad = json!({"kind": "order.add_note", "order_id": order, "body": {"note": 7}});
    let jobs = json!({"jobs": [good(0), good(1), good(2), bad, good(4)]});
    let answer = client.post(&format!("/stores/{}/jobs:batch", desk::STORE), &jobs).await.expect(422);
    assert_eq!(answer.header("Content-Type"), "application/problem+json");
    assert_eq!(answer.body["errors"][0]["pointer"], "/jobs/3/body/note", "{}", answer.body);
    assert_eq!(client.get("/jobs").await.expect(200).body["data"], json!([]));

    let jobs: Vec<_> = (0..30).map(good).collect();
    let ids = client.batch(desk::STORE, &jobs).await;
    assert_eq!(ids.len(), 30);
    for id in &ids {
        client.wait_succeeded(id, PATIENCE).await;
    }
    let expected: Vec<String> = std::iter::once("Handle with care".to_owned()).chain((0..30).map(|n| format!("part {n}"))).collect();
    assert_eq!(desk::notes_of(&gateway.desk, desk::STORE, &order), expected, "in request order");
    assert_eq!(gateway.desk.counters().total().requests, 2, "one fetch and one update");
}

#[tokio::test]
async fn a_cancelled_job_leaves_no_trace_and_an_ended_one_stays() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let hold = gateway.desk.hold(RequestKind::GetOrder, HoldPhase::BeforeApply);
    let kept = client.submit_note(desk::STORE, &order, "kept").await;
    assert!(gateway.desk.wait_held(hold, 1, PATIENCE).await);
    let dropped = client.submit_note(desk::STORE, &order, "dropped").await;
    let cancelled = client.post(&format!("/jobs/{dropped}:cancel"), &json!({})).await.expect(200).body;
    assert_eq!(cancelled["status"], "cancelled", "{cancelled}");
    gateway.desk.release(hold).unwrap();
    client.wait_succeeded(&kept, PATIENCE).await;
    let answer = client.post(&format!("/jobs/{kept}:cancel"), &json!({})).await.expect(409);
    assert_eq!(answer.code(), "job_finished");
    assert_eq!(desk::notes_of(&gateway.desk, desk::STORE, &order), ["Handle with care", "kept"]);
    assert_eq!(client.job(&dropped).await["status"], "cancelled");
}

#[tokio::test]
async fn cancel_and_intent_have_one_winner() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let hold = gateway.desk.hold(RequestKind::PutOrder, HoldPhase::BeforeApply);
    let running = client.submit_note(desk::STORE, &order, "already under way").await;
    assert!(gateway.desk.wait_held(hold, 1, PATIENCE).await);
    let answer = client.post(&format!("/jobs/{running}:cancel"), &json!({})).await.expect(409);
    assert_eq!(answer.code(), "job_running");
    gateway.desk.release(hold).unwrap();
    client.wait_succeeded(&running, PATIENCE).await;

    let mut cancelled = 0;
    for n in 0..40 {
        let text = format!("raced {n}.");
        let job = client.submit_note(desk::STORE, &order, &text).await;
        for _ in 0..n * 20 {
            tokio::task::yield_now().await;
        }
        let answer = client.post(&format!("/jobs/{job}:cancel"), &json!({})).await;
        let job = client.wait_ended(&job, PATIENCE).await;
        let written = desk::count(&desk::notes_of(&gateway.desk, desk::STORE, &order), &text);
        match answer.status {
            200 => assert_eq!((job["status"].as_str(), written), (Some("cancelled"), 0), "{job}"),
            409 => assert_eq!((job["status"].as_str(), written), (Some("succeeded"), 1), "{job}"),
            _ => panic!("{} {}", answer.status, answer.body),
        }
        cancelled += usize::from(answer.status == 200);
    }
    println!("{cancelled} of 40 were cancelled");
}

#[tokio::test]
async fn what_can_be_neither_proven_nor_excluded_is_left_to_a_person() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    gateway.desk.fail_next(RequestKind::PutOrder, Fault::Timeout);
    let address = json!({"address_type": "shipping", "address": {"city": "Newtown"}});
    let job = client.submit(&format!("{}/update-address", path(&order)), &address).await;
    let sent = |desk: &simulator::Handle| desk.counters().kind(RequestKind::PutOrder).requests == 1;
    assert!(gateway.desk.wait_until(PATIENCE, sent).await);
    let elsewhere = Edit::merge(json!({"shipping": {"city": "Elsewhere"}}));
    gateway.desk.foreign_edit(desk::STORE, &order, elsewhere).unwrap();
    let failed = client.wait_ended(&job, PATIENCE).await;
    assert_eq!(failed["error"]["code"], "needs_review", "{failed}");
    assert_eq!(desk::order(&gateway.desk, &order)["shipping"]["city"], "Elsewhere", "nobody guessed");

    let retry = format!("/jobs/{job}:retry");
    let refused = client.post(&retry, &json!({})).await;
    assert!((400..500).contains(&refused.status), "{}", refused.body);
    let again = client.post(&retry, &json!({"assume": "not_applied"})).await.expect(202);
    assert_eq!(again.body["retry_of"], job.as_str());
    client.wait_succeeded(&again.id(), PATIENCE).await;
    assert_eq!(desk::order(&gateway.desk, &order)["shipping"]["city"], "Newtown");
    assert_eq!(client.job(&job).await["retried_as"], again.id().as_str());
}

#[tokio::test]
async fn a_deletion_of_a_store_is_carried_on_after_a_crash() {
    let mut gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let orders = desk::orders(&gateway.desk, 3);
    let hold = gateway.desk.hold(RequestKind::PutOrder, HoldPhase::BeforeAnswer);
    let mut jobs = Vec::new();
    for n in 0..12 {
        jobs.push(client.submit_note(desk::STORE, &orders[n % 3], &format!("note number {n}.")).await);
    }
    assert!(gateway.desk.wait_held(hold, 3, PATIENCE).await, "each order has an update under way");
    client.delete(&format!("/stores/{}", desk::STORE)).await.expect(204);
    gateway.kill9();
    gateway.desk.release(hold).unwrap();
    gateway.restart().await;
    for (n, id) in jobs.iter().enumerate() {
        let job = client.wait_ended(id, PATIENCE).await;
        let notes = desk::notes_of(&gateway.desk, desk::STORE, &orders[n % 3]);
        let written = desk::count(&notes, &format!("note number {n}."));
        assert_eq!(job["status"] == "succeeded", written == 1, "proven, not guessed: {job}");
        let reason = job["error"]["code"].as_str();
        assert!(job["status"] == "succeeded" || reason == Some("store_deleted"), "{job}");
    }
}

#[tokio::test]
async fn a_store_deleted_under_load_leaves_no_open_job() {
    let mut gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let orders = desk::orders(&gateway.desk, 4);
    let hold = gateway.desk.hold(RequestKind::PutOrder, HoldPhase::BeforeAnswer);
    let mut jobs = Vec::new();
    for n in 0..20 {
        jobs.push(client.submit_note(desk::STORE, &orders[n % 4], &format!("note number {n}.")).await);
    }
    assert!(gateway.desk.wait_held(hold, 1, PATIENCE).await);
    client.delete(&format!("/stores/{}", desk::STORE)).await.expect(204);
    let refused = client.post(&format!("{}/add-note", path(&orders[0])), &json!({"note": "too late"})).await;
    assert_eq!(refused.status, 404);
    gateway.desk.release(hold).unwrap();
    for job in &jobs {
        let job = client.wait_ended(job, PATIENCE).await;
        assert_ne!(job["error"]["code"], "needs_review", "{job}");
    }
    // A deletion that a crash interrupts is carried on.
    gateway.restart().await;
    let requests = gateway.desk.counters().total().requests;
    client.register_store(desk::STORE, simulator::SimulatorConfig::API_KEY).await;
    let job = client.submit_note(desk::STORE, &orders[0], "a new start").await;
    client.wait_succeeded(&job, PATIENCE).await;
    assert_eq!(gateway.desk.counters().total().requests, requests + 2);
}

#[tokio::test]
async fn bad_requests_get_problem_documents_with_pointers() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let note = format!("{}/add-note", path("1"));
    for (path, body, status, pointer) in [
        (note.clone(), json!({"notes": "x"}), 422, Some("/note")),
        (note.clone(), json!({"note": "x", "nte_type": "y"}), 422, Some("/nte_type")),
        (format!("{}/move-folder", path("1")), json!({"folder_id": []}), 422, Some("/folder_id")),
        (format!("{}:mutate", path("1")), json!({"operations": [{"op": "replace", "path": "/order_total", "value": 1}]}), 422, Some("/operations/0/path")),
        (format!("{note}?urgency=high"), json!({"note": "x"}), 422, None),
        (format!("{}/add-note", path("abc")), json!({"note": "x"}), 422, None),
    ] {
        let answer = client.post(&path, &body).await.expect(status);
        assert_eq!(answer.header("Content-Type"), "application/problem+json");
        assert_eq!(answer.header("X-Request-Id"), answer.body["request_id"].as_str().unwrap());
        if let Some(pointer) = pointer {
            let errors = answer.body["errors"].as_array().unwrap();
            assert!(errors.iter().any(|error| error["pointer"] == pointer), "{pointer} in {}", answer.body);
        }
    }
    let raw = client.request(Method::POST, &note).header("Content-Type", "application/json").body("{");
    assert_eq!(client.send(raw).await.unwrap().status, 400);
    let raw = client.request(Method::POST, &note).header("Content-Type", "text/plain").body("x");
    assert_eq!(client.send(raw).await.unwrap().status, 415);
}
