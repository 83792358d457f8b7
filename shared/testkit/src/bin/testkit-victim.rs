//! Starts one of everything, says so and waits to be killed: testkit's own tests look at what it leaves behind.

use testkit::{Nats, Postgres, Process, Redis};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let sleeper = Process::at("/bin/sleep").arg("600").start();
    let postgres = Postgres::shared().await;
    let (nats, redis) = tokio::join!(Nats::start_new(), Redis::start_new());
    println!("sleeper {}", sleeper.pid().expect("it sleeps for long"));
    println!("urls {} {} {} ready", postgres.url("x"), nats.url(), redis.url());
    std::future::pending::<()>().await;
}
