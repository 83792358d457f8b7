//! The audit log of a tenant with millions of events: the first page, page 1,000, and an export.

use std::time::{Duration, Instant};

use ledger::Backend as _;
use ledger_sqlite::SqliteLedger;
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::http::{Connection, request};
use crate::stack::{Database, NO_LIMIT, Shape, Stack, no_limit, simulator};
use crate::table::{Table, ms, quantile, sorted};
use crate::{Bench, Outcome, machine};

/// Orders whose jobs are carried out; their events are what is multiplied.
const ORDERS: u64 = 50;
/// Events that are loaded in one transaction.
const CHUNK: i64 = 100_000;
/// The page that is compared with the first.
const FAR: usize = 1_000;
/// Sealing some million events takes a while.
const PATIENCE: Duration = Duration::from_mins(30);

/// As many copies of the events there are as are wanted, each in a stream of its own, a millisecond apart.
const COPIES: &str = "WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2) \
    INSERT INTO events SELECT ?3 + i, ?4 + i, 'copy-' || (?3 + i), 1, type, tenant_id, store_id, order_id, job_id, \
    data, sealed, meta, strftime('%Y-%m-%dT%H:%M:%fZ', (?5 + i) / 1000.0, 'unixepoch') \
    FROM n JOIN events ON position = 1 + i % ?3";

/// Measures the audit log.
pub(crate) async fn run(bench: &Bench) -> Outcome<()> {
    let simulator = simulator(2, ORDERS, no_limit()).await?;
    let mut stack = Stack::start(bench, Shape::Embedded, &simulator.base_url(), &NO_LIMIT).await?;
    stack.register(2).await?;
    let order = some_jobs(&stack).await?;
    stack.stop().await;
    let Database::Sqlite(path) = stack.database.clone() else {
        return Err("the embedded gateway has its ledger in a file".into());
    };
    let begun = Instant::now();
    let events = load(&path, bench.events).await?;
    let loading = begun.elapsed();
    let begun = Instant::now();
    stack.start_again("orderdesk-gateway")?;
    stack.api.ready().await?;
    sealed(&stack, events).await?;
    println!(
        "Loaded {events} events in {loading:.0?}; sealed them in {:.0?}.\n",
        begun.elapsed()
    );

    let mut table = Table::new(&[
        "filter",
        "first page p50",
        "p99",
        "page 1,000 p50",
        "p99",
        "of the first",
        "load",
    ]);
    let newest = stack
        .call("GET", "/audit?limit=200", &Value::Null)
        .await?
        .expect(200)?;
    let entries = newest["data"].as_array().cloned().unwrap_or_default();
    let key = entries
        .iter()
        .find_map(|entry| entry["actor"]["key_id"].as_str())
        .ok_or("nobody asked")?;
    for (name, filter) in [
        ("none", String::new()),
        ("store_id", "&store_id=1".to_owned()),
        ("order_id", format!("&order_id={order}")),
        ("type", "&type=job.succeeded.v1".to_owned()),
        ("actor", format!("&actor={key}")),
        (
            "store_id, type, actor",
            format!("&store_id=1&type=job.submitted.v1&actor={key}"),
        ),
    ] {
        let first = format!("/audit?limit=50{filter}");
        let far = far_page(&stack, &first).await?;
        let near = times(&stack, &first, bench.window).await?;
        let mut row = vec![
            name.to_owned(),
            ms(quantile(&near, 0.5)),
            ms(quantile(&near, 0.99)),
        ];
        match far {
            Some(far) => {
                let far = times(&stack, &far, bench.window).await?;
                let ratio = quantile(&far, 0.5) / quantile(&near, 0.5);
                row.extend([
                    ms(quantile(&far, 0.5)),
                    ms(quantile(&far, 0.99)),
                    format!("{ratio:.2} ×"),
                ]);
            }
            None => row.extend(["–", "–", "–"].map(str::to_owned)),
        }
        row.push(machine::load());
        table.row(row);
    }
    table.print(&format!(
        "Audit log of {events} events, pages of 50, one connection: SQLite, one process"
    ));
    export(&stack, bench.window).await?;
    stack.stop().await;
    simulator.shutdown().await;
    Ok(())
}

