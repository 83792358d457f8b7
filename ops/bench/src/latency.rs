//! From a submission with `Prefer: wait` to its answer on an idle store, beyond what Order Desk takes.

use std::time::{Duration, Instant};

use simulator::Simulator;

use crate::http::{Connection, request};
use crate::stack::{API_KEY, NO_LIMIT, Shape, Stack, no_limit, simulator};
use crate::table::{Table, ms, quantile, sorted};
use crate::{Bench, Outcome, machine};

/// What Order Desk takes for each request.
const UPSTREAM: Duration = Duration::from_millis(20);
/// How many jobs are measured.
const SAMPLES: usize = 300;
/// How many orders they go to in turn.
const ORDERS: usize = 50;

/// Measures latency.
pub(crate) async fn run(bench: &Bench) -> Outcome<()> {
    let mut table = Table::new(&[
        "deployment",
        "two requests, bare",
        "job p50",
        "job p99",
        "overhead p50",
        "overhead p99",
        "submitted to GET",
        "GET to PUT",
        "PUT to answer",
        "requests/job",
        "load",
    ]);
    for shape in [Shape::Embedded, Shape::Apart { workers: 1 }] {
        table.row(measure(bench, shape).await?);
    }
    table.print("Idle store: add-note with Prefer: wait, beyond two requests of 20 ms");
    Ok(())
}

async fn measure(bench: &Bench, shape: Shape) -> Outcome<Vec<String>> {
    let origin = Instant::now();
    let simulator = simulator(1, ORDERS as u64, no_limit()).await?;
    simulator.set_latency(UPSTREAM);
    let stack = Stack::start(bench, shape, &simulator.base_url(), &NO_LIMIT).await?;
    stack.register(1).await?;
    let ids: Vec<String> = simulator
        .orders("1")?
        .iter()
        .filter_map(|order| order["id"].as_str().map(str::to_owned))
        .collect();

    let mut bare = bare(&simulator, &ids, SAMPLES / 3).await?;
    let mut api = Connection::open(stack.api.port).await?;
    let authorization = stack.authorization();
    let headers = [("Authorization", authorization.as_str()), ("Prefer", "wait=30")];
    let mut times = Vec::with_capacity(SAMPLES);
    let (mut before, mut between, mut after) = (Vec::new(), Vec::new(), Vec::new());
    let warm_up = 10;
    let mut requests = 0;
    for number in 0..SAMPLES + warm_up {
        if number == warm_up {
            requests = simulator.counters().total().requests;
        }
        let path = format!("/stores/1/orders/{}/add-note", ids[number % ids.len()]);
        let request = request(
            "POST",
            &path,
            &headers,
            &format!(r#"{{"note": "number {number}"}}"#),
        );
        let begun = Instant::now();
        let answer = api.call(&request).await?;
        let took = begun.elapsed().as_secs_f64();
        let job = answer.expect(200)?;
        if job["status"] != "succeeded" {
            return Err(format!("a job ended otherwise: {job}").into());
        }
        if number >= warm_up {
            times.push(took);
            let seconds = |ms: u64| ms as f64 / 1000.0;
            let log = simulator.request_log();
            if let [.., get, put] = log.as_slice()
                && let (Some(get_ended), Some(put_ended)) = (get.ended_ms, put.ended_ms)
            {
                // The simulator counts whole milliseconds from just after `origin`.
                let sent = (begun - origin).as_secs_f64();
                before.push((seconds(get.at_ms) - sent).max(0.0));
                between.push(seconds(put.at_ms.saturating_sub(get_ended)));
                after.push((sent + took - seconds(put_ended)).max(0.0));
            }
            simulator.clear_log();
        }
        // Idle means that nothing of the last job is left, and that its turn does not follow a rhythm.
        tokio::time::sleep(Duration::from_millis(3 + (number as u64 * 7) % 11)).await;
    }
    requests = simulator.counters().total().requests - requests;
    bare.extend(self::bare(&simulator, &ids, SAMPLES / 3).await?);
    let bare = quantile(&sorted(bare), 0.5);
    let times = sorted(times);
    let row = vec![
        shape.name().to_owned(),
        ms(bare),
        ms(quantile(&times, 0.5)),
        ms(quantile(&times, 0.99)),
        ms(quantile(&times, 0.5) - bare),
        ms(quantile(&times, 0.99) - bare),
        ms(mean(&before)),
        ms(mean(&between)),
        ms(mean(&after)),
        format!("{:.2}", requests as f64 / SAMPLES as f64),
        machine::load(),
    ];
    stack.stop().await;
    simulator.shutdown().await;
    Ok(row)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Seconds for the same two requests sent by ourselves on one connection.
async fn bare(simulator: &Simulator, ids: &[String], count: usize) -> Outcome<Vec<f64>> {
    let mut connection = Connection::open(simulator.address().port()).await?;
    let headers = [("ORDERDESK-STORE-ID", "1"), ("ORDERDESK-API-KEY", API_KEY)];
    let mut times = Vec::with_capacity(count);
    for number in 0..count {
        let path = format!("/api/v2/orders/{}", ids[number % ids.len()]);
        let begun = Instant::now();
        let fetched = connection
            .call(&request("GET", &path, &headers, ""))
            .await?
            .expect(200)?;
        let put = request("PUT", &path, &headers, &fetched["order"].to_string());
        connection.call(&put).await?.expect(200)?;
        times.push(begun.elapsed().as_secs_f64());
    }
    Ok(times)
}
