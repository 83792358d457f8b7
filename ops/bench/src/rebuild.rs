//! `rebuild`: all views anew from the log.

use std::time::Instant;

use sqlx::Connection as _;

use crate::audit::some_jobs;
use crate::copies::{Copies, Kind};
use crate::stack::{Database, NO_LIMIT, Shape, Stack, no_limit, simulator};
use crate::table::Table;
use crate::{Bench, Outcome, machine, raw};

/// Measures `rebuild` on both ledgers.
pub(crate) async fn run(bench: &Bench) -> Outcome<()> {
    let mut table = Table::new(&[
        "ledger",
        "events",
        "jobs",
        "loaded in",
        "rebuilt in",
        "events/s",
        "memory",
        "load",
    ]);
    for shape in [Shape::Embedded, Shape::Apart { workers: 1 }] {
        if shape.name().contains(&bench.only) {
            table.row(measure(bench, shape).await?);
        }
    }
    table.print("Rebuild: events folded, and the views written beside the live ones and put in their place");
    Ok(())
}

async fn measure(bench: &Bench, shape: Shape) -> Outcome<Vec<String>> {
    let simulator = simulator(2, 50, no_limit()).await?;
    let stack = Stack::start(bench, shape, &simulator.base_url(), &NO_LIMIT).await?;
    stack.register(2).await?;
    some_jobs(&stack).await?;
    stack.stop().await;
    simulator.shutdown().await;

    let begun = Instant::now();
    let mut copies = Copies::of(&stack.database, Kind::Fresh).await?;
    copies.until(bench.events).await?;
    copies.settle().await?;
    let loading = begun.elapsed();
    drop(copies);

    let backend = raw::open(&stack.database).await?;
    let begun = Instant::now();
    let events = backend.rebuild().await?;
    let time = begun.elapsed();
    Ok(vec![
        shape.ledger().to_owned(),
        events.to_string(),
        jobs(&stack.database).await?.to_string(),
        format!("{loading:.0?}"),
        format!("{:.1} s", time.as_secs_f64()),
        format!("{:.0}", events as f64 / time.as_secs_f64()),
        format!("{:.0} MB", machine::memory(std::process::id(), "VmHWM")),
        machine::load(),
    ])
}

/// How many jobs the views have.
async fn jobs(database: &Database) -> Outcome<i64> {
    let count = "SELECT count(*) FROM jobs";
    Ok(match database {
        Database::Sqlite(path) => {
            let url = format!("sqlite://{}", path.display());
            let mut on = sqlx::SqliteConnection::connect(&url).await?;
            sqlx::query_scalar(count).fetch_one(&mut on).await?
        }
        Database::Postgres(url) => {
            let mut on = sqlx::PgConnection::connect(url).await?;
            sqlx::query_scalar(count).fetch_one(&mut on).await?
        }
    })
}
