//! Start until ready, and memory.

use std::time::{Duration, Instant};

use crate::machine::memory;
use crate::stack::{Shape, Stack, no_limit, simulator};
use crate::table::{Table, ms, quantile, sorted};
use crate::{Bench, Outcome, machine};

/// Starts that are measured.
const STARTS: usize = 9;
/// After which a process counts as idle.
const SETTLE: Duration = Duration::from_secs(6);

/// Measures starts and memory.
pub(crate) async fn run(bench: &Bench) -> Outcome<()> {
    let simulator = simulator(1, 10, no_limit()).await?;
    let mut table = Table::new(&["what", "value", "load"]);

    let begun = Instant::now();
    let mut stack = Stack::start(bench, Shape::Embedded, &simulator.base_url(), &[]).await?;
    table.row(vec![
        "embedded: first start to ready, migrations and keys included".to_owned(),
        ms(begun.elapsed().as_secs_f64()),
        machine::load(),
    ]);
    stack.register(1).await?;
    let mut times = Vec::new();
    let mut stops = Vec::new();
    for _ in 0..STARTS {
        let begun = Instant::now();
        stack.stop().await;
        stops.push(begun.elapsed().as_secs_f64());
        let begun = Instant::now();
        stack.start_again()?;
        stack.api.ready().await?;
        times.push(begun.elapsed().as_secs_f64());
    }
    let (times, stops) = (sorted(times), sorted(stops));
    let range = |times: &[f64]| {
        format!(
            "{} ({} to {})",
            ms(quantile(times, 0.5)),
            ms(quantile(times, 0.0)),
            ms(quantile(times, 1.0))
        )
    };
    table.row(vec![
        format!("embedded: start to ready after migrations, median of {STARTS}"),
        range(&times),
        machine::load(),
    ]);
    table.row(vec![
        "embedded: SIGTERM to exit, idle".to_owned(),
        range(&stops),
        machine::load(),
    ]);
    tokio::time::sleep(SETTLE).await;
    memory_row(&mut table, "embedded: idle", stack.api.pid());
    stack.stop().await;
    drop(stack);

    let stack = Stack::start(bench, Shape::Apart { workers: 1 }, &simulator.base_url(), &[]).await?;
    tokio::time::sleep(SETTLE).await;
    memory_row(&mut table, "API process: idle", stack.api.pid());
    memory_row(
        &mut table,
        "worker process: idle",
        stack.workers.first().map_or(0, crate::child::Child::pid),
    );
    stack.stop().await;
    simulator.shutdown().await;
    table.print("Start and memory");
    Ok(())
}

fn memory_row(table: &mut Table, what: &str, pid: u32) {
    let value = format!(
        "{:.1} MB (peak {:.1} MB)",
        memory(pid, "VmRSS"),
        memory(pid, "VmHWM")
    );
    table.row(vec![format!("{what}, resident"), value, machine::load()]);
}
