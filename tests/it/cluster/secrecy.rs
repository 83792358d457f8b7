//! No secret and nothing personal is found where it does not belong: logs, metrics, messages, the database.

use std::sync::{Arc, Mutex};

use serde_json::json;
use simulator::{Fault, RequestKind};
use system_tests::Forbidden;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::support::{Cluster, Setup};

/// Everything that goes over a NATS server, JetStream's own traffic included.
struct Wiretap {
    heard: Arc<Mutex<Vec<u8>>>,
    task: JoinHandle<()>,
}

impl Wiretap {
    async fn on(url: &str) -> Self {
        let address = url.strip_prefix("nats://").expect("a NATS URL");
        let mut stream = TcpStream::connect(address).await.expect("the server listens");
        let hello = b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB > 1\r\nPING\r\n";
        stream.write_all(hello).await.expect("the server reads");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let tap = Self {
            heard: Arc::clone(&heard),
            task: tokio::spawn(listen(stream, heard)),
        };
        testkit::eventually("the subscription", super::support::PATIENCE, async || {
            tap.has(b"PONG\r\n")
        })
        .await;
        tap
    }

    fn has(&self, text: &[u8]) -> bool {
        self.heard().windows(text.len()).any(|window| window == text)
    }

    fn heard(&self) -> Vec<u8> {
        self.heard.lock().expect("nothing panics with the bytes").clone()
    }
}

impl Drop for Wiretap {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(mut stream: TcpStream, heard: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        heard
            .lock()
            .expect("nothing panics with the bytes")
            .extend_from_slice(&buffer[..read]);
    }
}

/// Every row of every table, as text.
pub(super) async fn dump(cluster: &Cluster) -> String {
    let tables = "select table_name from information_schema.tables
        where table_schema = 'public' and table_type = 'BASE TABLE' order by 1";
    let mut text = String::new();
    for table in cluster.sql(tables).await {
        let table = table[0].clone().expect("a table has a name");
        for row in cluster.sql(&format!("select t::text from {table} t")).await {
            text.push_str(row[0].as_deref().unwrap_or_default());
            text.push('\n');
        }
    }
    text
}

pub(super) fn hex(text: &str) -> String {
    text.bytes()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

#[tokio::test]
async fn secrets_and_personal_data_are_in_no_log_metric_message_or_row() {
    let cluster = Setup::of(2, 2).set("LOG_LEVEL", "trace").start().await;
    let tap = Wiretap::on(&cluster.nats.url()).await;
    let client = cluster.client();
    let shop = cluster.shop(&client, "501", 2).await;
    let path = shop.order(0);
    let note = "please call ms.hidden@example.org about 17 Hidden Lane";
    let address = json!({"address_type": "shipping", "address": {"address1": "17 Hidden Lane", "first_name": "Mathilda-Jane"}});
    let created = json!({"email": "new.customer@example.org", "items": [{"name": "Mug", "code": "MUG-1", "price": 1, "quantity": 1}],
        "shipping": {"first_name": "Mathilda-Jane", "address1": "17 Hidden Lane"}});
    let commands = [
        (format!("{path}/add-note"), json!({"note": note})),
        (format!("{path}/update-address"), address),
        (
            format!("{path}:mutate"),
            json!({"operations": [{"op": "replace", "path": "/email", "value": "ms.hidden@example.org"}]}),
        ),
        (format!("/stores/{}/orders", shop.id), created),
    ];
    for (turn, (path, body)) in commands.iter().enumerate() {
        let call = client
            .post(path, body.clone())
            .header("Idempotency-Key", format!("key {turn}"));
        let job = call.header("Prefer", "wait=30").expect(200).await;
        assert_eq!(job["status"], "succeeded", "{job}");
        // Answered from what was kept.
        client
            .post(path, body.clone())
            .header("Idempotency-Key", format!("key {turn}"))
            .expect(202)
            .await;
    }
    client.get(&path).persist().await.expect(200);
    // Refusals, ours and Order Desk's, that have something to quote.
    let bad = json!({"note": 5, "ms.hidden@example.org": "17 Hidden Lane"});
    client.post(format!("{path}/add-note"), bad).expect(422).await;
    client
        .post(
            format!("{path}/add-note?token={}", client.key()),
            json!({"note": note}),
        )
        .send()
        .await
        .expect("an answer");
    let message = "17 Hidden Lane of ms.hidden@example.org is no address".to_owned();
    cluster
        .desk
        .fail_next(RequestKind::PutOrder, Fault::Reject { status: 400, message });
    let job = shop
        .note(&client, 1, note)
        .header("Prefer", "wait=30")
        .expect(200)
        .await;
    assert_eq!(job["status"], "failed", "{job}");
    // Foreign edits are recorded with their diff.
    let edit = simulator::Edit::merge(json!({"email": "other.person@example.org"}));
    cluster
        .desk
        .foreign_edit(&shop.id, &shop.orders[0], edit)
        .expect("the order is there");
    shop.note(&client, 0, "after")
        .header("Prefer", "wait=30")
        .expect(200)
        .await;

    let forbidden = [
        ("the master key", client.key()),
        ("the store's API key", "api-key-of-501"),
        ("the key that wraps", cluster.kms_key()),
        ("an address of the order", "buyer1@example.com"),
        ("an address of a command", "ms.hidden@example.org"),
        ("an address of a new order", "new.customer@example.org"),
        ("an address of a foreign edit", "other.person@example.org"),
        ("a street", "17 Hidden Lane"),
        ("a street of the order", "2 Main Street"),
        ("a name", "Mathilda-Jane"),
        ("a note", "please call"),
    ];
    let plain = forbidden
        .iter()
        .fold(Forbidden::new(), |all, (name, text)| all.text(name, text));
    let logs = cluster.logs().join("\n");
    assert!(
        logs.contains("job ended") && logs.contains(r#""level":"TRACE""#),
        "the logs are those of this run"
    );
    plain.absent_in("a log", logs.as_bytes());
    for node in cluster.apis.iter().chain(&cluster.workers) {
        let metrics = system_tests::Client::new(node.url())
            .get("/metrics")
            .await
            .expect(200)
            .body;
        plain.absent_in("metrics", metrics.as_str().expect("a text").as_bytes());
    }
    assert!(
        tap.has(b"odg.bus") && tap.has(b"odg.jobs."),
        "the messages are those of this run"
    );
    plain.absent_in("a message", &tap.heard());
    let rows = dump(&cluster).await;
    assert!(
        rows.contains("job.succeeded.v1"),
        "the rows are those of this run"
    );
    plain.absent_in("a row", rows.as_bytes());
    // Columns of bytes are printed in hexadecimal.
    let encoded = forbidden
        .iter()
        .fold(Forbidden::new(), |all, (name, text)| all.text(name, &hex(text)));
    encoded.absent_in("a row's bytes", rows.as_bytes());
}
