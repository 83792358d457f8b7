//! Whole-system tests: real servers, real processes, real kills.
//!
//! The harness lies here, the tests in `it/`: `embedded` for one process on SQLite, `cluster` for API and worker
//! processes over Postgres and NATS.
//!
//! - [`Spec`] says how a program is started, [`Node`] is one that serves HTTP and may be killed and started again;
//! - [`Gateway`] is the embedded form: a node, its data folder and the simulated Order Desk behind it;
//! - [`Client`] calls a node with one tenant's master key;
//! - [`desk`] has what tests ask of the simulator;
//! - [`EveryJobEndedOnce`] remembers what was submitted and compares it with what became of it;
//! - [`Post`] and [`Relay`] tell a node of an order, as Order Desk and relays do;
//! - [`Collector`] takes traces as an OpenTelemetry collector does;
//! - [`metrics`] compares what `/metrics` says with its table;
//! - [`auditor`] checks the log's proofs as an outsider;
//! - [`sqlite`] asks the embedded ledger's file;
//! - [`Forbidden`] looks for texts where they must not be;
//! - [`live`] asks a real Order Desk whether it is as the gateway assumes.

pub mod auditor;
mod check;
mod client;
mod collector;
pub mod desk;
mod forbidden;
mod gateway;
mod incoming;
pub mod live;
pub mod metrics;
mod node;
mod sqlite;

pub use check::{Effect, EveryJobEndedOnce, Report};
pub use client::{Answer, Client};
pub use collector::{Collector, Span};
pub use forbidden::Forbidden;
pub use gateway::{Gateway, GatewayBuilder, fast_environment, kms_key};
pub use incoming::{Post, Relay};
pub use node::{Ended, Node, Spec};
pub use sqlite::sqlite;

/// Random bytes in hexadecimal: `count` digits.
///
/// # Panics
/// If the kernel has no randomness.
pub fn random_hex(count: usize) -> String {
    let mut bytes = vec![0; count.div_ceil(2)];
    getrandom::fill(&mut bytes).expect("the kernel has randomness");
    let mut text: String = bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(digit)
        .collect();
    text.truncate(count);
    text
}

fn digit(half: u8) -> char {
    char::from_digit(u32::from(half), 16).expect("half a byte is a digit")
}
