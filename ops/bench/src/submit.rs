//! Submission until 202, against raw inserts of the same rows in the same run.

use std::time::Duration;

use crate::http::request;
use crate::load::{self, Plan};
use crate::raw::{self, Templates};
use crate::stack::{NO_LIMIT, Shape, Stack, no_limit, simulator};
use crate::table::{Table, ms};
use crate::{Bench, Outcome, machine, plain};

/// Orders that the notes go to, in turn.
const ORDERS: u64 = 500;
/// What the appender takes at most into one transaction.
const FULL: usize = 256;

/// What a row of the table measures.
struct Cell {
    shape: Shape,
    connections: usize,
    variant: Variant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Variant {
    /// Jobs that are due in a month.
    Later,
    /// The same, each with an idempotency key.
    Keyed,
    /// The same, all for one order.
    OneOrder,
    /// The same, without the access log.
    Quiet,
    /// Jobs that are carried out at once, by a worker beside the API.
    Running,
}

impl Variant {
    fn name(self) -> &'static str {
        match self {
            Self::Later => "jobs due later",
            Self::Keyed => "with Idempotency-Key",
            Self::OneOrder => "one order",
            Self::Quiet => "LOG_LEVEL=warn",
            Self::Running => "jobs running meanwhile",
        }
    }
}

fn cells() -> Vec<Cell> {
    let (alone, both) = (Shape::Apart { workers: 0 }, Shape::Apart { workers: 1 });
    let mut cells = Vec::new();
    for shape in [Shape::Embedded, alone, both] {
        for connections in [1, 8, 32, 128] {
            cells.push(Cell {
                shape,
                connections,
                variant: Variant::Later,
            });
        }
        for variant in [Variant::Keyed, Variant::OneOrder, Variant::Quiet] {
            if shape != both {
                cells.push(Cell {
                    shape,
                    connections: 32,
                    variant,
                });
            }
        }
        if shape != alone {
            cells.push(Cell {
                shape,
                connections: 32,
                variant: Variant::Running,
            });
        }
    }
    cells
}

/// Measures submission.
pub(crate) async fn run(bench: &Bench) -> Outcome<()> {
    let mut table = Table::new(&[
        "deployment",
        "variant",
        "conn.",
        "202/s",
        "p50",
        "p99",
        "CPU each",
        "raw, same batch",
        "ratio",
        "raw, batch 256",
        "ratio",
        "plain SQL 256",
        "others",
        "load",
    ]);
    for cell in cells() {
        let name = format!(
            "{}, {}, {}",
            cell.shape.name(),
            cell.variant.name(),
            cell.connections
        );
        if name.contains(&bench.only) {
            eprintln!("{name}");
            table.row(measure(bench, &cell).await?);
        }
    }
    table.print("Submission: POST …/add-note until 202, closed loop");
    Ok(())
}

async fn measure(bench: &Bench, cell: &Cell) -> Outcome<Vec<String>> {
    let simulator = simulator(1, ORDERS, no_limit()).await?;
    let orders = orders(&simulator)?;
    let mut extra = NO_LIMIT.to_vec();
    if cell.variant == Variant::Quiet {
        extra.push(("LOG_LEVEL", "warn"));
    }
    let stack = Stack::start(bench, cell.shape, &simulator.base_url(), &extra).await?;
    stack.register(1).await?;

    let plan = Plan {
        port: stack.api.port,
        connections: cell.connections,
        window: bench.window,
        status: 202,
        pids: stack.pids(),
    };
    let load = load::run(plan, requests(&stack, cell.variant, orders)).await?;
    let system_load = machine::load();
    stack.stop().await;
    let mut row = vec![
        cell.shape.name().to_owned(),
        cell.variant.name().to_owned(),
        cell.connections.to_string(),
        format!("{:.0}", load.rate),
        ms(load.time(0.5)),
        ms(load.time(0.99)),
        format!("{:.0} µs", load.cpu * 1e6),
    ];

    let backend = raw::open(&stack.database).await?;
    let mut templates = Templates::read(&*backend).await?;
    let (keyed, window) = (
        cell.variant == Variant::Keyed,
        bench.window.min(Duration::from_secs(2)),
    );
    for batch in [cell.connections, FULL] {
        let raw = raw::rate(&*backend, &mut templates, batch, keyed, window).await?;
        row.extend([format!("{raw:.0}/s"), format!("{:.0} %", load.rate / raw * 100.0)]);
    }
    let sql = plain::rate(&stack.database, &*backend, &mut templates, FULL, window).await?;
    row.extend([format!("{sql:.0}/s"), load.bad.to_string(), system_load]);
    simulator.shutdown().await;
    Ok(row)
}

/// The ids of the simulator's orders.
fn orders(simulator: &simulator::Simulator) -> Outcome<Vec<String>> {
    let orders = simulator.orders("1")?;
    Ok(orders
        .iter()
        .filter_map(|order| order["id"].as_str().map(str::to_owned))
        .collect())
}

fn requests(
    stack: &Stack,
    variant: Variant,
    orders: Vec<String>,
) -> impl Fn(u64) -> Vec<u8> + Send + Sync + 'static {
    let key = stack.authorization();
    let in_a_month = raw::now().plus(Duration::from_hours(24 * 30));
    let query = match variant {
        Variant::Running => String::new(),
        _ => format!("?run_at={in_a_month}"),
    };
    move |number| {
        let order = match variant {
            Variant::OneOrder => &orders[0],
            _ => &orders[number as usize % orders.len()],
        };
        let path = format!("/stores/1/orders/{order}/add-note{query}");
        let body = format!(
            r#"{{"note": "Customer requested expedited shipping ({number})", "note_type": "customer_service"}}"#
        );
        let unique = format!("bench-{number}");
        let mut headers = vec![("Authorization", key.as_str())];
        if variant == Variant::Keyed {
            headers.push(("Idempotency-Key", &unique));
        }
        request("POST", &path, &headers, &body)
    }
}
