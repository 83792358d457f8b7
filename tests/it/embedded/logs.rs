//! What a process writes: one JSON object a line, by which a job is found from its request to its end.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Fault, RequestKind, Simulator, SimulatorConfig};
use system_tests::{Client, Gateway, Spec, desk, fast_environment, kms_key};
use testkit::eventually;

use super::PATIENCE;

/// Every line, each of which must be an object with a time, a level and a message.
fn lines(gateway: &Gateway) -> Vec<Value> {
    let lines = gateway.logs().into_iter().map(|line| {
        let object: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for member in ["timestamp", "level", "message"] {
            assert!(object[member].is_string(), "{member} in {line}");
        }
        object
    });
    lines.collect()
}

async fn note(client: &Client, order: &str, request_id: &str) -> String {
    let path = format!("/stores/{}/orders/{order}/add-note?priority=high", desk::STORE);
    let request = client
        .request(Method::POST, &path)
        .header("X-Request-Id", request_id)
        .json(&json!({"note": "written down"}));
    client.send(request).await.expect("an answer").expect(202).id()
}

#[tokio::test]
async fn all_lines_of_a_job_carry_the_request_that_asked_for_it() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let fault = Fault::StatusError {
        message: "internal error".to_owned(),
        applied: true,
    };
    gateway.desk.fail_next(RequestKind::PutOrder, fault);
    let job = note(&client, &order, "find-me-again").await;
    client.wait_succeeded(&job, PATIENCE).await;
    let of_request = || -> Vec<Value> {
        let lines = lines(&gateway).into_iter();
        lines
            .filter(|line| line["request_id"] == "find-me-again")
            .collect()
    };
    let ended = async || of_request().iter().any(|line| line["message"] == "job ended");
    eventually("the job's end is logged", PATIENCE, ended).await;
    let lines = of_request();
    for message in [
        "POST /stores/{store_id}/orders/{order_id}/add-note 202",
        "a request is in doubt",
        "a request in doubt was judged",
        "job ended",
    ] {
        let line = lines.iter().find(|line| line["message"] == message);
        let line = line.unwrap_or_else(|| panic!("{message} in {lines:#?}"));
        assert_eq!(
            (&line["job_id"], &line["store_id"]),
            (&json!(job), &json!(desk::STORE)),
            "{line}"
        );
        assert!(line["tenant_id"].is_string(), "{line}");
    }
    assert!(!gateway.logs().iter().any(|line| line.contains("priority=high")));
}

#[tokio::test]
async fn each_request_has_one_line_a_refused_one_too() {
    let gateway = Gateway::builder().env("LOG_LEVEL", "info").start().await;
    let stranger = Client::with_key(gateway.url(), "short");
    for (id, path, status) in [
        ("r-refused", "/jobs?token-street=1", 401),
        ("r-missing", "/no/such/page?x=street", 404),
        ("r-health", "/health?x=street", 200),
    ] {
        let request = stranger
            .request(Method::GET, path)
            .header("X-Request-Id", id)
            .header("CF-Ray", "7d-FRA");
        stranger.send(request).await.expect("an answer").expect(status);
        let line = async || lines(&gateway).into_iter().find(|line| line["request_id"] == id);
        let line = eventually("the line is there", PATIENCE, line).await;
        assert_eq!(
            (&line["status"], &line["method"]),
            (&json!(status), &json!("GET"))
        );
        assert_eq!(line["client_ip"], "127.0.0.1", "{line}");
        assert!(
            line["duration_ms"].is_number() && line["route"].is_string(),
            "{line}"
        );
    }
    let all = lines(&gateway);
    for id in ["r-refused", "r-missing", "r-health"] {
        assert_eq!(
            all.iter().filter(|line| line["request_id"] == id).count(),
            1,
            "{all:#?}"
        );
    }
    assert!(!gateway.logs().iter().any(|line| line.contains("street")));
}

/// The levels of what a process writes from its start, through the registration of a store, to its end.
async fn levels_at(level: &str, desk: &Simulator) -> BTreeSet<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = format!("sqlite:///{}", folder.path().join("app.db").display());
    let port = testkit::free_port();
    let spec = Spec::of("orderdesk-gateway")
        .envs(fast_environment(&kms_key(), &desk.base_url()))
        .env("DATABASE_URL", database)
        .env("PORT", port.to_string())
        .env("LOG_LEVEL", level);
    let process = spec.launch(None);
    let client = Client::new(format!("http://127.0.0.1:{port}"));
    // What it writes is no help here.
    eventually("it answers", PATIENCE, async || {
        let answer = client.send(client.request(Method::GET, "/health")).await;
        answer.is_ok_and(|answer| answer.status == 200)
    })
    .await;
    client.register_store(desk::STORE, SimulatorConfig::API_KEY).await;
    // A call of Order Desk, which only developers want to see.
    let nothing = format!("/stores/{}/orders/404404", desk::STORE);
    client.get(&nothing).await.expect(404);
    assert!(process.sigterm());
    assert!(process.wait_exit(PATIENCE).await.success());
    let levels = process.lines().into_iter().map(|line| {
        let line: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        line["level"].as_str().unwrap_or_default().to_owned()
    });
    levels.collect()
}

#[tokio::test]
async fn log_level_says_what_is_written() {
    let desk = Simulator::start(SimulatorConfig::default())
        .await
        .expect("a free port");
    for (level, written) in [
        ("debug", &["DEBUG", "INFO"][..]),
        ("info", &["INFO"]),
        ("WARNING", &[]),
        ("error", &[]),
        ("off", &[]),
    ] {
        let levels = levels_at(level, &desk).await;
        assert_eq!(
            levels,
            written.iter().map(ToString::to_string).collect(),
            "at {level}"
        );
    }
}
