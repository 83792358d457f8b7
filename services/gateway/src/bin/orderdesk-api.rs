//! The HTTP service, over PostgreSQL and NATS.

use std::process::ExitCode;

fn main() -> ExitCode {
    gateway::main_as(gateway::Role::Api)
}
