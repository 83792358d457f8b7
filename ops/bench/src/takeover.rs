//! Take-over after the death of one of two workers.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use crate::http::{Connection, request};
use crate::stack::{Database, Shape, Stack, no_limit, simulator};
use crate::table::{Table, quantile, sorted};
use crate::{Bench, Outcome, machine};

/// Stores, over all partitions.
const STORES: usize = 24;
/// Within which a take-over happens, whatever the lease.
const PATIENCE: Duration = Duration::from_mins(1);

/// How the worker ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Kill,
    Terminate,
}

/// Measures take-overs.
pub(crate) async fn run(bench: &Bench) -> Outcome<()> {
    let mut table = Table::new(&[
        "end",
        "LEASE_TTL",
        "all partitions owned again",
        "jobs submitted at once after it: p50",
        "last",
        "load",
    ]);
    for (end, lease) in [(End::Kill, "10s"), (End::Kill, "5s"), (End::Terminate, "10s")] {
        table.row(measure(bench, end, lease).await?);
    }
    table.print("Take-over of one of two workers' partitions (Postgres + NATS)");
    Ok(())
}

async fn measure(bench: &Bench, end: End, lease: &str) -> Outcome<Vec<String>> {
    let simulator = simulator(STORES, 1, no_limit()).await?;
    let shape = Shape::Apart { workers: 2 };
    let stack = Stack::start(bench, shape, &simulator.base_url(), &[("LEASE_TTL", lease)]).await?;
    stack.register(STORES).await?;
    let Database::Postgres(url) = &stack.database else {
        return Err("not on Postgres".into());
    };
    let mut database = PgConnection::connect(url).await?;
    until_owners(&mut database, 2).await?;
    let mut orders = Vec::new();
    for store in 1..=STORES {
        let first = simulator.orders(&store.to_string())?;
        orders.push(
            first
                .first()
                .and_then(|order| order["id"].as_str().map(str::to_owned))
                .ok_or("no order")?,
        );
    }

    let worker = stack.workers.first().ok_or("no worker")?;
    let begun = Instant::now();
    match end {
        End::Kill => worker.process.kill9(),
        End::Terminate => {
            worker.process.sigterm();
        }
    }
    let mut waits = tokio::task::JoinSet::new();
    for (index, order) in orders.into_iter().enumerate() {
        let path = format!("/stores/{}/orders/{order}/add-note", index + 1);
        let job = stack
            .call("POST", &path, &json!({"note": "after the end"}))
            .await?
            .expect(202)?;
        let (port, authorization) = (stack.api.port, stack.authorization());
        waits.spawn(async move { ended(port, &authorization, &job).await.map(|()| begun.elapsed()) });
    }
    until_owners(&mut database, 1).await?;
    let owned = begun.elapsed();
    let mut times = Vec::new();
    while let Some(wait) = waits.join_next().await {
        times.push(wait??.as_secs_f64());
    }
    let times = sorted(times);
    let row = vec![
        if end == End::Kill { "SIGKILL" } else { "SIGTERM" }.to_owned(),
        lease.to_owned(),
        format!("{:.2} s", owned.as_secs_f64()),
        format!("{:.2} s", quantile(&times, 0.5)),
        format!("{:.2} s", quantile(&times, 1.0)),
        machine::load(),
    ];
    database.close().await?;
    stack.stop().await;
    simulator.shutdown().await;
    Ok(row)
}

/// Waits until every partition is owned, by so many owners in all.
async fn until_owners(database: &mut PgConnection, owners: i64) -> Outcome<()> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let (free, found): (i64, i64) = sqlx::query_as(
            "select count(*) filter (where owner is null), count(distinct owner) from partitions",
        )
        .fetch_one(&mut *database)
        .await?;
        if free == 0 && found == owners {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(format!("the partitions do not come to {owners} owners").into())
}

async fn ended(port: u16, authorization: &str, job: &Value) -> Outcome<()> {
    let id = job["id"].as_str().ok_or("a job without an id")?;
    let path = format!("/jobs/{id}?wait=60");
    let request = request("GET", &path, &[("Authorization", authorization)], "");
    let job = Connection::open(port).await?.call(&request).await?.expect(200)?;
    if job["status"] == "succeeded" {
        Ok(())
    } else {
        Err(format!("a job did not succeed: {job}").into())
    }
}
