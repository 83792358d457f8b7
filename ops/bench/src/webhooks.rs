//! Webhooks: how fast they are dispatched, and whether a dead endpoint delays the others.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use testkit::{Receiver, Reply};

use crate::http::{Connection, request};
use crate::stack::{Shape, Stack, no_limit, simulator};
use crate::table::{Table, ms, quantile, sorted};
use crate::{Bench, Outcome, machine, raw};

/// Endpoints that answer, one of which is slow.
const ENDPOINTS: usize = 20;
/// How long the slow one thinks.
const SLOW: Duration = Duration::from_millis(500);
/// Events of a burst: each is told to every endpoint.
const BURST: usize = 500;
/// What the dead endpoint has waiting for it.
const BACKLOG: usize = 10_000;
/// Endpoints that answer, beside the dead one.
const GOOD: usize = 99;
/// Events whose delays are measured, and the pause between them: each is told to all that answer.
const PACED: usize = 100;
const PACE: Duration = Duration::from_millis(200);
/// Longer than anything here takes that works.
const PATIENCE: Duration = Duration::from_mins(3);

/// Measures webhooks.
pub(crate) async fn run(bench: &Bench) -> Outcome<()> {
    let mut dispatch = Table::new(&[
        "deployment",
        "endpoints",
        "slow ones",
        "deliveries",
        "time",
        "deliveries/s",
        "load",
    ]);
    let mut delay = Table::new(&[
        "deployment",
        "dead endpoint",
        "p50 delay",
        "p99 delay",
        "p99 against none dead",
        "load",
    ]);
    for shape in [Shape::Embedded, Shape::Apart { workers: 1 }] {
        if !shape.name().contains(&bench.only) {
            continue;
        }
        dispatch.row(burst(bench, shape).await?);
        let alone = paced(bench, shape, false).await?;
        delay.row(row(shape, "none", &alone, &alone));
        let beside = paced(bench, shape, true).await?;
        delay.row(row(
            shape,
            &format!("one, with {BACKLOG} waiting"),
            &beside,
            &alone,
        ));
    }
    dispatch.print("Dispatch of webhooks: a burst of ended jobs, all told to all endpoints");
    delay.print("Delay of webhooks from the event to the receiver, 5 events a second to 99 endpoints");
    Ok(())
}

/// A gateway whose webhooks may go to this machine, with jobs that wait for a month.
struct Site {
    stack: Stack,
    simulator: simulator::Simulator,
}

impl Site {
    async fn start(bench: &Bench, shape: Shape) -> Outcome<Self> {
        let simulator = simulator(2, 100, no_limit()).await?;
        let extra = [("WEBHOOK_ALLOW_NETS", "127.0.0.0/8")];
        let stack = Stack::start(bench, shape, &simulator.base_url(), &extra).await?;
        stack.register(2).await?;
        Ok(Self { stack, simulator })
    }

    async fn endpoint(&self, receiver: &Receiver, stores: &[&str]) -> Outcome<()> {
        let body = json!({"url": receiver.url(), "events": ["job.cancelled"], "store_ids": stores});
        self.stack
            .call("POST", "/webhook-endpoints", &body)
            .await?
            .expect(201)?;
        Ok(())
    }

    /// Jobs that do nothing until they are cancelled.
    async fn jobs(&self, store: &str, count: usize) -> Outcome<Vec<String>> {
        let orders = self.simulator.orders(store)?;
        let ids: Vec<&str> = orders.iter().filter_map(|order| order["id"].as_str()).collect();
        let mut jobs = Vec::with_capacity(count);
        while jobs.len() < count {
            let items: Vec<Value> = (jobs.len()..count.min(jobs.len() + 1_000))
                .map(|number| {
                    json!({"kind": "order.add_note", "order_id": ids[number % ids.len()],
                           "run_at": in_a_month(), "body": {"note": "later"}})
                })
                .collect();
            let path = format!("/stores/{store}/jobs:batch");
            let answer = self
                .stack
                .call("POST", &path, &json!({"jobs": items}))
                .await?
                .expect(202)?;
            let data = answer["data"].as_array().into_iter().flatten();
            jobs.extend(data.filter_map(|job| job["id"].as_str().map(str::to_owned)));
        }
        Ok(jobs)
    }

    /// Ends all of a store's jobs; says how many.
    async fn cancel_all(&self, store: &str, count: usize) -> Outcome<()> {
        let mut left = count;
        while left > 0 {
            let answer = self
                .stack
                .call("POST", "/jobs:cancel", &json!({"store_id": store}))
                .await?
                .expect(200)?;
            let done = answer["count"].as_u64().unwrap_or(0) as usize;
            if done == 0 {
                return Err(format!("{left} jobs of store {store} were not cancelled").into());
            }
            left = left.saturating_sub(done);
        }
        Ok(())
    }

