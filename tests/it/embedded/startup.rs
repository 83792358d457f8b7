//! Starting: what is refused and how, and the commands beside `serve`.

use std::time::Duration;

use futures::future::join_all;
use system_tests::{Client, Ended, Gateway, Spec, fast_environment, kms_key};

use super::PATIENCE;

/// A program with a good configuration and a folder of its own.
fn good() -> Spec {
    Spec::of("orderdesk-gateway")
        .envs(fast_environment(&kms_key(), "http://127.0.0.1:9/api/v2"))
        .env("PORT", "0")
        .env("DATABASE_URL", "sqlite:///data/app.db")
}

/// The one line of a refusal.
#[track_caller]
fn line(ended: &Ended, code: i32) -> &str {
    assert_eq!(ended.code(), Some(code), "{:?}", ended.lines);
    assert_eq!(ended.lines.len(), 1, "one line: {:?}", ended.lines);
    &ended.lines[0]
}

#[tokio::test]
async fn a_bad_variable_stops_the_start_with_one_line() {
    let table = [
        ("PORT", "80a", "a port"),
        ("HOST", "nowhere", "address"),
        ("LOG_LEVEL", "loud", "trace, debug, info"),
        ("DATABASE_URL", "mysql://somewhere/app", "sqlite:"),
        ("RATE_LIMIT_RPM", "-1", "0"),
        ("CACHE_BACKEND", "memcached", "memory, sqlite, redis"),
        ("ORDERDESK_BASE_URL", "ftp://somewhere", "http"),
        ("ORDERDESK_TIMEOUT", "soon", "a duration"),
        ("ORDERDESK_BUCKET_SIZE", "1", "2"),
        ("ORDERDESK_REFILL_PER_SECOND", "NaN", ""),
        ("LEASE_TTL", "1s", "3s"),
        ("SHUTDOWN_GRACE", "10", "a duration"),
        ("MAX_ATTEMPTS", "0", "1"),
        ("PARTITIONS", "5000", "4096"),
        ("TRUSTED_PROXIES", "10.0.0.0/99", "CIDR"),
        ("AUTO_PROVISION_TENANT", "maybe", "true"),
        ("CREATE_MARKER", "tag", "metadata"),
    ];
    for group in table.chunks(6) {
        join_all(group.iter().map(async |(name, value, accepted)| {
            for command in ["serve", "check-config"] {
                let ended = good().arg(command).env(name, *value).run(PATIENCE).await;
                let line = line(&ended, 2);
                let expected = format!("{name} is {value:?}: expected ");
                let rest = line
                    .split_once(&expected)
                    .unwrap_or_else(|| panic!("{expected:?} in {line:?}"))
                    .1;
                assert!(rest.contains(accepted), "{accepted:?} in {rest:?}");
            }
        }))
        .await;
    }
}

#[tokio::test]
async fn a_bad_secret_is_named_and_not_shown() {
    for (name, value) in [
        ("MCP_KMS_KEY", "too-short-a-secret"),
        ("ADMIN_TOKEN", "short-secret"),
        ("DATABASE_URL", "postgresq://user:hunter2hunter2@host/db"),
        ("NATS_URL", "http://user:hunter2hunter2@host"),
    ] {
        let ended = good().env(name, value).run(PATIENCE).await;
        let line = line(&ended, 2);
        assert!(line.contains(&format!("{name} is (hidden): expected ")), "{line}");
        assert!(!line.contains(value) && !line.contains("hunter2"), "{line}");
    }
    let ended = good().without("MCP_KMS_KEY").run(PATIENCE).await;
    assert!(line(&ended, 2).contains("MCP_KMS_KEY is not set: expected 32 or more bytes"));
    let ended = good()
        .without("MCP_KMS_KEY")
        .env("MCP_KMS_KEY_FILE", "/nonexistent/key")
        .run(PATIENCE)
        .await;
    assert!(line(&ended, 2).contains("MCP_KMS_KEY_FILE names \"/nonexistent/key\""));
}

#[tokio::test]
async fn the_services_apart_refuse_the_embedded_ledger() {
    for binary in ["orderdesk-api", "orderdesk-worker"] {
        let spec = Spec::of(binary)
            .envs(fast_environment(&kms_key(), "http://127.0.0.1:9/api/v2"))
            .env("DATABASE_URL", "sqlite:///data/app.db");
        let ended = spec.run(PATIENCE).await;
        assert!(
            line(&ended, 2).contains("DATABASE_URL is \"data/app.db\": expected postgres://"),
            "{:?}",
            ended.lines
        );
        let ended = spec
            .env("DATABASE_URL", "postgres://user:hunter2hunter2@127.0.0.1:1/db")
            .run(PATIENCE)
            .await;
        assert!(
            line(&ended, 2).contains("NATS_URL is not set: expected nats://"),
            "{:?}",
            ended.lines
        );
    }
}

