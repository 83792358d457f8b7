//! The simulator as a program.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    simulator::program::main().await
}
