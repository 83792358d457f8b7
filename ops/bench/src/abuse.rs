//! What clients lose while others abuse the service: slow ones by the thousand, and bad requests without end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::http::request;
use crate::load::{self, Load, Plan};
use crate::machine::memory;
use crate::stack::{NO_LIMIT, Shape, Stack, no_limit, simulator};
use crate::table::{Table, ms};
use crate::{Bench, Outcome};

/// Slow clients, a third of each kind.
const SLOW: usize = 1_000;
/// Bad requests per second.
const BAD: u32 = 200;
/// Connections of the good clients.
const GOOD: usize = 8;
/// The most bad requests that are under way.
const BAD_AT_ONCE: usize = 400;

/// Measures good requests alone, then under abuse, then again alone, and memory throughout.
pub(crate) async fn run(bench: &Bench) -> Outcome<()> {
    let desk = simulator(1, 100, no_limit()).await?;
    let stack = Stack::start(bench, Shape::Embedded, &desk.base_url(), &NO_LIMIT).await?;
    stack.register(1).await?;
    let list = "/stores/1/orders?limit=100";
    stack
        .call("GET", list, &serde_json::Value::Null)
        .await?
        .expect(200)?;
    let (pid, port, key) = (stack.api.pid(), stack.api.port, stack.authorization());
    let headers = [("Authorization", key.as_str())];
    let good = request("GET", "/stores", &headers, "");

    let before = memory(pid, "VmRSS");
    let alone = measure(bench, port, good.clone()).await?;
    let abuse = Abuse::start(port, &key, &request("GET", list, &headers, ""));
    // The slow ones come first; the measurement is of what they leave.
    sleep(Duration::from_secs(2)).await;
    let under = measure(bench, port, good.clone()).await?;
    let told = abuse.end().await;
    // The kernel keeps it; nothing before was larger.
    let peak = memory(pid, "VmHWM");
    sleep(Duration::from_secs(2)).await;
    let later = measure(bench, port, good).await?;
    let after = memory(pid, "VmRSS");

    let mut table = Table::new(&["", "good/s", "of alone", "p50", "p99", "other statuses"]);
    for (name, load) in [("alone", &alone), ("abused", &under), ("afterwards", &later)] {
        table.row(vec![
            name.to_owned(),
            format!("{:.0}", load.rate),
            format!("{:.2}", load.rate / alone.rate.max(1.0)),
            ms(load.time(0.5)),
            ms(load.time(0.99)),
            load.bad.to_string(),
        ]);
    }
    table.print("Good requests beside 1,000 slow clients and 200 bad requests a second");
    println!(
        "Memory (RSS): {before:.0} MB before, {peak:.0} MB at the peak ({:.2} ×), {after:.0} MB afterwards.\n{told}\n",
        peak / before.max(1.0)
    );
    stack.stop().await;
    Ok(())
}

async fn measure(bench: &Bench, port: u16, good: Vec<u8>) -> Outcome<Load> {
    let plan = Plan {
        port,
        connections: GOOD,
        window: bench.window,
        status: 200,
        pids: Vec::new(),
    };
    load::run(plan, move |_| good.clone()).await
}

/// Those who abuse.
struct Abuse {
    tasks: JoinSet<()>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    reconnects: AtomicU64,
    bad: AtomicU64,
    answered: AtomicU64,
    closed: AtomicU64,
    hung: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Abuse {
    fn start(port: u16, key: &str, large: &[u8]) -> Self {
        let (counts, mut tasks) = (Arc::new(Counts::default()), JoinSet::new());
        let head = b"GET /stores HTTP/1.1\r\nHost: x\r\nX-Slow: ".to_vec();
        let body = format!(
            "POST /stores HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\nContent-Type: application/json\r\n\
             Content-Length: 1000000\r\n\r\n"
        );
        // Enough to fill every buffer on the way.
        let begins = [head, body.into_bytes(), large.repeat(20)];
        for number in 0..SLOW {
            let (begin, counts) = (begins[number % begins.len()].clone(), Arc::clone(&counts));
            let reads = number % begins.len() == 2;
            tasks.spawn(async move {
                loop {
                    let _ = slow(port, &begin, reads).await;
                    count(&counts.reconnects);
                    sleep(Duration::from_millis(500)).await;
                }
            });
        }
        tasks.spawn(flood(port, bad_requests(key), Arc::clone(&counts)));
        Self { tasks, counts }
    }

    async fn end(mut self) -> String {
        self.tasks.shutdown().await;
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        format!(
            "Bad requests: {} sent, {} answered, {} closed without an answer, {} without either in 5 s. Slow clients \
             that were let go and came back: {}.",
            of(&self.counts.bad),
            of(&self.counts.answered),
            of(&self.counts.closed),
            of(&self.counts.hung),
            of(&self.counts.reconnects)
        )
    }
}

/// Sends the beginning, and then a byte a second, or takes a byte a second.
async fn slow(port: u16, begin: &[u8], reads: bool) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(begin).await?;
    loop {
        sleep(Duration::from_secs(1)).await;
        if reads {
            stream.read_u8().await?;
        } else {
            stream.write_all(b"x").await?;
        }
    }
}

/// One of each kind.
fn bad_requests(key: &str) -> Vec<Vec<u8>> {
    let post = |more: &str, body: &str| {
        format!(
            "POST /stores HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\nContent-Type: application/json\r\n\
             Connection: close\r\n{more}\r\n{body}"
        )
    };
    let long = "x".repeat(20 << 10);
    let large = "x".repeat(2 << 20);
    [
        post("Content-Length: 900000000\r\n", ""),
        post(&format!("Content-Length: {}\r\n", large.len()), &large),
        post("Content-Length: 9\r\n", "{\"a\": nul"),
        post("Content-Length: 3\r\nContent-Length: 4\r\n", "{}"),
        format!("GET /stores?cursor={long} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        format!(
            "GET /stores HTTP/1.1\r\nHost: x\r\nX: {long}\r\nX: {long}\r\nX: {long}\r\nX: {long}\r\n\r\n"
        ),
        "GET /stores HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\nConnection: close\r\n\r\n"
            .to_owned(),
        "\u{16}\u{3}\u{1} no HTTP at all\r\n\r\n".to_owned(),
    ]
    .map(String::into_bytes)
    .to_vec()
}

async fn flood(port: u16, requests: Vec<Vec<u8>>, counts: Arc<Counts>) {
    let mut tick = interval(Duration::from_secs(1) / BAD);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (requests, mut under_way) = (Arc::new(requests), JoinSet::new());
    for number in 0.. {
        tick.tick().await;
        while under_way.try_join_next().is_some() {}
        if under_way.len() >= BAD_AT_ONCE {
            under_way.join_next().await;
        }
        let (requests, counts) = (Arc::clone(&requests), Arc::clone(&counts));
        under_way.spawn(async move {
            count(&counts.bad);
            match timeout(
                Duration::from_secs(5),
                bad(port, &requests[number % requests.len()]),
            )
            .await
            {
                Ok(Ok(true)) => count(&counts.answered),
                Ok(_) => count(&counts.closed),
                Err(_) => count(&counts.hung),
            }
        });
    }
}

/// Whether there was an answer before the end.
async fn bad(port: u16, request: &[u8]) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    // The answer may come, and the end with it, while we are still sending.
    let _ = stream.write_all(request).await;
    let mut first = [0; 12];
    Ok(stream.read_exact(&mut first).await.is_ok() && first.starts_with(b"HTTP/1.1 "))
}