#[tokio::test]
async fn an_existing_ledger_refuses_another_key_and_other_partitions() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    assert_eq!(gateway.terminate(PATIENCE).await, Some(0));
    let database = format!("sqlite:///{}", gateway.data().join("app.db").display());
    let here = |key: &str| {
        good()
            .env("DATABASE_URL", database.clone())
            .env("MCP_KMS_KEY", key)
    };

    let other = kms_key();
    let ended = here(&other).run(PATIENCE).await;
    let refusal = line(&ended, 2);
    assert!(
        refusal.contains("MCP_KMS_KEY is (hidden): expected the key that wraps"),
        "{refusal}"
    );
    assert!(!refusal.contains(&other));

    let ended = here(gateway.kms_key())
        .env("PARTITIONS", "16")
        .run(PATIENCE)
        .await;
    assert!(
        line(&ended, 2).contains("PARTITIONS is \"16\": expected 8"),
        "{:?}",
        ended.lines
    );

    // Neither attempt has harmed anything.
    let mut gateway = gateway;
    gateway.restart().await;
    assert_eq!(
        client.get("/stores").await.expect(200).body["data"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}

#[tokio::test]
async fn a_second_process_on_the_same_folder_is_refused() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let database = format!("sqlite:///{}", gateway.data().join("app.db").display());
    for command in ["serve", "migrate"] {
        let spec = good()
            .arg(command)
            .env("DATABASE_URL", database.clone())
            .env("MCP_KMS_KEY", gateway.kms_key());
        let ended = spec.run(PATIENCE).await;
        let refusal = line(&ended, 1);
        let pid = gateway.process().pid().unwrap();
        assert!(
            refusal.contains("in use by another process") && refusal.contains(&format!("(pid {pid})")),
            "{refusal}"
        );
    }
    assert_eq!(client.get("/stores").await.status, 200, "the first goes on");
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let gateway = Gateway::start().await;
    let port = gateway.address().port().to_string();
    let ended = good().env("PORT", port.clone()).run(PATIENCE).await;
    let refusal = ended.lines.last().map(String::as_str).unwrap_or_default();
    assert_ne!(ended.code(), Some(0));
    assert!(
        refusal.contains(&format!("PORT {port} on 127.0.0.1")),
        "{:?}",
        ended.lines
    );
}

#[tokio::test]
async fn the_commands_beside_serve_do_what_they_say() {
    let folder = tempfile_folder();
    let migrate = good().arg("migrate").folder(folder.path());
    for _ in 0..2 {
        let ended = migrate.run(PATIENCE).await;
        assert_eq!(line(&ended, 0), "the schema is up to date");
        assert!(
            folder.path().join("data/app.db").exists(),
            "three slashes are relative to the working folder"
        );
    }

    let gateway = Gateway::start().await;
    let port = gateway.address().port().to_string();
    let ended = good()
        .arg("healthcheck")
        .env("PORT", port.clone())
        .run(PATIENCE)
        .await;
    assert_eq!(ended.code(), Some(0), "{:?}", ended.lines);
    gateway.kill9();
    let ended = good().arg("healthcheck").env("PORT", port).run(PATIENCE).await;
    assert!(line(&ended, 1).contains("not healthy"));
}

fn tempfile_folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[tokio::test]
async fn check_config_prints_what_is_in_effect_and_no_secret() {
    let (key, folder) = (kms_key(), tempfile_folder());
    std::fs::write(
        folder.path().join(".env"),
        "MAX_ATTEMPTS=5\nADMIN_TOKEN=administrators-own\nRATE_LIMIT_RPN=7\n",
    )
    .unwrap();
    let check = good()
        .arg("check-config")
        .folder(folder.path())
        .env("MCP_KMS_KEY", key.clone())
        .env("NATS_URL", "nats://user:hunter2hunter2@host:4222");
    let ended = check.run(PATIENCE).await;
    assert_eq!(ended.code(), Some(0), "{:?}", ended.lines);
    for line in [
        "MCP_KMS_KEY=(hidden)  # environment",
        "ADMIN_TOKEN=(hidden)  # .env",
        "MAX_ATTEMPTS=5  # .env",
        "RATE_LIMIT_RPM=0  # environment",
        "CACHE_TTL_STORE=1h  # default",
        "the configuration is good",
    ] {
        assert!(
            ended.lines.iter().any(|other| other == line),
            "{line} in {:?}",
            ended.lines
        );
    }
    let all = ended.lines.join("\n");
    assert!(
        all.contains("warning: RATE_LIMIT_RPN is no variable of this program"),
        "{all}"
    );
    for secret in [key.as_str(), "administrators-own", "hunter2"] {
        assert!(!all.contains(secret), "{all}");
    }

    let ended = check.env("PORT", "x").env("LEASE_TTL", "1s").run(PATIENCE).await;
    assert_eq!(ended.code(), Some(2), "{:?}", ended.lines);
    let errors = ended.lines.iter().filter(|line| line.contains(": expected "));
    assert_eq!(errors.count(), 2, "one line for each: {:?}", ended.lines);
    assert_eq!(ended.lines.len(), 3, "and the warning: {:?}", ended.lines);
}

