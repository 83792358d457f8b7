//! Everything in one process, and every other role by command.

use std::process::ExitCode;

fn main() -> ExitCode {
    gateway::main_as(gateway::Role::All)
}
