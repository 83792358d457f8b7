//! The worker, over PostgreSQL and NATS.

use std::process::ExitCode;

fn main() -> ExitCode {
    gateway::main_as(gateway::Role::Worker)
}