/// Notes for all orders of the first store, carried out; one of the orders is returned.
async fn some_jobs(stack: &Stack) -> Outcome<String> {
    let list = stack
        .call("GET", "/stores/1/orders?limit=50", &Value::Null)
        .await?
        .expect(200)?;
    let orders: Vec<String> = list["orders"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|order| order["id"].as_str().map(str::to_owned))
        .collect();
    let item = |order: &String| json!({"kind": "order.add_note", "order_id": order, "body": {"note": "Call before delivery."}});
    let body = json!({"jobs": orders.iter().map(item).collect::<Vec<_>>()});
    stack
        .call("POST", "/stores/1/jobs:batch", &body)
        .await?
        .expect(202)?;
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let open = stack
            .call(
                "GET",
                "/jobs?status=queued,running,retrying&limit=1",
                &Value::Null,
            )
            .await?;
        if open.expect(200)?["data"].as_array().is_some_and(Vec::is_empty) {
            return orders
                .into_iter()
                .next()
                .ok_or_else(|| "the store has no orders".into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err("the jobs never ended".into())
}

/// Multiplies the events of a ledger that nobody uses, until there are so many; returns how many there are.
async fn load(path: &std::path::Path, wanted: u64) -> Outcome<u64> {
    let ledger = SqliteLedger::open(path).await?;
    let head = ledger.head().await?;
    ledger.close().await;
    let first = head.position as i64;
    let missing = (wanted as i64 - first).max(0);
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Off)
        .pragma("cache_size", "-262144")
        .disable_statement_logging();
    let mut connection: SqliteConnection = options.connect().await?;
    let mut done = 0;
    while done < missing {
        let until = (done + CHUNK).min(missing);
        sqlx::query(COPIES)
            .bind(done + 1)
            .bind(until)
            .bind(first)
            // One tenant: its numbers are the positions.
            .bind(first)
            .bind(head.recorded_at.as_millis())
            .execute(&mut connection)
            .await?;
        done = until;
    }
    for sql in [
        "UPDATE ledger_head SET (position, recorded_at) = \
         (SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1)",
        "UPDATE tenant_heads SET seq = (SELECT max(tenant_seq) FROM events)",
        "PRAGMA wal_checkpoint(TRUNCATE)",
    ] {
        sqlx::query(sql).execute(&mut connection).await?;
    }
    connection.close().await?;
    Ok((first + done) as u64)
}

/// Waits until all events are sealed and signed.
async fn sealed(stack: &Stack, events: u64) -> Outcome<()> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let answer = stack.call("GET", "/audit/checkpoint", &Value::Null).await?;
        let note = String::from_utf8_lossy(&answer.body).into_owned();
        let size = note.lines().nth(1).and_then(|line| line.parse::<u64>().ok());
        if answer.status == 200 && size.is_some_and(|size| size >= events) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Err("the log was never sealed".into())
}

/// The address of page 1,000, if there are so many.
async fn far_page(stack: &Stack, first: &str) -> Outcome<Option<String>> {
    let (mut uri, key) = (first.to_owned(), stack.authorization());
    let mut connection = Connection::open(stack.api.port).await?;
    for _ in 1..FAR {
        let ask = request("GET", &uri, &[("Authorization", &key)], "");
        let page = connection.call(&ask).await?.expect(200)?;
        let Some(cursor) = page["next_cursor"].as_str() else {
            return Ok(None);
        };
        uri = format!("{first}&cursor={cursor}");
    }
    Ok(Some(uri))
}

/// How long a request takes, one after another for a while; sorted, in seconds.
async fn times(stack: &Stack, uri: &str, window: Duration) -> Outcome<Vec<f64>> {
    let key = stack.authorization();
    let ask = request("GET", uri, &[("Authorization", &key)], "");
    let mut connection = Connection::open(stack.api.port).await?;
    connection.call(&ask).await?.expect(200)?;
    let (begun, mut times) = (Instant::now(), Vec::new());
    while begun.elapsed() < window {
        let asked = Instant::now();
        let answer = connection.call(&ask).await?;
        times.push(asked.elapsed().as_secs_f64());
        if answer.status != 200 {
            return Err(format!("{uri}: {}", answer.status).into());
        }
    }
    Ok(sorted(times))
}

/// Takes exports for a while, and shows how fast they come and what they cost in memory.
async fn export(stack: &Stack, window: Duration) -> Outcome<()> {
    let mut table = Table::new(&[
        "export",
        "entries/s",
        "MB/s",
        "memory before",
        "memory during",
        "load",
    ]);
    for format in ["ndjson", "csv"] {
        let before = machine::memory(stack.api.pid(), "VmRSS");
        let key = stack.authorization();
        let uri = format!("/audit/export?format={format}");
        let ask = request("GET", &uri, &[("Authorization", &key)], "");
        let mut stream = TcpStream::connect(("127.0.0.1", stack.api.port)).await?;
        stream.write_all(&ask).await?;
        let (mut buffer, mut bytes, mut entries) = (vec![0; 1 << 16], 0, 0_usize);
        let begun = Instant::now();
        while begun.elapsed() < window {
            let read = stream.read(&mut buffer).await?;
            if read == 0 {
                break;
            }
            bytes += read;
            // Lines of content, and two more for each of the few pieces of the answer.
            entries += buffer[..read].split(|byte| *byte == b'\n').count() - 1;
        }
        let seconds = begun.elapsed().as_secs_f64();
        let during = machine::memory(stack.api.pid(), "VmRSS");
        table.row(vec![
            format.to_owned(),
            format!("{:.0}", entries as f64 / seconds),
            format!("{:.1}", bytes as f64 / seconds / 1e6),
            format!("{before:.1} MB"),
            format!("{during:.1} MB"),
            machine::load(),
        ]);
    }
    table.print("Exports of the same log, as fast as one reader takes them");
    Ok(())
}