    async fn stop(self) {
        self.stack.stop().await;
        self.simulator.shutdown().await;
    }
}

/// A burst of events, told to all endpoints, until all have all of it.
async fn burst(bench: &Bench, shape: Shape) -> Outcome<Vec<String>> {
    let site = Site::start(bench, shape).await?;
    let mut receivers = vec![Receiver::start(|_, _| Reply::status(200).after(SLOW)).await];
    for _ in 1..ENDPOINTS {
        receivers.push(Receiver::taking_all().await);
    }
    for receiver in &receivers {
        site.endpoint(receiver, &["1"]).await?;
    }
    site.jobs("1", BURST).await?;
    let begun = Instant::now();
    site.cancel_all("1", BURST).await?;
    // The slow one takes what its own pace allows; the rate is that of the others together.
    until(|| receivers[1..].iter().all(|receiver| receiver.count() >= BURST)).await?;
    let time = begun.elapsed().as_secs_f64();
    let deliveries: usize = receivers.iter().map(Receiver::count).sum();
    site.stop().await;
    Ok(vec![
        shape.name().to_owned(),
        ENDPOINTS.to_string(),
        format!("1, {} ms", SLOW.as_millis()),
        deliveries.to_string(),
        format!("{time:.2} s"),
        format!("{:.0}", deliveries as f64 / time),
        machine::load(),
    ])
}

/// The delays of steady events to endpoints that answer, in seconds, ascending.
async fn paced(bench: &Bench, shape: Shape, with_dead: bool) -> Outcome<Vec<f64>> {
    let site = Site::start(bench, shape).await?;
    let dead = Receiver::start(|_, _| Reply::never()).await;
    if with_dead {
        site.endpoint(&dead, &["2"]).await?;
        site.jobs("2", BACKLOG).await?;
        site.cancel_all("2", BACKLOG).await?;
        until(|| dead.count() > 0).await?;
        let ledger = raw::open(&site.stack.database).await?;
        let begun = Instant::now();
        while ledger.pending_deliveries().await? < BACKLOG as u64 {
            if begun.elapsed() > PATIENCE {
                return Err("the backlog never stood".into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let mut receivers = Vec::new();
    for _ in 0..GOOD {
        let receiver = Receiver::taking_all().await;
        site.endpoint(&receiver, &["1"]).await?;
        receivers.push(receiver);
    }
    let jobs = site.jobs("1", PACED).await?;
    let authorization = site.stack.authorization();
    let mut api = Connection::open(site.stack.api.port).await?;
    let mut next = tokio::time::interval(PACE);
    for job in &jobs {
        next.tick().await;
        let path = format!("/jobs/{job}:cancel");
        api.call(&request("POST", &path, &[("Authorization", &authorization)], ""))
            .await?
            .expect(200)?;
    }
    until(|| receivers.iter().all(|receiver| receiver.count() >= PACED)).await?;
    let delays = receivers.iter().flat_map(delays).collect();
    site.stop().await;
    Ok(sorted(delays))
}

fn row(shape: Shape, dead: &str, delays: &[f64], alone: &[f64]) -> Vec<String> {
    let p99 = quantile(delays, 0.99);
    vec![
        shape.name().to_owned(),
        dead.to_owned(),
        ms(quantile(delays, 0.5)),
        ms(p99),
        format!("{:.2} ×", p99 / quantile(alone, 0.99)),
        machine::load(),
    ]
}

/// From each event's time to its arrival, in seconds.
fn delays(receiver: &Receiver) -> Vec<f64> {
    let delay = |received: testkit::Received| {
        let body: Value = serde_json::from_str(&received.body).ok()?;
        let told: domain::Timestamp = body["timestamp"].as_str()?.parse().ok()?;
        let came = received.at.duration_since(UNIX_EPOCH).ok()?.as_secs_f64();
        Some((came - told.as_millis() as f64 / 1_000.0).max(0.0))
    };
    receiver.received().into_iter().filter_map(delay).collect()
}

fn in_a_month() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let then = now + Duration::from_hours(30 * 24);
    domain::Timestamp::from_millis(then.as_millis() as i64).to_string()
}

/// Waits for a condition, looking each five milliseconds.
async fn until(condition: impl Fn() -> bool) -> Outcome<()> {
    let begun = Instant::now();
    while !condition() {
        if begun.elapsed() > PATIENCE {
            return Err("webhooks did not arrive in time".into());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}
