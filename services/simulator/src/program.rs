//! The simulator as a program: its command line, for its own binary and for others that are linked under its name.

use std::{
    net::{IpAddr, Ipv4Addr},
    process::ExitCode,
    time::Duration,
};

use clap::Parser;

use crate::{BucketConfig, Simulator, SimulatorConfig, StoreConfig};

/// A local Order Desk for development, demonstrations and load. State is in memory; control at /_control.
#[derive(Debug, Parser)]
#[command(name = "orderdesk-simulator", version)]
struct Arguments {
    /// Address to bind
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// Port to bind; 0 picks a free one
    #[arg(long, default_value_t = 8085)]
    port: u16,
    /// Milliseconds added to every answer
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Tokens in a full bucket
    #[arg(long, default_value_t = 20)]
    bucket: u32,
    /// Tokens that come back per second
    #[arg(long, default_value_t = 3.0, value_parser = rate)]
    refill: f64,
    /// Never refuse for want of tokens
    #[arg(long)]
    no_limit: bool,
    /// A store as ID:API_KEY; may be repeated
    #[arg(long = "store", value_name = "ID:KEY", value_parser = store)]
    stores: Vec<StoreConfig>,
    /// Sample orders in every store
    #[arg(long, default_value_t = 0)]
    orders: u64,
}

fn rate(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate: &f64| rate.is_finite() && *rate >= 0.0)
        .ok_or_else(|| "a number of tokens per second, at least 0".to_owned())
}

fn store(text: &str) -> Result<StoreConfig, String> {
    match text.split_once(':') {
        Some((id, key)) if !id.is_empty() && !key.is_empty() => Ok(StoreConfig::new(id, key)),
        _ => Err("a store id and an API key with a colon between them".to_owned()),
    }
}

/// Runs the simulator as the command line says, until it is told to stop.
pub async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    let mut config = SimulatorConfig {
        host: arguments.host,
        port: arguments.port,
        bucket: BucketConfig {
            size: arguments.bucket,
            refill_per_second: arguments.refill,
            enforced: !arguments.no_limit,
        },
        latency: Duration::from_millis(arguments.latency_ms),
        ..SimulatorConfig::default()
    };
    if arguments.stores.is_empty() {
        println!(
            "store {} with API key {}",
            SimulatorConfig::STORE_ID,
            SimulatorConfig::API_KEY
        );
    } else {
        config.stores = arguments.stores;
    }
    let simulator = match Simulator::start(config).await {
        Ok(simulator) => simulator,
        Err(error) => {
            eprintln!("cannot listen on {}:{}: {error}", arguments.host, arguments.port);
            return ExitCode::from(1);
        }
    };
    for store in simulator.stores() {
        if let Err(error) = simulator.seed_orders(&store, arguments.orders) {
            eprintln!("cannot make sample orders: {error}");
        }
    }
    println!("Order Desk API at {}", simulator.base_url());
    println!("control API at {}", simulator.control_url());
    stopped().await;
    simulator.shutdown().await;
    ExitCode::SUCCESS
}

/// Waits for Ctrl-C or, where there is one, SIGTERM.
async fn stopped() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Without a signal handler the process can only be killed, so there is nothing to wait for.
    let _ = interrupt.await;
}