#[tokio::test]
async fn a_misspelt_variable_is_told_at_the_start() {
    let gateway = Gateway::builder().env("CACHE_TTL_ORDER", "1m").start().await;
    let told =
        "CACHE_TTL_ORDER is no variable of this program and has no effect: CACHE_TTL_ORDERS is the nearest";
    let lines = gateway.logs();
    let warned = lines
        .iter()
        .filter(|line| line.contains(told) && line.contains("WARN"));
    assert_eq!(warned.count(), 1, "{lines:?}");
}

#[tokio::test]
async fn a_dot_env_file_counts_behind_the_environment() {
    let folder = tempfile_folder();
    std::fs::write(folder.path().join(".env"), "LEASE_TTL=1s\nLOG_LEVEL=info\n").unwrap();
    let spec = good().arg("check-config").folder(folder.path());
    let ended = spec.clone().without("LEASE_TTL").run(PATIENCE).await;
    assert!(
        line(&ended, 2).contains("LEASE_TTL is \"1s\""),
        "{:?}",
        ended.lines
    );
    assert_eq!(
        spec.run(PATIENCE).await.code(),
        Some(0),
        "the environment's LEASE_TTL is good"
    );
}

#[tokio::test]
async fn the_service_endpoints_need_no_key() {
    let gateway = Gateway::start().await;
    let nobody = Client::with_key(gateway.url(), "");
    for path in ["/health", "/health/live"] {
        assert_eq!(nobody.get(path).await.expect(200).body["status"], "ok");
    }
    for path in ["/ready", "/health/ready"] {
        assert_eq!(nobody.get(path).await.expect(200).body["status"], "ready");
    }
    assert!(
        nobody
            .get("/metrics")
            .await
            .expect(200)
            .body
            .as_str()
            .is_some_and(|text| text.contains("# TYPE"))
    );
    assert_eq!(nobody.get("/stores").await.status, 401);
}

#[tokio::test]
async fn the_demonstration_ends_with_success() {
    let spec = Spec::of("orderdesk-gateway").arg("demo").arg("--exit");
    let ended = spec.run(PATIENCE).await;
    let output = ended.lines.join("\n");
    assert_eq!(ended.code(), Some(0), "{output}");
    for text in [
        "\"status\": \"succeeded\"",
        "\"recovered\": true",
        "job.submitted",
        "order_notes",
        "→ 202",
    ] {
        assert!(output.contains(text), "{text:?} in\n{output}");
    }
    assert!(!output.contains(simulator::SimulatorConfig::API_KEY), "{output}");
}

#[tokio::test]
async fn the_demonstration_stays_up_to_be_tried_and_stops_when_told() {
    let process = Spec::of("orderdesk-gateway").arg("demo").launch(None);
    let line = process.wait_for_line("curl -s http://", PATIENCE).await;
    let (_, rest) = line.split_once("curl -s ").expect("the line was found by it");
    let (url, rest) = rest.split_once("/stores ").expect("a call of /stores");
    let key = rest
        .split_once("Bearer ")
        .expect("a key")
        .1
        .trim_end_matches('\'');
    let stores = Client::with_key(url, key).get("/stores").await.expect(200).body;
    assert_eq!(stores["data"][0]["label"], "Demo shop");
    assert!(process.sigterm());
    assert_eq!(
        process.wait_exit(PATIENCE).await.code(),
        Some(0),
        "{:?}",
        process.lines()
    );
}

#[tokio::test]
async fn a_free_port_is_taken_and_told_when_none_is_named() {
    let folder = tempfile_folder();
    let node = system_tests::Node::start(good().folder(folder.path())).await;
    assert_ne!(node.address().port(), 0);
    assert_eq!(Client::new(node.url()).get("/health").await.status, 200);
    assert_eq!(node.terminate(Duration::from_secs(35)).await, Some(0));
}
