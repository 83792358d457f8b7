//! The log of a tenant with millions of events: the first page of its audit, page 1,000, exports, and the tree's head.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::copies::{Copies, Kind};
use crate::http::{Connection, request};
use crate::stack::{NO_LIMIT, Shape, Stack, no_limit, simulator};
use crate::table::{Table, ms, quantile, sorted};
use crate::{Bench, Outcome, export, machine, tree};

/// Orders whose jobs are carried out; their events are what is multiplied.
const ORDERS: u64 = 50;
/// The page that is compared with the first.
const FAR: usize = 1_000;
/// Sealing some million events takes a while.
const PATIENCE: Duration = Duration::from_mins(30);

/// Measures the log of both ledgers.
pub(crate) async fn run(bench: &Bench) -> Outcome<()> {
    let mut heads = tree::table();
    for shape in [Shape::Embedded, Shape::Apart { workers: 1 }] {
        if shape.name().contains(&bench.only) {
            heads.row(measure(bench, shape).await?);
        }
    }
    heads.print(
        "The tree's head: 1,000 events read and hashed, kept, and a head signed, as the worker does it",
    );
    Ok(())
}

/// Prints what concerns requests, and returns what concerns the tree.
async fn measure(bench: &Bench, shape: Shape) -> Outcome<Vec<String>> {
    let simulator = simulator(2, ORDERS, no_limit()).await?;
    let mut stack = Stack::start(bench, shape, &simulator.base_url(), &NO_LIMIT).await?;
    stack.register(2).await?;
    let order = some_jobs(&stack).await?;
    stack.stop().await;
    let begun = Instant::now();
    let mut copies = Copies::of(&stack.database, Kind::Alike).await?;
    copies.until(bench.events).await?;
    copies.settle().await?;
    let (events, loading) = (copies.events(), begun.elapsed());
    let begun = Instant::now();
    stack.start_again()?;
    for child in stack.children() {
        child.ready().await?;
    }
    sealed(&stack, events).await?;
    println!(
        "{}: loaded {events} events in {loading:.0?}; sealed them in {:.0?}.\n",
        shape.name(),
        begun.elapsed()
    );
    pages(&stack, &order, events, bench.window).await?;
    export::measure(&stack, bench.window).await?;
    stack.stop().await;
    simulator.shutdown().await;
    tree::measure(&stack, &mut copies).await
}

/// Shows how long pages take, and one connection's request for nothing beside them.
async fn pages(stack: &Stack, order: &str, events: u64, window: Duration) -> Outcome<()> {
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
        let far = far_page(stack, &first).await?;
        let near = times(stack, &first, window).await?;
        let far = times(stack, &far, window).await?;
        let ratio = quantile(&far, 0.5) / quantile(&near, 0.5);
        table.row(vec![
            name.to_owned(),
            ms(quantile(&near, 0.5)),
            ms(quantile(&near, 0.99)),
            ms(quantile(&far, 0.5)),
            ms(quantile(&far, 0.99)),
            format!("{ratio:.2} ×"),
            machine::load(),
        ]);
    }
    let health = times(stack, "/health", window).await?;
    let mut row = vec!["(GET /health)".to_owned()];
    row.extend([0.5, 0.99].map(|share| ms(quantile(&health, share))));
    row.extend(["–", "–", "–"].map(str::to_owned));
    row.push(machine::load());
    table.row(row);
    table.print(&format!(
        "Audit log of {events} events, pages of 50, one connection: {}",
        stack.shape.name()
    ));
    Ok(())
}

/// Notes for all orders of the first store, carried out; one of the orders is returned.
pub(crate) async fn some_jobs(stack: &Stack) -> Outcome<String> {
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

/// The address of page 1,000.
async fn far_page(stack: &Stack, first: &str) -> Outcome<String> {
    let (mut uri, key) = (first.to_owned(), stack.authorization());
    let mut connection = Connection::open(stack.api.port).await?;
    for _ in 1..FAR {
        let ask = request("GET", &uri, &[("Authorization", &key)], "");
        let page = connection.call(&ask).await?.expect(200)?;
        let Some(cursor) = page["next_cursor"].as_str() else {
            return Err(format!("{first} has no page {FAR}").into());
        };
        uri = format!("{first}&cursor={cursor}");
    }
    Ok(uri)
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
