//! The process kills itself at every step of every kind of command, and is started again.

use std::time::Duration;

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Handle, RequestKind, SimulatorConfig};
use system_tests::{Client, Gateway, desk};
use testkit::CrashPoint;

use super::PATIENCE;

/// A kind of command, and how its effect is seen.
struct Command {
    method: Method,
    path: fn(&Seed) -> String,
    body: Value,
    /// The upstream request that carries it out.
    write: RequestKind,
    /// Whether its effect is there.
    done: fn(&Handle, &Seed) -> bool,
}

/// What is in Order Desk before.
struct Seed {
    order: String,
    item: String,
}

/// Steps that come before the request can have been sent, and after its answer is on record.
const CERTAIN: [&str; 4] = ["cycle.loaded", "intent.before", "intent.after", "record.after"];
/// Steps at which it has been applied and nobody knows.
const APPLIED: [&str; 1] = ["request.after"];

fn orders(path: &str, seed: &Seed) -> String {
    format!("/stores/{}/orders/{}{path}", desk::STORE, seed.order)
}

/// No request may time out by itself, on however busy a machine: then it would be `recovered` without a crash.
const TIMEOUT: &str = "5s";

/// Crashes at `points` in turn, a life each, then lives on; the job at its end.
async fn through(command: &Command, points: &[&'static str]) -> (Value, Gateway) {
    let mut gateway = Gateway::builder().env("ORDERDESK_TIMEOUT", TIMEOUT).start().await;
    let client = gateway.client_with_store().await;
    let seed = seed(&gateway.desk);
    assert!(!(command.done)(&gateway.desk, &seed), "the effect is new");
    let mut job = None;
    for point in points {
        assert!(
            gateway.restart_crashing(Some(&CrashPoint(point, 1))).await,
            "it starts before {point}"
        );
        job = submit(&client, command, &seed).await.or(job);
        gateway.wait_killed(PATIENCE).await;
    }
    gateway.restart().await;
    // The same request again, by a client that may have missed the answer: it must not become a second job.
    let again = submit(&client, command, &seed).await.expect("an answer");
    assert_eq!(job.as_ref().unwrap_or(&again), &again, "{points:?}");
    let job = client.wait_succeeded(&again, PATIENCE).await;
    assert!((command.done)(&gateway.desk, &seed), "{points:?}: {job}");
    let applied = gateway.desk.counters().kind(command.write).applied;
    assert_eq!(applied, 1, "{points:?}: {job}");
    (job, gateway)
}

fn seed(desk: &Handle) -> Seed {
    let item = json!({"name": "Seed", "code": "SEED", "price": 2.5, "stock": 7});
    Seed {
        order: desk::orders(desk, 1).remove(0),
        item: desk
            .put_inventory_item(desk::STORE, item)
            .expect("the store exists"),
    }
}

/// The id of the job, if the answer came before the process died.
async fn submit(client: &Client, command: &Command, seed: &Seed) -> Option<String> {
    let request = client
        .request(command.method.clone(), &(command.path)(seed))
        .header("Idempotency-Key", "the-one-submission");
    let request = if command.body.is_null() {
        request
    } else {
        request.json(&command.body)
    };
    Some(client.send(request).await.ok()?.expect(202).id())
}

async fn survives(command: &Command, certain: &[&'static str], applied: &[&'static str]) {
    let single = certain.iter().chain(applied).map(async |point| {
        let (job, _gateway) = through(command, &[point]).await;
        assert_eq!(
            job["result"]["recovered"],
            applied.contains(point),
            "{point}: {job}"
        );
    });
    // The judgement after a crash is itself cut short.
    let twice = certain
        .iter()
        .chain(applied)
        .filter(|point| point.ends_with("t.after"))
        .map(async |point| {
            let (job, _gateway) = through(command, &[point, "judge.fetched"]).await;
            assert_eq!(
                job["result"]["recovered"],
                applied.contains(point),
                "{point}, judge.fetched: {job}"
            );
        });
    tokio::join!(join_all(single), join_all(twice));
}

fn note(desk: &Handle, seed: &Seed) -> usize {
    desk::count(&desk::notes_of(desk, desk::STORE, &seed.order), "Exactly once")
}

#[tokio::test]
async fn a_note_survives_a_crash_at_every_step() {
    let command = Command {
        method: Method::POST,
        path: |seed| orders("/add-note", seed),
        body: json!({"note": "Exactly once"}),
        write: RequestKind::PutOrder,
        done: |desk, seed| match note(desk, seed) {
            0 => false,
            1 => true,
            n => panic!("the note is there {n} times"),
        },
    };
    survives(
        &command,
        &[
            "cycle.loaded",
            "cycle.fetched",
            "intent.before",
            "intent.after",
            "record.after",
        ],
        &APPLIED,
    )
    .await;
}

#[tokio::test]
async fn added_items_survive_a_crash_at_every_step() {
    let command = Command {
        method: Method::POST,
        path: |seed| orders("/add-items", seed),
        body: json!({"items": [{"name": "Extra", "code": "EXTRA", "price": 3, "quantity": 1}]}),
        write: RequestKind::PutOrder,
        done: |desk, seed| desk::count(&desk::items_of(desk, desk::STORE, &seed.order), "EXTRA") == 1,
    };
    survives(&command, &CERTAIN, &APPLIED).await;
}

#[tokio::test]
async fn a_changed_address_survives_a_crash_at_every_step() {
    let command = Command {
        method: Method::POST,
        path: |seed| orders("/update-address", seed),
        body: json!({"address_type": "shipping", "address": {"city": "Newtown"}}),
        write: RequestKind::PutOrder,
        done: |desk, seed| desk::order(desk, &seed.order)["shipping"]["city"] == "Newtown",
    };
    survives(&command, &CERTAIN, &APPLIED).await;
}

#[tokio::test]
async fn a_replaced_order_survives_a_crash_at_every_step() {
    let command = Command {
        method: Method::PUT,
        path: |seed| orders("", seed),
        body: json!({"email": "another@example.com"}),
        write: RequestKind::PutOrder,
        done: |desk, seed| desk::order(desk, &seed.order)["email"] == "another@example.com",
    };
    survives(&command, &CERTAIN, &APPLIED).await;
}

#[tokio::test]
async fn a_move_survives_a_crash_at_every_step() {
    let command = Command {
        method: Method::POST,
        path: |seed| orders("/move-folder", seed),
        body: json!({"folder_id": 2}),
        write: RequestKind::MoveOrders,
        done: |desk, seed| desk::order(desk, &seed.order)["folder_id"] == 2,
    };
    let certain = [
        "cycle.loaded",
        "cycle.fetched",
        "move.intent.after",
        "record.after",
    ];
    survives(&command, &certain, &["move.request.after"]).await;
}

#[tokio::test]
async fn an_update_with_a_move_survives_a_crash_at_every_step() {
    let command = Command {
        method: Method::POST,
        path: |seed| orders(":mutate", seed),
        body: json!({"operations": [
            {"op": "replace", "path": "folder_id", "value": 3},
            {"op": "add", "path": "notes", "value": [{"note": "Exactly once", "type": "system"}]},
        ]}),
        write: RequestKind::MoveOrders,
        done: |desk, seed| desk::order(desk, &seed.order)["folder_id"] == 3 && note(desk, seed) == 1,
    };
    let points = [
        "cycle.fetched",
        "intent.after",
        "request.after",
        "move.intent.after",
        "move.request.after",
        "record.after",
    ];
    join_all(points.map(async |point| {
        let (job, gateway) = through(&command, &[point]).await;
        assert_eq!(
            gateway.desk.counters().kind(RequestKind::PutOrder).applied,
            1,
            "{point}: {job}"
        );
        let found = point.ends_with("request.after");
        assert_eq!(job["result"]["recovered"], found, "{point}: {job}");
    }))
    .await;
}

#[tokio::test]
async fn a_created_order_survives_a_crash_at_every_step() {
    let command = Command {
        method: Method::POST,
        path: |_| format!("/stores/{}/orders", desk::STORE),
        body: json!({"email": "created@example.com", "shipping": {"last_name": "Lee"}, "items": [{"name": "One", "code": "ONE", "price": 1, "quantity": 1}]}),
        write: RequestKind::CreateOrder,
        done: |desk, _| {
            let orders = desk.orders(desk::STORE).unwrap();
            orders
                .iter()
                .filter(|order| order["email"] == "created@example.com")
                .count()
                == 1
        },
    };
    survives(&command, &CERTAIN, &APPLIED).await;
}

#[tokio::test]
async fn a_deleted_order_survives_a_crash_at_every_step() {
    let command = Command {
        method: Method::DELETE,
        path: |seed| orders("", seed),
        body: Value::Null,
        write: RequestKind::DeleteOrder,
        done: |desk, seed| desk.get_order(desk::STORE, &seed.order).is_none(),
    };
    survives(&command, &CERTAIN, &APPLIED).await;
}

fn inventory(seed: &Seed) -> String {
    format!("/stores/{}/inventory/{}", desk::STORE, seed.item)
}

fn stocked(desk: &Handle, code: &str) -> Vec<Value> {
    let items = desk
        .inventory(SimulatorConfig::STORE_ID)
        .expect("the store exists");
    items.into_iter().filter(|item| item["code"] == code).collect()
}

#[tokio::test]
async fn a_created_inventory_item_survives_a_crash_at_every_step() {
    let command = Command {
        method: Method::POST,
        path: |_| format!("/stores/{}/inventory", desk::STORE),
        body: json!({"name": "New Product", "code": "PROD-003", "price": 39.99, "stock": 100}),
        write: RequestKind::CreateInventory,
        done: |desk, _| stocked(desk, "PROD-003").len() == 1,
    };
    survives(&command, &CERTAIN, &APPLIED).await;
}

#[tokio::test]
async fn an_updated_inventory_item_survives_a_crash_at_every_step() {
    let command = Command {
        method: Method::PUT,
        path: inventory,
        body: json!({"stock": 75}),
        write: RequestKind::PutInventoryItem,
        done: |desk, _| stocked(desk, "SEED")[0]["stock"] == 75,
    };
    survives(&command, &CERTAIN, &APPLIED).await;
}

#[tokio::test]
async fn a_deleted_inventory_item_survives_a_crash_at_every_step() {
    let command = Command {
        method: Method::DELETE,
        path: inventory,
        body: Value::Null,
        write: RequestKind::DeleteInventoryItem,
        done: |desk, _| stocked(desk, "SEED").is_empty(),
    };
    survives(&command, &CERTAIN, &APPLIED).await;
}

#[tokio::test]
async fn a_submission_survives_a_crash_before_and_after_its_commit() {
    let command = Command {
        method: Method::POST,
        path: |seed| orders("/add-note", seed),
        body: json!({"note": "Exactly once"}),
        write: RequestKind::PutOrder,
        done: |desk, seed| note(desk, seed) == 1,
    };
    join_all(["commit.before", "commit.after"].map(async |point| {
        let (job, _gateway) = through(&command, &[point]).await;
        assert_eq!(job["result"]["recovered"], false, "{point}: {job}");
    }))
    .await;
}

#[tokio::test]
async fn what_was_recorded_is_not_judged_again_after_a_later_crash() {
    let mut gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let first = client.submit_note(desk::STORE, &order, "first").await;
    let before = client.wait_succeeded(&first, PATIENCE).await;
    let requests = gateway.desk.counters().total().requests;
    gateway.restart().await;
    let second = client.submit_note(desk::STORE, &order, "second").await;
    client.wait_succeeded(&second, PATIENCE).await;
    assert_eq!(
        gateway.desk.counters().total().requests,
        requests + 2,
        "one fetch and one update"
    );
    assert_eq!(client.job(&first).await, before, "a final state never changes");
    assert!(gateway.process().is_running());
    assert_eq!(gateway.terminate(Duration::from_secs(10)).await, Some(0));
}
