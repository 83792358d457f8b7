//! Reads that cost no call to Order Desk, against `/health` in the same run, and what a warm log-in costs.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vault::{
    ArgonPool, Authenticator, AuthenticatorConfig, Candidate, Keyring, LookupHash, MasterKey, PoolConfig,
    RootKey, SystemEntropy, random,
};

use crate::http::{Connection, request};
use crate::load::{self, Plan};
use crate::stack::{NO_LIMIT, Shape, Stack, no_limit, simulator};
use crate::table::{Table, ms, quantile, sorted};
use crate::{Bench, Outcome, machine};

const CONNECTIONS: usize = 32;
/// How often the requests take turns, so that a disturbance does not meet one of them alone.
const ROUNDS: u32 = 3;
/// The size of the order, roughly.
const BYTES: usize = 6_000;

/// A kind of request.
struct Kind {
    name: &'static str,
    status: u16,
    bytes: Vec<u8>,
    rates: Vec<f64>,
    median: f64,
    tail: f64,
    cpu: f64,
}

/// Measures reads.
pub(crate) async fn run(bench: &Bench) -> Outcome<()> {
    let simulator = simulator(1, 0, no_limit()).await?;
    let order = simulator.put_order("1", order())?;
    let mut extra = NO_LIMIT.to_vec();
    extra.push(("CACHE_TTL_ORDERS", "1h"));
    let stack = Stack::start(bench, Shape::Embedded, &simulator.base_url(), &extra).await?;
    stack.register(1).await?;
    let mut kinds = kinds(&stack, &order).await?;
    let window = bench.window / ROUNDS;
    for _ in 0..ROUNDS {
        for kind in &mut kinds {
            let plan = Plan {
                port: stack.api.port,
                connections: CONNECTIONS,
                window,
                status: kind.status,
                pids: stack.pids(),
            };
            let bytes = kind.bytes.clone();
            let load = load::run(plan, move |_| bytes.clone()).await?;
            if load.bad > 0 {
                return Err(format!("{}: {} other answers", kind.name, load.bad).into());
            }
            kind.rates.push(load.rate);
            (kind.median, kind.tail, kind.cpu) = (load.time(0.5), load.time(0.99), load.cpu);
        }
    }
    let system_load = machine::load();
    stack.stop().await;
    simulator.shutdown().await;

    let mut table = Table::new(&[
        "request",
        "per second",
        "of /health",
        "p50",
        "p99",
        "CPU each",
        "load",
    ]);
    let health = middle(&kinds[0].rates);
    for kind in &kinds {
        let rate = middle(&kind.rates);
        table.row(vec![
            kind.name.to_owned(),
            format!("{rate:.0}"),
            format!("{:.0} %", rate / health * 100.0),
            ms(kind.median),
            ms(kind.tail),
            format!("{:.1} µs", kind.cpu * 1e6),
            system_load.clone(),
        ]);
    }
    table.print("Reads without a call to Order Desk: SQLite, one process, 32 connections, closed loop");
    let each = log_in(bench.window).await?;
    println!("A warm log-in takes {:.2} µs.\n", each * 1e6);
    Ok(())
}

async fn kinds(stack: &Stack, order: &str) -> Outcome<Vec<Kind>> {
    let uri = format!("/stores/1/orders/{order}");
    let shown = stack.call("GET", &uri, &Value::Null).await?;
    shown.expect(200)?;
    let ended = ended_job(stack, &uri).await?;
    stack.call("GET", &uri, &Value::Null).await?.expect(200)?;
    let list = "/stores/1/orders?limit=10".to_owned();
    stack.call("GET", &list, &Value::Null).await?.expect(200)?;
    let key = stack.authorization();
    let kind = |name, path: &str, headers: &[(&str, &str)]| Kind {
        name,
        status: 200,
        bytes: request("GET", path, headers, ""),
        rates: Vec::new(),
        median: 0.0,
        tail: 0.0,
        cpu: 0.0,
    };
    let with_key = [("Authorization", key.as_str())];
    Ok(vec![
        kind("GET /health", "/health", &[]),
        kind("order of 6 KB, cached", &uri, &with_key),
        kind("list of one order, cached", &list, &with_key),
        kind("GET /jobs/{id}, ended", &format!("/jobs/{ended}"), &with_key),
    ])
}

/// Submits a note, waits for its end and returns the job's id.
async fn ended_job(stack: &Stack, uri: &str) -> Outcome<String> {
    let key = stack.authorization();
    let headers = [("Authorization", key.as_str()), ("Prefer", "wait=30")];
    let bytes = request("POST", &format!("{uri}/add-note"), &headers, r#"{"note": "n"}"#);
    let answer = Connection::open(stack.api.port).await?.call(&bytes).await?;
    let job = answer.expect(200)?;
    Ok(job["id"].as_str().ok_or("a job without an id")?.to_owned())
}

/// An order of some [`BYTES`].
fn order() -> Value {
    let mut order = simulator::sample_order(1);
    let note = json!({"date_added": "2026-01-05 09:30:00", "username": "Shop", "content": "x".repeat(200)});
    let left = BYTES.saturating_sub(order.to_string().len());
    let notes = left / note.to_string().len();
    order["order_notes"] = Value::Array(vec![note; notes]);
    order
}

/// Seconds that a log-in takes whose key is proven already.
async fn log_in(window: Duration) -> Outcome<f64> {
    let keyring = Arc::new(Keyring::new(&RootKey::generate(&mut SystemEntropy)));
    let pool = ArgonPool::new(PoolConfig::default())?;
    let key = MasterKey::generate(&mut SystemEntropy);
    let phc: Arc<str> = pool.hash(&key, random(&mut SystemEntropy)).await?.into();
    let authenticator = Authenticator::new(keyring, pool, AuthenticatorConfig::default());
    let load = |_: LookupHash| {
        let phc = Arc::clone(&phc);
        async move { Ok::<_, Infallible>(Some(Candidate { phc, payload: () })) }
    };
    let (begun, mut count) = (Instant::now(), 0_u32);
    let mut warm = None;
    while begun.elapsed() < window {
        for _ in 0..100 {
            authenticator.authenticate(&key, Instant::now(), load).await?;
        }
        // The first hundred contain the proof.
        match warm {
            None => warm = Some(Instant::now()),
            Some(_) => count += 100,
        }
    }
    let warm = warm.ok_or("no time to measure")?;
    Ok(warm.elapsed().as_secs_f64() / f64::from(count.max(1)))
}

/// The middle value.
fn middle(rates: &[f64]) -> f64 {
    quantile(&sorted(rates.to_vec()), 0.5)
}
