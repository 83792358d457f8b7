//! Drain of a backlog: requests per change, and the time against what the bucket allows.

use std::time::Instant;

use serde_json::{Value, json};
use simulator::{BucketConfig, Simulator};

use crate::http::{Connection, request};
use crate::stack::{NO_LIMIT, Shape, Stack, no_limit, simulator};
use crate::table::Table;
use crate::{Bench, Outcome, machine};

/// What a backlog is made of.
struct Backlog {
    shape: Shape,
    jobs: usize,
    orders: usize,
    limited: bool,
}

/// Measures drains.
pub(crate) async fn run(bench: &Bench) -> Outcome<()> {
    let mut table = Table::new(&[
        "deployment",
        "bucket",
        "changes",
        "orders",
        "requests",
        "requests/change",
        "refused (429)",
        "time",
        "(requests − 20)/3 s",
        "changes/s",
        "load",
    ]);
    for shape in [Shape::Embedded, Shape::Apart { workers: 1 }] {
        for (jobs, orders, limited) in [(200, 20, true), (200, 200, false), (5_000, 100, false)] {
            table.row(
                measure(
                    bench,
                    &Backlog {
                        shape,
                        jobs,
                        orders,
                        limited,
                    },
                )
                .await?,
            );
        }
    }
    table.print("Drain of a backlog, submitted by jobs:batch");
    Ok(())
}

async fn measure(bench: &Bench, backlog: &Backlog) -> Outcome<Vec<String>> {
    let Backlog {
        shape,
        jobs,
        orders,
        limited,
    } = *backlog;
    let bucket = if limited {
        BucketConfig::default()
    } else {
        no_limit()
    };
    let simulator = simulator(1, orders as u64, bucket).await?;
    let extra: &[(&str, &str)] = if limited { &[] } else { &NO_LIMIT };
    let stack = Stack::start(bench, shape, &simulator.base_url(), extra).await?;
    stack.register(1).await?;
    let ids: Vec<String> = simulator
        .orders("1")?
        .iter()
        .filter_map(|order| order["id"].as_str().map(str::to_owned))
        .collect();
    let before = requests(&simulator);

    let begun = Instant::now();
    let mut accepted: Vec<Value> = Vec::new();
    let all: Vec<usize> = (0..jobs).collect();
    for chunk in all.chunks(1_000) {
        let items: Vec<Value> = chunk
            .iter()
            .map(|number| {
                json!({"kind": "order.add_note", "order_id": ids[number % ids.len()], "body": {"note": format!("{number}")}})
            })
            .collect();
        let answer = stack
            .call("POST", "/stores/1/jobs:batch", &json!({"jobs": items}))
            .await?
            .expect(202)?;
        accepted.extend(
            answer["data"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|job| job["id"].clone()),
        );
    }
    wait_for(&stack, &accepted).await?;
    let time = begun.elapsed().as_secs_f64();

    let sent = requests(&simulator) - before;
    let least = (sent as f64 - 20.0).max(0.0) / 3.0;
    let row = vec![
        shape.name().to_owned(),
        if limited { "20 at 3/s" } else { "no limit" }.to_owned(),
        jobs.to_string(),
        orders.to_string(),
        sent.to_string(),
        format!("{:.3}", sent as f64 / jobs as f64),
        simulator.counters().total().throttled.to_string(),
        format!("{time:.2} s"),
        if limited {
            format!("{least:.2} s ({:.2} ×)", time / least)
        } else {
            "–".to_owned()
        },
        format!("{:.0}", jobs as f64 / time),
        machine::load(),
    ];
    stack.stop().await;
    simulator.shutdown().await;
    Ok(row)
}

fn requests(simulator: &Simulator) -> u64 {
    simulator.counters().total().requests
}

/// Waits for the end of all jobs; each must have succeeded.
async fn wait_for(stack: &Stack, jobs: &[Value]) -> Outcome<()> {
    let authorization = stack.authorization();
    let mut api = Connection::open(stack.api.port).await?;
    for id in jobs.iter().filter_map(Value::as_str) {
        let mut job = Value::Null;
        // Three waits of half a minute: nothing here takes longer.
        for _ in 0..3 {
            let path = format!("/jobs/{id}?wait=30");
            job = api
                .call(&request("GET", &path, &[("Authorization", &authorization)], ""))
                .await?
                .expect(200)?;
            if job["status"] == "succeeded" {
                break;
            }
        }
        if job["status"] != "succeeded" {
            return Err(format!("a job did not succeed: {job}").into());
        }
    }
    Ok(())
}
