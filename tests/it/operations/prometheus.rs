//! Alerts and dashboards, asked of a real Prometheus after the demonstration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Url;
use serde_json::{Value, json};
use simulator::SimulatorConfig;
use system_tests::{Client, Spec};
use testkit::{Process, Receiver, eventually};

use super::expressions::{of_dashboard, of_rules};
use super::{files, path, read};

/// The demonstration, and some scrapes of it, on a machine busy with other tests.
const PATIENCE: Duration = Duration::from_secs(90);
/// As in `ops/prometheus/prometheus.yml`, only more often.
const CONFIGURATION: &str = "
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [RULES, ALERTS]
scrape_configs:
  - job_name: api
    static_configs: [{targets: [TARGET]}]
";

/// The program, if it is installed.
fn program() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join("prometheus"))
        .find(|program| program.is_file())
}

/// The expression with comparisons that tell instead of choosing, so that it has a series while nothing is wrong.
fn telling(expression: &str) -> String {
    let mut telling = expression.to_owned();
    for comparison in [" > ", " < ", " == "] {
        telling = telling.replace(comparison, &format!("{comparison}bool "));
    }
    // What is looked for must be known, and nobody here waits for a full minute.
    telling.replace("absent(", "(").replace(":1m]", ":1s]")
}

/// A running Prometheus.
struct Prometheus {
    process: Process,
    client: Client,
    url: String,
}

impl Prometheus {
    /// Scrapes `target`; what it keeps is in `folder`.
    async fn start(program: PathBuf, folder: &Path, target: &str) -> Self {
        let rules = |name: &str| path(&format!("ops/prometheus/{name}")).display().to_string();
        let configuration = CONFIGURATION
            .replace("RULES", &rules("rules.yml"))
            .replace("ALERTS", &rules("alerts.yml"))
            .replace("TARGET", target);
        let file = folder.join("prometheus.yml");
        std::fs::write(&file, configuration).expect("the configuration is written");
        let address = format!("127.0.0.1:{}", testkit::free_port());
        let process = Process::at(program)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .start();
        let url = format!("http://{address}");
        process.wait_http_ready(&format!("{url}/-/ready"), PATIENCE).await;
        let client = Client::with_key(&url, "nobody");
        Self { process, client, url }
    }

    async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let url = Url::parse_with_params(&format!("{}{path}", self.url), parameters).expect("a URL");
        let answer = self.client.get(&url.as_str()[self.url.len()..]).await;
        assert_eq!(
            answer.body["status"],
            "success",
            "{parameters:?}: {}\n{}",
            answer.body,
            self.process.lines().join("\n")
        );
        answer.body["data"].clone()
    }
}

/// All expressions of rules, alerts and dashboards, each with where it is from.
fn expressions() -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for name in ["rules.yml", "alerts.yml"] {
        let (expressions, _) = of_rules(&read(&format!("ops/prometheus/{name}")));
        all.extend(
            expressions
                .into_iter()
                .map(|expression| (expression, name.to_owned())),
        );
    }
    for (name, text) in files("ops/grafana/dashboards", ".json") {
        all.extend(
            of_dashboard(&text)
                .into_iter()
                .map(|expression| (expression, name.clone())),
        );
    }
    all
}

#[tokio::test]
async fn every_expression_of_alerts_and_dashboards_has_a_series_after_the_demonstration() {
    let Some(program) = program() else {
        println!("skipped: the program prometheus (Debian package prometheus) is not installed");
        return;
    };
    let demonstration = Spec::of("orderdesk-gateway").arg("demo").launch(None);
    demonstration.wait_for_line("Still up.", PATIENCE).await;
    let line = demonstration.wait_for_line("Gateway: ", PATIENCE).await;
    let target = line.split_once("http://").expect("an address").1;
    let key = demonstration.wait_for_line("Bearer ", PATIENCE).await;
    let key = key.split_once("Bearer ").expect("a key").1.trim_end_matches('\'');
    let folder = tempfile::tempdir().expect("a temporary folder");
    let prometheus = Prometheus::start(program, folder.path(), target).await;

    // What the demonstration does not show.
    let tenant = Client::with_key(format!("http://{target}"), key);
    let receiver = Receiver::taking_all().await;
    tenant
        .post("/webhook-endpoints", &json!({"url": receiver.url()}))
        .await
        .expect(201);
    let store = SimulatorConfig::STORE_ID;
    let orders = tenant.get(&format!("/stores/{store}/orders")).await.expect(200);
    let order = orders.body["orders"][0]["id"]
        .as_str()
        .expect("an order")
        .to_owned();
    let job = tenant.submit_note(store, &order, "watched").await;
    tenant.wait_succeeded(&job, PATIENCE).await;

    let all = expressions();
    assert!(all.len() > 60, "they were found: {}", all.len());
    eventually("every expression has a series", PATIENCE, async || {
        let mut empty = Vec::new();
        for (expression, file) in &all {
            let telling = telling(expression);
            let answer = prometheus.get("/api/v1/query", &[("query", &telling)]).await;
            if answer["result"].as_array().is_none_or(Vec::is_empty) {
                empty.push(format!("{file}: {telling}"));
            }
        }
        if empty.is_empty() {
            Ok(())
        } else {
            Err(empty.join("\n"))
        }
    })
    .await;

    let rules = prometheus.get("/api/v1/rules", &[]).await;
    let groups = rules["groups"].as_array().expect("groups");
    for rule in groups
        .iter()
        .filter_map(|group| group["rules"].as_array())
        .flatten()
    {
        assert_eq!(rule["health"], "ok", "{rule}");
        assert_ne!(
            rule["state"], "firing",
            "nothing is wrong after the demonstration: {rule}"
        );
    }
}

#[test]
fn an_expression_tells_instead_of_choosing() {
    assert_eq!(
        telling("sum(a{b!=\"c\"}) > 0 and max_over_time(d[1d:1m]) == 2"),
        "sum(a{b!=\"c\"}) > bool 0 and max_over_time(d[1d:1s]) == bool 2"
    );
    assert_eq!(telling("absent(a)"), "(a)");
}
