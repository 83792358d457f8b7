//! The program under the names that links to it have, as in its container image.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

const KMS_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// Calls the program by the name of a link to it.
fn call(folder: &Path, name: &str, settings: &[(&str, &str)], arguments: &[&str]) -> Output {
    let link = folder.join(name);
    if !link.exists() {
        symlink(env!("CARGO_BIN_EXE_orderdesk-gateway"), &link).unwrap();
    }
    Command::new(link)
        .current_dir(folder)
        .env("MCP_KMS_KEY", KMS_KEY)
        .env("HOST", "127.0.0.1")
        .envs(settings.iter().copied())
        .args(arguments)
        .output()
        .unwrap()
}

/// Answers one request with `200` and tells what was asked.
fn answer_once() -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 512];
        let length = stream.read(&mut head).unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .unwrap();
        String::from_utf8_lossy(&head[..length]).into_owned()
    });
    (port, asked)
}

#[test]
fn a_link_called_orderdesk_simulator_is_the_simulator() {
    let folder = tempfile::tempdir().unwrap();
    let help = call(folder.path(), "orderdesk-simulator", &[], &["--help"]);
    let text = String::from_utf8_lossy(&help.stdout).into_owned();
    assert!(text.contains("A local Order Desk"), "{text}");
    assert!(text.contains("--refill"), "{text}");
}

#[test]
fn links_called_like_the_services_run_in_their_roles() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["orderdesk-api", "orderdesk-worker"] {
        let refused = call(folder.path(), name, &[("DATABASE_URL", "sqlite:///app.db")], &[]);
        let text = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{name}: {text}");
        assert!(text.contains("DATABASE_URL"), "{name}: {text}");
    }
}

#[test]
fn a_worker_asks_its_own_port_how_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (port, asked) = answer_once();
    let settings = [("WORKER_PORT", port.as_str()), ("PORT", "1")];
    let answer = call(folder.path(), "orderdesk-worker", &settings, &["healthcheck"]);
    assert!(answer.status.success(), "{answer:?}");
    assert!(asked.join().unwrap().starts_with("GET /health "));
}

#[test]
fn a_health_check_of_an_address_needs_no_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let (port, asked) = answer_once();
    let url = format!("http://127.0.0.1:{port}/_control");
    let settings = [("MCP_KMS_KEY", "")];
    let arguments = ["healthcheck", "--url", &url];
    let answer = call(folder.path(), "orderdesk-gateway", &settings, &arguments);
    assert!(answer.status.success(), "{answer:?}");
    assert!(asked.join().unwrap().starts_with("GET /_control "));
}
