//! A closed loop: so many connections, each of which sends its next request when it has its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::http::Connection;
use crate::machine::cpu_seconds;
use crate::table::{quantile, sorted};

/// Not counted, at the start.
const WARM_UP: Duration = Duration::from_millis(700);

/// What a loop found.
pub(crate) struct Load {
    /// Answers per second with the status that was wanted.
    pub(crate) rate: f64,
    /// Answers with another status.
    pub(crate) bad: usize,
    /// Seconds, ascending.
    pub(crate) times: Vec<f64>,
    /// Processor time of the measured processes per answer, in seconds.
    pub(crate) cpu: f64,
}

impl Load {
    /// A quantile of the times in seconds.
    pub(crate) fn time(&self, share: f64) -> f64 {
        quantile(&self.times, share)
    }
}

/// What a loop sends, and where to.
pub(crate) struct Plan {
    /// The port on 127.0.0.1.
    pub(crate) port: u16,
    /// How many connections.
    pub(crate) connections: usize,
    /// How long, without the warm-up.
    pub(crate) window: Duration,
    /// The status of a good answer.
    pub(crate) status: u16,
    /// Processes whose time is taken.
    pub(crate) pids: Vec<u32>,
}

/// Runs a loop on a thread of its own; `make` makes the request of this number, from 0.
pub(crate) async fn run(plan: Plan, make: impl Fn(u64) -> Vec<u8> + Send + Sync + 'static) -> Outcome<Load> {
    let (done, result) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let outcome = runtime
            .map_err(Into::into)
            .and_then(|runtime| runtime.block_on(drive(plan, make)));
        let _ = done.send(outcome);
    });
    result.await?
}

async fn drive(plan: Plan, make: impl Fn(u64) -> Vec<u8> + Send + Sync + 'static) -> Outcome<Load> {
    let next = Arc::new(AtomicU64::new(0));
    let make = Arc::new(make);
    let begin = Instant::now() + WARM_UP;
    let end = begin + plan.window;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..plan.connections {
        let (next, make, status) = (Arc::clone(&next), Arc::clone(&make), plan.status);
        let mut connection = Connection::open(plan.port).await?;
        tasks.spawn(async move {
            let (mut times, mut bad, mut said) = (Vec::new(), 0, false);
            while Instant::now() < end {
                let request = make(next.fetch_add(1, Ordering::Relaxed));
                let sent = Instant::now();
                let answer = connection.call(&request).await?;
                let now = Instant::now();
                if now < begin || now > end {
                    continue;
                }
                if answer.status == status {
                    times.push((now - sent).as_secs_f64());
                } else {
                    bad += 1;
                    if !said {
                        said = true;
                        eprintln!("  {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
                    }
                }
            }
            Ok::<_, std::io::Error>((times, bad))
        });
    }
    let spent = || plan.pids.iter().map(|pid| cpu_seconds(*pid)).sum::<f64>();
    tokio::time::sleep_until(begin.into()).await;
    let before = spent();
    tokio::time::sleep_until(end.into()).await;
    let used = spent() - before;
    let (mut times, mut bad) = (Vec::new(), 0);
    while let Some(task) = tasks.join_next().await {
        let (part, failed) = task??;
        times.extend(part);
        bad += failed;
    }
    let count = times.len() as f64;
    Ok(Load {
        rate: count / plan.window.as_secs_f64(),
        bad,
        cpu: used / count.max(1.0),
        times: sorted(times),
    })
}
