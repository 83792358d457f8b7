//! The OpenAPI document, held against a running gateway by requests that nobody thought of (schemathesis).
//!
//! `tests/schemathesis` has the settings, which name each exception with its reason, and the hooks that put real ids
//! in place of generated ones. All is bounded and the same in every run: no randomness, no deadlines, no wait for what
//! other processes do.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::SimulatorConfig;
use system_tests::{Client, Gateway, desk, random_hex};
use testkit::{Process, Receiver, eventually};

use super::PATIENCE;

/// Settings and hooks.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schemathesis");
/// What the settings leave out, and the document itself, which is not asked for once more.
const LEFT_OUT: [&str; 2] = ["followJobs", "getOpenApi"];
/// Some four thousand requests, a minute and less on an idle machine.
const RUN: Duration = Duration::from_mins(9);

/// Carries out `count` jobs of one kind and returns their ids.
async fn ended(
    client: &Client,
    order: &str,
    count: usize,
    kind: &str,
    body: &Value,
    status: &str,
) -> Vec<String> {
    let jobs = vec![json!({"kind": kind, "order_id": order, "body": body}); count];
    let ids = client.batch(desk::STORE, &jobs).await;
    for id in &ids {
        let job = client.wait_ended(id, PATIENCE).await;
        assert_eq!(job["status"], status, "{job}");
    }
    ids
}

/// A position of the tenant in the log, as soon as it can be proven.
pub(super) async fn proven(client: &Client, job: &str) -> u64 {
    let stream = client.get(&format!("/jobs/{job}/events")).await.expect(200).body;
    let lines = stream.as_str().unwrap_or_default().lines();
    let mut ids = lines.filter_map(|line| line.strip_prefix("id:"));
    let last = ids.next_back().expect("an event has an id");
    let position: u64 = last.trim().parse().expect("an id is a position");
    let path = format!("/audit/proof/inclusion?position={position}");
    let ask = async || {
        let answer = client.get(&path).await;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(answer.body.to_string())
        }
    };
    eventually("the event is sealed", PATIENCE, ask).await;
    position
}

/// A delivery of a webhook.
async fn delivered(client: &Client, receiver: &Receiver) -> String {
    let url = json!({"url": receiver.url(), "events": ["test"]});
    let endpoint = client.post("/webhook-endpoints", &url).await.expect(201).id();
    let test = format!("/webhook-endpoints/{endpoint}/test");
    client
        .send(client.request(Method::POST, &test))
        .await
        .expect("an answer")
        .expect(202);
    let deliveries = format!("/webhook-endpoints/{endpoint}/deliveries");
    eventually("the test is on its way", PATIENCE, async || {
        let page = client.get(&deliveries).await.expect(200).body;
        page["data"][0]["id"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| page.to_string())
    })
    .await
}

/// Orders, items and jobs in several states: what the hooks have to offer.
async fn furnish(gateway: &Gateway, client: &Client) -> Value {
    let orders = desk::orders(&gateway.desk, 260);
    let (kept, others) = orders.split_at(50);
    // What is erased is not what jobs are retried and reverted for.
    let (erasable, doomed) = others.split_at(10);
    let item = |n: u32| {
        gateway
            .desk
            .put_inventory_item(desk::STORE, json!({"name": "Mug", "code": format!("MUG-{n}")}))
    };
    let items: Vec<String> = (0..200).map(|n| item(n).expect("the store exists")).collect();
    let (kept_items, doomed_items) = items.split_at(5);
    let fails = json!({"operations": [{"op": "test", "path": "/email", "value": "nobody"}]});
    let failed = ended(client, &kept[0], 60, "order.mutate", &fails, "failed").await;
    let noted = ended(
        client,
        &kept[1],
        10,
        "order.add_note",
        &json!({"note": "Packed."}),
        "succeeded",
    )
    .await;
    let mut keys = Vec::new();
    for _ in 0..20 {
        let made = client
            .post("/tenant/keys", &json!({"label": "Short-lived"}))
            .await;
        keys.push(made.expect(201).id());
    }
    json!({
        "url": gateway.url(),
        "store": desk::STORE,
        "api_key": SimulatorConfig::API_KEY,
        "orders": kept,
        "erasable_orders": erasable,
        "doomed_orders": doomed,
        "items": kept_items,
        "doomed_items": doomed_items,
        "keys": keys,
        "failed_jobs": failed,
        "position": proven(client, &noted[0]).await,
        "ended_jobs": noted,
    })
}

/// Of which operations no request succeeded: nothing is said about their answers then.
fn untouched(document: &Value, seen: &BTreeMap<String, BTreeMap<String, u64>>) -> Vec<String> {
    let items = document["paths"].as_object().into_iter().flatten();
    let operations = items.flat_map(|(_, item)| item.as_object().into_iter().flatten());
    let ids = operations.filter_map(|(_, operation)| operation["operationId"].as_str());
    let succeeded = |id: &str| {
        seen.get(id)
            .is_some_and(|statuses| statuses.keys().any(|status| status.starts_with('2')))
    };
    ids.filter(|id| !LEFT_OUT.contains(id) && !succeeded(id))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn the_gateway_answers_generated_requests_as_its_document_says() {
    let tool = Process::tool("schemathesis").await;
    let admin_token = random_hex(48);
    let gateway = Gateway::builder()
        .env("LOG_LEVEL", "info")
        .env("ADMIN_TOKEN", &admin_token)
        .env("WEBHOOK_ALLOW_NETS", "127.0.0.0/8")
        .start()
        .await;
    let client = gateway.client_with_store().await;
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let receiver = Receiver::taking_all().await;
    let mut place = furnish(&gateway, &client).await;
    place["delivery"] = delivered(&client, &receiver).await.into();
    place["receiver"] = receiver.url().into();
    let seen = scratch.path().join("seen.json");
    place["seen"] = seen.display().to_string().into();

    let run = tool
        .args([
            "--config-file".to_owned(),
            format!("{FOLDER}/schemathesis.toml"),
            "run".to_owned(),
        ])
        .arg("--no-color")
        .arg(format!("{}/openapi.json", gateway.url()))
        .env("ODG_PLACE", place.to_string())
        .env("ODG_KEY", client.key())
        .env("ODG_ADMIN_TOKEN", &admin_token)
        .env("SCHEMATHESIS_HOOKS", format!("{FOLDER}/hooks.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONHASHSEED", "0")
        .env("COLUMNS", "200")
        .folder(scratch.path())
        .start();
    let status = run.wait_exit(RUN).await;
    assert!(status.success(), "{}", run.lines().join("\n"));

    let seen = serde_json::from_slice(&fs::read(&seen).expect("the hooks have counted")).unwrap();
    let document = client.get("/openapi.json").await.expect(200).body;
    let untouched = untouched(&document, &seen);
    assert!(
        untouched.is_empty(),
        "no request succeeded of {untouched:?}: {seen:?}"
    );
}
