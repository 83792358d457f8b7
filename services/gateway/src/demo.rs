//! The main job, shown: simulator and gateway on free ports, throw-away keys, real commands over HTTP.

use std::process::ExitCode;
use std::time::Duration;

use reqwest::{Client, Method};
use runtime::config::{LogLevel, Source};
use runtime::{Config, Lifecycle, telemetry};
use serde_json::{Value, json};
use simulator::{Simulator, SimulatorConfig};
use vault::{MasterKey, SystemEntropy};

use crate::error::StartError;
use crate::metric;
use crate::node::{Node, Role, install_tls};

/// How long a request of the demonstration may wait for its job.
const WAIT: &str = "wait=30";

/// Runs the demonstration; stays up afterwards unless `exit`.
///
/// # Errors
/// [`StartError`] if something does not start or does not go as it should.
pub async fn run(exit: bool) -> Result<ExitCode, StartError> {
    install_tls();
    telemetry::init_logs(LogLevel::Error);
    let folder = tempfile::tempdir().map_err(|error| StartError::failed("no temporary folder", error))?;
    let simulator = Simulator::start(SimulatorConfig::default())
        .await
        .map_err(|error| StartError::failed("the simulator cannot be started", error))?;
    let config = Config::load(&Source::from_pairs([
        ("MCP_KMS_KEY", throw_away_key().as_str()),
        ("HOST", "127.0.0.1"),
        ("PORT", "0"),
        (
            "DATABASE_URL",
            &format!("sqlite:///{}", folder.path().join("demo.db").display()),
        ),
        ("ORDERDESK_BASE_URL", &simulator.base_url()),
        // Whoever tries it has receivers of webhooks on this machine.
        ("WEBHOOK_ALLOW_NETS", "127.0.0.0/8,::1/128"),
    ]))?;
    let lifecycle = Lifecycle::new();
    let metrics = metric::keep(Role::All, folder.path().to_owned(), &lifecycle)?;
    let node = Node::start(&config, Role::All, &lifecycle, Some(metrics)).await?;
    let key = MasterKey::generate(&mut SystemEntropy);
    println!("Order Desk (simulated): {}", simulator.base_url());
    println!("Gateway:                http://{}", node.address);
    println!("Ledger:                 SQLite, in a temporary folder\n");
    let show = Show::new(format!("http://{}", node.address), key.expose().to_owned())?;
    let outcome = story(&show, &simulator, &node).await;
    if outcome.is_ok() && !exit {
        println!("\nStill up. Try it:\n");
        println!(
            "  curl -s http://{}/stores -H 'Authorization: Bearer {}'\n",
            node.address,
            key.expose()
        );
        println!("Stop it with Ctrl-C; its data go with it.");
    } else {
        lifecycle.stop();
    }
    let ended_well = lifecycle.wait(Duration::from_secs(10)).await;
    node.close().await;
    simulator.shutdown().await;
    outcome?;
    Ok(if ended_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// 64 hex digits: valid base64 of 48 random bytes' length.
fn throw_away_key() -> String {
    let bytes = vault::random::<32>(&mut SystemEntropy);
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

async fn story(show: &Show, simulator: &Simulator, node: &Node) -> Result<(), StartError> {
    let (store, api_key) = (SimulatorConfig::STORE_ID, SimulatorConfig::API_KEY);
    let order = simulator
        .put_order(store, simulator::sample_order(1))
        .map_err(|error| StartError::failed("the simulator refused an order", format!("{error:?}")))?;
    let before = simulator.get_order(store, &order).unwrap_or_default();

    println!("1. A tenant registers a store. An unknown master key makes a tenant by its first write.\n");
    let body = json!({"store_id": store, "api_key": api_key, "label": "Demo shop"});
    show.request(Method::POST, "/stores", Some(&body), 201).await?;

    println!("2. A note: accepted at once with 202, carried out by the worker.\n");
    let path = format!("/stores/{store}/orders/{order}");
    let note = json!({"note": "Customer requested expedited shipping", "note_type": "customer_service"});
    let job = show
        .request(Method::POST, &format!("{path}/add-note"), Some(&note), 202)
        .await?;
    let id = job["id"].as_str().unwrap_or_default().to_owned();
    show.request(Method::GET, &format!("/jobs/{id}?wait=30"), None, 200)
        .await
        .and_then(succeeded)?;

    println!("3. Several commands at once travel in one fetch and one update.\n");
    let batch = json!({"jobs": [
        {"kind": "order.add_items", "order_id": order, "body": {"items": [{"name": "Additional Product", "code": "PROD-002", "price": 19.99, "quantity": 2}]}},
        {"kind": "order.update_address", "order_id": order, "body": {"address_type": "shipping", "address": {"city": "Newtown"}}},
        {"kind": "order.add_note", "order_id": order, "body": {"note": "Two items added"}},
    ]});
    let jobs = show
        .request(
            Method::POST,
            &format!("/stores/{store}/jobs:batch"),
            Some(&batch),
            202,
        )
        .await?;
    for job in jobs["data"].as_array().into_iter().flatten() {
        let id = job["id"].as_str().unwrap_or_default();
        show.quietly(Method::GET, &format!("/jobs/{id}?wait=30"))
            .await
            .and_then(succeeded)?;
    }
    let last = jobs["data"][2]["id"].as_str().unwrap_or_default();
    show.request(Method::GET, &format!("/jobs/{last}"), None, 200)
        .await?;

    println!(
        "4. The answer to an update gets lost. The gateway finds out that it arrived, and does not repeat it.\n"
    );
    simulator.fail_next(
        simulator::Matcher::from(simulator::RequestKind::PutOrder),
        simulator::Fault::StatusError {
            message: "internal error".to_owned(),
            applied: true,
        },
    );
    let note = json!({"note": "Exactly once, whatever happens"});
    show.request(Method::POST, &format!("{path}/add-note"), Some(&note), 200)
        .await
        .and_then(succeeded)?;

    println!("5. The order in Order Desk, before and after:\n");
    let after = simulator.get_order(store, &order).unwrap_or_default();
    print_diff(&before, &after);

    println!("\n6. The record: who asked for what, and what came of it.\n");
    print_events(node).await?;
    let requests = simulator.counters().total().requests;
    println!("\nRequests to Order Desk in all: {requests}.");
    Ok(())
}

fn succeeded(job: Value) -> Result<Value, StartError> {
    if job["status"] == "succeeded" {
        Ok(job)
    } else {
        Err(StartError::failed("a job did not succeed", job.to_string()))
    }
}

fn print_diff(before: &Value, after: &Value) {
    let (Ok(before), Ok(after)) = (
        domain::order::OrderDoc::from_value(before.clone()),
        domain::order::OrderDoc::from_value(after.clone()),
    ) else {
        return;
    };
    let patch = domain::order::diff::diff(&before, &after);
    for operation in serde_json::to_value(patch)
        .ok()
        .and_then(|p| p.as_array().cloned())
        .into_iter()
        .flatten()
    {
        println!("   {operation}");
    }
}

async fn print_events(node: &Node) -> Result<(), StartError> {
    let events = node
        .app
        .ledger()
        .events_after(0, 500)
        .await
        .map_err(|error| StartError::failed("the ledger cannot be read", error))?;
    for event in events {
        let subject = event.job_id.map(|id| format!("job {id}")).unwrap_or_default();
        println!(
            "   {:>3}  {}  {:<28} {subject}",
            event.position, event.recorded_at, event.type_name
        );
    }
    Ok(())
}

struct Show {
    client: Client,
    base: String,
    key: String,
}

impl Show {
    fn new(base: String, key: String) -> Result<Self, StartError> {
        let client = Client::builder()
            .no_proxy()
            .timeout(Duration::from_mins(1))
            .build()
            .map_err(|error| StartError::failed("the HTTP client cannot be set up", error))?;
        Ok(Self { client, base, key })
    }

    /// Sends a request and prints it with its answer. With `200` expected of a command it waits for the job.
    async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        expected: u16,
    ) -> Result<Value, StartError> {
        println!("   {method} {path}");
        if let Some(body) = body {
            let mut shown = body.clone();
            if let Some(key) = shown.get_mut("api_key") {
                *key = json!("…");
            }
            println!("   {shown}");
        }
        let wait = (method == Method::POST && expected == 200).then_some(WAIT);
        let (status, answer) = self.send(method, path, body, wait).await?;
        println!("   → {status}");
        for line in serde_json::to_string_pretty(&answer).unwrap_or_default().lines() {
            println!("     {line}");
        }
        println!();
        if status == expected {
            Ok(answer)
        } else {
            Err(StartError::failed(
                "an unexpected answer",
                format!("{status} instead of {expected}: {answer}"),
            ))
        }
    }

    async fn quietly(&self, method: Method, path: &str) -> Result<Value, StartError> {
        Ok(self.send(method, path, None, None).await?.1)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        prefer: Option<&str>,
    ) -> Result<(u16, Value), StartError> {
        let failed = |error: reqwest::Error| StartError::failed("a request failed", error);
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.key);
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(prefer) = prefer {
            request = request.header("Prefer", prefer);
        }
        let answer = request.send().await.map_err(failed)?;
        let status = answer.status().as_u16();
        let text = answer.text().await.map_err(failed)?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }
}
